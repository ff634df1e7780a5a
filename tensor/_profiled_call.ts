/**
 * How calls of a backend are called in profiles, and what they have to do at
 * the least.
 *
 * @module
 */

import type {
  AttentionLayout,
  Backend,
  ConvGeometry,
  MatmulLayout,
  View,
} from "./backend.ts";
import { dtypeInfo } from "./dtype.ts";
import { sizeOf } from "./shape.ts";

/** What is known of a call before it runs. */
export interface CallDescription {
  /** The kernel, and the kind of it where kinds differ in speed. */
  readonly name: string;
  /** Multiplications and additions; 0 where they do not count. */
  readonly flops: number;
  /** The bytes of all operands and results, each counted once. */
  readonly bytes: number;
}

/**
 * Describes a call.
 *
 * @param kernel The method.
 * @param args Its arguments.
 * @returns Its name, and what it has to do.
 */
export function describeCall(
  kernel: keyof Backend,
  args: readonly unknown[],
): CallDescription {
  return { ...nameOf(kernel, args), bytes: bytesOf(args) };
}

function nameOf(
  kernel: keyof Backend,
  args: readonly unknown[],
): Omit<CallDescription, "bytes"> {
  switch (kernel) {
    case "conv2d":
    case "conv2dBackwardInput":
    case "conv2dBackwardWeight": {
      const g = args.at(-1) as ConvGeometry;
      const stride = g.strideHeight === 1 ? "" : `/${g.strideHeight}`;
      return {
        name: `${kernel} ${g.kernelHeight}×${g.kernelWidth}${stride}`,
        flops: 2 * g.batch * g.outHeight * g.outWidth * g.kernelHeight *
          g.kernelWidth * g.channels * g.outChannels / g.groups,
      };
    }
    case "matmul": {
      const { transposeA, transposeB, batch, m, n, k } =
        args[3] as MatmulLayout;
      const operands = `${transposeA ? "ᵀ" : ""}·${transposeB ? "ᵀ" : ""}`;
      return { name: `matmul ${operands}`, flops: 2 * batch * m * n * k };
    }
    case "attention":
    case "attentionBackward": {
      const { batch, heads, queries, keys, depth, valueDepth } = args
        .at(-1) as AttentionLayout;
      // Forward a product with the keys and one with the values; backward the
      // scores again and a product for each of three gradients and dP.
      const sums = kernel === "attention"
        ? depth + valueDepth
        : 3 * depth + 2 * valueDepth;
      return {
        name: kernel,
        flops: 2 * batch * heads * queries * keys * sums,
      };
    }
    case "unary":
    case "binary":
    case "reduce":
      return { name: `${kernel} ${args[0]}`, flops: 0 };
    default:
      return { name: kernel, flops: 0 };
  }
}

/** Views stand among the arguments, in records, and in lists of records. */
function bytesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (isView(value)) {
    return sizeOf(value.shape) * dtypeInfo(value.dtype).byteSize;
  }
  let bytes = 0;
  for (const inner of Object.values(value)) bytes += bytesOf(inner);
  return bytes;
}

function isView(value: object): value is View {
  return "buffer" in value && "byteOffset" in value && "shape" in value;
}

/**
 * `deno task profile`: which kernels a benchmark's time goes to.
 *
 * Kernels of the cpu and the reference device are done when their call
 * returns, so that each call can be timed; those of webgpu are not.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { Device, type DeviceKind, openDevice } from "@cram/tensor";
import type { Backend, ConvGeometry, MatmulLayout } from "@cram/tensor/backend";
import { BENCHMARKS } from "./_benchmarks.ts";

const HELP = `Shows which kernels a benchmark's time goes to.

Usage: deno task profile [options]

  --filter TEXT    the first benchmark whose name contains TEXT
                   (default: train-step/resnet50/b8/224/sgd)
  --device NAME    cpu (default) or reference
  --threads N      threads of the cpu device (default: one for each core)
  --calls N        over how many calls to take the mean (default: 3)
  --help           print this text and stop
`;

/** What one kind of call took. */
interface Entry {
  calls: number;
  milliseconds: number;
  flops: number;
}

/** A backend whose kernels are timed into `entries`. */
function timed(backend: Backend, entries: Map<string, Entry>): Backend {
  const record = (name: string, begin: number, flops: number): void => {
    const entry = entries.get(name) ?? { calls: 0, milliseconds: 0, flops: 0 };
    entry.calls++;
    entry.milliseconds += performance.now() - begin;
    entry.flops += flops;
    entries.set(name, entry);
  };
  return new Proxy(backend, {
    get(target, key: keyof Backend) {
      const kernel = target[key];
      if (typeof kernel !== "function") return kernel;
      return (...args: readonly unknown[]) => {
        const begin = performance.now();
        const result = Reflect.apply(kernel, target, args);
        if (!(result instanceof Promise)) {
          const { name, flops } = describe(String(key), args);
          record(name, begin, flops);
        }
        return result;
      };
    },
  });
}

/** Names a call, products by their kind, and counts multiplications and additions. */
function describe(
  kernel: string,
  args: readonly unknown[],
): { name: string; flops: number } {
  if (kernel.startsWith("conv2d")) {
    const g = args.at(-1) as ConvGeometry;
    const flops = 2 * g.batch * g.outHeight * g.outWidth * g.kernelHeight *
      g.kernelWidth * g.channels * g.outChannels / g.groups;
    const stride = g.strideHeight === 1 ? "" : `/${g.strideHeight}`;
    return {
      name: `${kernel} ${g.kernelHeight}×${g.kernelWidth}${stride}`,
      flops,
    };
  }
  if (kernel === "matmul") {
    const layout = args[3] as MatmulLayout;
    const { batch, m, n, k } = layout;
    const transposed = `${layout.transposeA ? "ᵀ" : ""}·${
      layout.transposeB ? "ᵀ" : ""
    }`;
    return { name: `matmul ${transposed}`, flops: 2 * batch * m * n * k };
  }
  if (kernel === "binary" || kernel === "unary") {
    return { name: `${kernel} ${args[0]}`, flops: 0 };
  }
  return { name: kernel, flops: 0 };
}

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["filter", "device", "threads", "calls"],
    boolean: ["help"],
    unknown: (argument) => {
      throw new RangeError(`Unknown argument "${argument}": see --help`);
    },
  });
  if (options.help) return console.log(HELP);
  const { filter = "train-step/resnet50/b8/224/sgd", device: kind = "cpu" } =
    options;
  const calls = Number(options.calls ?? 3);
  if (kind !== "cpu" && kind !== "reference") {
    throw new RangeError(
      `Cannot profile on "${kind}": only kernels of cpu and reference end with their call`,
    );
  }
  if (!Number.isInteger(calls) || calls < 1) {
    throw new RangeError(
      `Cannot take the mean over "${options.calls}" calls: expected a whole number of at least 1`,
    );
  }
  const benchmark = BENCHMARKS.find(({ name }) => name.includes(filter));
  if (benchmark === undefined) {
    throw new RangeError(`No benchmark has "${filter}" in its name`);
  }
  await using plain = await openDevice(
    kind as DeviceKind,
    options.threads === undefined ? {} : { threads: Number(options.threads) },
  );
  const entries = new Map<string, Entry>();
  const device = new Device(timed(plain.backend, entries));
  using _inputs = device.scope();
  const run = benchmark.prepare(device);
  const once = async () => {
    using _outputs = device.scope();
    await run();
  };
  // The engine compiles while it runs.
  await once();
  await once();
  entries.clear();
  const begin = performance.now();
  for (let call = 0; call < calls; call++) await once();
  const total = (performance.now() - begin) / calls;
  benchmark.dispose?.();

  console.log(`${benchmark.name} on ${plain.info.description}\n`);
  console.log(line("", "calls", "ms", "%", "GFLOP/s"));
  let rest = total;
  const sorted = [...entries].sort(([, a], [, b]) =>
    b.milliseconds - a.milliseconds
  );
  for (const [name, entry] of sorted) {
    const milliseconds = entry.milliseconds / calls;
    rest -= milliseconds;
    console.log(line(
      name,
      `${entry.calls / calls}`,
      milliseconds.toFixed(1),
      (100 * milliseconds / total).toFixed(1),
      entry.flops === 0
        ? ""
        : (entry.flops / entry.milliseconds / 1e6).toFixed(1),
    ));
  }
  console.log(line(
    "outside of kernels",
    "",
    rest.toFixed(1),
    (100 * rest / total).toFixed(1),
    "",
  ));
  console.log(line("all", "", total.toFixed(1), "100.0", ""));
  console.log(
    `\nMost memory in use at once: ${
      (device.memory.peakBytes / 2 ** 20).toFixed(0)
    } MiB`,
  );
}

function line(name: string, ...columns: readonly string[]): string {
  return name.padEnd(32) +
    columns.map((column) => column.padStart(10)).join("");
}

try {
  await main();
} catch (error) {
  console.error(
    error instanceof Error ? `${error.name}: ${error.message}` : error,
  );
  Deno.exit(1);
}

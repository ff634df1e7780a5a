/**
 * Values of tensors on the host, before there is a device to put them on.
 *
 * @module
 */

import {
  type Device,
  type DType,
  type HostArray,
  hostArray,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from "@cram/tensor";

/** A tensor on the host. Floats are exact in float32, so that every device starts from the same numbers. */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: HostArray;
}

/** Puts a value on a device; floats in the given type. */
export function upload(
  device: Device,
  { shape, dtype, data }: HostTensor,
  float: DType,
): Tensor {
  return tensor(device, data, {
    shape,
    dtype: dtype === "float32" ? float : dtype,
  });
}

/** A generator of numbers in [0, 1), the same in each run (Marsaglia's xorshift, JSS 8(14), 2003). */
export function generator(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Makes values; each call of a maker continues the sequence of its seed. */
export class Samples {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = generator(seed);
  }

  /** Floats in [low, high). */
  floats(shape: Shape, low = -1, high = 1): HostTensor {
    return this.from(shape, () => low + (high - low) * this.#next());
  }

  /** Floats at least `distance` away from each multiple of `period`, where functions with kinks have theirs. */
  awayFrom(period: number, shape: Shape, distance = period / 8): HostTensor {
    return this.from(shape, () => {
      const cell = Math.floor(this.#next() * 6) - 3;
      const part = distance + (period - 2 * distance) * this.#next();
      return cell * period + part;
    });
  }

  /** Distinct floats in random order; few of them are 0.1 apart, many lie within [-4, 4]. */
  distinct(shape: Shape): HostTensor {
    const length = sizeOf(shape);
    const step = Math.min(0.1, 8 / length);
    const values = Array.from({ length }, (_, i) => (i - length / 2) * step);
    for (let i = length - 1; i > 0; i--) {
      const j = Math.floor(this.#next() * (i + 1));
      [values[i], values[j]] = [values[j], values[i]];
    }
    return this.from(shape, (i) => values[i]);
  }

  /** Integers in [low, high). */
  ints(
    shape: Shape,
    low: number,
    high: number,
    dtype: "int32" | "uint32" = "int32",
  ): HostTensor {
    return this.from(
      shape,
      () => low + Math.floor((high - low) * this.#next()),
      dtype,
    );
  }

  /** Booleans. */
  bools(shape: Shape): HostTensor {
    return this.from(shape, () => this.#next() < 0.5 ? 1 : 0, "bool");
  }

  /** Values of a function of the index. */
  from(
    shape: Shape,
    value: (index: number) => number,
    dtype: DType = "float32",
  ): HostTensor {
    const data = hostArray(dtype, sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = value(i);
    return { shape, dtype, data };
  }
}

/**
 * Random numbers are the same on every device, bit for bit.
 *
 * @module
 */

import {
  type Device,
  dropout,
  ones,
  openDevice,
  randomBernoulli,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  type Tensor,
} from "@cram/tensor";
import { assertEquals, assertNotEquals } from "@std/assert";
import {
  CPU,
  openTested,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
  WEBGPU_SMALL_BINDINGS,
} from "./devices.ts";

/** Seeds and streams with something in each of their words. */
const SEQUENCES = [
  { seed: 0n },
  { seed: 1n, stream: 1n },
  { seed: 2n ** 64n - 1n, stream: 2n ** 64n - 1n },
  { seed: 0x0123456789abcdefn, stream: 0xfedcba9876543210n },
];

const SHAPES = [[1], [3], [4], [5], [7, 9], [1023], [20011]];

const DRAWS: Readonly<
  Record<
    string,
    (
      device: Device,
      shape: number[],
      sequence: { seed: bigint; stream?: bigint },
    ) => Tensor
  >
> = {
  randomUniform,
  "randomUniform() of a range": (device, shape, sequence) =>
    randomUniform(device, shape, { ...sequence, low: -0.3, high: 1.7 }),
  randomNormal: (device, shape, sequence) =>
    randomNormal(device, shape, { ...sequence, mean: 0.1 }),
  randomTruncatedNormal,
  randomBernoulli: (device, shape, sequence) =>
    randomBernoulli(device, shape, { ...sequence, probability: 0.3 }),
  dropout: (device, shape, sequence) => {
    using x = ones(device, shape);
    return dropout(x, { ...sequence, rate: 0.3 });
  },
};

async function bits(
  device: Device,
  draw: (shape: number[], sequence: typeof SEQUENCES[number]) => Tensor,
): Promise<Uint8Array[]> {
  using _scope = device.scope();
  const tensors = SHAPES.flatMap((shape) =>
    SEQUENCES.map((sequence) => draw(shape, sequence))
  );
  const data = await Promise.all(tensors.map((x) => x.data()));
  return data.map((values) => new Uint8Array(values.buffer));
}

const reference = await openDevice("reference");

for (
  const tested of await openTested(
    CPU,
    { name: "cpu (one thread)", kind: "cpu", options: { threads: 1 } },
    WEBGPU,
    WEBGPU_DEFAULT_LIMITS,
    WEBGPU_SMALL_BINDINGS,
  )
) {
  for (const [name, draw] of Object.entries(DRAWS)) {
    tested.test(`${name} draws the reference's numbers`, async (device) => {
      const [actual, expected] = await Promise.all(
        [device, reference].map((device) =>
          bits(device, (shape, sequence) => draw(device, shape, sequence))
        ),
      );
      assertEquals(actual, expected);
    });
  }
}

Deno.test("random numbers of different seeds and streams differ", async () => {
  const drawn = await bits(
    reference,
    (_, sequence) => randomUniform(reference, [16], sequence),
  );
  const sequences = drawn.slice(0, SEQUENCES.length);
  for (const [i, a] of sequences.entries()) {
    for (const b of sequences.slice(0, i)) assertNotEquals(a, b);
  }
});

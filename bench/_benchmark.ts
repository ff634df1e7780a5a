/**
 * What a benchmark is, and how one is timed.
 *
 * @module
 */

import type { Device } from "@cram/tensor";

/** Something whose time is measured on a device. */
export interface Benchmark {
  /** For instance `matmul/1024`. */
  readonly name: string;
  /** Multiplications and additions of one call, where a rate makes sense. */
  readonly flops?: number;
  /** Images of one call, where a rate makes sense. */
  readonly images?: number;
  /** Whether only the host's time counts: nobody waits for the device. */
  readonly hostOnly?: boolean;
  /** Makes the inputs; they live in the scope that is open around it. */
  prepare(device: Device): () => unknown;
  /** Frees what is not in that scope. */
  dispose?(): void;
}

/** One line of the result, and of the JSON file. */
export interface Measurement {
  readonly name: string;
  readonly device: string;
  readonly threads: number;
  readonly milliseconds: {
    readonly min: number;
    readonly median: number;
    readonly max: number;
  };
  readonly gflops: number | null;
  readonly imagesPerSecond: number | null;
}

/** How long one sample should take at least, so that waiting for a GPU (12 ms in Deno) hardly counts. */
const SAMPLE_MILLISECONDS = 100;
const SAMPLES = 9;

/** Times a benchmark: one call to warm up, one to choose how many calls make a sample, then the samples. */
export async function measure(
  benchmark: Benchmark,
  device: Device,
): Promise<Measurement> {
  using _inputs = device.scope();
  const run = benchmark.prepare(device);
  const wait = () => benchmark.hostOnly ? undefined : device.synchronize();
  const sample = async (calls: number) => {
    await wait();
    const start = performance.now();
    for (let call = 0; call < calls; call++) {
      using _outputs = device.scope();
      await run();
    }
    await wait();
    return (performance.now() - start) / calls;
  };
  await sample(1);
  const calls = Math.max(1, Math.round(SAMPLE_MILLISECONDS / await sample(1)));
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) times.push(await sample(calls));
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1];
  return {
    name: benchmark.name,
    device: device.info.kind,
    threads: device.info.threads,
    milliseconds: { min: times[0], median, max: times[times.length - 1] },
    gflops: benchmark.flops === undefined
      ? null
      : benchmark.flops / median / 1e6,
    imagesPerSecond: benchmark.images === undefined
      ? null
      : benchmark.images / median * 1000,
  };
}

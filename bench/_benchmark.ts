/**
 * What a benchmark is, and how one is timed.
 *
 * @module
 */

import type { Device } from "@cram/tensor";
import { findCalls } from "./_calls.ts";

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
  /** The median of what the host needs for a call, without waiting for the device. */
  readonly hostMilliseconds: number;
  readonly gflops: number | null;
  readonly imagesPerSecond: number | null;
}

/** How thoroughly a benchmark is timed. */
export interface MeasureOptions {
  /** How long one sample should take at least, so that waiting for a GPU (12 ms in Deno) hardly counts. Default: 100. */
  readonly sampleMilliseconds?: number;
  /** Default: 9. */
  readonly samples?: number;
}

/** The middle one of some numbers; of an even number of them the upper one of the two. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Times a benchmark: one call to warm up, some to find how many calls make a sample, then the samples. */
export async function measure(
  benchmark: Benchmark,
  device: Device,
  { sampleMilliseconds = 100, samples = 9 }: MeasureOptions = {},
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
    const handed = performance.now();
    await wait();
    return {
      time: (performance.now() - start) / calls,
      host: (handed - start) / calls,
    };
  };
  await sample(1);
  const calls = await findCalls(
    sampleMilliseconds,
    async (calls) => (await sample(calls)).time * calls,
  );
  const times: number[] = [];
  const hosts: number[] = [];
  for (let i = 0; i < samples; i++) {
    const { time, host } = await sample(calls);
    times.push(time);
    hosts.push(host);
  }
  const median = middle(times);
  return {
    name: benchmark.name,
    device: device.info.kind,
    threads: device.info.threads,
    milliseconds: { min: Math.min(...times), median, max: Math.max(...times) },
    hostMilliseconds: middle(hosts),
    gflops: benchmark.flops === undefined
      ? null
      : benchmark.flops / median / 1e6,
    imagesPerSecond: benchmark.images === undefined
      ? null
      : benchmark.images / median * 1000,
  };
}

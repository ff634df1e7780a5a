/**
 * What a training step costs the host, which must not keep a fast GPU waiting.
 *
 * @module
 */

import type { Benchmark } from "./_benchmark.ts";
import { trainStepBenchmark } from "./networks.ts";
import { WORKS } from "./works.ts";

/** Runs a function while nothing is handed to GPUs; commands are put together as ever. */
async function withoutSubmits(run: () => unknown): Promise<void> {
  const { prototype } = GPUQueue;
  const { submit } = prototype;
  prototype.submit = () => undefined;
  try {
    await run();
  } finally {
    prototype.submit = submit;
  }
}

/**
 * A step of a network of which nothing is computed on webgpu. On other devices
 * the host does all the work, so that images are small, and few; the kernels
 * are as many as for others.
 */
function hostStep(name: string, of: string): Benchmark {
  const work = WORKS.find((work) => work.name === of);
  if (work?.kind !== "train-step") throw new TypeError(`No step is "${of}"`);
  const { prepare } = trainStepBenchmark({ ...work, batch: 2, size: 32 });
  return {
    name,
    hostOnly: true,
    prepare(device) {
      const step = prepare(device);
      return device.info.kind === "webgpu" ? () => withoutSubmits(step) : step;
    },
  };
}

/** A step of ResNet-50. */
export const hostBenchmarks: readonly Benchmark[] = [
  hostStep("host/resnet50/step", "train-step/resnet50/b8/224/sgd"),
];

/**
 * What a step of CrAM⁺ asks of a GPU besides the two passes through the
 * network: a handful of dispatches, and nothing read back.
 *
 * @module
 */

import { topK } from "@cram/compress";
import { resnet20 } from "@cram/models";
import { adam, cramPlus, sgd } from "@cram/optim";
import { randomNormal, tensor } from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { openTested, WEBGPU } from "./devices.ts";

/** Counts calls of a method while a function runs. */
async function countCalls(
  // deno-lint-ignore no-explicit-any -- any class with the method
  prototype: any,
  method: string,
  run: () => Promise<unknown>,
): Promise<number> {
  const original = prototype[method];
  let calls = 0;
  prototype[method] = function (...args: unknown[]) {
    calls++;
    return original.apply(this, args);
  };
  try {
    await run();
  } finally {
    prototype[method] = original;
  }
  return calls;
}

const [webgpu] = await openTested(WEBGPU);

for (const base of [sgd({ momentum: 0.9, weightDecay: 1e-4 }), adam()]) {
  webgpu.test(
    `cramPlus() on ${base.name} takes at most 12 dispatches and reads nothing`,
    async (device) => {
      using _scope = device.scope();
      using model = resnet20(device, { seed: 1n });
      const parameters = model.parameters();
      const gradients = Array.from(
        parameters.values(),
        ({ shape }, i) => randomNormal(device, shape, { seed: BigInt(i) }),
      );
      const value = tensor(device, 0);
      const rule = cramPlus({ base, compressors: [topK(0.5), topK(0.9)] });
      using optimizer = rule.start(parameters);
      const step = () =>
        optimizer.step(() => ({
          value: value.alias(),
          gradients: gradients.map((gradient) => gradient.alias()),
        }), { learningRate: 0.1 });
      await step();
      const { prototype: pass } = GPUComputePassEncoder;
      const dispatches = await countCalls(pass, "dispatchWorkgroups", step);
      assert(dispatches >= 6 && dispatches <= 12, `${dispatches} dispatches`);
      const { prototype: buffer } = GPUBuffer;
      assertEquals(await countCalls(buffer, "mapAsync", step), 0);
    },
  );
}

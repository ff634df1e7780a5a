/**
 * This project in the comparison.
 *
 * @module
 */

import { cast, type Device, openDevice, type Tensor } from "@cram/tensor";
import { benchmarkOf } from "../_work_benchmark.ts";
import type { Work } from "../works.ts";
import {
  CHECKED_STEPS,
  type Library,
  type LibraryOptions,
  type Prepared,
  thinOut,
} from "./library.ts";

/** Opens a device of this project. */
export async function openCram(
  { device: kind, threads }: LibraryOptions,
): Promise<Library> {
  const device = await openDevice(kind, kind === "cpu" ? { threads } : {});
  const { description } = device.info;
  return {
    info: {
      name: "cram",
      version: "this tree",
      threads: kind === "cpu" ? device.info.threads : 0,
      ...kind === "webgpu" ? { adapter: description } : {},
    },
    prepare: (work) => Promise.resolve(prepare(device, work)),
    close: () => device[Symbol.asyncDispose](),
  };
}

function prepare(device: Device, work: Work): Prepared {
  const benchmark = benchmarkOf(work);
  const inputs = device.scope();
  const run = benchmark.prepare(device) as () =>
    | Tensor
    | Tensor[]
    | Promise<Tensor>;
  return {
    async outputs() {
      const found: number[][] = [];
      const runs = work.kind === "train-step" ? CHECKED_STEPS : 1;
      for (let i = 0; i < runs; i++) {
        using _outputs = device.scope();
        for (const output of [await run()].flat()) {
          found.push(thinOut(await cast(output, "float32").data()));
        }
      }
      return found;
    },
    async time(calls) {
      await device.synchronize();
      const start = performance.now();
      for (let call = 0; call < calls; call++) {
        using _outputs = device.scope();
        await run();
      }
      await device.synchronize();
      return (performance.now() - start) / calls;
    },
    dispose() {
      inputs[Symbol.dispose]();
      benchmark.dispose?.();
    },
  };
}

/** Bind groups, which are dear to make, kept for dispatches that bind the same ranges again. */

import type { Block } from "./_buffer.ts";
import type { Pipeline } from "./_pipeline.ts";
import { RecentMap } from "./_recent_map.ts";
import type { SlotPlan } from "./_slots.ts";

/** Bind groups that are kept. */
const MAX_BIND_GROUPS = 8192;

/** The bind groups of one device. */
export class BindGroupCache {
  readonly #gpu: GPUDevice;
  readonly #maxBindingBytes: number;
  readonly #groups = new RecentMap<GPUBindGroup>(MAX_BIND_GROUPS);
  /** Where keys are written; no kernel has more slots. */
  readonly #key = new Uint32Array(2 + 3 * 32);

  constructor(gpu: GPUDevice, maxBindingBytes: number) {
    this.#gpu = gpu;
    this.#maxBindingBytes = maxBindingBytes;
  }

  /** How many are kept. */
  get size(): number {
    return this.#groups.size;
  }

  /** The bind group for a dispatch. Blocks that were destroyed never come again: their groups go with time. */
  get(pipeline: Pipeline, uniforms: Block, plan: SlotPlan): GPUBindGroup {
    const key = this.#key;
    key[0] = pipeline.id;
    key[1] = uniforms.id;
    let length = 2;
    for (const { block, offset, end } of plan.slots) {
      key[length++] = block.id;
      key[length++] = offset;
      key[length++] = end;
    }
    let group = this.#groups.get(key, length);
    if (group === undefined) {
      group = this.#make(pipeline, uniforms, plan);
      this.#groups.set(key, length, group);
    }
    return group;
  }

  #make(pipeline: Pipeline, uniforms: Block, plan: SlotPlan): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = [
      { binding: 0, resource: { buffer: uniforms.gpu } },
    ];
    for (const { block, offset, end, parts } of plan.slots) {
      for (let part = 0; part < parts; part++) {
        const start = offset + part * this.#maxBindingBytes;
        entries.push({
          binding: entries.length,
          resource: {
            buffer: block.gpu,
            offset: start,
            size: Math.min(this.#maxBindingBytes, end - start),
          },
        });
      }
    }
    return this.#gpu.createBindGroup({ layout: pipeline.layout, entries });
  }
}

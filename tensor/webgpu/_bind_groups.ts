/** Bind groups, which are dear to make, kept for dispatches that bind the same ranges again. */

import type { Block } from "./_buffer.ts";
import type { Pipeline } from "./_pipeline.ts";
import type { SlotPlan } from "./_slots.ts";

/** Bind groups that are kept; the ones longest unused go first. */
const MAX_BIND_GROUPS = 8192;

interface Entry {
  readonly group: GPUBindGroup;
  readonly blocks: readonly Block[];
}

/** The bind groups of one device. */
export class BindGroupCache {
  readonly #gpu: GPUDevice;
  readonly #maxBindingBytes: number;
  readonly #entries = new Map<string, Entry>();

  constructor(gpu: GPUDevice, maxBindingBytes: number) {
    this.#gpu = gpu;
    this.#maxBindingBytes = maxBindingBytes;
  }

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The bind group for a dispatch. */
  get(pipeline: Pipeline, uniforms: Block, plan: SlotPlan): GPUBindGroup {
    let key = `${pipeline.id},${uniforms.id}`;
    for (const { block, offset, end } of plan.slots) {
      key += `,${block.id},${offset},${end}`;
    }
    let entry = this.#entries.get(key);
    if (entry === undefined) entry = this.#make(key, pipeline, uniforms, plan);
    else this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.group;
  }

  /** Forgets all bind groups that name a block, which is about to be destroyed. */
  forget(block: Block): void {
    for (const key of [...block.bindGroups]) this.#drop(key);
  }

  #make(
    key: string,
    pipeline: Pipeline,
    uniforms: Block,
    plan: SlotPlan,
  ): Entry {
    if (this.#entries.size >= MAX_BIND_GROUPS) {
      this.#drop(this.#entries.keys().next().value!);
    }
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
    const group = this.#gpu.createBindGroup({
      layout: pipeline.layout,
      entries,
    });
    const blocks = [uniforms, ...plan.slots.map(({ block }) => block)];
    for (const block of blocks) block.bindGroups.add(key);
    return { group, blocks };
  }

  #drop(key: string): void {
    for (const block of this.#entries.get(key)!.blocks) {
      block.bindGroups.delete(key);
    }
    this.#entries.delete(key);
  }
}

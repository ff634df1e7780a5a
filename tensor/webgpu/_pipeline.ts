/** Compiled kernels, kept with their explicit layouts. */

import type { Health } from "./_health.ts";
import type { Kernel } from "./_kernel.ts";
import type { Slot, SlotPlan } from "./_slots.ts";
import { kernelSource } from "./_source.ts";

let nextId = 1;

/** A compiled kernel. */
export interface Pipeline {
  /** A number that no other pipeline has. */
  readonly id: number;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The pipelines of one device. */
export class PipelineCache {
  readonly #gpu: GPUDevice;
  readonly #health: Health;
  readonly #maxBindingBytes: number;
  readonly #pipelines = new WeakMap<Kernel, Map<string, Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(gpu: GPUDevice, health: Health, maxBindingBytes: number) {
    this.#gpu = gpu;
    this.#health = health;
    this.#maxBindingBytes = maxBindingBytes;
  }

  /** The pipeline for a kernel whose operands are bound in this way. */
  get(kernel: Kernel, plan: SlotPlan): Pipeline {
    let variants = this.#pipelines.get(kernel);
    if (variants === undefined) {
      this.#pipelines.set(kernel, variants = new Map());
    }
    let pipeline = variants.get(plan.key);
    if (pipeline === undefined) {
      variants.set(plan.key, pipeline = this.#compile(kernel, plan));
    }
    return pipeline;
  }

  #compile(kernel: Kernel, plan: SlotPlan): Pipeline {
    const gpu = this.#gpu;
    const code = kernelSource(kernel, plan, this.#maxBindingBytes);
    const layout = this.#layout(plan);
    gpu.pushErrorScope("validation");
    const pipeline = gpu.createComputePipeline({
      label: kernel.name,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: gpu.createShaderModule({ label: kernel.name, code }),
        entryPoint: "main",
      },
    });
    gpu.popErrorScope().then((error) => {
      if (error !== null) {
        this.#health.report(
          `Cannot compile kernel "${kernel.name}": ${error.message.trim()}\n${
            numbered(code)
          }`,
        );
      }
    }, () => {/* the device was lost, which is reported in its own way */});
    return { id: nextId++, gpu: pipeline, layout };
  }

  #layout(plan: SlotPlan): GPUBindGroupLayout {
    const accesses = plan.slots.flatMap((slot) =>
      new Array<Slot["access"]>(slot.parts).fill(slot.access)
    );
    const key = accesses.join();
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      layout = this.#gpu.createBindGroupLayout({
        entries: [
          {
            binding: 0,
            visibility: GPUShaderStage.COMPUTE,
            buffer: { type: "uniform" },
          },
          ...accesses.map((access, i): GPUBindGroupLayoutEntry => ({
            binding: i + 1,
            visibility: GPUShaderStage.COMPUTE,
            buffer: {
              type: access === "read" ? "read-only-storage" : "storage",
            },
          })),
        ],
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

function numbered(code: string): string {
  return code.trimEnd().split("\n")
    .map((line, i) => `${String(i + 1).padStart(4)} ${line}`)
    .join("\n");
}

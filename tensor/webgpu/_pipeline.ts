/** Compiled kernels, kept with their explicit layouts. */

import type { Health } from "./_health.ts";
import type { Kernel } from "./_kernel.ts";
import type { Slot, SlotPlan } from "./_slots.ts";
import { kernelSource } from "./_source.ts";
import { SUBGROUP_CALL, type Subgroups } from "./_subgroups.ts";

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
  readonly #roundsHalf: boolean | undefined;
  readonly #subgroups: Subgroups | undefined;
  readonly #pipelines = new WeakMap<Kernel, Map<string, Pipeline>>();
  /** What {@linkcode PipelineCache.prepare} is compiling. */
  readonly #begun = new WeakMap<Kernel, Set<string>>();
  readonly #compiling: Promise<void>[] = [];
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(
    gpu: GPUDevice,
    health: Health,
    { maxBindingBytes, roundsHalf, subgroups }: {
      readonly maxBindingBytes: number;
      readonly roundsHalf: boolean | undefined;
      readonly subgroups: Subgroups | undefined;
    },
  ) {
    this.#gpu = gpu;
    this.#health = health;
    this.#maxBindingBytes = maxBindingBytes;
    this.#roundsHalf = roundsHalf;
    this.#subgroups = subgroups;
  }

  /** The pipeline for a kernel whose operands are bound in this way. */
  get(kernel: Kernel, plan: SlotPlan): Pipeline {
    const variants = this.#variants(kernel);
    let pipeline = variants.get(plan.key);
    if (pipeline === undefined) {
      variants.set(plan.key, pipeline = this.#compile(kernel, plan));
    }
    return pipeline;
  }

  /** Begins to compile a kernel, unless that was done; {@linkcode PipelineCache.compiled} waits for it. */
  prepare(kernel: Kernel, plan: SlotPlan): void {
    const begun = this.#begun.get(kernel) ?? new Set();
    this.#begun.set(kernel, begun);
    if (begun.has(plan.key) || this.#variants(kernel).has(plan.key)) return;
    begun.add(plan.key);
    this.#compiling.push(
      this.#compileLater(kernel, plan).finally(() => begun.delete(plan.key)),
    );
  }

  /** Waits for what {@linkcode PipelineCache.prepare} began. */
  async compiled(): Promise<void> {
    await Promise.all(this.#compiling.splice(0));
  }

  #variants(kernel: Kernel): Map<string, Pipeline> {
    let variants = this.#pipelines.get(kernel);
    if (variants === undefined) {
      this.#pipelines.set(kernel, variants = new Map());
    }
    return variants;
  }

  #compile(kernel: Kernel, plan: SlotPlan): Pipeline {
    const gpu = this.#gpu;
    gpu.pushErrorScope("validation");
    const { descriptor, layout, code } = this.#describe(kernel, plan);
    const pipeline = gpu.createComputePipeline(descriptor);
    gpu.popErrorScope().then((error) => {
      if (error !== null) this.#report(kernel, code, error.message);
    }, () => {/* the device was lost, which is reported in its own way */});
    return { id: nextId++, gpu: pipeline, layout };
  }

  async #compileLater(kernel: Kernel, plan: SlotPlan): Promise<void> {
    this.#gpu.pushErrorScope("validation");
    const { descriptor, layout, code } = this.#describe(kernel, plan);
    const compiling = this.#gpu.createComputePipelineAsync(descriptor);
    // Of a shader it says more than the pipeline does.
    const invalid = this.#gpu.popErrorScope().catch(() => null);
    try {
      const gpu = await compiling;
      this.#variants(kernel).set(plan.key, { id: nextId++, gpu, layout });
    } catch (error) {
      const { message } = await invalid ?? error as Error;
      this.#report(kernel, code, message);
    }
  }

  #describe(kernel: Kernel, plan: SlotPlan): {
    readonly descriptor: GPUComputePipelineDescriptor;
    readonly layout: GPUBindGroupLayout;
    readonly code: string;
  } {
    const gpu = this.#gpu;
    const code = kernelSource(
      kernel,
      plan,
      this.#maxBindingBytes,
      this.#roundsHalf,
    );
    const layout = this.#layout(plan);
    const descriptor = {
      label: kernel.name,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: gpu.createShaderModule({
          label: kernel.name,
          code: code.includes(SUBGROUP_CALL)
            ? `${this.#subgroups?.directive}${code}`
            : code,
        }),
        entryPoint: "main",
      },
    };
    return { descriptor, layout, code };
  }

  #report(kernel: Kernel, code: string, message: string): void {
    this.#health.report(
      `Cannot compile kernel "${kernel.name}": ${message.trim()}\n${
        numbered(code)
      }`,
    );
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

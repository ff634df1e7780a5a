/** The optimizer at work: passes, arenas, clipping and state, for every rule. */

import { Masks } from "@cram/compress";
import {
  add,
  ArgumentError,
  assign,
  formatShape,
  mul,
  sameShape,
  type Tensor,
  where,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { maskedAdd, spansOf } from "@cram/tensor/flat";
import { ParameterArena } from "./arena.ts";
import type { Ascent } from "./ascent.ts";
import type { BaseRule } from "./base_rule.ts";
import { checkClipping, clipScale, globalNorm } from "./clip.ts";
import { NonFiniteGradientError, StateError } from "./errors.ts";
import type {
  Evaluation,
  Optimizer,
  OptimizerOptions,
  OptimizerState,
  Parameters,
  Pass,
  StepOptions,
} from "./optimizer.ts";

/** A rule, taken apart. */
interface Parts {
  readonly base: BaseRule;
  /** What happens before a second pass, if there is one. */
  readonly ascent?: Ascent;
  /** The name of the whole rule; that of `base` if it is not given. */
  readonly name?: string;
}

/** How many streams of random numbers each evaluation has for itself. */
const STREAMS_PER_EVALUATION = 2n ** 16n;

/** Puts a rule to work. */
export function startOptimizer(
  parts: Parts,
  parameters: Parameters,
  options: OptimizerOptions = {},
): Optimizer {
  const { microBatches = 1, clip, nonFinite = "ignore" } = options;
  if (!(Number.isInteger(microBatches) && microBatches >= 1)) {
    throw new ArgumentError(
      `Cannot evaluate a batch in ${microBatches} parts: expected a whole number of at least 1`,
    );
  }
  if (!["ignore", "skip", "stop"].includes(nonFinite)) {
    throw new ArgumentError(
      `Cannot treat gradients that are not finite by "${nonFinite}": expected "ignore", "skip" or "stop"`,
    );
  }
  if (clip !== undefined) checkClipping(clip);
  return new ArenaOptimizer(parts, named(parameters), options);
}

class ArenaOptimizer implements Optimizer {
  readonly #base: BaseRule;
  readonly #ascent: Ascent | undefined;
  readonly #name: string;
  readonly #options: OptimizerOptions;
  readonly #arena: ParameterArena;
  readonly #gradients: readonly Tensor[];
  /** The gradient of the second pass, and θ before the ascent. */
  readonly #second: readonly Tensor[];
  readonly #saved: readonly Tensor[];
  readonly #memory: readonly (readonly Tensor[])[];
  #steps = 0;
  #skipped = 0;

  constructor(
    { base, ascent, name = base.name }: Parts,
    parameters: ReadonlyMap<string, Tensor>,
    options: OptimizerOptions,
  ) {
    this.#base = base;
    this.#ascent = ascent;
    this.#name = name;
    this.#options = options;
    this.#arena = new ParameterArena(parameters, options.groups);
    this.#gradients = this.#arena.zeros();
    this.#second = ascent === undefined ? [] : this.#arena.zeros();
    this.#saved = ascent === undefined ? [] : this.#arena.zeros();
    this.#memory = base.memory.map(() => this.#arena.zeros());
  }

  get steps(): number {
    return this.#steps;
  }

  get skipped(): number {
    return this.#skipped;
  }

  async step(
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    { learningRate }: StepOptions,
  ): Promise<Tensor> {
    if (!(learningRate >= 0 && learningRate < Infinity)) {
      throw new ArgumentError(
        `Cannot step with learning rate ${learningRate}: expected a finite number of at least 0`,
      );
    }
    const { clip } = this.#options;
    const clipped = clip?.where ?? "combined";
    const loss = await this.#evaluate(1, evaluate, this.#gradients);
    if (clipped !== "combined") this.#clip(this.#gradients);
    if (this.#ascent !== undefined) {
      await this.#secondPass(this.#ascent, evaluate, clipped === "each");
    }
    using _scope = this.#arena.device.scope();
    if (!await this.#isFinite()) {
      this.#restore();
    } else {
      const scale = clip !== undefined && clipped === "combined"
        ? clipScale(globalNorm(this.#gradients), clip.maxNorm)
        : 1;
      this.#update(learningRate, scale);
      this.#steps++;
    }
    return loss;
  }

  /** Averages gradients over the parts of the batch; returns the mean loss. */
  async #evaluate(
    pass: 1 | 2,
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    target: readonly Tensor[],
  ): Promise<Tensor> {
    const { microBatches = 1, independentPasses = false } = this.#options;
    const draws = independentPasses ? 2 : 1;
    const attempt = this.#steps + this.#skipped;
    let total: Tensor | undefined;
    for (let microBatch = 0; microBatch < microBatches; microBatch++) {
      const draw = (attempt * microBatches + microBatch) * draws +
        (independentPasses ? pass - 1 : 0);
      const { value, gradients } = await evaluate({
        pass,
        microBatch,
        updateStatistics: pass === 1,
        stream: BigInt(draw) * STREAMS_PER_EVALUATION,
      });
      this.#arena.gather(
        target,
        gradients,
        microBatch === 0 ? "assign" : "add",
      );
      for (const gradient of gradients) gradient.dispose();
      if (total === undefined) {
        total = value;
      } else {
        using before = total;
        using part = value;
        total = add(before, part);
      }
    }
    if (microBatches === 1) return total as Tensor;
    for (const chunk of target) scaleInPlace(chunk, 1 / microBatches);
    using sum = total as Tensor;
    return mul(sum, 1 / microBatches);
  }

  /** Combines the gradient with that at the perturbed point, where θ stays until the update. */
  async #secondPass(
    ascent: Ascent,
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    clip: boolean,
  ): Promise<void> {
    const { chunks, device, weights } = this.#arena;
    let masks: Masks | undefined;
    {
      using _scope = device.scope();
      masks = ascent.ascend({
        chunks,
        gradients: this.#gradients,
        saved: this.#saved,
        weights,
        step: this.#steps + 1,
      });
    }
    try {
      using _loss = await this.#evaluate(2, evaluate, this.#second);
    } catch (error) {
      this.#restore();
      throw error;
    }
    if (clip) this.#clip(this.#second);
    using _scope = device.scope();
    this.#combine(ascent.plus, ascent.sparseGradient ? masks : undefined);
  }

  /** Puts θ back where it was before the ascent. */
  #restore(): void {
    for (const [i, saved] of this.#saved.entries()) {
      assign(this.#arena.chunks[i], saved);
    }
  }

  /** g ← m ⊙ g₂, or g ← g + m ⊙ g₂ if `plus`; without masks m is 1. */
  #combine(plus: boolean, masks: Masks | undefined): void {
    const parts = (chunks: readonly Tensor[], masked: boolean) =>
      spansOf(
        this.#arena.views(chunks).filter((_, i) =>
          (masks?.entries.has(this.#arena.names[i]) ?? false) === masked
        ),
      ).map(({ flat }) => flat);
    const dense = parts(this.#second, false);
    for (const [i, target] of parts(this.#gradients, false).entries()) {
      if (plus) addInPlace(target, dense[i]);
      else assign(target, dense[i]);
    }
    const sparse = parts(this.#second, true);
    for (const [i, target] of parts(this.#gradients, true).entries()) {
      const mask = (masks as Masks).flats[i];
      if (plus) maskedAdd(target, sparse[i], mask);
      else assign(target, where(mask, sparse[i], 0));
    }
  }

  #clip(chunks: readonly Tensor[]): void {
    const { clip } = this.#options;
    if (clip === undefined) return;
    using _scope = this.#arena.device.scope();
    const scale = clipScale(globalNorm(chunks), clip.maxNorm);
    for (const chunk of chunks) scaleInPlace(chunk, scale);
  }

  async #isFinite(): Promise<boolean> {
    const { nonFinite = "ignore" } = this.#options;
    if (nonFinite === "ignore") return true;
    const norm = await globalNorm(this.#gradients).item();
    if (Number.isFinite(norm)) return true;
    if (nonFinite === "stop") {
      this.#restore();
      throw new NonFiniteGradientError(
        `Cannot take step ${
          this.#steps + 1
        }: the norm of the gradient is ${norm}`,
      );
    }
    this.#skipped++;
    return false;
  }

  #update(learningRate: number, gradientScale: Tensor | number): void {
    const { chunks, ranges } = this.#arena;
    const before = this.#ascent === undefined ? chunks : this.#saved;
    for (const { chunk, offset, length, settings } of ranges) {
      const part = (list: readonly Tensor[]) =>
        list[chunk].view(offset, [length]);
      this.#base.update({
        parameter: part(before),
        out: part(chunks),
        gradient: part(this.#gradients),
        gradientScale,
        memory: this.#memory.map(part),
        learningRate: learningRate * settings.learningRateScale,
        weightDecay: settings.weightDecay ?? this.#base.weightDecay,
        step: this.#steps + 1,
      });
    }
  }

  state(): OptimizerState {
    const tensors = new Map<string, Tensor>();
    for (const [i, memory] of this.#base.memory.entries()) {
      for (const [j, view] of this.#arena.views(this.#memory[i]).entries()) {
        tensors.set(`${memory}.${this.#arena.names[j]}`, view);
      }
    }
    const ascent = this.#ascent?.state();
    for (const [name, masks] of ascent?.masks ?? []) {
      for (const [weight, mask] of masks.entries) {
        tensors.set(`${name}.${weight}`, mask);
      }
    }
    return {
      optimizer: this.#name,
      scalars: {
        steps: this.#steps,
        skipped: this.#skipped,
        ...ascent?.scalars,
      },
      tensors,
    };
  }

  load(state: OptimizerState): void {
    this.#checkState(state);
    const { scalars, tensors } = state;
    for (const [i, memory] of this.#base.memory.entries()) {
      using _scope = this.#arena.device.scope();
      for (const [j, view] of this.#arena.views(this.#memory[i]).entries()) {
        assign(
          view,
          tensors.get(`${memory}.${this.#arena.names[j]}`) as Tensor,
        );
      }
    }
    this.#ascent?.load(scalars, (name) => this.#loadMasks(name, tensors));
    this.#steps = scalars.steps;
    this.#skipped = scalars.skipped;
  }

  #loadMasks(
    prefix: string,
    tensors: ReadonlyMap<string, Tensor>,
  ): Masks | undefined {
    const masked = this.#arena.weights.filter(({ name }) =>
      tensors.has(`${prefix}.${name}`)
    );
    if (masked.length === 0) return undefined;
    const masks = Masks.for(masked);
    masks.detach();
    for (const { name } of masked) {
      assign(
        masks.entries.get(name) as Tensor,
        tensors.get(`${prefix}.${name}`) as Tensor,
      );
    }
    return masks;
  }

  #checkState({ optimizer, scalars, tensors }: OptimizerState): void {
    if (optimizer !== this.#name) {
      throw new StateError(
        `Cannot load a state of "${optimizer}" into "${this.#name}"`,
      );
    }
    for (const name of ["steps", "skipped"]) {
      if (!(Number.isSafeInteger(scalars[name]) && scalars[name] >= 0)) {
        throw new StateError(
          `Cannot load a state whose "${name}" is ${
            scalars[name]
          }: expected a whole number`,
        );
      }
    }
    using _scope = this.#arena.device.scope();
    const shapes = new Map(
      this.#arena.views(this.#arena.chunks).map(({ shape }, i) =>
        [this.#arena.names[i], shape] as const
      ),
    );
    const prefixes = [
      ...this.#base.memory,
      ...Object.keys(scalars).flatMap((key) =>
        key.startsWith("draws.") ? [key.replace("draws.", "mask.")] : []
      ),
    ];
    for (const [name, { shape }] of tensors) {
      const prefix = prefixes.find((one) => name.startsWith(`${one}.`));
      const expected = prefix === undefined
        ? undefined
        : shapes.get(name.slice(prefix.length + 1));
      if (expected === undefined) {
        throw new StateError(
          `Cannot load a state with "${name}": there is no such parameter`,
        );
      }
      if (!sameShape(shape, expected)) {
        throw new StateError(
          `Cannot load a state with "${name}" of shape ${
            formatShape(shape)
          }: the parameter has shape ${formatShape(expected)}`,
        );
      }
    }
    for (const memory of this.#base.memory) {
      for (const name of shapes.keys()) {
        if (!tensors.has(`${memory}.${name}`)) {
          throw new StateError(
            `Cannot load a state without "${memory}.${name}"`,
          );
        }
      }
    }
  }

  [Symbol.dispose](): void {
    this.#ascent?.[Symbol.dispose]();
    this.#arena[Symbol.dispose]();
    for (
      const chunk of [
        ...this.#gradients,
        ...this.#second,
        ...this.#saved,
        ...this.#memory.flat(),
      ]
    ) chunk.dispose();
  }
}

/** Parameters by name; those of an array by their number. */
function named(parameters: Parameters): ReadonlyMap<string, Tensor> {
  return new Map(
    Array.from(parameters.entries(), ([name, tensor]) => [`${name}`, tensor]),
  );
}

/** Multiplies in place. */
function scaleInPlace(x: Tensor, factor: Tensor | number): void {
  using product = mul(x, factor);
  assign(x, product);
}

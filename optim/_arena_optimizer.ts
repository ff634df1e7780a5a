/** The optimizer at work: passes, arenas, clipping and state, for every rule. */

import { Masks, type Weight } from "@cram/compress";
import {
  add,
  ArgumentError,
  assign,
  div,
  formatShape,
  full,
  mul,
  sameShape,
  type Tensor,
  where,
} from "@cram/tensor";
import { addInPlace } from "@cram/tensor/backward";
import { joinRows, maskedAdd, perturb } from "@cram/tensor/flat";
import type { Ascent } from "./_ascent.ts";
import { checkOptimizer } from "./_check.ts";
import { ParameterArena } from "./arena.ts";
import type { BaseRule } from "./base_rule.ts";
import { checkClipping, clipScale, globalNorm } from "./clip.ts";
import { NonFiniteGradientError, StateError } from "./errors.ts";
import { isAnyNonFinite, LossScaler } from "./_loss_scaler.ts";
import { checkLossScaling } from "./loss_scaling.ts";
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

/** What the names of frozen masks in a state begin with. */
const FROZEN = "frozen";

/** How many streams of random numbers each evaluation has for itself. */
const STREAMS_PER_EVALUATION = 2n ** 16n;

/** Puts a rule to work. */
export function startOptimizer(
  parts: Parts,
  parameters: Parameters,
  options: OptimizerOptions = {},
): Optimizer {
  const { microBatches = 1, clip, nonFinite = "ignore", lossScaling } = options;
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
  if (lossScaling !== undefined) {
    checkLossScaling(lossScaling);
    if (nonFinite !== "ignore") {
      throw new ArgumentError(
        `Cannot scale the loss and treat gradients that are not finite by "${nonFinite}": loss scaling leaves such steps out itself`,
      );
    }
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
  /** All parameters, as the model's handles see them. */
  readonly #parameters: readonly Weight[];
  readonly #gradients: readonly Tensor[];
  /** The gradient of the second pass, and θ before the ascent. */
  readonly #second: readonly Tensor[];
  readonly #saved: readonly Tensor[];
  readonly #memory: readonly (readonly Tensor[])[];
  /** The memory by the names of a state: views in the parameters' shapes, and the scalars of loss scaling. */
  readonly #namedMemory: ReadonlyMap<string, Tensor>;
  readonly #lossScaler: LossScaler | undefined;
  #frozen: Masks | undefined;
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
    this.#parameters = Array.from(
      parameters,
      ([name, tensor]) => ({ name, tensor }),
    );
    // Gives everything back if something does not fit into memory.
    using _scope = this.#parameters.at(0)?.tensor.device.scope();
    this.#arena = new ParameterArena(parameters, options.groups);
    if (ascent?.draws !== undefined && this.#arena.weights.length === 0) {
      throw new ArgumentError(
        `Cannot compress parameters by ${name}: none of the ${parameters.size} is prunable`,
      );
    }
    this.#gradients = this.#arena.zeros();
    this.#second = ascent === undefined ? [] : this.#arena.zeros();
    this.#saved = ascent === undefined ? [] : this.#arena.zeros();
    this.#memory = base.memory.map(() => this.#arena.zeros());
    if (options.lossScaling !== undefined) {
      this.#lossScaler = new LossScaler(
        this.#arena.device,
        this.#arena.chunks[0].dtype,
        checkLossScaling(options.lossScaling),
      );
    }
    this.#namedMemory = new Map([
      ...base.memory.flatMap((memory, i) =>
        this.#arena.views(this.#memory[i]).map((view, j) =>
          [`${memory}.${this.#arena.names[j]}`, view] as const
        )
      ),
      ...this.#lossScaler?.memory ?? [],
    ]);
    for (const tensor of this.#owned()) this.#arena.device.forget(tensor);
  }

  get steps(): number {
    return this.#steps;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get lossScale(): LossScaler | undefined {
    return this.#lossScaler;
  }

  get sparsity(): number {
    return this.#ascent?.draws?.sparsity ?? 0;
  }

  get weights(): readonly Weight[] {
    return this.#arena.weights;
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
    const moved = this.#arena.movedAway();
    if (moved !== undefined) {
      throw new ArgumentError(
        `Cannot take a step: "${moved}" was given to another optimizer since`,
      );
    }
    const { clip, nonFinite = "ignore" } = this.#options;
    const clipped = clip?.where ?? "combined";
    const loss = await this.#evaluate(1, evaluate, this.#gradients);
    if (clipped !== "combined") this.#clip(this.#gradients);
    // What the combined gradient need not show: a mask may hide it.
    using first = this.#ascent === undefined ||
        nonFinite === "ignore" && this.#lossScaler === undefined
      ? undefined
      : this.#norm();
    if (this.#ascent !== undefined) {
      await this.#secondPass(this.#ascent, evaluate, clipped === "each", first);
    }
    if (nonFinite !== "ignore") {
      using second = this.#norm();
      const norm = Math.max(
        ...await Promise.all([first ?? second, second].map((x) => x.item())),
      );
      if (!Number.isFinite(norm)) {
        this.#restore();
        if (nonFinite === "stop") {
          throw new NonFiniteGradientError(
            `Cannot take step ${
              this.#steps + 1
            }: the norm of the gradient is ${norm}`,
          );
        }
        this.#skipped++;
        return loss;
      }
    }
    using _scope = this.#arena.device.scope();
    this.#update(learningRate, this.#gradientScale(first));
    this.#frozen?.apply(this.#parameters);
    this.#ascent?.draws?.commit();
    this.#steps++;
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
        lossScale: this.#lossScaler?.scale,
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
    this.#freezeGradients(target);
    this.#unscale(target, 1 / microBatches);
    if (microBatches === 1) return total as Tensor;
    using sum = total as Tensor;
    return mul(sum, 1 / microBatches);
  }

  /** Multiplies gradients by the share of a part of the batch, and divides them by the scale of the loss. */
  #unscale(chunks: readonly Tensor[], share: number): void {
    if (share === 1 && this.#lossScaler === undefined) return;
    using _scope = this.#arena.device.scope();
    const factor = this.#lossScaler === undefined
      ? share
      : div(share, this.#lossScaler.scale);
    for (const chunk of chunks) scaleInPlace(chunk, factor);
  }

  /**
   * What the base rule multiplies the gradient by: less than 1 where it is
   * clipped, 0 where the step is left out. Moves the scale of the loss.
   */
  #gradientScale(firstNorm: Tensor | undefined): Tensor | number {
    const { clip } = this.#options;
    const maxNorm = (clip?.where ?? "combined") === "combined"
      ? clip?.maxNorm
      : undefined;
    if (maxNorm === undefined && this.#lossScaler === undefined) return 1;
    const norm = globalNorm(this.#gradients);
    const scale = maxNorm === undefined ? 1 : clipScale(norm, maxNorm);
    if (this.#lossScaler === undefined) return scale;
    const norms = firstNorm === undefined ? [norm] : [firstNorm, norm];
    const leftOut = isAnyNonFinite(norms);
    this.#lossScaler.update(leftOut);
    return this.#unless(leftOut, scale);
  }

  /** A scale, or 0 on the device, at which kernels do not look at gradients. */
  #unless(leftOut: Tensor, scale: Tensor | number): Tensor {
    const { device, chunks: [{ dtype }] } = this.#arena;
    const kept = typeof scale === "number"
      ? full(device, [], scale, { dtype })
      : scale;
    return where(leftOut, 0, kept);
  }

  /** Combines the gradient with that at the perturbed point, where θ stays until the update. */
  async #secondPass(
    ascent: Ascent,
    evaluate: (pass: Pass) => Evaluation | Promise<Evaluation>,
    clip: boolean,
    norm: Tensor | undefined,
  ): Promise<void> {
    const { adaptive, draws, plus, sparseGradient } = ascent;
    const { chunks, device, weights } = this.#arena;
    {
      using _scope = device.scope();
      let scale = ascent.scale(chunks, this.#gradients);
      if (this.#lossScaler !== undefined && norm !== undefined) {
        scale = this.#unless(isAnyNonFinite([norm]), scale);
      }
      for (const [i, theta] of chunks.entries()) {
        perturb(theta, this.#gradients[i], this.#saved[i], scale, { adaptive });
      }
    }
    let masks: Masks | undefined;
    try {
      {
        using _scope = device.scope();
        masks = draws?.compress(weights, this.#steps + 1);
      }
      using _loss = await this.#evaluate(2, evaluate, this.#second);
    } catch (error) {
      this.#restore();
      throw error;
    }
    if (clip) this.#clip(this.#second);
    using _scope = device.scope();
    this.#combine(plus, sparseGradient ? masks : undefined);
  }

  /** Puts θ back where it was before the ascent. */
  #restore(): void {
    for (const [i, saved] of this.#saved.entries()) {
      assign(this.#arena.chunks[i], saved);
    }
  }

  /** g ← m ⊙ g₂, or g ← g + m ⊙ g₂ if `plus`; without masks m is 1. */
  #combine(plus: boolean, masks: Masks | undefined): void {
    const { names } = this.#arena;
    const second = this.#arena.views(this.#second);
    const rows = this.#arena.views(this.#gradients).map((target, i) => {
      const mask = masks?.entries.get(names[i]);
      return [target, second[i], ...mask === undefined ? [] : [mask]];
    });
    for (
      const [target, x] of joinRows(rows.filter((row) => row.length === 2))
    ) {
      if (plus) addInPlace(target, x);
      else assign(target, x);
    }
    const masked = rows.filter((row) => row.length === 3);
    for (const [target, x, mask] of joinRows(masked)) {
      if (plus) maskedAdd(target, x, mask);
      else assign(target, where(mask, x, 0));
    }
  }

  /** The norm of the gradient, with no other tensor left behind. */
  #norm(): Tensor {
    using scope = this.#arena.device.scope();
    return scope.keep(globalNorm(this.#gradients));
  }

  #clip(chunks: readonly Tensor[]): void {
    const { clip } = this.#options;
    if (clip === undefined) return;
    using _scope = this.#arena.device.scope();
    const scale = clipScale(globalNorm(chunks), clip.maxNorm);
    for (const chunk of chunks) scaleInPlace(chunk, scale);
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

  freeze(masks: Masks | undefined): void {
    const frozen = masks === undefined ? undefined : this.#copyMasks(masks);
    this.#frozen?.[Symbol.dispose]();
    this.#frozen = frozen;
    frozen?.apply(this.#parameters);
  }

  #copyMasks(masks: Masks): Masks | undefined {
    for (const name of masks.entries.keys()) {
      if (!this.#arena.names.includes(name)) {
        throw new ArgumentError(
          `Cannot freeze the zeros of "${name}": there is no such parameter`,
        );
      }
    }
    masks.check(this.#parameters);
    return this.#makeMasks((name) => masks.entries.get(name));
  }

  /** Masks of this optimizer, in the layout of its arena, with the content of others. */
  #makeMasks(source: (name: string) => Tensor | undefined): Masks | undefined {
    const masked = this.#parameters.filter(({ name }) =>
      source(name) !== undefined
    );
    if (masked.length === 0) return undefined;
    const masks = Masks.for(masked);
    masks.detach();
    using _scope = this.#arena.device.scope();
    const rows = Array.from(
      masks.entries,
      ([name, mask]) => [mask, source(name) as Tensor],
    );
    for (const [target, x] of joinRows(rows)) assign(target, x);
    return masks;
  }

  /** Sets the gradients of frozen weights to 0. */
  #freezeGradients(target: readonly Tensor[]): void {
    if (this.#frozen === undefined) return;
    using _scope = this.#arena.device.scope();
    this.#frozen.apply(
      this.#arena.views(target).map((tensor, i) => ({
        name: this.#arena.names[i],
        tensor,
      })),
    );
  }

  state(): OptimizerState {
    const draws = this.#ascent?.draws?.state();
    const masks = [
      ...draws?.masks ?? [],
      ...this.#frozen === undefined ? [] : [[FROZEN, this.#frozen] as const],
    ];
    return {
      optimizer: this.#name,
      scalars: {
        steps: this.#steps,
        skipped: this.#skipped,
        ...draws?.scalars,
      },
      tensors: new Map([
        ...this.#namedMemory,
        ...masks.flatMap(([prefix, { entries }]) =>
          Array.from(
            entries,
            ([name, mask]) => [`${prefix}.${name}`, mask] as const,
          )
        ),
      ]),
    };
  }

  load(state: OptimizerState): void {
    this.#checkState(state);
    const { scalars, tensors } = state;
    const masks = (prefix: string) =>
      this.#makeMasks((name) => tensors.get(`${prefix}.${name}`));
    for (const [name, memory] of this.#namedMemory) {
      assign(memory, tensors.get(name) as Tensor);
    }
    this.#ascent?.draws?.load(scalars, masks);
    this.#frozen?.[Symbol.dispose]();
    this.#frozen = masks(FROZEN);
    this.#frozen?.apply(this.#parameters);
    this.#steps = scalars.steps;
    this.#skipped = scalars.skipped;
  }

  #checkState(state: OptimizerState): void {
    checkOptimizer(state, this.#name);
    const { scalars, tensors } = state;
    const draws = Object.keys(this.#ascent?.draws?.state().scalars ?? {});
    for (const name of ["steps", "skipped", ...draws]) {
      if (!(Number.isSafeInteger(scalars[name]) && scalars[name] >= 0)) {
        throw new StateError(
          `Cannot load a state whose "${name}" is ${
            scalars[name]
          }: expected a whole number`,
        );
      }
    }
    for (const name of this.#namedMemory.keys()) {
      if (!tensors.has(name)) {
        throw new StateError(`Cannot load a state without "${name}"`);
      }
    }
    const prefixes = [
      FROZEN,
      ...draws.map((name) => name.replace("draws.", "mask.")),
    ];
    const { device } = this.#arena;
    for (const [name, tensor] of tensors) {
      const memory = this.#namedMemory.get(name);
      const masked = memory ??
        this.#parameters.find((parameter) =>
          prefixes.some((prefix) => name === `${prefix}.${parameter.name}`)
        )?.tensor;
      if (masked === undefined) {
        throw new StateError(
          `Cannot load a state with "${name}": ${
            name.startsWith("lossScale.")
              ? "the loss was scaled, so start() needs the option lossScaling"
              : "there is no such parameter"
          }`,
        );
      }
      const dtype = memory === undefined ? "bool" : memory.dtype;
      if (!sameShape(tensor.shape, masked.shape) || tensor.dtype !== dtype) {
        throw new StateError(
          `Cannot load a state with "${name}", ${tensor.dtype} ${
            formatShape(tensor.shape)
          }: expected ${dtype} ${formatShape(masked.shape)}`,
        );
      }
      if (tensor.device !== device) {
        throw new StateError(
          `Cannot load a state with "${name}" on another device than the parameters'`,
        );
      }
    }
  }

  /** The tensors that live as long as the optimizer. */
  #owned(): readonly Tensor[] {
    return [
      ...this.#arena.chunks,
      ...this.#gradients,
      ...this.#second,
      ...this.#saved,
      ...this.#memory.flat(),
      ...this.#namedMemory.values(),
    ];
  }

  [Symbol.dispose](): void {
    this.#ascent?.draws?.[Symbol.dispose]();
    this.#frozen?.[Symbol.dispose]();
    for (const tensor of this.#owned()) tensor.dispose();
  }
}

/** Parameters by name; those of an array by their number. */
function named(parameters: Parameters): ReadonlyMap<string, Tensor> {
  const result = new Map<string, Tensor>();
  for (const [name, tensor] of parameters.entries()) {
    result.set(`${name}`, tensor);
  }
  return result;
}

/** Multiplies in place. */
function scaleInPlace(x: Tensor, factor: Tensor | number): void {
  using product = mul(x, factor);
  assign(x, product);
}

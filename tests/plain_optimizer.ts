/**
 * The optimizers of the table once more, tensor by tensor, in ordinary
 * operations and without arenas: what the fast path is compared with.
 *
 * @module
 */

import type { Masks } from "@cram/compress";
import type { Clipping, Evaluation } from "@cram/optim";
import {
  add,
  cast,
  copy,
  div,
  mul,
  RandomSource,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  zerosLike,
} from "@cram/tensor";
import { type OptimizerSpec, SEED } from "./optimizer_table.ts";

/** Computes loss and gradients at some parameters. */
export type Loss = (parameters: readonly Tensor[]) => Evaluation;

function normOf(tensors: readonly Tensor[]): Tensor {
  return sqrt(tensors.map((x) => sum(square(x))).reduce((a, b) => add(a, b)));
}

async function clipped(
  gradients: readonly Tensor[],
  maxNorm: number,
): Promise<Tensor[]> {
  const norm = await normOf(gradients).item();
  return gradients.map((g) => mul(g, Math.min(1, maxNorm / (norm + 1e-6))));
}

/** Takes steps with a rule; weights are the parameters with two axes. */
export class PlainOptimizer {
  readonly #spec: OptimizerSpec;
  readonly #loss: Loss;
  readonly #clip: Clipping | undefined;
  parameters: Tensor[];
  #memory: Tensor[][] = [];
  #step = 0;
  readonly #draws: number[] = [];
  readonly #masks: (Masks | undefined)[] = [];

  constructor(
    spec: OptimizerSpec,
    parameters: readonly Tensor[],
    loss: Loss,
    clip?: Clipping,
  ) {
    this.#spec = spec;
    this.parameters = [...parameters];
    this.#loss = loss;
    this.#clip = clip;
  }

  async step(): Promise<void> {
    const { where = "combined", maxNorm = 0 } = this.#clip ?? {};
    const clips = (place: typeof where) =>
      this.#clip !== undefined && where === place;
    this.#step++;
    let first = [...this.#loss(this.parameters).gradients];
    if (clips("first") || clips("each")) first = await clipped(first, maxNorm);
    const { ascent } = this.#spec;
    let gradients = first;
    if (ascent !== undefined) {
      const point = this.parameters.map(copy);
      const directions = first.map((g, i) =>
        ascent.adaptive ? mul(g, this.parameters[i]) : g
      );
      const length = ascent.normalize
        ? ascent.rho / (await normOf(directions).item() + 1e-12)
        : ascent.rho;
      for (const [i, theta] of this.parameters.entries()) {
        const way = ascent.adaptive ? mul(first[i], square(theta)) : first[i];
        point[i] = add(theta, mul(way, length));
      }
      const masks = this.#compress(point);
      let second = [...this.#loss(point).gradients];
      if (clips("each")) second = await clipped(second, maxNorm);
      gradients = second.map((g, i) => {
        const mask = ascent.sparseGradient
          ? masks?.entries.get(`${i}`)
          : undefined;
        const kept = mask === undefined ? g : mul(g, cast(mask, g.dtype));
        return ascent.plus ? add(kept, first[i]) : kept;
      });
    }
    if (clips("combined")) gradients = await clipped(gradients, maxNorm);
    this.parameters = this.parameters.map((theta, i) =>
      this.#update(i, theta, gradients[i])
    );
  }

  #compress(point: readonly Tensor[]): Masks | undefined {
    const { compressors, maskEvery } = this.#spec.ascent!;
    if (compressors.length === 0) return undefined;
    const drawn = new RandomSource(SEED, BigInt(this.#step))
      .integer(compressors.length);
    const draws = this.#draws[drawn] ?? 0;
    this.#draws[drawn] = draws + 1;
    const weights = point
      .map((tensor, i) => ({ name: `${i}`, tensor }))
      .filter(({ tensor }) => tensor.rank === 2);
    const known = draws % maskEvery === 0 ? undefined : this.#masks[drawn];
    this.#masks[drawn] = compressors[drawn].compress(weights, known) ?? known;
    return this.#masks[drawn];
  }

  #update(i: number, theta: Tensor, gradient: Tensor): Tensor {
    const { base } = this.#spec;
    const { learningRate, weightDecay } = base;
    if (base.kind === "sgd") {
      const g = add(gradient, mul(theta, weightDecay));
      const [before] = this.#memory[i] ?? [];
      const velocity = before === undefined
        ? g
        : add(mul(before, base.momentum), mul(g, 1 - base.dampening));
      this.#memory[i] = [velocity];
      const way = base.nesterov
        ? add(g, mul(velocity, base.momentum))
        : velocity;
      return sub(theta, mul(way, learningRate));
    }
    const { beta1, beta2, epsilon, decoupled } = base;
    const g = decoupled ? gradient : add(gradient, mul(theta, weightDecay));
    const start = decoupled
      ? mul(theta, 1 - learningRate * weightDecay)
      : theta;
    const [m0, v0] = this.#memory[i] ?? [zerosLike(g), zerosLike(g)];
    const m = add(mul(m0, beta1), mul(g, 1 - beta1));
    const v = add(mul(v0, beta2), mul(square(g), 1 - beta2));
    this.#memory[i] = [m, v];
    const mean = div(m, 1 - beta1 ** this.#step);
    const root = sqrt(div(v, 1 - beta2 ** this.#step));
    return sub(start, mul(div(mean, add(root, epsilon)), learningRate));
  }
}

/** The kernels of optimizers and compressors. */

import type { Operand } from "../backend.ts";
import type { AdamUpdate, MagnitudePart, SgdUpdate } from "../flat_kernels.ts";
import {
  elementsOf,
  type ReferenceArray,
  type ReferenceBuffer,
  type ReferenceView,
} from "./buffer.ts";

function scalar(operand: Operand<ReferenceBuffer>): number {
  return typeof operand === "number" ? operand : elementsOf(operand)[0];
}

/** Whether a scale on the device says, by 0, that gradients are not to be looked at. */
function isLeftOut(scale: Operand<ReferenceBuffer>): boolean {
  return typeof scale !== "number" && scalar(scale) === 0;
}

export function perturb(
  parameter: ReferenceView,
  gradient: ReferenceView,
  saved: ReferenceView,
  scale: Operand<ReferenceBuffer>,
  adaptive: boolean,
): void {
  const theta = elementsOf(parameter);
  const g = elementsOf(gradient);
  const factor = scalar(scale);
  elementsOf(saved).set(theta);
  if (isLeftOut(scale)) return;
  for (let i = 0; i < theta.length; i++) {
    theta[i] += factor * g[i] * (adaptive ? theta[i] ** 2 : 1);
  }
}

export function maskedAdd(
  target: ReferenceView,
  x: ReferenceView,
  mask: ReferenceView,
): void {
  const sum = elementsOf(target);
  const terms = elementsOf(x);
  const kept = elementsOf(mask);
  for (let i = 0; i < sum.length; i++) if (kept[i]) sum[i] += terms[i];
}

export function sgdStep(
  parameter: ReferenceView,
  gradient: ReferenceView,
  velocity: ReferenceView | undefined,
  out: ReferenceView,
  gradientScale: Operand<ReferenceBuffer>,
  update: SgdUpdate,
): void {
  const { learningRate, momentum, dampening, nesterov, weightDecay } = update;
  const theta = elementsOf(parameter);
  const gradients = elementsOf(gradient);
  const v = velocity === undefined ? undefined : elementsOf(velocity);
  const result = elementsOf(out);
  if (isLeftOut(gradientScale)) {
    result.set(theta);
    if (update.first) v?.fill(0);
    return;
  }
  const scale = scalar(gradientScale);
  for (let i = 0; i < theta.length; i++) {
    const g = scale * gradients[i] + weightDecay * theta[i];
    let direction = g;
    if (v !== undefined) {
      v[i] = update.first ? g : momentum * v[i] + (1 - dampening) * g;
      direction = nesterov ? g + momentum * v[i] : v[i];
    }
    result[i] = theta[i] - learningRate * direction;
  }
}

export function adamStep(
  parameter: ReferenceView,
  gradient: ReferenceView,
  mean: ReferenceView,
  square: ReferenceView,
  out: ReferenceView,
  gradientScale: Operand<ReferenceBuffer>,
  update: AdamUpdate,
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = update;
  const theta = elementsOf(parameter);
  const gradients = elementsOf(gradient);
  const m = elementsOf(mean);
  const v = elementsOf(square);
  const result = elementsOf(out);
  if (isLeftOut(gradientScale)) {
    result.set(theta);
    return;
  }
  const scale = scalar(gradientScale);
  const correction1 = 1 - beta1 ** update.step;
  const correction2 = 1 - beta2 ** update.step;
  for (let i = 0; i < theta.length; i++) {
    let start = theta[i];
    let g = scale * gradients[i];
    if (update.decoupled) start -= learningRate * weightDecay * start;
    else g += weightDecay * start;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    const root = Math.sqrt(v[i] / correction2) + epsilon;
    result[i] = start - learningRate * (m[i] / correction1) / root;
  }
}

/** Whether magnitude a is larger than b; a NaN is larger than all else. */
function isLarger(a: number, b: number): boolean {
  return Number.isNaN(a) ? !Number.isNaN(b) : a > b;
}

/** What keeps everything, and what keeps nothing. */
const KEEP_ALL = -1;
const KEEP_NONE = NaN;

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** Thresholds are kept as bits beside positions, or as numbers in float64. */
function writeThreshold(
  out: ReferenceArray,
  segment: number,
  threshold: number,
  position: number,
): void {
  float[0] = threshold;
  if (Number.isNaN(threshold)) bits[0] = 0x7fffffff;
  const asBits = out instanceof Uint32Array;
  out[2 * segment] = asBits ? bits[0] : threshold;
  out[2 * segment + 1] = position;
}

function readThreshold(thresholds: ReferenceArray, segment: number): number {
  if (!(thresholds instanceof Uint32Array)) return thresholds[2 * segment];
  bits[0] = thresholds[2 * segment];
  return float[0];
}

export function magnitudeThresholds(
  parts: readonly MagnitudePart<ReferenceBuffer>[],
  counts: readonly number[],
  exact: boolean,
  out: ReferenceView,
): void {
  const result = elementsOf(out);
  for (const [segment, count] of counts.entries()) {
    const weights = parts.filter((part) => part.segment === segment).flatMap(
      ({ x, base }) =>
        Array.from(
          elementsOf(x),
          (w, i) => ({ magnitude: Math.abs(w), position: base + i }),
        ),
    ).sort((a, b) =>
      isLarger(a.magnitude, b.magnitude)
        ? -1
        : isLarger(b.magnitude, a.magnitude)
        ? 1
        : a.position - b.position
    );
    if (count < 0 || (exact && count >= weights.length)) {
      writeThreshold(result, segment, KEEP_ALL, 0);
    } else if (count === 0) {
      writeThreshold(result, segment, KEEP_NONE, 0);
    } else {
      const last = weights[Math.min(count, weights.length) - 1];
      const bound = exact && last.magnitude !== 0 ? last.position + 1 : 0;
      writeThreshold(result, segment, last.magnitude, bound);
    }
  }
}

export function pruneBelow(
  part: MagnitudePart<ReferenceBuffer>,
  thresholds: ReferenceView,
  mask: ReferenceView,
): void {
  const weights = elementsOf(part.x);
  const kept = elementsOf(mask);
  const list = elementsOf(thresholds);
  const threshold = readThreshold(list, part.segment);
  const bound = list[2 * part.segment + 1];
  for (let i = 0; i < weights.length; i++) {
    const magnitude = Math.abs(weights[i]);
    const isTie = !isLarger(magnitude, threshold) &&
      !isLarger(threshold, magnitude);
    kept[i] = Number(
      isLarger(magnitude, threshold) || (isTie && part.base + i < bound),
    );
    if (!kept[i]) weights[i] = 0;
  }
}

export function pruneNM(
  x: ReferenceView,
  mask: ReferenceView,
  layout: {
    readonly rows: number;
    readonly columns: number;
    readonly n: number;
    readonly m: number;
  },
): void {
  const weights = elementsOf(x);
  const kept = elementsOf(mask);
  const { rows, columns, n, m } = layout;
  for (let start = 0; start < weights.length; start += m) {
    const group: { at: number; magnitude: number }[] = [];
    for (let q = start; q < Math.min(start + m, weights.length); q++) {
      const at = q % rows * columns + Math.floor(q / rows);
      group.push({ at, magnitude: Math.abs(weights[at]) });
    }
    for (const [i, { at, magnitude }] of group.entries()) {
      const better = group.filter((other, j) =>
        isLarger(other.magnitude, magnitude) ||
        (j > i && !isLarger(magnitude, other.magnitude))
      ).length;
      kept[at] = Number(better < n);
    }
    for (const { at } of group) if (!kept[at]) weights[at] = 0;
  }
}

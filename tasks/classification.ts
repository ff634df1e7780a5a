/**
 * Image classification as a task of the training loop.
 *
 * @module
 */

import {
  type ForwardContext,
  type Layer,
  PERTURBED,
  type Precision,
  TRAINING,
} from "@cram/models";
import type { Pass } from "@cram/optim";
import {
  argmax,
  cast,
  type Device,
  equal,
  greater,
  lessEqual,
  oneHot,
  softmaxCrossEntropy,
  sum,
  type Tensor,
  tensor,
  where,
} from "@cram/tensor";
import type { ImageBatch, ImageLoader } from "./data/loader.ts";
import type { ImageNormalizer } from "./data/normalization.ts";
import type { TrainingPart, TrainingTask } from "./train.ts";

/** What a classifier is trained with. */
export interface ClassificationOptions {
  /** Where the model lives. */
  readonly device: Device;
  /** Maps images `[N, H, W, 3]` to logits `[N, classes]`. */
  readonly model: Layer;
  /** Where the images come from. */
  readonly loader: ImageLoader;
  /** How they are normalized. */
  readonly normalizer: ImageNormalizer;
  /** What is computed with. Default: `float32`. */
  readonly precision?: Precision;
}

/**
 * Minimizing the cross-entropy of a classifier; its accuracy is the part of
 * images for which the highest score is that of their class.
 *
 * @param options Model and data.
 * @returns What `train()` takes.
 */
export function classification(
  options: ClassificationOptions,
): TrainingTask<ImageBatch> {
  const { device, model, loader } = options;
  return {
    device,
    model,
    stepsPerEpoch: loader.stepsPerEpoch,
    batches: (from, to) => loader.batches(from, to),
    parts: (batch, sizes) => partsOf(batch, sizes, options),
  };
}

function partsOf(
  batch: ImageBatch,
  sizes: readonly number[],
  { device, model, normalizer, precision }: ClassificationOptions,
): TrainingPart[] {
  const imageBytes = batch.pixels.length / batch.size;
  let from = 0;
  return sizes.map((size) => {
    const to = from + size;
    const images = normalizer.images({
      ...batch,
      size,
      pixels: batch.pixels.subarray(from * imageBytes, to * imageBytes),
    });
    const labels = tensor(device, batch.labels.subarray(from, to));
    from = to;
    return {
      forward(pass) {
        const logits = model.forward(images, contextOf(pass, precision));
        return {
          loss: softmaxCrossEntropy(logits, labels),
          hits: () => countHits(logits, labels),
        };
      },
    };
  });
}

function contextOf(
  { updateStatistics }: Pass,
  precision: Precision | undefined,
): ForwardContext {
  return { ...updateStatistics ? TRAINING : PERTURBED, precision };
}

/**
 * Counts the images for which the highest score is that of their class.
 *
 * @param logits `[N, classes]`.
 * @param labels `int32 [N]`.
 * @returns Their number, a scalar.
 */
export function countHits(logits: Tensor, labels: Tensor): Tensor {
  using best = argmax(logits, { axis: -1 });
  using isHit = equal(best, labels);
  using asNumbers = cast(isHit, "float32");
  return sum(asNumbers);
}

/**
 * Counts the images for which the class is among those of highest score, as
 * ImageNet's top-5 accuracy asks. Of equal scores all are as high.
 *
 * @param logits `[N, classes]`.
 * @param labels `int32 [N]`.
 * @param k Among how many classes.
 * @returns Their number, a scalar; images whose scores are no numbers do not count.
 *
 * @example The right class is the second
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { countTopHits } from "@cram/tasks";
 * import { openDevice, tensor } from "@cram/tensor";
 *
 * await using device = await openDevice("reference");
 * using _scope = device.scope();
 * const logits = tensor(device, [[0.2, 0.5, 0.3]]);
 * const labels = tensor(device, [2], { dtype: "int32" });
 * assertEquals(await countTopHits(logits, labels, 1).item(), 0);
 * assertEquals(await countTopHits(logits, labels, 2).item(), 1);
 * ```
 */
export function countTopHits(
  logits: Tensor,
  labels: Tensor,
  k: number,
): Tensor {
  const { device } = logits;
  using scope = device.scope();
  const classes = logits.shape[1];
  const isOwn = oneHot(labels, classes, { dtype: "bool" });
  const score = sum(where(isOwn, logits, 0), { axes: [1], keepDims: true });
  // Not "how many are higher": scores that are no numbers are neither.
  const notHigher = sum(cast(lessEqual(logits, score), "float32"), {
    axes: [1],
  });
  return scope.keep(sum(cast(greater(notHigher, classes - k), "float32")));
}

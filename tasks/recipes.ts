/**
 * The models of the experiments with the settings that fit them.
 *
 * @module
 */

import {
  type ResNet,
  resnet18,
  resnet20,
  resnet50,
  type ResNetOptions,
} from "@cram/models";
import type { Device } from "@cram/tensor";
import type { Recipe } from "./data/augment.ts";

/** A model, and the settings that the CrAM paper's code trains it with. */
export interface ModelRecipe {
  /** Makes the model. */
  readonly create: (device: Device, options: ResNetOptions) => ResNet;
  /** How images are prepared. */
  readonly transform: Recipe;
  /** Height and width of images, in pixels. */
  readonly imageSize: number;
  /** Images in a step on one device. */
  readonly batchSize: number;
  /** The highest learning rate for one image in a step; it grows with the batch (Goyal et al., 2017). */
  readonly learningRatePerImage: number;
  /** λ of the coupled weight decay. */
  readonly weightDecay: number;
  /** ρ of CrAM. */
  readonly rho: number;
  /** The sparsities that CrAM draws from. */
  readonly sparsities: readonly number[];
  /** Passes over the data set. */
  readonly epochs: number;
}

const IMAGENET = {
  transform: "imagenet",
  imageSize: 224,
  batchSize: 32,
  learningRatePerImage: 0.2 / 512,
  weightDecay: 1e-4,
  rho: 0.05,
  sparsities: [0.5, 0.7, 0.9],
  epochs: 100,
} as const;

/** The models by name. */
export const MODELS = {
  resnet20: {
    create: resnet20,
    transform: "cifar",
    imageSize: 32,
    batchSize: 128,
    learningRatePerImage: 0.1 / 128,
    weightDecay: 5e-4,
    rho: 0.2,
    sparsities: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    epochs: 200,
  },
  resnet18: { ...IMAGENET, create: resnet18 },
  resnet50: { ...IMAGENET, create: resnet50 },
} as const satisfies Readonly<Record<string, ModelRecipe>>;

/** The name of a model. */
export type ModelName = keyof typeof MODELS;

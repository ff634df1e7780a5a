/**
 * What is trained on the page, and how.
 *
 * @module
 */

import { ResNet, type ResNetArchitecture } from "@cram/models";
import { optimizerOf } from "@cram/tasks";
import { IMAGE_RECIPES } from "@cram/tasks";
import type { OptimizerRule } from "@cram/optim";
import type { Device, DeviceKind } from "@cram/tensor";

/** What a visitor chooses. */
export interface Settings {
  /** Where the networks live; `auto` takes a GPU if there is one, else the CPU. */
  readonly device: "auto" | DeviceKind;
  /** Which network. */
  readonly network: NetworkName;
  /** Height and width of the images, in pixels: those of the image set, or a divisor. */
  readonly imageSize: number;
  /** How often CrAM⁺ goes through the images; SGD does so twice as often. */
  readonly epochs: number;
}

/** Networks for small images, by name. */
const NETWORKS = {
  resnet8: { widths: [16, 32, 64], depths: [1, 1, 1] },
  resnet20: { widths: [16, 32, 64], depths: [3, 3, 3] },
} as const satisfies Readonly<
  Record<string, Pick<ResNetArchitecture, "widths" | "depths">>
>;

/** The name of a network. */
export type NetworkName = keyof typeof NETWORKS;

/** Makes a network with initial weights, the same ones each time. */
export function makeNetwork(
  device: Device,
  network: NetworkName,
  classes: number,
): ResNet {
  return new ResNet(
    device,
    { stem: "cifar", block: "basic", ...NETWORKS[network] },
    { classes, seed: RECIPE.seed },
  );
}

/** The settings of `deno task train-imagenet` for the same images. */
export const RECIPE = IMAGE_RECIPES.emoji;

/** The optimizers that are compared. */
export const CONTENDER_NAMES = ["sgd", "cram+"] as const;

/** One of the optimizers that are compared. */
export type ContenderName = (typeof CONTENDER_NAMES)[number];

/**
 * How many steps an optimizer takes while the other one takes its own, so
 * that both compute as many gradients: CrAM⁺ needs two for each step.
 */
export const STEPS_PER_ROUND: Readonly<Record<ContenderName, number>> = {
  "sgd": 2,
  "cram+": 1,
};

/** How many gradients each of them computes in a round. */
export const PASSES_PER_ROUND = 2;

/** Makes an optimizer. */
export function ruleOf(name: ContenderName): OptimizerRule {
  return optimizerOf({ ...RECIPE, optimizer: name });
}

/**
 * Residual networks.
 *
 * K. He, X. Zhang, S. Ren, J. Sun: "Deep Residual Learning for Image
 * Recognition", CVPR 2016. For ImageNet as torchvision builds them ("v1.5":
 * the stride is in the 3×3 convolution), for CIFAR with 1×1 convolutions where
 * shapes change, as the code of "CrAM: A Compression-Aware Minimizer" (ICLR
 * 2023) builds them.
 *
 * @module
 */

import {
  ArgumentError,
  type Device,
  globalAveragePool2d,
  maxPool2d,
  RandomSource,
  type Tensor,
} from "@cram/tensor";
import { inSinglePrecision } from "./_precision.ts";
import { BatchNorm2d } from "./batch_norm.ts";
import { Conv2d } from "./conv2d.ts";
import type { ForwardContext } from "./forward_context.ts";
import { Linear } from "./linear.ts";
import { Layer, type Members } from "./module.ts";
import { Sequence } from "./sequence.ts";

/** Options of {@linkcode resnet50} and its like. */
export interface ResNetOptions {
  /** How many classes there are. Default: 1000, or 10 for CIFAR. */
  readonly classes?: number;
  /** What the initial weights come from. */
  readonly seed: bigint;
}

/** How a residual network is built. */
export interface ResNetArchitecture {
  /**
   * What comes before the blocks: for ImageNet a 7×7 convolution and a max
   * pooling, which together divide height and width by 4; for CIFAR a 3×3
   * convolution.
   */
  readonly stem: "imagenet" | "cifar";
  /** `basic`: two 3×3 convolutions; `bottleneck`: 1×1, 3×3 and 1×1, the last with four times the channels. */
  readonly block: "basic" | "bottleneck";
  /** Channels of the 3×3 convolutions of each stage; from the second stage on, height and width are halved. */
  readonly widths: readonly number[];
  /** Blocks of each stage. */
  readonly depths: readonly number[];
}

/** Sizes of one block. */
interface BlockSizes {
  readonly inChannels: number;
  readonly width: number;
  readonly stride: number;
}

/** A convolution without bias that keeps height and width, but for the stride. */
function convolution(
  device: Device,
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  stride: number,
  random: RandomSource,
): Conv2d {
  const padding = (kernelSize - 1) / 2;
  const options = { inChannels, outChannels, kernelSize, stride, padding };
  return new Conv2d(device, options, random);
}

/** The 1×1 convolution and normalization on the way around a block that changes the shape. */
function shortcut(
  device: Device,
  inChannels: number,
  outChannels: number,
  stride: number,
  random: RandomSource,
): Sequence | undefined {
  if (stride === 1 && inChannels === outChannels) return undefined;
  return new Sequence<Layer>([
    convolution(device, inChannels, outChannels, 1, stride, random),
    new BatchNorm2d(device, outChannels),
  ]);
}

/** Two 3×3 convolutions and a way around them. */
class BasicBlock extends Layer {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequence | undefined;

  constructor(device: Device, sizes: BlockSizes, random: RandomSource) {
    super();
    const { inChannels, width, stride } = sizes;
    this.conv1 = convolution(device, inChannels, width, 3, stride, random);
    this.bn1 = new BatchNorm2d(device, width);
    this.conv2 = convolution(device, width, width, 3, 1, random);
    this.bn2 = new BatchNorm2d(device, width);
    this.downsample = shortcut(device, inChannels, width, stride, random);
  }

  override members(): Members {
    const { conv1, bn1, conv2, bn2, downsample } = this;
    return { conv1, bn1, conv2, bn2, downsample };
  }

  override forward(x: Tensor, context: ForwardContext): Tensor {
    const residual = this.downsample?.forward(x, context) ?? x;
    const y = this.bn1.forward(this.conv1.forward(x, context), context, {
      relu: true,
    });
    return this.bn2.forward(this.conv2.forward(y, context), context, {
      relu: true,
      residual,
    });
  }
}

/** A 3×3 convolution between two 1×1 convolutions, and a way around them. */
class Bottleneck extends Layer {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Sequence | undefined;

  constructor(device: Device, sizes: BlockSizes, random: RandomSource) {
    super();
    const { inChannels, width, stride } = sizes;
    const outChannels = width * Bottleneck.expansion;
    this.conv1 = convolution(device, inChannels, width, 1, 1, random);
    this.bn1 = new BatchNorm2d(device, width);
    this.conv2 = convolution(device, width, width, 3, stride, random);
    this.bn2 = new BatchNorm2d(device, width);
    this.conv3 = convolution(device, width, outChannels, 1, 1, random);
    this.bn3 = new BatchNorm2d(device, outChannels);
    this.downsample = shortcut(device, inChannels, outChannels, stride, random);
  }

  override members(): Members {
    const { conv1, bn1, conv2, bn2, conv3, bn3, downsample } = this;
    return { conv1, bn1, conv2, bn2, conv3, bn3, downsample };
  }

  override forward(x: Tensor, context: ForwardContext): Tensor {
    const residual = this.downsample?.forward(x, context) ?? x;
    let y = this.bn1.forward(this.conv1.forward(x, context), context, {
      relu: true,
    });
    y = this.bn2.forward(this.conv2.forward(y, context), context, {
      relu: true,
    });
    return this.bn3.forward(this.conv3.forward(y, context), context, {
      relu: true,
      residual,
    });
  }
}

/**
 * A residual network. Its variables have the names of torchvision:
 * `conv1.weight`, `layer1.0.bn1.running_mean`, `layer2.0.downsample.0.weight`,
 * `fc.bias`.
 */
export class ResNet extends Layer {
  /** How it is built. */
  readonly architecture: ResNetArchitecture;
  /** The device of its weights. */
  readonly device: Device;
  readonly #conv1: Conv2d;
  readonly #bn1: BatchNorm2d;
  readonly #stages: readonly Sequence[];
  readonly #fc: Linear;

  /**
   * Makes a network with initial weights.
   *
   * @param device Where the weights live.
   * @param architecture How it is built.
   * @param options Classes and seed.
   * @throws {ArgumentError} If a size is none.
   */
  constructor(
    device: Device,
    architecture: ResNetArchitecture,
    options: Required<ResNetOptions>,
  ) {
    super();
    const { stem, block, widths, depths } = architecture;
    const { classes, seed } = options;
    for (const size of [classes, ...widths, ...depths]) {
      if (!Number.isSafeInteger(size) || size < 1) {
        throw new ArgumentError(
          `Cannot build a ResNet of ${classes} classes, widths [${
            widths.join(", ")
          }] and depths [${
            depths.join(", ")
          }]: expected whole numbers of at least 1`,
        );
      }
    }
    if (widths.length !== depths.length || widths.length === 0) {
      throw new ArgumentError(
        `Cannot build a ResNet of ${widths.length} widths and ${depths.length} depths: expected one of each for each stage`,
      );
    }
    this.device = device;
    this.architecture = architecture;
    const random = new RandomSource(seed);
    this.#conv1 = stem === "imagenet"
      ? convolution(device, 3, widths[0], 7, 2, random)
      : convolution(device, 3, widths[0], 3, 1, random);
    this.#bn1 = new BatchNorm2d(device, widths[0]);
    const Block = block === "basic" ? BasicBlock : Bottleneck;
    let inChannels = widths[0];
    this.#stages = widths.map((width, stage) =>
      new Sequence(Array.from({ length: depths[stage] }, (_, i) => {
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const made = new Block(device, { inChannels, width, stride }, random);
        inChannels = width * Block.expansion;
        return made;
      }))
    );
    this.#fc = new Linear(
      device,
      { inFeatures: inChannels, outFeatures: classes },
      random,
    );
  }

  /** The parts by torchvision's names. */
  override members(): Members {
    return {
      conv1: this.#conv1,
      bn1: this.#bn1,
      ...Object.fromEntries(
        this.#stages.map((stage, i) => [`layer${i + 1}`, stage]),
      ),
      fc: this.#fc,
    };
  }

  /**
   * Computes class scores.
   *
   * @param x Normalized images `[N, H, W, 3]`.
   * @param context What the pass is for.
   * @returns The logits `[N, classes]`.
   */
  override forward(x: Tensor, context: ForwardContext): Tensor {
    let y = this.#bn1.forward(this.#conv1.forward(x, context), context, {
      relu: true,
    });
    if (this.architecture.stem === "imagenet") {
      y = maxPool2d(y, { size: 3, stride: 2, padding: 1 });
    }
    for (const stage of this.#stages) y = stage.forward(y, context);
    return inSinglePrecision(
      this.#fc.forward(globalAveragePool2d(y), context),
    );
  }
}

/**
 * ResNet-50 for images of about 224 pixels: 25,557,032 parameters with 1000 classes.
 *
 * @param device Where the weights live.
 * @param options Classes and seed.
 * @returns The network with initial weights.
 * @throws {ArgumentError} If `classes` is no whole number of at least 1.
 */
export function resnet50(device: Device, options: ResNetOptions): ResNet {
  return new ResNet(device, {
    stem: "imagenet",
    block: "bottleneck",
    widths: [64, 128, 256, 512],
    depths: [3, 4, 6, 3],
  }, { classes: 1000, ...options });
}

/**
 * ResNet-18 for images of about 224 pixels: 11,689,512 parameters with 1000 classes.
 *
 * @param device Where the weights live.
 * @param options Classes and seed.
 * @returns The network with initial weights.
 * @throws {ArgumentError} If `classes` is no whole number of at least 1.
 */
export function resnet18(device: Device, options: ResNetOptions): ResNet {
  return new ResNet(device, {
    stem: "imagenet",
    block: "basic",
    widths: [64, 128, 256, 512],
    depths: [2, 2, 2, 2],
  }, { classes: 1000, ...options });
}

/**
 * ResNet-20 for CIFAR's images of 32 pixels: 272,474 parameters with 10 classes.
 *
 * @param device Where the weights live.
 * @param options Classes and seed.
 * @returns The network with initial weights.
 * @throws {ArgumentError} If `classes` is no whole number of at least 1.
 *
 * @example Its size
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice } from "@cram/tensor";
 * import { resnet20 } from "@cram/models";
 *
 * await using device = await openDevice("reference");
 * using model = resnet20(device, { seed: 1n });
 * let size = 0;
 * for (const parameter of model.parameters().values()) size += parameter.size;
 * assertEquals(size, 272_474);
 * ```
 */
export function resnet20(device: Device, options: ResNetOptions): ResNet {
  return new ResNet(device, {
    stem: "cifar",
    block: "basic",
    widths: [16, 32, 64],
    depths: [3, 3, 3],
  }, { classes: 10, ...options });
}

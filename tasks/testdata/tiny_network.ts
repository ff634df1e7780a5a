/** A network for tests. */

import {
  BatchNorm2d,
  Conv2d,
  type ForwardContext,
  Layer,
  Linear,
  type Members,
} from "@cram/models";
import {
  cast,
  type Device,
  globalAveragePool2d,
  RandomSource,
  relu,
  type Tensor,
} from "@cram/tensor";

/** A network that is just large enough to tell colours apart. */
export class TinyNetwork extends Layer {
  readonly #conv: Conv2d;
  readonly #bn: BatchNorm2d | undefined;
  readonly #fc: Linear;

  constructor(
    device: Device,
    options: { readonly batchNorm?: boolean } = {},
  ) {
    super();
    const random = new RandomSource(1n);
    const sizes = { inChannels: 3, outChannels: 8, kernelSize: 1, bias: true };
    this.#conv = new Conv2d(device, sizes, random);
    this.#bn = options.batchNorm ? new BatchNorm2d(device, 8) : undefined;
    this.#fc = new Linear(device, { inFeatures: 8, outFeatures: 3 }, random);
  }

  override members(): Members {
    return { conv: this.#conv, bn: this.#bn, fc: this.#fc };
  }

  override forward(x: Tensor, context: ForwardContext): Tensor {
    const y = this.#conv.forward(x, context);
    const z = relu(this.#bn?.forward(y, context) ?? y);
    const logits = this.#fc.forward(globalAveragePool2d(z), context);
    return cast(logits, "float32");
  }
}

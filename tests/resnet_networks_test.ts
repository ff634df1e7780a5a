/**
 * ResNet-50, ResNet-18 and ResNet-20 as they are trained, against PyTorch:
 * logits, loss, every parameter's gradient and every running statistic.
 * `goldens/resnet_networks.py` made the values; `resnet_goldens_test.ts`
 * compares small networks, element by element.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  EVALUATION,
  exportStateDict,
  PERTURBED,
  type ResNet,
  resnet18,
  resnet20,
  resnet50,
  TRAINING,
} from "@cram/models";
import {
  assign,
  cast,
  type Device,
  type DType,
  RandomSource,
  randomUniform,
  softmaxCrossEntropy,
  tensor,
} from "@cram/tensor";
import { assertAlmostEquals } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import { castModel } from "./double_precision.ts";
import { assertFingerprint, type Fingerprint } from "./fingerprint.ts";
import goldens from "./goldens/resnet_networks.json" with { type: "json" };

interface Network {
  readonly name: keyof typeof BUILDERS;
  readonly batch: number;
  readonly size: number;
  /** Of the images. */
  readonly seed: number;
  readonly evaluation: Fingerprint;
  readonly logits: Fingerprint;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Fingerprint>>;
  readonly running: Readonly<Record<string, Fingerprint>>;
}

const { ranges, networks } = goldens as unknown as {
  /** Where the values of normalizations lie, by the end of their names. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
  readonly networks: readonly Network[];
};

const BUILDERS = { resnet18, resnet20, resnet50 };

/** Gives normalizations other values than 1 and 0, as the script does. */
function disturbNormalizations(model: ResNet): void {
  const random = new RandomSource(2n);
  for (const [name, { value }] of model.variables()) {
    if (value.rank !== 1 || name.startsWith("fc.")) continue;
    const [, [low, high]] = Object.entries(ranges)
      .find(([end]) => name.endsWith(end))!;
    const options = { ...random.next(), low, high };
    assign(value, randomUniform(model.device, value.shape, options));
  }
}

async function compare(
  device: Device,
  dtype: DType,
  tolerance: { readonly values: number; readonly gradients: number },
  golden: Network,
): Promise<void> {
  using _scope = device.scope();
  using model = BUILDERS[golden.name](device, { seed: 1n });
  disturbNormalizations(model);
  castModel(model, dtype);
  const { batch, size } = golden;
  const images = cast(
    randomUniform(device, [batch, size, size, 3], {
      seed: BigInt(golden.seed),
      low: -2,
      high: 2,
    }),
    dtype,
  );

  const evaluation = await model.forward(images, EVALUATION).data();
  const logits = await model.forward(images, PERTURBED).data();
  assertFingerprint(
    "evaluation",
    evaluation,
    golden.evaluation,
    tolerance.values,
  );
  assertFingerprint("logits", logits, golden.logits, tolerance.values);

  const classes = logits.length / batch;
  const labels = tensor(
    device,
    Int32Array.from({ length: batch }, (_, i) => i * 7 % classes),
  );
  const parameters = [...model.parameters().values()];
  const { value, gradients } = valueAndGrad(
    () => softmaxCrossEntropy(model.forward(images, TRAINING), labels),
    parameters,
  );
  const loss = await value.item();
  assertAlmostEquals(loss, golden.loss, tolerance.values * golden.loss);

  // Gradients take the places of the weights, so that the export reorders them.
  for (const [i, parameter] of parameters.entries()) {
    assign(parameter, gradients[i]);
  }
  const exported = exportStateDict(model);
  for (const [name, expected] of Object.entries(golden.gradients)) {
    const what = `gradient of ${name}`;
    const gradient = await exported.get(name)!.data();
    assertFingerprint(what, gradient, expected, tolerance.gradients);
  }
  for (const [name, expected] of Object.entries(golden.running)) {
    const statistic = await exported.get(name)!.data();
    assertFingerprint(name, statistic, expected, tolerance.values);
  }
}

const [reference, ...others] = await openTested(REFERENCE, CPU, WEBGPU);

for (const golden of networks) {
  const title = `${golden.name} computes what PyTorch computes`;
  // The loops of this device are too slow for the other two.
  if (golden.name === "resnet20") {
    const tolerance = { values: 1e-11, gradients: 1e-11 };
    reference.test(
      title,
      (device) => compare(device, "float64", tolerance, golden),
    );
  }
  for (const other of others) {
    const tolerance = { values: 1e-5, gradients: 1e-4 };
    other.test(
      title,
      (device) => compare(device, "float32", tolerance, golden),
    );
  }
}

/**
 * Small residual networks of both kinds against PyTorch: logits, loss, every
 * parameter's gradient and every running statistic. `goldens/resnet.py` made
 * the values.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  EVALUATION,
  exportStateDict,
  importStateDict,
  PERTURBED,
  ResNet,
  type ResNetArchitecture,
  TRAINING,
} from "@cram/models";
import {
  assign,
  type Device,
  type HostArray,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import goldens from "./goldens/resnet.json" with { type: "json" };

interface Golden {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface ResNetGolden {
  readonly architecture: ResNetArchitecture & { readonly classes: number };
  /** Weights in PyTorch's order of axes. */
  readonly state: Readonly<Record<string, Golden>>;
  readonly images: Golden;
  readonly labels: readonly number[];
  readonly evaluation: readonly number[];
  readonly logits: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly running: Readonly<Record<string, readonly number[]>>;
}

const TOLERANCE = 1e-4;

/** Checks values to a part of the largest of them. */
function assertClose(
  what: string,
  actual: HostArray,
  expected: readonly number[],
): void {
  assertEquals(actual.length, expected.length, what);
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i] - value) / scale;
    assert(
      error <= TOLERANCE,
      `${what}, element ${i}: ${actual[i]} instead of ${value}`,
    );
  }
}

function upload(device: Device, { data, shape }: Golden): Tensor {
  return tensor(device, Float32Array.from(data), { shape });
}

async function compare(device: Device, golden: ResNetGolden): Promise<void> {
  using _scope = device.scope();
  const { architecture, state } = golden;
  using model = new ResNet(device, architecture, {
    classes: architecture.classes,
    seed: 1n,
  });
  importStateDict(
    model,
    new Map(
      Object.entries(state).map(([name, value]) => [
        name,
        upload(device, value),
      ]),
    ),
  );
  for (const [name, tensor] of exportStateDict(model)) {
    assertEquals(tensor.shape, state[name].shape, name);
    assertEquals(
      await tensor.data(),
      Float32Array.from(state[name].data),
      name,
    );
  }

  const images = upload(device, golden.images);
  const labels = tensor(device, Int32Array.from(golden.labels));
  assertClose(
    "logits of evaluation",
    await model.forward(images, EVALUATION).data(),
    golden.evaluation,
  );

  const parameters = model.parameters();
  const logits = model.forward(images, PERTURBED);
  assertClose("logits of training", await logits.data(), golden.logits);
  const { value, gradients } = valueAndGrad(
    () => softmaxCrossEntropy(model.forward(images, TRAINING), labels),
    [...parameters.values()],
  );
  assertClose("loss", await value.data(), [golden.loss]);

  // Gradients take the places of the weights, so that the export reorders them.
  for (const [i, parameter] of [...parameters.values()].entries()) {
    assign(parameter, gradients[i]);
  }
  const exported = exportStateDict(model);
  for (const [name, expected] of Object.entries(golden.gradients)) {
    const actual = await exported.get(name)!.data();
    assertClose(`gradient of ${name}`, actual, expected);
  }
  for (const [name, expected] of Object.entries(golden.running)) {
    assertClose(name, await exported.get(name)!.data(), expected);
  }
}

for (const device of await openTested(REFERENCE, CPU, WEBGPU)) {
  for (const golden of goldens as unknown as readonly ResNetGolden[]) {
    const { stem, block } = golden.architecture;
    device.test(
      `ResNet (${stem}, ${block}) computes what PyTorch computes`,
      (device) => compare(device, golden),
    );
  }
}

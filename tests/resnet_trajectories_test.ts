/**
 * Twenty steps of ResNet-20 on one batch by SGD, SAM, CrAM and CrAM+, against
 * PyTorch. `goldens/resnet_trajectories.py` made the values;
 * `trajectories_test.ts` follows a small network for longer, by more
 * optimizers.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import { exportStateDict, resnet20 } from "@cram/models";
import { cram, cramPlus, type OptimizerRule, sam, sgd } from "@cram/optim";
import {
  cast,
  type Device,
  type DType,
  randomUniform,
  softmaxCrossEntropy,
  tensor,
} from "@cram/tensor";
import { assertAlmostEquals } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";
import { castModel } from "./double_precision.ts";
import { assertFingerprint, type Fingerprint } from "./fingerprint.ts";
import goldens from "./goldens/resnet_trajectories.json" with { type: "json" };

interface Trajectory {
  /** Of the images. */
  readonly seed: number;
  readonly losses: readonly number[];
  /** Parameters and running statistics at the end. */
  readonly state: Readonly<Record<string, Fingerprint>>;
}

const trajectories = goldens as unknown as Readonly<Record<string, Trajectory>>;

// The settings of the script; it takes the draws of seed 0.
const LEARNING_RATE = 0.002;
const base = sgd({ momentum: 0.9, weightDecay: 5e-4 });
const ascent = {
  base,
  rho: 0.05,
  compressors: [topK(0.5), topK(0.7), topK(0.9)],
};
const OPTIMIZERS: Readonly<Record<string, OptimizerRule>> = {
  "SGD": base,
  "SAM": sam({ base, rho: 0.05 }),
  "CrAM": cram(ascent),
  "CrAM+": cramPlus(ascent),
};
const BATCH = 3;
const SIZE = 5;

/**
 * Follows a trajectory for some steps and checks the losses, and after the
 * last step parameters and running statistics.
 */
async function follow(
  device: Device,
  dtype: DType,
  rule: OptimizerRule,
  { seed, losses, state }: Trajectory,
  steps: number,
  tolerance: { readonly loss: number; readonly state: number },
): Promise<void> {
  using _scope = device.scope();
  using model = resnet20(device, { seed: 1n });
  castModel(model, dtype);
  const images = cast(
    randomUniform(device, [BATCH, SIZE, SIZE, 3], {
      seed: BigInt(seed),
      low: -2,
      high: 2,
    }),
    dtype,
  );
  const labels = tensor(
    device,
    Int32Array.from({ length: BATCH }, (_, i) => i * 7 % 10),
  );
  const parameters = model.parameters();
  using optimizer = rule.start(parameters);
  for (const [i, expected] of losses.slice(0, steps).entries()) {
    using _scope = device.scope();
    const loss = await optimizer.step(
      ({ updateStatistics }) =>
        valueAndGrad(
          () =>
            softmaxCrossEntropy(
              model.forward(images, { training: true, updateStatistics }),
              labels,
            ),
          [...parameters.values()],
        ),
      { learningRate: LEARNING_RATE },
    );
    const what = `loss of step ${i + 1}`;
    assertAlmostEquals(await loss.item(), expected, tolerance.loss, what);
  }
  if (steps < losses.length) return;
  for (const [name, tensor] of exportStateDict(model)) {
    const values = await tensor.data();
    assertFingerprint(name, values, state[name], tolerance.state);
  }
}

const [reference, ...others] = await openTested(REFERENCE, CPU, WEBGPU);

/** The software adapter of the webgpu tests is slow: a few steps pass through every kernel. */
const SINGLE_STEPS: Readonly<Record<string, number>> = { cpu: 20, webgpu: 3 };

for (const [name, rule] of Object.entries(OPTIMIZERS)) {
  const golden = trajectories[name];
  const title = (steps: number) =>
    `${name} on ResNet-20 follows PyTorch for ${steps} steps`;

  // The loops of this device are slow: CrAM+ passes through all that the others do.
  const steps = name === "CrAM+" ? 20 : 5;
  reference.test(title(steps), (device) => {
    const tolerance = { loss: 1e-9, state: 1e-9 };
    return follow(device, "float64", rule, golden, steps, tolerance);
  });

  for (const other of others) {
    const steps = SINGLE_STEPS[other.kind];
    other.test(title(steps), (device) => {
      const tolerance = { loss: 1e-4, state: 1e-4 };
      return follow(device, "float32", rule, golden, steps, tolerance);
    });
  }
}

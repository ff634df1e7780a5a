import { full, ones, zeros } from "./creation.ts";
import {
  ArgumentError,
  DeviceError,
  DisposedError,
  DTypeError,
  ShapeError,
} from "./errors.ts";
import {
  adamStep,
  magnitudeThresholds,
  maskedAdd,
  perturb,
  pruneBelow,
  pruneNM,
  sgdStep,
} from "./flat.ts";
import type { AdamUpdate, SgdUpdate } from "./flat_kernels.ts";
import { openDevice } from "./open_device.ts";
import type { Tensor } from "./tensor.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

const SGD: SgdUpdate = {
  learningRate: 0.1,
  momentum: 0.9,
  dampening: 0,
  nesterov: false,
  weightDecay: 0,
  first: false,
};

const ADAM: AdamUpdate = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  decoupled: false,
  step: 1,
};

/** Calls of every kernel with `x` in one place and `y` elsewhere. */
function calls(x: Tensor, y: Tensor, mask: Tensor): Record<string, () => void> {
  return {
    perturb: () => perturb(y, x, y, 1),
    maskedAdd: () => maskedAdd(y, x, mask),
    sgdStep: () => sgdStep({ parameter: y, gradient: y, velocity: x }, SGD),
    adamStep: () =>
      adamStep({ parameter: y, gradient: x, mean: y, square: y }, ADAM),
    magnitudeThresholds: () =>
      void magnitudeThresholds([
        { x: y, segment: 0, base: 0 },
        { x, segment: 0, base: 4 },
      ], [2]),
    pruneBelow: () =>
      pruneBelow({ x, segment: 0, base: 0 }, y.view(0, [1, 4]), mask),
    pruneNM: () => pruneNM(x, mask, 2, 4),
  };
}

reference.test("the flat kernels refuse tensors that do not fit", async (device) => {
  await using other = await openDevice("reference");
  using _scope = device.scope();
  const y = ones(device, [4]);
  const mask = zeros(device, [4], { dtype: "bool" });
  const disposed = ones(device, [4]);
  disposed.dispose();
  for (
    const [x, error, message] of [
      [ones(other, [4]), DeviceError, "different devices"],
      [disposed, DisposedError, "it was disposed of"],
      [ones(device, [4], { dtype: "int32" }), DTypeError, "int32"],
    ] as const
  ) {
    for (const call of Object.values(calls(x, y, mask))) {
      assertRefused(device, call, error, message);
    }
  }
  const { magnitudeThresholds: _, ...sameSize } = calls(
    ones(device, [3]),
    y,
    mask,
  );
  for (const call of Object.values(sameSize)) {
    assertRefused(device, call, ShapeError, "[3]");
  }
});

reference.test("the flat kernels refuse masks that are not bool", (device) => {
  using _scope = device.scope();
  const y = ones(device, [4]);
  const { maskedAdd, pruneBelow, pruneNM } = calls(y, y, y);
  for (const call of [maskedAdd, pruneBelow, pruneNM]) {
    assertRefused(device, call, DTypeError, "it takes bool tensors");
  }
});

reference.test("the flat kernels refuse scales that are no scalars", (device) => {
  using _scope = device.scope();
  const [y, scale] = [ones(device, [4]), full(device, [2], 0.5)];
  for (
    const call of [
      () => perturb(y, y, y, scale),
      () => sgdStep({ parameter: y, gradient: y, gradientScale: scale }, SGD),
      () =>
        adamStep({
          parameter: y,
          gradient: y,
          mean: y,
          square: y,
          gradientScale: scale,
        }, ADAM),
    ]
  ) {
    assertRefused(device, call, ShapeError, "expected one element");
  }
});

reference.test("the flat kernels refuse numbers that are none", (device) => {
  using _scope = device.scope();
  const x = ones(device, [4]);
  const mask = zeros(device, [4], { dtype: "bool" });
  const thresholds = zeros(device, [1, 2]);
  const part = { x, segment: 0, base: 0 };
  for (
    const [call, message] of [
      [() => magnitudeThresholds([part], [1.5]), "counts [1.5]"],
      [() => magnitudeThresholds([{ ...part, segment: 1 }], [2]), "segment 1"],
      [() => magnitudeThresholds([{ ...part, base: -1 }], [2]), "base -1"],
      [
        () => pruneBelow({ ...part, segment: 1 }, thresholds, mask),
        "segment 1",
      ],
      [() => pruneNM(x, mask, 5, 4), "5:4"],
      [() => pruneNM(x, mask, NaN, 4), "NaN:4"],
      [() => pruneNM(x, mask, 0, 0), "0:0"],
    ] as const
  ) {
    assertRefused(device, call, ArgumentError, message);
  }
});

reference.test("flat kernels refuse float16, which small steps are lost in", (device) => {
  using half = ones(device, [4], { dtype: "float16" });
  assertRefused(
    device,
    () => perturb(half, half, half, 0.5, { adaptive: false }),
    DTypeError,
    'Cannot run "perturb" on Tensor(float16 [4], made by "full"): it takes float32 and float64; cast it first',
  );
});

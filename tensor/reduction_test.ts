import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { arange, ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import {
  argmax,
  l2Norm,
  logSumExp,
  max,
  mean,
  min,
  sum,
  variance,
} from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("sum() reduces any axes", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 24), [2, 3, 4]);
  for (
    const [axes, shape, expected] of [
      [undefined, [], [276]],
      [[0, 1, 2], [], [276]],
      [0, [3, 4], [12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34]],
      [1, [2, 4], [12, 15, 18, 21, 48, 51, 54, 57]],
      [-1, [2, 3], [6, 22, 38, 54, 70, 86]],
      [[0, 1], [4], [60, 66, 72, 78]],
      [[2, 1], [2], [66, 210]],
      [[0, 2], [3], [60, 92, 124]],
      [[], [2, 3, 4], [...Array(24).keys()]],
    ] as const
  ) {
    const result = sum(x, { axes });
    assertEquals(result.shape, shape);
    assertEquals([...await result.data()], [...expected]);
  }
});

reference.test("sum() copies only when axes that stay lie between those that do not", (device) => {
  using _scope = device.scope();
  const [x, deep] = [ones(device, [2, 1, 3, 1]), ones(device, [2, 2, 3])];
  const { allocate } = device;
  const made: string[] = [];
  device.allocate = (shape, dtype, op) => {
    made.push(op);
    return allocate.call(device, shape, dtype, op);
  };
  sum(x, { axes: [0, 2] });
  sum(deep, { axes: [0, 1] });
  assertEquals(made, ["sum", "sum"]);
  sum(deep, { axes: [0, 2] });
  assertEquals(made, ["sum", "sum", "transpose", "sum"]);
  device.allocate = allocate;
});

reference.test("reductions keep axes with size 1 when asked to", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 3, 4]);
  assertEquals(sum(x, { axes: [0, 2], keepDims: true }).shape, [1, 3, 1]);
  assertEquals(variance(x, { axes: 1, keepDims: true }).shape, [2, 1, 4]);
  assertEquals(argmax(x, { axis: 1, keepDims: true }).shape, [2, 1, 4]);
  assertEquals(argmax(x, { keepDims: true }).shape, [1, 1, 1]);
  assertEquals(max(x, { keepDims: true }).shape, [1, 1, 1]);
});

reference.test("reductions over nothing have their neutral element", async (device) => {
  using _scope = device.scope();
  const x = zeros(device, [2, 0]);
  const options = { axes: 1 };
  assertEquals([...await sum(x, options).data()], [0, 0]);
  assertEquals([...await mean(x, options).data()], [NaN, NaN]);
  assertEquals([...await max(x, options).data()], [-Infinity, -Infinity]);
  assertEquals([...await min(x, options).data()], [Infinity, Infinity]);
  assertEquals([...await logSumExp(x, options).data()], [-Infinity, -Infinity]);
  assertEquals([...await l2Norm(x, options).data()], [0, 0]);
  assertEquals([...await variance(x, options).data()], [NaN, NaN]);
  assertEquals(sum(x, { axes: 0 }).shape, [0]);
});

reference.test("reductions see NaN and infinities", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[1, NaN], [Infinity, 1], [-Infinity, -Infinity]]);
  const options = { axes: 1 };
  assertEquals([...await max(x, options).data()], [NaN, Infinity, -Infinity]);
  assertEquals([...await min(x, options).data()], [NaN, 1, -Infinity]);
  assertEquals(
    [...await logSumExp(x, options).data()],
    [NaN, Infinity, -Infinity],
  );
  assertEquals([...await argmax(x, { axis: 1 }).data()], [1, 0, 0]);
});

reference.test("reductions of integers stay integers", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Int32Array.of(2 ** 31 - 1, 1, -5));
  assertEquals(await sum(x).data(), Int32Array.of(-(2 ** 31) - 5 + 2 ** 32));
  assertEquals(await max(x).data(), Int32Array.of(2 ** 31 - 1));
  assertEquals(await min(x).data(), Int32Array.of(-5));
});

reference.test("variance() is accurate far from zero", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4]);
  assertAlmostEquals(await variance(x).item(), 1.25, 1e-6);
  assertAlmostEquals(await variance(x, { correction: 1 }).item(), 5 / 3, 1e-6);
});

reference.test("variance() of one element is NaN when it is unbiased", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [1]);
  assertEquals(await variance(x).item(), 0);
  assertEquals(await variance(x, { correction: 1 }).item(), NaN);
});

reference.test("variance() is not negative where the correction exceeds the elements", async (device) => {
  using _scope = device.scope();
  // As in PyTorch.
  const result = variance(tensor(device, [1, 2, 3]), { correction: 5 });
  assertEquals(await result.item(), Infinity);
});

reference.test("variance() gives back its temporaries", (device) => {
  using x = ones(device, [4, 4]);
  const { liveBuffers } = device.memory;
  using _result = variance(x, { axes: 0 });
  assertEquals(device.memory.liveBuffers, liveBuffers + 1);
});

reference.test("argmax() finds the first of equals, and sees all axes as one", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[1, 7], [7, 0]]);
  const result = argmax(x);
  assertEquals([result.dtype, result.shape], ["int32", []]);
  assertEquals(await result.item(), 1);
  assertEquals(await argmax(x, { axis: -2 }).data(), Int32Array.of(1, 0));
});

reference.test("argmax() throws when there is nothing to compare", (device) => {
  using x = zeros(device, [2, 0]);
  assertRefused(device, () => argmax(x), ShapeError, "nothing to compare");
  assertRefused(device, () => argmax(x, { axis: 1 }), ShapeError, "nothing");
  using result = argmax(x, { axis: 0 });
  assertEquals(result.shape, [0]);
});

reference.test("reductions throw when axes are none", (device) => {
  using x = ones(device, [2, 3]);
  for (const axes of [2, -3, 0.5, NaN, [0, 0], [1, -1]]) {
    for (const f of [sum, mean, max, min, logSumExp, l2Norm, variance]) {
      assertRefused(
        device,
        () => f(x, { axes }),
        ArgumentError,
        "Cannot use axis",
      );
    }
  }
  assertRefused(device, () => argmax(x, { axis: 2 }), ArgumentError, "axis 2");
});

reference.test("reductions throw when dtypes or corrections do not fit", (device) => {
  using _scope = device.scope();
  const int = ones(device, [2], { dtype: "int32" });
  for (const f of [mean, logSumExp, l2Norm, variance]) {
    assertRefused(device, () => f(int), DTypeError, `Cannot run "${f.name}"`);
  }
  const bool = ones(device, [2], { dtype: "bool" });
  assertRefused(device, () => sum(bool), DTypeError, 'Cannot run "sum"');
  const float = ones(device, [2]);
  for (const correction of [-1, NaN, Infinity]) {
    assertRefused(
      device,
      () => variance(float, { correction }),
      ArgumentError,
      `correction ${correction}`,
    );
  }
  assert(!float.disposed);
});

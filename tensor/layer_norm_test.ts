import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { layerNorm } from "./layer_norm.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("layerNorm() normalizes each row, after the residual", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, Float64Array.of(1, 3, 0, 0), { shape: [2, 2] });
  const residual = tensor(device, Float64Array.of(1, 3, 6, 0), {
    shape: [2, 2],
  });
  const y = layerNorm(x, {
    scale: tensor(device, Float64Array.of(1, 2)),
    bias: tensor(device, Float64Array.of(0, 10)),
  }, { residual, epsilon: 0.5 });
  const [a, b] = [2 / Math.sqrt(4.5), 3 / Math.sqrt(9.5)];
  const expected = [-a, 10 + 2 * a, b, 10 - 2 * b];
  (await y.data()).forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 1e-12)
  );
});

reference.test("layerNorm() normalizes as many axes as the scale has", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[[1], [1]], [[0], [2]]]);
  const parameters = {
    scale: ones(device, [2, 1]),
    bias: zeros(device, [2, 1]),
  };
  const y = layerNorm(x, parameters, { epsilon: 1e-12 });
  assertEquals(y.shape, [2, 2, 1]);
  assertEquals([...await y.data()], [0, 0, -1, 1]);
});

reference.test("layerNorm() gives back its statistics", (device) => {
  using x = ones(device, [3, 2]);
  using scale = ones(device, [2]);
  using _plain = layerNorm(x, { scale, bias: scale });
  using _added = layerNorm(x, { scale, bias: scale }, { residual: x });
  assertEquals(device.memory.liveBuffers, 4);
});

reference.test("layerNorm() of no rows gives none", (device) => {
  using _scope = device.scope();
  const scale = ones(device, [2]);
  const y = layerNorm(zeros(device, [0, 2]), { scale, bias: scale });
  assertEquals(y.shape, [0, 2]);
});

reference.test("layerNorm() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const x = ones(device, [3, 2]);
  const [scale, wide, scalar] = [[2], [3], []].map((s) => ones(device, s));
  const deep = ones(device, [1, 3, 2]);
  for (
    const [a, b] of [[wide, wide], [scale, wide], [scalar, scalar], [
      deep,
      deep,
    ]]
  ) {
    assertRefused(
      device,
      () => layerNorm(x, { scale: a, bias: b }),
      ShapeError,
      'Cannot run "layerNorm"',
    );
  }
  const parameters = { scale, bias: scale };
  assertRefused(
    device,
    () => layerNorm(x, parameters, { residual: scale }),
    ShapeError,
    "with residual",
  );
  assertRefused(
    device,
    () => layerNorm(x, parameters, { epsilon: 0 }),
    ArgumentError,
    "epsilon 0",
  );
  const int = ones(device, [3, 2], { dtype: "int32" });
  assertRefused(device, () => layerNorm(int, parameters), DTypeError, "float");
});

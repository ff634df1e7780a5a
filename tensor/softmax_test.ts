import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { logSoftmax, softmax } from "./softmax.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("softmax() sums to 1 along any axis", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[0, 1000], [Math.log(3), 1000]]);
  const columns = softmax(x, { axis: 0 });
  (await columns.data()).forEach((value, i) =>
    assertAlmostEquals(value, [0.25, 0.5, 0.75, 0.5][i], 1e-6)
  );
  const rows = softmax(x);
  assertEquals([...await rows.data()], [0, 1, 0, 1]);
});

reference.test("logSoftmax() does not lose what softmax() does", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[[0, 1], [1000, 0]]]);
  const y = logSoftmax(x, { axis: 1 });
  const expected = [-1000, Math.log(1 / (1 + 1 / Math.E)), 0];
  (await y.data()).slice(0, 3).forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 1e-6)
  );
});

reference.test("softmax() of nothing but -Infinity is NaN", async (device) => {
  using x = tensor(device, [-Infinity, -Infinity]);
  using y = softmax(x);
  assertEquals([...await y.data()], [NaN, NaN]);
});

reference.test("softmax() gives back its temporaries, and takes empty tensors", (device) => {
  using x = ones(device, [2, 3, 4]);
  using _y = softmax(x, { axis: 1 });
  assertEquals(device.memory.liveBuffers, 2);
  using empty = zeros(device, [2, 0]);
  using none = softmax(empty);
  assertEquals(none.shape, [2, 0]);
});

reference.test("softmax() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2]);
  const scalar = ones(device, []);
  const int = ones(device, [2], { dtype: "int32" });
  for (const f of [softmax, logSoftmax]) {
    assertRefused(device, () => f(x, { axis: 1 }), ArgumentError, "axis 1");
    assertRefused(device, () => f(scalar), ArgumentError, "axis -1");
    assertRefused(device, () => f(int), DTypeError, `Cannot run "${f.name}"`);
  }
});

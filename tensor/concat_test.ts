import { assertEquals } from "@std/assert";
import { concat, stack } from "./concat.ts";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("concat() joins along any axis", async (device) => {
  using _scope = device.scope();
  const a = tensor(device, [[1, 2], [3, 4]]);
  const b = tensor(device, [[5], [6]]);
  const wide = concat([a, b, a], { axis: -1 });
  assertEquals(wide.shape, [2, 5]);
  assertEquals([...await wide.data()], [1, 2, 5, 1, 2, 3, 4, 6, 3, 4]);
  assertEquals([...await concat([a, a]).data()], [1, 2, 3, 4, 1, 2, 3, 4]);
});

reference.test("concat() leaves out what is empty", async (device) => {
  using _scope = device.scope();
  const empty = zeros(device, [0, 2]);
  const x = concat([empty, ones(device, [1, 2]), empty]);
  assertEquals([...await x.data()], [1, 1]);
  assertEquals(concat([empty, empty]).shape, [0, 2]);
});

reference.test("stack() joins along a new axis and gives back its temporaries", async (device) => {
  using a = tensor(device, [1, 2]);
  using b = tensor(device, [3, 4]);
  using columns = stack([a, b], { axis: -1 });
  assertEquals(columns.shape, [2, 2]);
  assertEquals([...await columns.data()], [1, 3, 2, 4]);
  assertEquals([a.shared, device.memory.liveBuffers], [false, 3]);
});

reference.test("concat() and stack() throw when tensors do not fit", (device) => {
  using _scope = device.scope();
  const [a, b, c] = [
    ones(device, [2]),
    ones(device, [3]),
    ones(device, [2, 1]),
  ];
  const int = ones(device, [2], { dtype: "int32" });
  assertRefused(device, () => concat([]), ArgumentError, "Cannot concat no");
  assertRefused(device, () => stack([]), ArgumentError, "Cannot stack no");
  assertRefused(device, () => concat([a, c]), ShapeError, "Cannot concat");
  assertRefused(
    device,
    () => concat([c, c.view(0, [1, 2])], { axis: 0 }),
    ShapeError,
    "along axis 0: the other axes differ",
  );
  assertRefused(device, () => stack([a, b]), ShapeError, "Cannot stack");
  assertRefused(device, () => concat([a, int]), DTypeError, "dtypes differ");
  assertRefused(
    device,
    () => concat([a], { axis: 1 }),
    ArgumentError,
    "axis 1",
  );
  const scalar = ones(device, []);
  assertRefused(device, () => concat([scalar]), ArgumentError, "axis 0");
  assertEquals(stack([scalar, scalar]).shape, [2]);
});

import { assertEquals } from "@std/assert";
import { ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { embedding, gather, scatterAdd } from "./gather.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("gather() takes indices of any shape along any axis", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[1, 2, 3], [4, 5, 6]]);
  const indices = tensor(device, [[2, 0], [1, 1]], { dtype: "int32" });
  const y = gather(x, indices, { axis: -1 });
  assertEquals(y.shape, [2, 2, 2]);
  assertEquals([...await y.data()], [3, 1, 2, 2, 6, 4, 5, 5]);
  const scalar = gather(x, tensor(device, 1, { dtype: "int32" }));
  assertEquals([...await scalar.data()], [4, 5, 6]);
});

reference.test("gather() gives NaN or 0 when an index is out of range", async (device) => {
  using _scope = device.scope();
  const indices = tensor(device, [-1, 2], { dtype: "int32" });
  assertEquals([...await gather(ones(device, [2]), indices).data()], [
    NaN,
    NaN,
  ]);
  const whole = ones(device, [2], { dtype: "int32" });
  assertEquals([...await gather(whole, indices).data()], [0, 0]);
});

reference.test("gather() of no indices is empty", (device) => {
  using _scope = device.scope();
  const none = zeros(device, [0], { dtype: "int32" });
  assertEquals(gather(ones(device, [2, 3]), none).shape, [0, 3]);
});

reference.test("gather() gives back its temporaries", (device) => {
  using x = ones(device, [2]);
  using indices = zeros(device, [2, 2], { dtype: "int32" });
  using _y = gather(x, indices);
  assertEquals([indices.shared, device.memory.liveBuffers], [false, 3]);
});

reference.test("gather() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const x = ones(device, [2, 2, 2, 2, 2]);
  const [float, int] = [
    ones(device, [1]),
    ones(device, [1], { dtype: "int32" }),
  ];
  assertRefused(device, () => gather(x, float), DTypeError, "expected int32");
  assertRefused(
    device,
    () => gather(x, int, { axis: 5 }),
    ArgumentError,
    "axis 5",
  );
  const deep = ones(device, [1, 1, 1, 1, 1], { dtype: "int32" });
  assertRefused(device, () => gather(x, deep), ShapeError, "it has 9 axes");
  const half = ones(device, [1], { dtype: "bfloat16" });
  assertRefused(device, () => gather(half, int), DTypeError, "cast it first");
});

reference.test("scatterAdd() adds slices for the same index up, and leaves x as it is", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [[1, 2], [3, 4]]);
  const indices = tensor(device, [[1], [1], [5]], { dtype: "int32" });
  const updates = ones(device, [2, 3, 1]);
  const y = scatterAdd(x, indices, updates, { axis: 1 });
  assertEquals([...await y.data()], [1, 4, 3, 6]);
  assertEquals([...await x.data()], [1, 2, 3, 4]);
});

reference.test("scatterAdd() of nothing copies", async (device) => {
  using _scope = device.scope();
  const none = zeros(device, [0], { dtype: "int32" });
  const x = ones(device, [2]);
  const y = scatterAdd(x, none, zeros(device, [0]));
  assertEquals([...await y.data()], [1, 1]);
  assertEquals(y.shared, false);
});

reference.test("scatterAdd() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const [x, updates] = [ones(device, [3, 2]), ones(device, [4, 2])];
  const indices = zeros(device, [3], { dtype: "int32" });
  assertRefused(
    device,
    () => scatterAdd(x, indices, updates),
    ShapeError,
    "the updates must have shape [3, 2]",
  );
  assertRefused(device, () => scatterAdd(x, updates, x), DTypeError, "int32");
  assertRefused(
    device,
    () => scatterAdd(x, indices, indices),
    DTypeError,
    "differ",
  );
});

reference.test("embedding() throws when the table is none", (device) => {
  using _scope = device.scope();
  const indices = zeros(device, [3], { dtype: "int32" });
  const [row, deep] = [ones(device, [2]), ones(device, [2, 2, 2])];
  for (const table of [row, deep]) {
    assertRefused(
      device,
      () => embedding(table, indices),
      ShapeError,
      "[entries, width]",
    );
  }
  assertRefused(device, () => embedding(indices, indices), DTypeError, "float");
});

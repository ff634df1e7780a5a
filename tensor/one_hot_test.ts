import { assertEquals } from "@std/assert";
import { ones, tensor } from "./creation.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import { oneHot } from "./one_hot.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("oneHot() gives zeros when an index is out of range", async (device) => {
  using _scope = device.scope();
  const indices = tensor(device, [[1], [-1], [2]], { dtype: "int32" });
  const x = oneHot(indices, 2, { dtype: "bool" });
  assertEquals([x.shape, x.dtype], [[3, 1, 2], "bool"]);
  assertEquals([...await x.data()], [0, 1, 0, 0, 0, 0]);
});

reference.test("oneHot() gives back its temporaries", (device) => {
  using indices = ones(device, [3], { dtype: "int32" });
  using _x = oneHot(indices, 2);
  assertEquals([indices.shared, device.memory.liveBuffers], [false, 2]);
});

reference.test("oneHot() throws when arguments do not fit", (device) => {
  using _scope = device.scope();
  const indices = ones(device, [3], { dtype: "int32" });
  for (const classes of [-1, 0.5, NaN]) {
    assertRefused(
      device,
      () => oneHot(indices, classes),
      ArgumentError,
      "classes",
    );
  }
  const float = ones(device, [3]);
  assertRefused(device, () => oneHot(float, 2), DTypeError, "expected int32");
});

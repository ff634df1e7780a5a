import { assertEquals } from "@std/assert";
import { broadcastTo } from "./broadcast_to.ts";
import { ones, tensor, zeros } from "./creation.ts";
import { ShapeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("broadcastTo() repeats axes of size 1 and missing ones", async (device) => {
  using _scope = device.scope();
  const x = broadcastTo(tensor(device, [[1], [2]]), [2, 2, 2]);
  assertEquals([...await x.data()], [1, 1, 2, 2, 1, 1, 2, 2]);
  assertEquals([...await broadcastTo(tensor(device, 5), [2]).data()], [5, 5]);
  assertEquals(broadcastTo(zeros(device, [1]), [0]).shape, [0]);
});

reference.test("broadcastTo() throws when sizes do not fit", (device) => {
  using x = ones(device, [2, 3]);
  for (const shape of [[3], [2, 1], [3, 3], [2, 6], [2, 3, 1], [2, NaN]]) {
    assertRefused(device, () => broadcastTo(x, shape), ShapeError, "Cannot");
  }
});

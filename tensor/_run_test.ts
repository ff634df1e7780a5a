import { assertEquals, assertThrows } from "@std/assert";
import { ones, zeros } from "./creation.ts";
import { ArgumentError } from "./errors.ts";
import { checkNumbers, produceAll } from "./_run.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

reference.test("produceAll() does not run the kernel when an output is empty, and makes the others 0", async (device) => {
  using _garbage = ones(device, [3]);
  const outs = produceAll(
    device,
    "test",
    [[[3], "float32"], [[0, 3], "float32"], [[], "bool"]],
    () => {
      throw new Error("The kernel was run");
    },
  );
  assertEquals([...await outs[0].data()], [0, 0, 0]);
  assertEquals(await outs[2].item(), 0);
  for (const out of outs) out.dispose();
});

reference.test("produceAll() gives outputs back when the kernel or an allocation fails", (device) => {
  const { liveBuffers } = device.memory;
  assertThrows(
    () =>
      produceAll(device, "test", [[[3], "float32"], [[2], "int32"]], () => {
        throw new Error("The kernel failed");
      }),
    Error,
    "The kernel failed",
  );
  assertThrows(
    () =>
      produceAll(
        device,
        "test",
        [[[3], "float32"], [[NaN], "int32"]],
        () => {},
      ),
    RangeError,
  );
  assertEquals(device.memory.liveBuffers, liveBuffers);
});

reference.test("checkNumbers() looks at numbers of whole dtypes only", (device) => {
  using x = zeros(device, [1]);
  checkNumbers("test", "float32", [0.5, NaN, Infinity]);
  checkNumbers("test", "float16", [0.5]);
  checkNumbers("test", "int32", [x, undefined, -(2 ** 31)]);
  assertThrows(
    () => checkNumbers("test", "uint8", [0, -1]),
    ArgumentError,
    'Cannot run "test" with -1 as uint8: expected a whole number from 0 to 255',
  );
});

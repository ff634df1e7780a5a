import { assertEquals } from "@std/assert";
import { arange, ones, tensor, zeros } from "./creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import {
  averagePool2d,
  globalAveragePool2d,
  globalMaxPool2d,
  maxPool2d,
} from "./pooling.ts";
import { reshape } from "./reshape.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("maxPool2d() never takes the border, and always NaN", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [-1, -2, -3, NaN], { shape: [1, 2, 2, 1] });
  const y = maxPool2d(x, { size: 2, stride: 1, padding: 1 });
  assertEquals(y.shape, [1, 3, 3, 1]);
  assertEquals(
    [...await y.data()],
    [-1, -1, -2, -1, NaN, NaN, -3, NaN, NaN],
  );
});

reference.test("averagePool2d() counts the border or not", async (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 1, 3, 1]);
  const windows = { size: [1, 2], stride: [1, 2], padding: [0, 1] } as const;
  const counted = averagePool2d(x, windows);
  assertEquals([...await counted.data()], [0.5, 1]);
  const left = averagePool2d(x, { ...windows, countIncludePad: false });
  assertEquals([...await left.data()], [1, 1]);
});

reference.test("pooling keeps images and channels apart", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 16), [2, 2, 2, 2]);
  assertEquals([...await maxPool2d(x, { size: 2 }).data()], [6, 7, 14, 15]);
  assertEquals([...await averagePool2d(x, { size: 2 }).data()], [3, 4, 11, 12]);
  assertEquals([...await globalMaxPool2d(x).data()], [6, 7, 14, 15]);
  const means = globalAveragePool2d(x);
  assertEquals(means.shape, [2, 2]);
  assertEquals([...await means.data()], [3, 4, 11, 12]);
});

reference.test("pooling of no images gives none", (device) => {
  using _scope = device.scope();
  const x = zeros(device, [0, 4, 4, 2]);
  assertEquals(maxPool2d(x, { size: 2 }).shape, [0, 2, 2, 2]);
  assertEquals(averagePool2d(x, { size: 2 }).shape, [0, 2, 2, 2]);
  assertEquals(globalAveragePool2d(x).shape, [0, 2]);
});

reference.test("maxPool2d() gives back the indices", (device) => {
  using x = ones(device, [1, 4, 4, 1]);
  using _y = maxPool2d(x, { size: 2 });
  assertEquals(device.memory.liveBuffers, 2);
});

reference.test("pooling throws when windows are none", (device) => {
  using x = ones(device, [1, 4, 4, 1]);
  for (const f of [maxPool2d, averagePool2d]) {
    for (
      const [options, message] of [
        [{ size: 0 }, "size 0"],
        [{ size: 2, stride: 0 }, "stride 0"],
        [{ size: 2, padding: 2 }, "padding to be less than the size"],
        [{ size: [1, 3], padding: 1 }, "padding to be less than the size"],
      ] as const
    ) {
      assertRefused(device, () => f(x, options), ArgumentError, message);
    }
    assertRefused(device, () => f(x, { size: 5 }), ShapeError, "on height 4");
  }
});

reference.test("pooling throws when images are none", (device) => {
  using _scope = device.scope();
  const flat = ones(device, [4, 4]);
  const int = ones(device, [1, 4, 4, 1], { dtype: "int32" });
  for (
    const f of [
      (x: typeof flat) => maxPool2d(x, { size: 2 }),
      (x: typeof flat) => averagePool2d(x, { size: 2 }),
      globalAveragePool2d,
      globalMaxPool2d,
    ]
  ) {
    assertRefused(device, () => f(flat), ShapeError, "images [N, H, W, C]");
    assertRefused(device, () => f(int), DTypeError, "float");
  }
});

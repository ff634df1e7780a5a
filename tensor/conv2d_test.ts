import { assertEquals } from "@std/assert";
import { arange, ones, tensor, zeros } from "./creation.ts";
import { conv2d } from "./conv2d.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";
import { assertRefused } from "../tests/refused.ts";

const [reference] = await openTested(REFERENCE);

reference.test("conv2d() multiplies windows by the weight, unflipped", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 9), [1, 3, 3, 1]);
  const weight = tensor(device, [1, 10, 100, 1000], { shape: [2, 2, 1, 1] });
  const y = conv2d(x, weight);
  assertEquals(y.shape, [1, 2, 2, 1]);
  assertEquals([...await y.data()], [4310, 5421, 7643, 8754]);
});

reference.test("conv2d() of one pixel windows is a product", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 24), [2, 2, 2, 3]);
  const weight = reshape(arange(device, 6), [1, 1, 3, 2]);
  const bias = tensor(device, [1, 2]);
  const flat = matmul(reshape(x, [8, 3]), reshape(weight, [3, 2]), { bias });
  assertEquals(
    await conv2d(x, weight, { bias }).data(),
    await flat.data(),
  );
});

reference.test("conv2d() takes stride, padding and dilation for rows and columns", async (device) => {
  using _scope = device.scope();
  const x = reshape(arange(device, 20), [1, 4, 5, 1]);
  const weight = ones(device, [2, 1, 1, 1]);
  const y = conv2d(x, weight, {
    stride: [2, 3],
    padding: [[1, 0], [0, 2]],
    dilation: [2, 1],
  });
  // Rows -1 and 1, then 1 and 3; columns 0, 3 and the second zero behind.
  assertEquals(y.shape, [1, 2, 3, 1]);
  assertEquals([...await y.data()], [5, 8, 0, 20, 26, 0]);
});

reference.test("conv2d() keeps groups of channels apart", async (device) => {
  using _scope = device.scope();
  const x = tensor(device, [1, 2, 3, 4], { shape: [1, 1, 1, 4] });
  const weight = tensor(device, [1, 2, 3, 4, 5, 6, 7, 8], {
    shape: [1, 1, 2, 4],
  });
  const y = conv2d(x, weight, { groups: 2 });
  // Outputs 0 and 1 see inputs 0 and 1, outputs 2 and 3 see inputs 2 and 3.
  assertEquals([...await y.data()], [11, 14, 37, 44]);
});

reference.test("conv2d() of no images gives none", (device) => {
  using _scope = device.scope();
  const y = conv2d(zeros(device, [0, 4, 4, 2]), ones(device, [3, 3, 2, 5]));
  assertEquals(y.shape, [0, 2, 2, 5]);
});

reference.test("conv2d() throws when shapes do not fit", (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 4, 4, 2]);
  const weight = ones(device, [3, 3, 2, 4]);
  const refuse = (run: () => unknown, message: string) =>
    assertRefused(device, run, ShapeError, message);
  const [deep, none] = [ones(device, [3, 3, 3, 4]), ones(device, [3, 0, 2, 4])];
  const [image, bias] = [ones(device, [4, 4, 2]), ones(device, [2])];
  const large = ones(device, [5, 3, 2, 4]);
  refuse(() => conv2d(image, weight), "expected images [N, H, W, C]");
  refuse(
    () => conv2d(x, deep),
    "the images have 2 channels, the weight takes 3",
  );
  refuse(() => conv2d(x, weight, { groups: 2 }), "the weight takes 4");
  refuse(() => conv2d(x, none), "the weight has no elements");
  refuse(() => conv2d(x, weight, { bias }), "expected it to have shape [4]");
  refuse(() => conv2d(x, large), "on height 4");
});

reference.test("conv2d() throws when options or dtypes are none", (device) => {
  using _scope = device.scope();
  const x = ones(device, [1, 4, 4, 3]);
  const weight = ones(device, [3, 3, 3, 4]);
  for (
    const [options, message] of [
      [{ stride: 0 }, "stride 0"],
      [{ stride: [1, NaN] }, "stride [1,null]"],
      [{ dilation: 0 }, "dilation 0"],
      [{ padding: -1 }, "padding -1"],
      [{ groups: 3 }, "divides the 4 output channels"],
      [{ groups: 0 }, "in 0 groups"],
      [{ groups: 1.5 }, "in 1.5 groups"],
    ] as const
  ) {
    assertRefused(
      device,
      () => conv2d(x, weight, options),
      ArgumentError,
      message,
    );
  }
  const int = ones(device, [1, 4, 4, 3], { dtype: "int32" });
  assertRefused(device, () => conv2d(int, weight), DTypeError, "float");
  const double = ones(device, [3, 3, 3, 4], { dtype: "float64" });
  assertRefused(device, () => conv2d(x, double), DTypeError, "dtypes differ");
});

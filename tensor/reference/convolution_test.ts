import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { ConvGeometry } from "../backend.ts";
import { dot, empty, noise, numbers, view } from "./_testing.ts";
import {
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "./convolution.ts";

const ONE: ConvGeometry = {
  batch: 1,
  height: 3,
  width: 3,
  channels: 1,
  kernelHeight: 2,
  kernelWidth: 2,
  outHeight: 2,
  outWidth: 2,
  outChannels: 1,
  strideHeight: 1,
  strideWidth: 1,
  padTop: 0,
  padLeft: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};
const IMAGE = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Everything at once: strides, pads and dilations that differ, groups, odd sizes. */
const RICH: ConvGeometry = {
  batch: 2,
  height: 7,
  width: 6,
  channels: 4,
  kernelHeight: 3,
  kernelWidth: 2,
  outHeight: 4,
  outWidth: 3,
  outChannels: 6,
  strideHeight: 2,
  strideWidth: 3,
  padTop: 1,
  padLeft: 2,
  dilationHeight: 1,
  dilationWidth: 2,
  groups: 2,
};

Deno.test("conv2d() correlates, and adds the bias", () => {
  const out = empty([1, 2, 2, 1]);
  conv2d(view(IMAGE), view([1, 10, 100, 1000]), view([0.5]), out, ONE);
  assertEquals(numbers(out), [5421.5, 6532.5, 8754.5, 9865.5]);
});

Deno.test("conv2d() sees zeros around the image", () => {
  const out = empty([1, 2, 2, 1]);
  const geometry = { ...ONE, padTop: 1, padLeft: 1 };
  conv2d(view(IMAGE), view([1, 10, 100, 1000]), undefined, out, geometry);
  assertEquals(numbers(out), [1000, 2100, 4010, 5421]);
});

Deno.test("conv2d() steps by strides and dilations", () => {
  const out = empty([1, 1, 2, 1]);
  conv2d(view(IMAGE), view([1, 10, 100, 1000]), undefined, out, {
    ...ONE,
    outHeight: 1,
    padLeft: 1,
    strideWidth: 2,
    dilationHeight: 2,
    dilationWidth: 1,
  });
  assertEquals(numbers(out), [7010, 9832]);
});

Deno.test("conv2d() keeps groups of channels apart, and their biases", () => {
  const out = empty([1, 1, 1, 4], "float64");
  conv2d(
    view([1, 2, 3, 4], "float64"),
    // [1, 1, 2, 4]: rows are the channels of a group, columns all outputs.
    view([1, 2, 3, 4, 10, 20, 30, 40]),
    view([0.1, 0.2, 0.3, 0.4], "float64"),
    out,
    {
      ...ONE,
      height: 1,
      width: 1,
      channels: 4,
      kernelHeight: 1,
      kernelWidth: 1,
      outHeight: 1,
      outWidth: 1,
      outChannels: 4,
      groups: 2,
    },
  );
  assertEquals(numbers(out), [21.1, 42.2, 129.3, 172.4]);
});

Deno.test("both gradients of conv2d() are its adjoints", () => {
  const x = noise([2, 7, 6, 4], 1);
  const weight = noise([3, 2, 2, 6], 2);
  const dy = noise([2, 4, 3, 6], 3);
  const out = empty([2, 4, 3, 6], "float64");
  const dx = empty(x.shape, "float64");
  const dWeight = empty(weight.shape, "float64");
  conv2d(x, weight, undefined, out, RICH);
  conv2dBackwardInput(dy, weight, dx, RICH);
  conv2dBackwardWeight(x, dy, dWeight, RICH);
  const expected = dot(out, dy);
  assertAlmostEquals(dot(dx, x), expected, 1e-10);
  assertAlmostEquals(dot(dWeight, weight), expected, 1e-10);
});

import type { ConvGeometry } from "../backend.ts";
import type { DeviceOptions } from "../open_device.ts";
import {
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from "./_convolution.ts";
import type { Traits } from "./_runtime.ts";
import { testOnWebGpu, Twins } from "./_testing.ts";

interface Case {
  readonly input: readonly [
    batch: number,
    height: number,
    width: number,
    channels: number,
  ];
  readonly window: readonly [height: number, width: number];
  readonly outChannels: number;
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly groups?: number;
  /** Top, bottom, left, right. */
  readonly padding?: readonly [number, number, number, number];
  readonly bias?: boolean;
  readonly offset?: number;
}

const CASES: readonly Case[] = [
  { input: [1, 1, 1, 1], window: [1, 1], outChannels: 1 },
  {
    input: [2, 9, 11, 8],
    window: [3, 3],
    outChannels: 12,
    padding: [1, 1, 1, 1],
    bias: true,
  },
  {
    input: [2, 12, 10, 8],
    window: [3, 3],
    outChannels: 16,
    stride: [2, 2],
    padding: [1, 1, 1, 1],
  },
  {
    input: [1, 15, 14, 3],
    window: [7, 7],
    outChannels: 10,
    stride: [2, 2],
    padding: [3, 2, 3, 3],
    bias: true,
  },
  { input: [3, 5, 6, 20], window: [1, 1], outChannels: 36, bias: true },
  { input: [3, 7, 6, 8], window: [1, 1], outChannels: 8, stride: [2, 2] },
  {
    input: [1, 10, 9, 5],
    window: [3, 2],
    outChannels: 7,
    stride: [3, 2],
    dilation: [2, 3],
    padding: [2, 0, 1, 4],
    offset: 1,
  },
  // Enough rows and columns to share rows in subgroups.
  {
    input: [1, 7, 9, 32],
    window: [3, 3],
    outChannels: 20,
    padding: [1, 1, 1, 1],
    bias: true,
  },
  {
    input: [2, 11, 12, 16],
    window: [3, 2],
    outChannels: 35,
    stride: [2, 1],
    padding: [1, 0, 1, 2],
  },
  // Stride and dilation share a factor: some pixels are met by no tap.
  {
    input: [1, 11, 11, 4],
    window: [3, 3],
    outChannels: 4,
    stride: [2, 4],
    dilation: [2, 2],
    padding: [2, 1, 1, 2],
  },
  {
    input: [2, 6, 7, 12],
    window: [3, 3],
    outChannels: 8,
    groups: 2,
    padding: [1, 1, 1, 1],
    bias: true,
  },
  {
    input: [1, 8, 8, 6],
    window: [3, 3],
    outChannels: 6,
    groups: 6,
    padding: [1, 1, 1, 1],
  },
  // Long sums with few results: split.
  {
    input: [2, 24, 24, 4],
    window: [3, 3],
    outChannels: 4,
    padding: [1, 1, 1, 1],
  },
  { input: [1, 4, 4, 256], window: [3, 3], outChannels: 8, bias: true },
];

function geometryOf(one: Case): ConvGeometry {
  const [batch, height, width, channels] = one.input;
  const [kernelHeight, kernelWidth] = one.window;
  const [strideHeight, strideWidth] = one.stride ?? [1, 1];
  const [dilationHeight, dilationWidth] = one.dilation ?? [1, 1];
  const [padTop, padBottom, padLeft, padRight] = one.padding ?? [0, 0, 0, 0];
  const reachHeight = (kernelHeight - 1) * dilationHeight + 1;
  const reachWidth = (kernelWidth - 1) * dilationWidth + 1;
  return {
    batch,
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    outHeight:
      Math.floor((height + padTop + padBottom - reachHeight) / strideHeight) +
      1,
    outWidth:
      Math.floor((width + padLeft + padRight - reachWidth) / strideWidth) + 1,
    outChannels: one.outChannels,
    strideHeight,
    strideWidth,
    padTop,
    padLeft,
    dilationHeight,
    dilationWidth,
    groups: one.groups ?? 1,
  };
}

function testConvolution(
  name: string,
  cases: readonly Case[],
  options: DeviceOptions,
  traits: Partial<Traits>,
  dtype: "float32" | "float16" = "float32",
): void {
  testOnWebGpu(
    name,
    async ({ runtime, info }) => {
      if (!info.floatDTypes.includes(dtype)) return;
      const twins = new Twins(runtime, dtype);
      for (const one of cases) {
        const g = geometryOf(one);
        const { offset = 0 } = one;
        const xShape = [g.batch, g.height, g.width, g.channels];
        const wShape = [
          g.kernelHeight,
          g.kernelWidth,
          g.channels / g.groups,
          g.outChannels,
        ];
        const yShape = [g.batch, g.outHeight, g.outWidth, g.outChannels];
        const x = twins.random(xShape, offset);
        const weight = twins.random(wShape, offset);
        const bias = one.bias
          ? twins.random([g.outChannels], offset)
          : undefined;
        const y = twins.output(yShape, offset);
        const dy = twins.random(yShape, offset);
        const dx = twins.output(xShape, offset);
        const dWeight = twins.output(wShape, offset);
        twins.reference.conv2d(
          x.reference,
          weight.reference,
          bias?.reference,
          y.reference,
          g,
        );
        conv2d(runtime, x.gpu, weight.gpu, bias?.gpu, y.gpu, g);
        twins.reference.conv2dBackwardInput(
          dy.reference,
          weight.reference,
          dx.reference,
          g,
        );
        conv2dBackwardInput(runtime, dy.gpu, weight.gpu, dx.gpu, g);
        twins.reference.conv2dBackwardWeight(
          x.reference,
          dy.reference,
          dWeight.reference,
          g,
        );
        conv2dBackwardWeight(runtime, x.gpu, dy.gpu, dWeight.gpu, g);
        // Rounding errors of n additions to sums of about √n.
        const tolerance = (additions: number) => 2 ** -24 * (additions + 8);
        const taps = g.kernelHeight * g.kernelWidth;
        const message = JSON.stringify(one);
        await Promise.all([
          twins.assertClose(
            y,
            tolerance(taps * g.channels / g.groups),
            `out of ${message}`,
          ),
          twins.assertClose(
            dx,
            tolerance(taps * g.outChannels / g.groups),
            `dx of ${message}`,
          ),
          twins.assertClose(
            dWeight,
            tolerance(g.batch * g.outHeight * g.outWidth),
            `dWeight of ${message}`,
          ),
        ]);
      }
    },
    options,
    traits,
  );
}

const VARIANTS: Readonly<Record<string, Partial<Traits>>> = {
  registers: { software: true },
  "small tiles": { software: false, busyGroups: 256 },
};

for (const [variant, traits] of Object.entries(VARIANTS)) {
  testConvolution(
    `conv2d() and its gradients in ${variant} equal the reference`,
    CASES,
    {},
    traits,
  );
  testConvolution(
    `conv2d() and its gradients in ${variant} work on more than one binding`,
    [
      {
        input: [5, 8, 8, 8],
        window: [3, 3],
        outChannels: 16,
        stride: [2, 2],
        padding: [1, 1, 1, 1],
        bias: true,
      },
      { input: [2, 16, 17, 4], window: [1, 1], outChannels: 5 },
    ],
    { maxBindingBytes: 4096 },
    traits,
  );
}

testConvolution(
  "conv2d() and its gradients of float16 in tiles of float16 equal the reference",
  [{
    input: [2, 7, 6, 5],
    window: [3, 3],
    outChannels: 8,
    stride: [2, 1],
    padding: [1, 1, 1, 1],
    bias: true,
    offset: 1,
  }],
  {},
  VARIANTS["small tiles"],
  "float16",
);

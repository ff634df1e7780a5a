import type { ConvGeometry } from "../backend.ts";
import { againstReference, noise } from "./_against_reference.ts";

/** What of a geometry is not 1 or 0. */
interface Case {
  readonly batch?: number;
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly outChannels: number;
  readonly kernel?: readonly [height: number, width: number];
  readonly stride?: readonly [height: number, width: number];
  readonly dilation?: readonly [height: number, width: number];
  readonly padding?: readonly [
    top: number,
    bottom: number,
    left: number,
    right: number,
  ];
  readonly groups?: number;
  readonly bias?: boolean;
}

function geometryOf(options: Case): ConvGeometry {
  const { batch = 1, size: [height, width], channels, outChannels } = options;
  const [kernelHeight, kernelWidth] = options.kernel ?? [1, 1];
  const [strideHeight, strideWidth] = options.stride ?? [1, 1];
  const [dilationHeight, dilationWidth] = options.dilation ?? [1, 1];
  const [padTop, padBottom, padLeft, padRight] = options.padding ??
    [0, 0, 0, 0];
  const outOf = (size: number, kernel: number, step: number): number =>
    Math.floor((size - kernel) / step) + 1;
  return {
    ...{ batch, height, width, channels, kernelHeight, kernelWidth },
    outHeight: outOf(
      height + padTop + padBottom,
      (kernelHeight - 1) * dilationHeight + 1,
      strideHeight,
    ),
    outWidth: outOf(
      width + padLeft + padRight,
      (kernelWidth - 1) * dilationWidth + 1,
      strideWidth,
    ),
    ...{ outChannels, strideHeight, strideWidth, padTop, padLeft },
    ...{ dilationHeight, dilationWidth, groups: options.groups ?? 1 },
  };
}

/** Compares the convolution and both gradients. */
async function check(options: Case): Promise<void> {
  const g = geometryOf(options);
  const shapes = {
    x: [g.batch, g.height, g.width, g.channels],
    weight: [
      g.kernelHeight,
      g.kernelWidth,
      g.channels / g.groups,
      g.outChannels,
    ],
    y: [g.batch, g.outHeight, g.outWidth, g.outChannels],
  };
  // Every sum has at most so many terms, each below 1.
  const terms = Math.max(
    g.kernelHeight * g.kernelWidth * Math.max(g.channels, g.outChannels) /
      g.groups,
    g.batch * g.outHeight * g.outWidth,
  );
  await againstReference(({ backend, input, output }) => {
    const x = input(shapes.x, noise(4099, 1, 1));
    const weight = input(shapes.weight, noise(997, 1, 2));
    const dy = input(shapes.y, noise(2003, 1, 3));
    const bias = options.bias
      ? input([g.outChannels], noise(g.outChannels, 1, 4))
      : undefined;
    backend.conv2d(x, weight, bias, output(shapes.y), g);
    backend.conv2dBackwardInput(dy, weight, output(shapes.x), g);
    backend.conv2dBackwardWeight(x, dy, output(shapes.weight), g);
  }, { absolute: 1e-7 * (terms + 1), relative: 1e-6 });
}

Deno.test("conv2d() and its gradients agree with the reference for 1×1 weights", async () => {
  for (const channels of [1, 3, 4, 5, 17]) {
    for (const outChannels of [1, 3, 16, 21]) {
      await check({ batch: 2, size: [5, 7], channels, outChannels });
      await check({
        ...{ batch: 2, size: [5, 7], channels, outChannels },
        stride: [2, 2],
        bias: true,
      });
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference for 3×3 weights, strides and padding", async () => {
  for (const channels of [2, 8, 9, 20]) {
    for (const stride of [[1, 1], [2, 2], [2, 3], [3, 1], [5, 4]] as const) {
      for (
        const padding of [[0, 0, 0, 0], [1, 1, 1, 1], [2, 0, 1, 3]] as const
      ) {
        await check({
          ...{ batch: 2, size: [9, 8], channels, outChannels: 18 },
          ...{ kernel: [3, 3], stride, padding, bias: true },
        });
      }
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference where slabs are filled", async () => {
  // Runs of 64, 32 and 16 channels; whole and partial tiles and panels; rests of slabs.
  for (const channels of [16, 32, 48, 64, 192]) {
    for (const outChannels of [16, 40]) {
      for (const stride of [[1, 1], [2, 2]] as const) {
        await check({
          ...{ batch: 3, size: [7, 9], channels, outChannels, stride },
          ...{ kernel: [3, 3], padding: [1, 1, 1, 1], bias: true },
        });
      }
      await check({ batch: 3, size: [7, 9], channels, outChannels });
    }
  }
  // Whole windows of three channels, as images have them.
  for (const kernel of [[7, 7], [3, 3]] as const) {
    for (const outChannels of [16, 40]) {
      await check({
        ...{ batch: 2, size: [13, 14], channels: 3, outChannels, kernel },
        ...{ stride: [2, 2], padding: [3, 3, 3, 3], bias: true },
      });
    }
  }
  await check({
    ...{ batch: 2, size: [8, 8], channels: 128, outChannels: 64, groups: 2 },
    ...{ kernel: [3, 3], padding: [1, 1, 1, 1] },
  });
});

Deno.test("conv2d() and its gradients agree with the reference for few pixels and many channels", async () => {
  for (const kernel of [[1, 1], [3, 3]] as const) {
    for (const stride of [[1, 1], [2, 2]] as const) {
      await check({
        ...{ batch: 2, size: [5, 7], channels: 64, outChannels: 272, kernel },
        ...{ stride, padding: [1, 1, 1, 1], bias: true },
      });
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference for as many pixels as a thread has lists for", async () => {
  for (
    const [batch, size] of [[128, [2, 2]], [102, [1, 5]]] as const
  ) {
    await check({
      ...{ batch, size, channels: 64, outChannels: 256 },
      ...{ kernel: [3, 3], padding: [1, 1, 1, 1] },
    });
  }
});

Deno.test("conv2d() and its gradients agree with the reference for dilated and uneven weights", async () => {
  for (const channels of [3, 12]) {
    for (const dilation of [[2, 2], [1, 3], [3, 1]] as const) {
      for (const kernel of [[3, 3], [1, 4], [5, 2]] as const) {
        for (const stride of [[1, 1], [2, 2], [3, 2]] as const) {
          await check({
            ...{ batch: 1, size: [14, 13], channels, outChannels: 5 },
            ...{ kernel, dilation, stride, padding: [2, 3, 1, 0] },
          });
        }
      }
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference when padding exceeds the image", async () => {
  for (const channels of [2, 10]) {
    await check({
      ...{ size: [1, 1], channels, outChannels: 3, kernel: [3, 3] },
      padding: [1, 1, 1, 1],
    });
    await check({
      ...{ size: [2, 1], channels, outChannels: 3, kernel: [3, 3] },
      ...{ padding: [5, 0, 5, 0], stride: [4, 4] },
    });
    await check({
      ...{ size: [3, 3], channels, outChannels: 3, kernel: [2, 2] },
      ...{ padding: [4, 4, 4, 4], stride: [3, 3] },
    });
  }
});

Deno.test("conv2d() and its gradients agree with the reference for groups", async () => {
  for (const stride of [[1, 1], [2, 2]] as const) {
    for (
      const [groups, channels, outChannels] of [
        [2, 6, 10],
        [3, 6, 3],
        [4, 16, 64],
        [2, 34, 36],
      ]
    ) {
      await check({
        ...{ batch: 2, size: [6, 7], channels, outChannels, groups, stride },
        ...{ kernel: [3, 3], padding: [1, 1, 1, 1], bias: true },
      });
      await check({
        ...{ batch: 2, size: [6, 7], channels, outChannels, groups, stride },
        bias: true,
      });
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference for depthwise weights", async () => {
  for (const stride of [[1, 1], [2, 3]] as const) {
    for (const dilation of [[1, 1], [2, 1]] as const) {
      for (
        const [channels, multiple] of [[1, 1], [3, 1], [8, 1], [7, 2], [5, 3]]
      ) {
        await check({
          ...{ batch: 2, size: [7, 8], channels, groups: channels },
          ...{ outChannels: channels * multiple, kernel: [3, 3], stride },
          ...{ dilation, padding: [1, 2, 0, 1], bias: true },
        });
      }
    }
  }
});

Deno.test("conv2d() and its gradients agree with the reference when channels take several segments", async () => {
  await check({
    ...{ size: [3, 3], channels: 1030, outChannels: 3, kernel: [2, 2] },
    padding: [1, 0, 1, 0],
  });
  await check({
    ...{ size: [3, 3], channels: 3, outChannels: 1030, kernel: [2, 2] },
    padding: [1, 0, 1, 0],
  });
  await check({ size: [2, 3], channels: 2100, outChannels: 40 });
});

Deno.test("conv2d() and its gradients agree with the reference when pixels take several blocks and parts", async () => {
  await check({
    ...{ batch: 3, size: [30, 31], channels: 5, outChannels: 7 },
    ...{ kernel: [3, 3], padding: [1, 1, 1, 1], bias: true },
  });
  await check({
    ...{ batch: 1, size: [40, 41], channels: 20, outChannels: 33 },
    ...{ kernel: [3, 3], padding: [1, 1, 1, 1], stride: [1, 2] },
  });
  await check({ batch: 2, size: [25, 25], channels: 3, outChannels: 300 });
  await check({
    ...{ batch: 2, size: [6, 6], channels: 130, outChannels: 130 },
    ...{ kernel: [3, 3], padding: [1, 1, 1, 1] },
  });
});

Deno.test("conv2d() and its gradients agree with the reference by minimal filtering", async () => {
  // Whole and partial tiles, with and without borders, rests of slabs.
  for (
    const [batch, channels, outChannels, size, padding] of [
      [4, 32, 48, [16, 18], [1, 1, 1, 1]],
      [2, 48, 32, [33, 30], [0, 0, 0, 0]],
      [2, 32, 80, [27, 22], [2, 0, 1, 3]],
      [3, 32, 32, [15, 15], [4, 3, 3, 4]],
      // Blocks of channels of the result.
      [4, 32, 128, [17, 16], [1, 1, 1, 1]],
      // Where products are machine code: all three, and the weights' gradient alone.
      [4, 128, 128, [16, 16], [1, 1, 1, 1]],
      [5, 128, 272, [14, 14], [1, 1, 1, 1]],
    ] as const
  ) {
    await check({
      ...{ batch, size, channels, outChannels, kernel: [3, 3], padding },
      bias: outChannels > 32,
    });
  }
  // Several chunks of the weights' gradient.
  await check({
    ...{ size: [97, 100], channels: 32, outChannels: 32, kernel: [3, 3] },
    padding: [1, 1, 1, 1],
  });
});

Deno.test("conv2dBackwardWeight() gives zeros when there are no images", async () => {
  for (const groups of [1, 4]) {
    const g = geometryOf({
      ...{ batch: 0, size: [4, 4], channels: 4, outChannels: 8, groups },
      kernel: [3, 3],
    });
    await againstReference(({ backend, input, output }) => {
      const x = input([0, 4, 4, 4], []);
      const dy = input([0, 2, 2, 8], []);
      backend.conv2dBackwardWeight(x, dy, output([3, 3, 4 / groups, 8]), g);
    });
  }
});

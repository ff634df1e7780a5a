/** Two-dimensional pooling and its gradients, both computed where they are stored. */

import type { PoolGeometry } from "../backend.ts";
import type { GpuView } from "./_buffer.ts";
import { type ElementType, type Kernel, kernelFamily } from "./_kernel.ts";
import { forRowRanges, rowsOf } from "./_rows.ts";
import type { Runtime } from "./_runtime.ts";

const WORKGROUP_SIZE = 64;

const UNIFORMS = {
  size: "u32",
  height: "i32",
  width: "i32",
  channels: "u32",
  kernel_height: "i32",
  kernel_width: "i32",
  out_height: "i32",
  out_width: "i32",
  stride_height: "i32",
  stride_width: "i32",
  pad_top: "i32",
  pad_left: "i32",
  count_pad: "u32",
} as const satisfies Record<string, ElementType>;

/** Types and names for one channel or four neighbouring ones an invocation. */
function channelSource(vector: boolean): {
  readonly four: "" | "4";
  readonly width: 1 | 4;
  readonly of: (type: "f32" | "i32" | "u32") => string;
} {
  return {
    four: vector ? "4" : "",
    width: vector ? 4 : 1,
    of: (type) => vector ? `vec4<${type}>` : type,
  };
}

/** Begins `main`: element `at` is channel `channel` of position (`row`, `column`) of image `image`. */
function beginSource(
  width: number,
  columns: "u.width" | "u.out_width",
  rows: "u.height" | "u.out_height",
): string {
  return `
  let at = index * ${width}u;
  if (at >= u.size) {
    return;
  }
  let channel = at % u.channels;
  let pixel = at / u.channels;
  let column = i32(pixel % u32(${columns}));
  let row = i32(pixel / u32(${columns}) % u32(${rows}));
  let image = pixel / u32(${columns}) / u32(${rows});`;
}

/** The part of the window of output (`row`, `column`) that lies in the image. */
const WINDOW = `
  let top = max(row * u.stride_height - u.pad_top, 0);
  let bottom = min(row * u.stride_height - u.pad_top + u.kernel_height, u.height);
  let left = max(column * u.stride_width - u.pad_left, 0);
  let right = min(column * u.stride_width - u.pad_left + u.kernel_width, u.width);`;

/** A loop over that part, with `value` the element at `position`. */
function overWindow(four: string, statements: string): string {
  return `
  for (var y = top; y < bottom; y++) {
    for (var x = left; x < right; x++) {
      let position = y * u.width + x;
      let value = x_load${four}((image * u32(u.height * u.width) + u32(position)) * u.channels + channel);
      ${statements}
    }
  }`;
}

/** A loop over the outputs `to` at (`oy`, `ox`) whose windows hold the input (`row`, `column`). */
function overOutputs(statements: string): string {
  return `
  let first_y = max(row + u.pad_top - u.kernel_height + u.stride_height, 0) / u.stride_height;
  let first_x = max(column + u.pad_left - u.kernel_width + u.stride_width, 0) / u.stride_width;
  let last_y = min((row + u.pad_top) / u.stride_height, u.out_height - 1);
  let last_x = min((column + u.pad_left) / u.stride_width, u.out_width - 1);
  for (var oy = first_y; oy <= last_y; oy++) {
    for (var ox = first_x; ox <= last_x; ox++) {
      let to = ((image * u32(u.out_height) + u32(oy)) * u32(u.out_width) + u32(ox)) * u.channels + channel;
      ${statements}
    }
  }`;
}

const maxKernel = kernelFamily((vector: boolean): Kernel => {
  const { four, width, of } = channelSource(vector);
  return {
    name: `max-pool-${width}`,
    operands: {
      x: { access: "read", type: "f32", vector },
      out: { access: "read_write", type: "f32", vector },
      indices: { access: "read_write", type: "i32", vector },
    },
    uniforms: UNIFORMS,
    workgroupSize: WORKGROUP_SIZE,
    declarations: `
fn are_nan(x: ${of("f32")}) -> ${vector ? "vec4<bool>" : "bool"} {
  return (bitcast<${of("u32")}>(x) & ${of("u32")}(0x7fffffffu)) > ${
      of("u32")
    }(0x7f800000u);
}`,
    body: `${beginSource(width, "u.out_width", "u.out_height")}${WINDOW}
  var best = ${of("f32")}(-inf());
  var winner = ${of("i32")}(-1);${
      overWindow(
        four,
        `let better = (winner < ${
          of("i32")
        }(0)) | (!are_nan(best) & ((value > best) | are_nan(value)));
      best = select(best, value, better);
      winner = select(winner, ${of("i32")}(position), better);`,
      )
    }
  out_store${four}(at, best);
  indices_store${four}(at, winner);`,
  };
});

const maxBackwardKernel = kernelFamily((vector: boolean): Kernel => {
  const { four, width, of } = channelSource(vector);
  return {
    name: `max-pool-backward-${width}`,
    operands: {
      dy: { access: "read", type: "f32", vector },
      indices: { access: "read", type: "i32", vector },
      dx: { access: "read_write", type: "f32", vector },
    },
    uniforms: UNIFORMS,
    workgroupSize: WORKGROUP_SIZE,
    body: `${beginSource(width, "u.width", "u.height")}
  let position = ${of("i32")}(row * u.width + column);
  var sum = ${of("f32")}();${
      overOutputs(
        `sum += select(${
          of("f32")
        }(), dy_load${four}(to), indices_load${four}(to) == position);`,
      )
    }
  dx_store${four}(at, sum);`,
  };
});

const averageKernel = kernelFamily((vector: boolean): Kernel => {
  const { four, width, of } = channelSource(vector);
  return {
    name: `average-pool-${width}`,
    operands: {
      x: { access: "read", type: "f32", vector },
      out: { access: "read_write", type: "f32", vector },
    },
    uniforms: UNIFORMS,
    workgroupSize: WORKGROUP_SIZE,
    declarations: DIVISOR,
    body: `${beginSource(width, "u.out_width", "u.out_height")}${WINDOW}
  var sum = ${of("f32")}();${overWindow(four, "sum += value;")}
  out_store${four}(at, sum / divisor(row, column));`,
  };
});

/** How many positions the mean of an output counts. */
const DIVISOR = `
fn divisor(row: i32, column: i32) -> f32 {
  if (u.count_pad != 0u) {
    return f32(u.kernel_height * u.kernel_width);
  }${WINDOW}
  return f32(max(bottom - top, 0) * max(right - left, 0));
}`;

const averageBackwardKernel = kernelFamily((vector: boolean): Kernel => {
  const { four, width, of } = channelSource(vector);
  return {
    name: `average-pool-backward-${width}`,
    operands: {
      dy: { access: "read", type: "f32", vector },
      dx: { access: "read_write", type: "f32", vector },
    },
    uniforms: UNIFORMS,
    workgroupSize: WORKGROUP_SIZE,
    declarations: DIVISOR,
    body: `${beginSource(width, "u.width", "u.height")}
  var sum = ${of("f32")}();${
      overOutputs(`sum += dy_load${four}(to) / divisor(oy, ox);`)
    }
  dx_store${four}(at, sum);`,
  };
});

/** Largest element of each window, and its position. */
export function maxPool2d(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  indices: GpuView,
  geometry: PoolGeometry,
): void {
  runPooling(runtime, maxKernel, { x }, { out, indices }, geometry, "out");
}

/** Gradient of {@linkcode maxPool2d}. */
export function maxPool2dBackward(
  runtime: Runtime,
  dy: GpuView,
  indices: GpuView,
  dx: GpuView,
  geometry: PoolGeometry,
): void {
  const kernel = maxBackwardKernel;
  runPooling(runtime, kernel, { dx }, { dy, indices }, geometry, "in");
}

/** Mean of each window. */
export function averagePool2d(
  runtime: Runtime,
  x: GpuView,
  out: GpuView,
  geometry: PoolGeometry,
): void {
  runPooling(runtime, averageKernel, { x }, { out }, geometry, "out");
}

/** Gradient of {@linkcode averagePool2d}. */
export function averagePool2dBackward(
  runtime: Runtime,
  dy: GpuView,
  dx: GpuView,
  geometry: PoolGeometry,
): void {
  runPooling(runtime, averageBackwardKernel, { dx }, { dy }, geometry, "in");
}

type Views = Readonly<Record<string, GpuView>>;

/** Records a kernel on images that are input-sized and output-sized, with an invocation for each element of one side. */
function runPooling(
  runtime: Runtime,
  kernelOf: (vector: boolean) => Kernel,
  inputs: Views,
  outputs: Views,
  geometry: PoolGeometry,
  side: "in" | "out",
): void {
  const { batch, height, width, channels, outHeight, outWidth } = geometry;
  const vector = channels % 4 === 0;
  const inSize = height * width * channels;
  const outSize = outHeight * outWidth * channels;
  const bytes = 4 * Math.max(inSize, outSize);
  forRowRanges(batch, bytes, runtime.binding, (start, images) => {
    const part = (views: Views, size: number) =>
      Object.entries(views).map(([name, view]) =>
        [name, rowsOf(view, size, start, images)] as const
      );
    const size = images * (side === "in" ? inSize : outSize);
    runtime.run(
      kernelOf(vector),
      Object.fromEntries([...part(inputs, inSize), ...part(outputs, outSize)]),
      {
        size,
        height,
        width,
        channels,
        kernel_height: geometry.kernelHeight,
        kernel_width: geometry.kernelWidth,
        out_height: outHeight,
        out_width: outWidth,
        stride_height: geometry.strideHeight,
        stride_width: geometry.strideWidth,
        pad_top: geometry.padTop,
        pad_left: geometry.padLeft,
        count_pad: Number(geometry.countIncludePad),
      },
      Math.ceil(size / (WORKGROUP_SIZE * (vector ? 4 : 1))),
    );
  });
}

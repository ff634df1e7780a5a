import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BufferTooLargeError,
  DeviceError,
  DeviceLostError,
} from "../errors.ts";
import { sizeOf } from "../shape.ts";
import { fill } from "./_fill.ts";
import { type Kernel, kernelFamily } from "./_kernel.ts";
import { grid, type Runtime } from "./_runtime.ts";
import { testOnWebGpu, valuesOf, viewOfValues } from "./_testing.ts";
import type { GpuView } from "./_buffer.ts";

/** `out = x + y`. */
const addKernel = kernelFamily((vector: boolean): Kernel => ({
  name: "test-add",
  operands: {
    x: { access: "read", type: "f32", vector },
    y: { access: "read", type: "f32", vector },
    out: { access: "read_write", type: "f32", vector },
  },
  uniforms: { size: "u32" },
  workgroupSize: 64,
  body: vector
    ? `
  let i = index * 4u;
  if (i + 4u <= u.size) {
    out_store4(i, x_load4(i) + y_load4(i));
  } else {
    for (var j = i; j < u.size; j++) {
      out_store(j, x_load(j) + y_load(j));
    }
  }`
    : `
  if (index < u.size) {
    out_store(index, x_load(index) + y_load(index));
  }`,
}));

function add(
  runtime: Runtime,
  x: GpuView,
  y: GpuView,
  out: GpuView,
  vector: boolean,
): void {
  const size = sizeOf(out.shape);
  const perGroup = vector ? 256 : 64;
  runtime.run(
    addKernel(vector),
    { x, y, out },
    { size },
    Math.ceil(size / perGroup),
  );
}

const part = (view: GpuView, start: number, size: number): GpuView => ({
  ...view,
  byteOffset: view.byteOffset + 4 * start,
  shape: [size],
});

const counting = (size: number) =>
  Float32Array.from({ length: size }, (_, i) => i);

for (const maxBindingBytes of [undefined, 1024]) {
  const sized = maxBindingBytes
    ? ` in bindings of ${maxBindingBytes} bytes`
    : "";
  const options = maxBindingBytes ? { maxBindingBytes } : {};
  for (const vector of [false, true]) {
    const kind = vector ? "vectors" : "scalars";
    testOnWebGpu(
      `Runtime.run() reads and writes ${kind} of one buffer at any offset${sized}`,
      async ({ runtime }) => {
        // x at 3, y at 104 and the result at 270 of the same buffer; the ranges lie apart.
        const view = viewOfValues(runtime, counting(500));
        add(
          runtime,
          part(view, 3, 101),
          part(view, 104, 101),
          part(view, 270, 101),
          vector,
        );
        // In place, and both operands the same.
        add(
          runtime,
          part(view, 0, 3),
          part(view, 0, 3),
          part(view, 0, 3),
          vector,
        );
        const expected = counting(500);
        for (let i = 0; i < 101; i++) expected[270 + i] = 3 + i + 104 + i;
        for (let i = 0; i < 3; i++) expected[i] = 2 * i;
        assertEquals([...await valuesOf(runtime, view)], [...expected]);
      },
      options,
    );
  }
}

testOnWebGpu(
  "Runtime.run() throws when operands take too many bindings",
  ({ runtime }) => {
    const views = [1, 2, 3].map(() => viewOfValues(runtime, counting(3000)));
    const [x, y, out] = views;
    assertThrows(
      () => add(runtime, x, y, out, true),
      BufferTooLargeError,
      'Cannot run kernel "test-add": its operands take 36 bindings of at most 1024 bytes',
    );
    return Promise.resolve();
  },
  { maxBindingBytes: 1024 },
);

testOnWebGpu(
  "Runtime.write() keeps its place among the kernels when a buffer is used again",
  async ({ runtime }) => {
    const first = viewOfValues(runtime, counting(64));
    const sum = viewOfValues(runtime, new Float32Array(64));
    add(runtime, first, first, sum, true);
    runtime.free(first.buffer);
    // The upload goes to the same block, which the recorded kernel still has to read.
    const second = viewOfValues(runtime, new Float32Array(64).fill(-1));
    assertEquals(second.buffer.block === first.buffer.block, true);
    assertEquals(
      [...await valuesOf(runtime, sum)],
      [...counting(64)].map((x) => 2 * x),
    );
    assertEquals([...await valuesOf(runtime, second)], Array(64).fill(-1));
  },
);

testOnWebGpu(
  "Runtime.write() takes odd sizes and copies at once",
  async ({ runtime }) => {
    const buffer = runtime.allocate(16);
    runtime.write(buffer, 0, new Uint8Array(16).fill(7));
    const bytes = Uint8Array.of(1, 2, 3);
    runtime.write(buffer, 4, bytes);
    bytes.fill(9);
    assertEquals([...await runtime.read(buffer, 4, 3)], [1, 2, 3]);
    assertEquals([...await runtime.read(buffer, 8, 5)], [7, 7, 7, 7, 7]);
  },
);

testOnWebGpu(
  "Runtime.read() sees a buffer as it was when it was called",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, counting(10));
    const before = valuesOf(runtime, view);
    fill(runtime, view, 5);
    const after = valuesOf(runtime, view);
    runtime.free(view.buffer);
    assertEquals([...await before], [...counting(10)]);
    assertEquals([...await after], Array(10).fill(5));
  },
);

testOnWebGpu(
  "Runtime.read() shares one submit among reads that begin together",
  async ({ runtime }) => {
    const views = Array.from(
      { length: 50 },
      (_, i) => viewOfValues(runtime, Float32Array.of(i, -i, 0.5)),
    );
    const submits = runtime.queue.submits;
    const values = await Promise.all(
      views.map((view) => valuesOf(runtime, view)),
    );
    assertEquals(runtime.queue.submits - submits, 1);
    assertEquals(
      values.map(([x]) => x),
      views.map((_, i) => i),
    );
  },
);

testOnWebGpu(
  "Runtime.read() copies more than one staging buffer holds",
  async ({ runtime }) => {
    const size = 20 * 2 ** 20;
    const view = {
      ...viewOfValues(runtime, new Float32Array(1)),
      shape: [size],
    };
    const large = { ...view, buffer: runtime.allocate(4 * size) };
    fill(runtime, large, 2);
    fill(runtime, part(large, size - 1, 1), 3);
    fill(runtime, part(large, 2 ** 24 - 1, 2), 4);
    const values = await valuesOf(runtime, large);
    assertEquals(values.indexOf(3), size - 1);
    assertEquals([values.indexOf(4), values.lastIndexOf(4)], [
      2 ** 24 - 1,
      2 ** 24,
    ]);
    assertEquals(values.indexOf(0), -1);
  },
);

testOnWebGpu(
  "Runtime.run() names the kernel that does not compile and numbers its lines",
  async ({ runtime }) => {
    const broken: Kernel = {
      name: "test-broken",
      operands: { out: { access: "read_write", type: "f32" } },
      uniforms: {},
      workgroupSize: 1,
      body: "  out_store(0u, missing);",
    };
    const out = viewOfValues(runtime, counting(1));
    runtime.run(broken, { out }, {}, 1);
    const error = await assertRejects(() => runtime.synchronize(), DeviceError);
    assertStringIncludes(
      error.message,
      'Cannot compile kernel "test-broken"',
    );
    assertEquals(
      /\n +\d+ {3}out_store\(0u, missing\);\n/.test(error.message),
      true,
    );
    // It has been said; the device goes on.
    fill(runtime, out, 8);
    assertEquals([...await valuesOf(runtime, out)], [8]);
  },
);

testOnWebGpu(
  "Runtime.compile() compiles kernels and runs none",
  async ({ runtime }) => {
    const x = viewOfValues(runtime, counting(8));
    const out = viewOfValues(runtime, new Float32Array(8));
    let compiled = 0;
    for (const method of ["", "Async"] as const) {
      const name = `createComputePipeline${method}` as const;
      const create = runtime.gpu[name].bind(runtime.gpu);
      Object.defineProperty(runtime.gpu, name, {
        value: (descriptor: GPUComputePipelineDescriptor) => {
          compiled++;
          return create(descriptor);
        },
      });
    }
    await runtime.compile(() => {
      for (let i = 0; i < 3; i++) add(runtime, x, x, out, true);
      add(runtime, x, x, out, false);
      runtime.copy(x, 0, out, 0, 32);
    });
    assertEquals(compiled, 2);
    assertEquals([...await valuesOf(runtime, out)], Array(8).fill(0));
    add(runtime, x, x, out, true);
    add(runtime, x, out, out, false);
    await runtime.compile(() => add(runtime, x, x, out, true));
    assertEquals(compiled, 3);
    assertEquals(
      [...await valuesOf(runtime, out)],
      [...counting(8)].map((x) => 3 * x),
    );
  },
);

testOnWebGpu(
  "Runtime.compile() throws what a kernel or the function throws, and the device goes on",
  async ({ runtime }) => {
    const out = viewOfValues(runtime, counting(1));
    const broken: Kernel = {
      name: "test-broken-early",
      operands: { out: { access: "read_write", type: "f32" } },
      uniforms: {},
      workgroupSize: 1,
      body: "  out_store(0u, missing);",
    };
    await assertRejects(
      () => runtime.compile(() => runtime.run(broken, { out }, {}, 1)),
      DeviceError,
      'Cannot compile kernel "test-broken-early"',
    );
    await assertRejects(
      () => runtime.compile(() => valuesOf(runtime, out)),
      DeviceError,
      "Cannot read from the webgpu device while it warms up",
    );
    fill(runtime, out, 8);
    assertEquals([...await valuesOf(runtime, out)], [8]);
  },
);

testOnWebGpu(
  "Runtime.trim() gives memory back that nothing uses",
  async ({ runtime }) => {
    const kept = viewOfValues(runtime, counting(100));
    const reserved = runtime.reservedBytes;
    const large = runtime.allocate(2 ** 24);
    fill(runtime, { ...kept, buffer: large, shape: [2 ** 22] }, 3);
    runtime.free(large);
    assertEquals(runtime.reservedBytes, reserved + 2 ** 24);
    // What is recorded still sees it.
    runtime.trim();
    assertEquals(runtime.reservedBytes, reserved);
    assertEquals([...await valuesOf(runtime, kept)], [...counting(100)]);
    await runtime.synchronize();
  },
);

testOnWebGpu(
  "Runtime throws DeviceLostError when the device was lost",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, counting(4));
    runtime.gpu.destroy();
    // At once, before the platform announces the loss.
    assertThrows(() => fill(runtime, view, 1), DeviceLostError);
    await assertRejects(
      () => valuesOf(runtime, view),
      DeviceLostError,
      "destroyed",
    );
    assertThrows(() => runtime.allocate(4), DeviceLostError);
    assertThrows(() => fill(runtime, view, 1), DeviceLostError);
    await assertRejects(() => runtime.synchronize(), DeviceLostError);
  },
);

testOnWebGpu(
  "Runtime keeps caches bounded when every dispatch has other uniforms",
  async ({ runtime }) => {
    const view = viewOfValues(runtime, counting(5));
    for (let i = 0; i < 5000; i++) fill(runtime, view, i);
    assertEquals([...await valuesOf(runtime, view)], Array(5).fill(4999));
  },
);

testOnWebGpu(
  "Runtime binds the right buffer when blocks are destroyed and made anew",
  async ({ runtime }) => {
    const size = 2 ** 24;
    const view = (buffer: GpuView["buffer"]): GpuView => ({
      buffer,
      byteOffset: 0,
      shape: [size / 4],
      dtype: "float32",
    });
    // Each size of its own, so that the pool has to trim.
    for (let i = 0; i < 8; i++) {
      const buffer = runtime.allocate(size + i * 2 ** 21);
      fill(runtime, view(buffer), i);
      const last = part(view(buffer), size / 4 - 1, 1);
      const read = valuesOf(runtime, last);
      runtime.free(buffer);
      assertEquals([...await read], [i]);
    }
  },
);

Deno.test("grid() folds what is more than one dimension holds", () => {
  assertEquals(grid(1, 65535), [1, 1]);
  assertEquals(grid(65535, 65535), [65535, 1]);
  assertEquals(grid(65536, 65535), [32768, 2]);
  const [x, y] = grid(1_000_003, 65535);
  assertEquals(
    x <= 65535 && x * y >= 1_000_003 && (y - 1) * x < 1_000_003,
    true,
  );
});

testOnWebGpu(
  "Runtime.run() runs each of more than 65,535 workgroups once",
  async ({ runtime }) => {
    const size = 70_001 * 64 + 3;
    const buffer = runtime.allocate(4 * size);
    const out: GpuView = {
      buffer,
      byteOffset: 0,
      shape: [size],
      dtype: "float32",
    };
    fill(runtime, out, 1);
    // In place: an element that two invocations reach would be more than 2.
    add(runtime, out, out, out, false);
    const values = await valuesOf(runtime, out);
    assertEquals(values.every((value) => value === 2), true);
  },
);

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../errors.ts";
import { KERNEL_NAMES } from "./_kernels_wasm.ts";
import { Runtime, type RuntimeOptions } from "./_runtime.ts";
import { noise } from "./_against_reference.ts";

const COUNT = 100_003;

/** Adds four rows of numbers, by one kernel of many parts after the other. */
function compute(runtime: Runtime): Float32Array {
  const bytes = 4 * COUNT * 4;
  const rows = runtime.heap.take(bytes);
  const numbers = Float32Array.from(noise(4 * COUNT));
  runtime.heap.bytes(rows, bytes).set(new Uint8Array(numbers.buffer));
  for (let i = 1; i < 40; i++) {
    runtime.run("sumPartials", [rows, rows, COUNT, 4, COUNT], i);
  }
  const sums = runtime.heap.bytes(rows, COUNT * 4).slice();
  runtime.heap.give(rows, bytes);
  return new Float32Array(sums.buffer);
}

async function withRuntime<T>(
  options: RuntimeOptions,
  body: (runtime: Runtime) => T,
): Promise<T> {
  const runtime = await Runtime.start(options);
  try {
    return body(runtime);
  } finally {
    runtime.close();
  }
}

Deno.test("Runtime computes the same bits with any number of threads, and without shared memory", async () => {
  const expected = await withRuntime({ threads: 1 }, compute);
  for (const threads of [2, 3, 5]) {
    assertEquals(await withRuntime({ threads }, compute), expected);
  }
  assertEquals(await withRuntime({ shared: false }, compute), expected);
});

Deno.test("Runtime has the threads it was asked for, and one without shared memory", async () => {
  for (const threads of [1, 2, 3]) {
    assertEquals(await withRuntime({ threads }, (r) => r.threads), threads);
  }
  assertEquals(
    await withRuntime({ threads: 3, shared: false }, (r) => r.threads),
    1,
  );
});

/** Replaces globals while a function runs. */
async function withGlobals(
  values: Readonly<Record<string, unknown>>,
  run: () => Promise<void>,
): Promise<void> {
  const descriptors = Object.getOwnPropertyDescriptors(globalThis);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  try {
    await run();
  } finally {
    for (const name of Object.keys(values)) {
      Object.defineProperty(
        globalThis,
        name,
        descriptors[name as keyof typeof descriptors],
      );
    }
  }
}

Deno.test("Runtime uses web workers where node:worker_threads is missing", async () => {
  await withGlobals(
    { process: undefined },
    () =>
      withRuntime({ threads: 3 }, (runtime) => {
        assertEquals(runtime.threads, 3);
        compute(runtime);
      }),
  );
});

Deno.test("Runtime does the shares of workers that did not start, too", async () => {
  const expected = await withRuntime({ threads: 1 }, compute);
  let asked = 0;
  class OneWorker extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      if (asked++ > 0) throw new Error("no more threads");
      super(...args);
    }
  }
  await withGlobals(
    { process: undefined, Worker: OneWorker },
    () =>
      withRuntime({ threads: 4 }, (runtime) => {
        assertEquals(runtime.threads, 2);
        assertEquals(compute(runtime), expected);
      }),
  );
});

Deno.test("Runtime runs every part once, also of many short kernels in a row", async () => {
  await withRuntime({ threads: 3 }, (runtime) => {
    const count = 16 * 1000;
    const sums = runtime.heap.take(2 * count * 4);
    const numbers = new Float32Array(2 * count).fill(1, count);
    runtime.heap.bytes(sums, 2 * count * 4)
      .set(new Uint8Array(numbers.buffer));
    // Each run adds 1 to every sum: a part that ran twice or not at all shows.
    const runs = 1000;
    for (let i = 0; i < runs; i++) {
      const parts = i % 2 === 0 ? 1000 : 1 + i % 40;
      runtime.run("sumPartials", [sums, sums, count, 2, count], parts);
    }
    const result = new Float32Array(
      runtime.heap.bytes(sums, count * 4).slice().buffer,
    );
    assert(result.every((sum) => sum === runs));
  });
});

Deno.test("Runtime counts the cores where there is no navigator, as in Node 20", async () => {
  await withGlobals({
    navigator: undefined,
    process: {
      getBuiltinModule: (name: string) =>
        name === "node:os" ? { availableParallelism: () => 3 } : undefined,
    },
  }, () => withRuntime({}, ({ threads }) => assertEquals(threads, 3)));
});

Deno.test("Runtime sees memory that grew after the threads had started", async () => {
  await withRuntime({ threads: 2 }, (runtime) => {
    const count = 1 << 24;
    const rows = runtime.heap.take(2 * count * 4);
    const numbers = new Float32Array(count).fill(1);
    for (const row of [0, 1]) {
      runtime.heap.bytes(rows + row * count * 4, count * 4)
        .set(new Uint8Array(numbers.buffer));
    }
    runtime.run("sumPartials", [rows, rows, count, 2, count], 64);
    const sums = runtime.heap.bytes(rows, count * 4).slice();
    assert(new Float32Array(sums.buffer).every((sum) => sum === 2));
  });
});

Deno.test("Runtime throws DeviceError when a kernel traps, and works on", async () => {
  await withRuntime({ threads: 2 }, (runtime) => {
    const outside = 2 ** 32 - 4096;
    for (const parts of [1, 8]) {
      assertThrows(
        () => runtime.run("sumPartials", [outside, 0, 1e6, 1, 0], parts),
        DeviceError,
        "sumPartials",
      );
    }
    assertEquals(compute(runtime).length, COUNT);
  });
});

Deno.test("Runtime.withScratch() gives memory back, also when its body throws", async () => {
  await withRuntime({ threads: 1 }, (runtime) => {
    let first = 0;
    assertThrows(() =>
      runtime.withScratch(1000, (address) => {
        first = address;
        throw new RangeError("test");
      }), RangeError);
    runtime.withScratch(1000, (address) => assertEquals(address, first));
  });
});

Deno.test("Runtime.parts() grows with the work, up to a limit", async () => {
  await withRuntime({ threads: 1 }, (runtime) => {
    assertEquals(runtime.parts(0), 1);
    assertEquals(runtime.parts(1000), 1);
    assert(runtime.parts(1e6) > 8);
    assertEquals(runtime.parts(1e9, 5), 5);
  });
});

Deno.test("Runtime has plain and relaxed builds of the same kernels", async () => {
  const plain = await withRuntime({ relaxedSimd: false }, compute);
  assertEquals(await withRuntime({}, compute), plain);
  assert(KERNEL_NAMES.length > 0);
});

/** Runs a script that opens a runtime, and tells how it ended. */
async function runScript(end: string): Promise<Deno.CommandOutput> {
  const url = new URL("./_runtime.ts", import.meta.url);
  const script = `
    import { Runtime } from ${JSON.stringify(url.href)};
    const runtime = await Runtime.start({ threads: 3 });
    runtime.withScratch(4096, (a) => runtime.run("sumPartials", [a, a, 1024, 1, 0], 4));
    ${end}
    console.log("end");`;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/script.ts`, script);
    return await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-prompt", `${directory}/script.ts`],
      signal: AbortSignal.timeout(30_000),
    }).output();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const canRun =
  (await Deno.permissions.query({ name: "run" })).state === "granted";

for (const [name, end] of [["closed", "runtime.close();"], ["left open", ""]]) {
  Deno.test({
    name:
      `Runtime lets the process exit when it is ${name}, and needs no permission`,
    ignore: !canRun,
    fn: async () => {
      const { code, stdout, stderr } = await runScript(end);
      assertEquals(new TextDecoder().decode(stderr), "");
      assertEquals(new TextDecoder().decode(stdout), "end\n");
      assertEquals(code, 0);
    },
  });
}

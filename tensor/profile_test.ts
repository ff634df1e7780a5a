import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CPU,
  openTested,
  REFERENCE,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
} from "../tests/devices.ts";
import { add } from "./arithmetic.ts";
import { conv2d } from "./conv2d.ts";
import type { Device } from "./device.ts";
import { DeviceError } from "./errors.ts";
import { matmul } from "./matmul.ts";
import { openDevice } from "./open_device.ts";
import {
  formatProfile,
  type Profile,
  profiledOperations,
  startProfile,
  traceOf,
} from "./profile.ts";
import { randomUniform } from "./random.ts";
import { sum } from "./reduction.ts";

/** A calculation with several kernels; returns its result's bits. */
async function compute(device: Device): Promise<number[]> {
  using _scope = device.scope();
  const x = randomUniform(device, [2, 8, 8, 4], { seed: 1n });
  const weight = randomUniform(device, [3, 3, 4, 8], { seed: 2n });
  const matrix = randomUniform(device, [8, 16], { seed: 3n });
  const y = conv2d(x, weight, { padding: "same", stride: 2 });
  const z = matmul(y.view(0, [32, 8]), matrix);
  const data = await sum(add(z, 1), { axes: [0] }).data();
  return [...new Uint32Array(data.buffer)];
}

for (
  const { name, kind, test } of await openTested(
    REFERENCE,
    CPU,
    WEBGPU,
    WEBGPU_DEFAULT_LIMITS,
  )
) {
  test("startProfile() changes no bit, and nothing once it is stopped", async (device) => {
    const { backend } = device;
    const expected = await compute(device);
    const profiler = await startProfile(device);
    assertEquals(await compute(device), expected);
    await profiler.stop();
    assert(device.backend === backend);
    assertEquals(await compute(device), expected);
  });

  test("startProfile() measures calls, kernels and memory", async (device) => {
    const { liveBytes } = device.memory;
    const profiler = await startProfile(device);
    await compute(device);
    profiler.mark("computed");
    const profile = await profiler.stop();
    const operations = profiledOperations(profile);
    const of = (name: string) =>
      operations.find((operation) => operation.name === name)!;
    assertEquals(of("randomUniform").calls, 3);
    assertEquals(of("conv2d 3×3/2").flops, 2 * (2 * 4 * 4 * 8) * (3 * 3 * 4));
    assertEquals(of("matmul ·").flops, 2 * 32 * 8 * 16);
    assertEquals(of("binary add").bytes % (2 * 32 * 16), 0);
    assertEquals(of("reduce sum").calls, 1);
    for (const { name, milliseconds } of operations) {
      assert(
        milliseconds > 0 || kind !== "webgpu",
        `${name} took ${milliseconds}`,
      );
    }
    const { memory, marks, milliseconds, kernels, submissions } = profile;
    assertEquals(memory[0].bytes, liveBytes);
    assertEquals(memory.at(-1)!.bytes, liveBytes);
    assert(Math.max(...memory.map(({ bytes }) => bytes)) > liveBytes + 2048);
    assertEquals(marks.map(({ name }) => name), ["computed"]);
    assert(marks[0].time > 0 && marks[0].time <= milliseconds);
    const timed = name === "webgpu";
    assertEquals(
      profile.timing,
      kind === "webgpu" && !timed ? "host" : "kernels",
    );
    assertEquals(kernels.length > 0, timed);
    assertEquals(submissions.length > 0, kind === "webgpu");
    let end = 0;
    for (const kernel of kernels) {
      // Two clocks agree but for the time that it takes to reach the device.
      assert(kernel.begin >= end - 0.01 && kernel.begin <= milliseconds + 50);
      end = kernel.begin + kernel.milliseconds;
      assert(profile.calls[kernel.call] !== undefined);
    }
    for (const { begin, handed, done } of submissions) {
      assert(begin <= handed);
      assertEquals(done !== undefined, !timed);
      if (done !== undefined) assert(handed <= done);
    }
  });

  test("traceOf() makes events that viewers open", async (device) => {
    const profiler = await startProfile(device);
    await compute(device);
    profiler.mark("computed");
    const trace = traceOf(await profiler.stop());
    const { traceEvents } = JSON.parse(JSON.stringify(trace));
    const counts: Record<string, number> = {};
    const tracks = new Map<number, string>();
    const used = new Set<number>();
    for (const event of traceEvents) {
      counts[event.ph] = (counts[event.ph] ?? 0) + 1;
      assert(typeof event.name === "string" && event.name !== "");
      assert(Number.isFinite(event.ts) && event.ts >= 0);
      assertEquals(event.pid, 1);
      assert(Number.isInteger(event.tid));
      if (event.ph === "X") {
        assert(Number.isFinite(event.dur) && event.dur >= 0);
        used.add(event.tid);
      }
      if (event.ph === "C") assert(Number.isInteger(event.args.bytes));
      if (event.name === "thread_name") tracks.set(event.tid, event.args.name);
    }
    assertEquals(counts.i, 1);
    assert(counts.C >= 2);
    assertEquals(
      [...used].map((track) => tracks.get(track)),
      kind === "webgpu" ? ["Host", "GPU"] : ["Host"],
    );
  });

  test("startProfile() throws while it measures already", async (device) => {
    const profiler = await startProfile(device);
    await assertRejects(
      () => startProfile(device),
      DeviceError,
      `Cannot profile the ${kind} device: it is being profiled already`,
    );
    await profiler.stop();
    await (await startProfile(device)).stop();
  });
}

Deno.test("startProfile() throws when the device is closed", async () => {
  const device = await openDevice("reference");
  device.close();
  await assertRejects(
    () => startProfile(device),
    DeviceError,
    "Cannot profile the reference device: it is closed",
  );
});

const PROFILE: Profile = {
  device: {
    kind: "webgpu",
    description: "a GPU",
    software: false,
    threads: 1,
    dtypes: [],
    floatDTypes: [],
    features: [],
    maxBufferBytes: 0,
    maxBindingBytes: 0,
    memoryLimit: 0,
  },
  milliseconds: 20,
  timing: "kernels",
  calls: [
    { name: "fill", begin: 1, milliseconds: 0.5, flops: 0, bytes: 2e6 },
    { name: "matmul ·", begin: 2, milliseconds: 0.5, flops: 4e9, bytes: 8e6 },
    { name: "matmul ·", begin: 3, milliseconds: 0.5, flops: 4e9, bytes: 8e6 },
    // By a copy from buffer to buffer, which has no time.
    { name: "fill", begin: 4, milliseconds: 0.25, flops: 0, bytes: 9e6 },
  ],
  kernels: [
    { name: "fill-f32", call: 0, begin: 5, milliseconds: 1 },
    { name: "gemm-8x4", call: 1, begin: 6, milliseconds: 3 },
    { name: "sum-parts", call: 1, begin: 9, milliseconds: 1 },
    { name: "gemm-8x4", call: 2, begin: 10, milliseconds: 4 },
  ],
  submissions: [{ begin: 4, handed: 4.5, done: undefined, kernels: 4 }],
  memory: [{ time: 0, bytes: 0 }, { time: 1, bytes: 3 * 2 ** 20 }],
  marks: [{ name: "step 1", time: 3.5 }],
};

Deno.test("formatProfile() writes a table, longest first, with rates", () => {
  assertEquals(
    formatProfile(PROFILE, 2),
    `                                     calls        ms         %   GFLOP/s      GB/s
matmul ·                                 1       4.0      40.0    1000.0       2.0
fill                                     1       0.5       5.0                 2.0
outside of kernels                               5.5      55.0
all                                             10.0     100.0

Most memory in use at once: 3 MiB
Submissions: 0.5`,
  );
});

Deno.test("formatProfile() says so where kernels were not timed", () => {
  const text = formatProfile({ ...PROFILE, timing: "host", kernels: [] });
  assertEquals(text.split("\n").slice(1, 3), [
    "matmul ·                                 2       1.0       5.0",
    "fill                                     2       0.8       3.8",
  ]);
  assert(text.endsWith(
    "The device has no timestamp-query: times are those that the host took to call kernels, not those of kernels",
  ));
});

Deno.test("traceOf() shows submissions where kernels were not timed, one behind the other", () => {
  const { traceEvents } = traceOf({
    ...PROFILE,
    kernels: [],
    submissions: [
      { begin: 4, handed: 5, done: 10, kernels: 4 },
      { begin: 6, handed: 7, done: 12, kernels: 2 },
    ],
  });
  assertEquals(
    traceEvents.filter(({ name }) => name === "submission")
      .map(({ ts, dur, args }) => [ts, dur, args?.kernels]),
    [[4000, 6000, 4], [10000, 2000, 2]],
  );
});

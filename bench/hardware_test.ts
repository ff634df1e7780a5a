import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { openDevice } from "@cram/tensor";
import { findAdapter } from "../tensor/webgpu/mod.ts";
import type { CramEntry, HardwareResults } from "./_hardware_report.ts";
import { runProgram } from "./_run_program.ts";

const permitted = async (...names: Deno.PermissionName[]) => {
  const states = await Promise.all(
    names.map((name) => Deno.permissions.query({ name })),
  );
  return states.every(({ state }) => state === "granted");
};
const ignore = !await permitted("run", "read", "write") ||
  await findAdapter({}) === undefined;

const run = (...args: string[]) =>
  runProgram("hardware", args, { CRAM_PYTHON: "" });

Deno.test("bench:hardware times small works, as a table and as JSON", {
  ignore,
}, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const json = `${folder}/results.json`;
    const { code, out, err } = await run(
      ...["--quick", "--samples", "1", "--peak", "0.01", "--json", json],
      ...["--precision", "float32"],
    );
    assertEquals(code, 0, err);
    assertStringIncludes(out, "train-step/resnet20/b2/32/sgd");
    const results = JSON.parse(
      await Deno.readTextFile(json),
    ) as HardwareResults;
    assertEquals(results.torch, null);
    assertEquals(results.peak, 0.01);
    const cram = results.rows.map(({ cram }) => cram as CramEntry);
    const [matmul, resnet, bert] = cram;
    assertEquals(matmul.dispatches, 1);
    assertEquals(matmul.partOfPeak, matmul.gflops! / 10);
    assertEquals(matmul.tensorBytes, 3 * 4 * 256 * 256);
    for (const step of [resnet, bert]) {
      assertGreater(step.samplesPerSecond, 0);
      assertGreater(step.dispatches, 100);
      assertGreater(step.milliseconds.median, step.hostMilliseconds);
      assertGreater(step.reservedBytes, step.tensorBytes / 2);
      assertEquals(step.readBacks, 0);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "bench:hardware names options that it cannot use",
  { ignore },
  async () => {
    const { code, err } = await run("--quick", "--peak", "fast");
    assertEquals(
      [code, err],
      [2, 'UsageError: Cannot use --peak "fast": expected a number above 0\n'],
    );
  },
);

Deno.test("bench:hardware times other precisions and tuned kernels too", {
  ignore,
}, async () => {
  await using device = await openDevice("webgpu");
  const precision = device.info.floatDTypes.at(-1)!;
  const folder = await Deno.makeTempDir();
  try {
    const json = `${folder}/results.json`;
    const { code, err } = await run(
      ...["--quick", "--samples", "1", "--tune", "--filter", "matmul"],
      ...["--precision", precision, "--json", json],
    );
    assertEquals(code, 0, err);
    const { rows } = JSON.parse(
      await Deno.readTextFile(json),
    ) as HardwareResults;
    assertEquals(
      rows.map(({ precision, tuned }) => `${precision} ${tuned}`),
      [`${precision} false`, `${precision} true`],
    );
    for (const { cram } of rows) {
      assertGreater((cram as CramEntry).gflops, 0);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

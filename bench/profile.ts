/**
 * `deno task profile`: which kernels a benchmark's time goes to.
 *
 * @module
 */

import { openDevice } from "@cram/tensor";
import { formatProfile, startProfile, traceOf } from "@cram/tensor/profile";
import { writeFileSync } from "node:fs";
import { integer, type OptionValues, text } from "../tasks/cli/options.ts";
import { BENCHMARKS } from "./_benchmarks.ts";
import { BENCH_OPTIONS, filtered, runBench } from "./_program.ts";

const ABOUT = `Shows which kernels a benchmark's time goes to.

Usage: deno task profile [options]
`;

const DEFAULT = "train-step/resnet50/b8/224/sgd";

const { device, threads, help } = BENCH_OPTIONS;
const OPTIONS = {
  filter: text(
    "TEXT",
    `the first benchmark whose name contains TEXT; default ${DEFAULT}`,
  ),
  device,
  threads,
  calls: integer(1, "over how many calls to take the mean; default 3"),
  trace: text(
    "FILE",
    "also write a trace that chrome://tracing and Perfetto open",
  ),
  help,
};

async function profile(options: OptionValues<typeof OPTIONS>): Promise<void> {
  const { filter = DEFAULT, device: kind = "cpu", calls = 3 } = options;
  const [benchmark] = filtered(BENCHMARKS, filter, "benchmark");
  await using device = await openDevice(kind, { threads: options.threads });
  using _inputs = device.scope();
  const run = benchmark.prepare(device);
  const once = async () => {
    using _outputs = device.scope();
    await run();
  };
  // The engine compiles while it runs.
  await once();
  await once();
  const profiler = await startProfile(device);
  for (let call = 1; call <= calls; call++) {
    await once();
    profiler.mark(`call ${call}`);
  }
  const stopped = await profiler.stop();
  benchmark.dispose?.();

  console.log(`${benchmark.name} on ${device.info.description}\n`);
  console.log(formatProfile(stopped, calls));
  if (options.trace !== undefined) {
    writeFileSync(options.trace, JSON.stringify(traceOf(stopped)) + "\n");
  }
}

await runBench({ about: ABOUT, options: OPTIONS, run: profile });

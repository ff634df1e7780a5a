/**
 * `deno task profile`: which kernels a benchmark's time goes to.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { type DeviceKind, openDevice } from "@cram/tensor";
import { formatProfile, startProfile, traceOf } from "@cram/tensor/profile";
import { writeFileSync } from "node:fs";
import { BENCHMARKS } from "./_benchmarks.ts";

const HELP = `Shows which kernels a benchmark's time goes to.

Usage: deno task profile [options]

  --filter TEXT    the first benchmark whose name contains TEXT
                   (default: train-step/resnet50/b8/224/sgd)
  --device NAME    cpu (default), webgpu or reference
  --threads N      threads of the cpu device (default: one for each core)
  --calls N        over how many calls to take the mean (default: 3)
  --trace FILE     also write a trace that chrome://tracing and Perfetto open
  --help           print this text and stop
`;

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["filter", "device", "threads", "calls", "trace"],
    boolean: ["help"],
    unknown: (argument) => {
      throw new RangeError(`Unknown argument "${argument}": see --help`);
    },
  });
  if (options.help) return console.log(HELP);
  const { filter = "train-step/resnet50/b8/224/sgd", device: kind = "cpu" } =
    options;
  const calls = Number(options.calls ?? 3);
  if (!Number.isInteger(calls) || calls < 1) {
    throw new RangeError(
      `Cannot take the mean over "${options.calls}" calls: expected a whole number of at least 1`,
    );
  }
  const benchmark = BENCHMARKS.find(({ name }) => name.includes(filter));
  if (benchmark === undefined) {
    throw new RangeError(`No benchmark has "${filter}" in its name`);
  }
  await using device = await openDevice(
    kind as DeviceKind,
    options.threads === undefined ? {} : { threads: Number(options.threads) },
  );
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
  const profile = await profiler.stop();
  benchmark.dispose?.();

  console.log(`${benchmark.name} on ${device.info.description}\n`);
  console.log(formatProfile(profile, calls));
  if (options.trace !== undefined) {
    writeFileSync(options.trace, JSON.stringify(traceOf(profile)) + "\n");
  }
}

try {
  await main();
} catch (error) {
  console.error(
    error instanceof Error ? `${error.name}: ${error.message}` : error,
  );
  Deno.exit(1);
}

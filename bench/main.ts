/**
 * `deno task bench`: times operations on a device.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { openDevice } from "@cram/tensor";
import { flag, type OptionValues, text } from "../tasks/cli/options.ts";
import { measure, type Measurement } from "./_benchmark.ts";
import { BENCHMARKS } from "./_benchmarks.ts";
import { BENCH_OPTIONS, filtered, runBench } from "./_program.ts";

const ABOUT = `Times operations and prints minimum, median and maximum.

Usage: deno task bench [options]
`;

const { device, threads, json, help } = BENCH_OPTIONS;
const OPTIONS = {
  filter: text("TEXT", "only benchmarks whose name contains TEXT"),
  device,
  threads,
  json,
  list: flag("print the names and stop"),
  help,
};

function format(
  { name, milliseconds, gflops, imagesPerSecond }: Measurement,
): string {
  const times = [milliseconds.min, milliseconds.median, milliseconds.max]
    .map((time) => time.toFixed(2).padStart(10)).join("");
  const rates = [gflops?.toFixed(1), imagesPerSecond?.toFixed(0)]
    .map((rate) => (rate ?? "").padStart(10)).join("");
  return `${name.padEnd(48)}${times}${rates}`.trimEnd();
}

async function bench(options: OptionValues<typeof OPTIONS>): Promise<void> {
  const { filter = "", device: kind = "cpu" } = options;
  const chosen = filtered(BENCHMARKS, filter, "benchmark");
  if (options.list) {
    return console.log(chosen.map(({ name }) => name).join("\n"));
  }
  await using device = await openDevice(kind, { threads: options.threads });
  const { description, threads } = device.info;
  console.log(`${kind}: ${description}, ${threads} thread(s)\n`);
  console.log(
    `${"".padEnd(48)}${"min ms".padStart(10)}${"median ms".padStart(10)}${
      "max ms".padStart(10)
    }${"GFLOP/s".padStart(10)}${"images/s".padStart(10)}`,
  );
  const results: Measurement[] = [];
  for (const benchmark of chosen) {
    const result = await measure(benchmark, device);
    benchmark.dispose?.();
    results.push(result);
    console.log(format(result));
  }
  if (options.json !== undefined) {
    writeFileSync(options.json, JSON.stringify(results, null, 2) + "\n");
  }
}

await runBench({ about: ABOUT, options: OPTIONS, run: bench });

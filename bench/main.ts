/**
 * `deno task bench`: times operations on a device.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { writeFileSync } from "node:fs";
import { type DeviceKind, openDevice } from "@cram/tensor";
import { measure, type Measurement } from "./_benchmark.ts";
import { BENCHMARKS } from "./_benchmarks.ts";

const HELP = `Times operations and prints minimum, median and maximum.

Usage: deno task bench [options]

  --filter TEXT    only benchmarks whose name contains TEXT
  --device NAME    cpu (default), webgpu or reference
  --threads N      threads of the cpu device (default: one for each core)
  --json FILE      also write the results to FILE
  --list           print the names and stop
  --help           print this text and stop
`;

function format(
  { name, milliseconds, gflops, imagesPerSecond }: Measurement,
): string {
  const times = [milliseconds.min, milliseconds.median, milliseconds.max]
    .map((time) => time.toFixed(2).padStart(10)).join("");
  const rates = [gflops?.toFixed(1), imagesPerSecond?.toFixed(0)]
    .map((rate) => (rate ?? "").padStart(10)).join("");
  return `${name.padEnd(48)}${times}${rates}`.trimEnd();
}

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["filter", "device", "threads", "json"],
    boolean: ["list", "help"],
    unknown: (argument) => {
      throw new RangeError(`Unknown argument "${argument}": see --help`);
    },
  });
  if (options.help) return console.log(HELP);
  const { filter = "", device: kind = "cpu" } = options;
  const chosen = BENCHMARKS.filter(({ name }) => name.includes(filter));
  if (options.list) {
    return console.log(chosen.map(({ name }) => name).join("\n"));
  }
  if (chosen.length === 0) {
    throw new RangeError(`No benchmark has "${filter}" in its name`);
  }
  await using device = await openDevice(
    kind as DeviceKind,
    options.threads === undefined ? {} : { threads: Number(options.threads) },
  );
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

try {
  await main();
} catch (error) {
  console.error(
    error instanceof Error ? `${error.name}: ${error.message}` : error,
  );
  Deno.exit(1);
}

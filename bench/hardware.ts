/**
 * `deno task bench:hardware`: this project on a real GPU, and PyTorch on the
 * same one. Needs nothing but Deno and this repository; for PyTorch a Python
 * that has it.
 *
 * @module
 */

import { PRECISIONS } from "@cram/models";
import { type Device, openDevice, type Tuning } from "@cram/tensor";
import {
  choice,
  flag,
  integer,
  type Option,
  type OptionValues,
  text,
} from "../tasks/cli/options.ts";
import { UsageError } from "../tasks/errors.ts";
import { writeJson } from "../tasks/output_file.ts";
import type { WebGpuBackend } from "../tensor/webgpu/backend.ts";
import { measure, type MeasureOptions } from "./_benchmark.ts";
import { counted } from "./_counted.ts";
import {
  type CramEntry,
  type Failure,
  type HardwareResults,
  type HardwareRow,
  hardwareRow,
  hardwareTable,
  type Speed,
  type TorchEntry,
} from "./_hardware_report.ts";
import { BENCH_OPTIONS, filtered, runBench } from "./_program.ts";
import { benchmarkOf } from "./_work_benchmark.ts";
import { openCram } from "./peers/cram.ts";
import { enter } from "./peers/enter.ts";
import type { LibraryInfo } from "./peers/library.ts";
import { machine, messageOf } from "./peers/report.ts";
import { timeInRounds } from "./peers/rounds.ts";
import { openTorch } from "./peers/torch.ts";
import { hardwareWorks, type Work } from "./works.ts";

const ABOUT =
  `Times this project on a GPU: a product of matrices and training steps.

Usage: deno task bench:hardware [options]

CRAM_PYTHON names a Python that has torch: it does the same works, on CUDA where
there is one, float32 without TF32, float16 by autocast.
`;

/** How fast a GPU can be. */
const peak: Option<number> = {
  help: "what the GPU can do in float32, for the part of it that is reached",
  placeholder: "TFLOPS",
  parse: (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    return value > 0 && value < Infinity ? value : undefined;
  },
  expected: "a number above 0",
};

const { json, help } = BENCH_OPTIONS;
const OPTIONS = {
  filter: text("TEXT", "only works whose name contains TEXT"),
  json: { ...json, help: `${json.help}, after each work` },
  peak,
  precision: choice(
    PRECISIONS,
    "compute in that only; default: both, where the GPU can",
  ),
  tune: flag("also with kernels chosen by trials"),
  samples: integer(1, "how often each is timed; default 9"),
  quick: flag(
    "small works, for a try on any machine; the only ones for emulated GPUs",
  ),
  help,
};

/** PyTorch's first step chooses algorithms. */
const PATIENCE_SECONDS = 600;

const OPENING = {
  device: "webgpu",
  threads: navigator.hardwareConcurrency,
} as const;

interface Settings extends Required<MeasureOptions> {
  readonly peak: number | null;
  readonly python: string | undefined;
  readonly tune: boolean;
}

function speedOf(
  work: Work,
  milliseconds: Speed["milliseconds"],
): Speed {
  const { median, min } = milliseconds;
  return {
    milliseconds: { median, min },
    samplesPerSecond: "batch" in work ? 1000 * work.batch / median : null,
    gflops: work.flops === undefined ? null : work.flops / median / 1e6,
  };
}

/** What a device holds; the profile of a device would change what is timed. */
function reservedBytes(device: Device): number {
  return (device.backend as unknown as WebGpuBackend).runtime.reservedBytes;
}

/** Times a work on a device of its own, so that its memory is the work's alone. */
async function measureCram(
  work: Work,
  settings: Settings,
  tuning?: Tuning,
): Promise<CramEntry> {
  await using device = await openDevice("webgpu", { tuning });
  const benchmark = counted(benchmarkOf(work));
  try {
    const { milliseconds, hostMilliseconds } = await measure(
      benchmark,
      device,
      settings,
    );
    const speed = speedOf(work, milliseconds);
    const { gflops } = speed;
    const { peak } = settings;
    const { precision = "float32" } = work;
    const hasPart = gflops !== null && peak !== null && precision === "float32";
    return {
      ...speed,
      hostMilliseconds,
      ...benchmark.counts(),
      partOfPeak: hasPart ? gflops / (1000 * peak) : null,
      tensorBytes: device.memory.peakBytes,
      reservedBytes: reservedBytes(device),
    };
  } finally {
    benchmark.dispose?.();
  }
}

/** Tries which kernels are fastest, on a device of its own: trials take memory too. */
async function tune(work: Work): Promise<Tuning | undefined> {
  await using device = await openDevice("webgpu");
  const benchmark = benchmarkOf(work);
  using _inputs = device.scope();
  try {
    return await device.tune(benchmark.prepare(device));
  } finally {
    benchmark.dispose?.();
  }
}

/** The results that PyTorch's are compared with. */
async function outputsOf(work: Work): Promise<number[][]> {
  const cram = await openCram(OPENING);
  try {
    const { prepared, outputs } = await enter(cram, work, undefined);
    await prepared.dispose();
    return outputs;
  } finally {
    await cram.close();
  }
}

/** Times PyTorch in a process of its own, so that its memory is the work's alone. */
async function measureTorch(
  python: string,
  work: Work,
  { samples, sampleMilliseconds }: Settings,
): Promise<TorchEntry> {
  const expected = await outputsOf(work);
  const torch = await openTorch(python, OPENING, () => PATIENCE_SECONDS);
  try {
    const { prepared, error } = await enter(torch, work, expected);
    await prepared.time(1);
    const times = await timeInRounds(new Map([["PyTorch", prepared]]), {
      rounds: samples,
      sampleMilliseconds,
      budgetMilliseconds: Infinity,
    });
    const time = times.get("PyTorch")!;
    if (time instanceof Error) throw time;
    return {
      ...speedOf(work, time),
      reservedBytes: await prepared.peakBytes!(),
      difference: error,
      variant: prepared.variant ?? null,
    };
  } finally {
    await torch.close();
  }
}

async function attempt<T>(run: () => Promise<T>): Promise<T | Failure> {
  try {
    return await run();
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** What is found at a work: by the usual kernels, and by tuned ones if they are wanted. */
async function rowsOf(work: Work, settings: Settings): Promise<HardwareRow[]> {
  const { name, precision = "float32" } = work;
  const { python } = settings;
  const cram = await attempt(() => measureCram(work, settings));
  const torch = python === undefined
    ? null
    : await attempt(() => measureTorch(python, work, settings));
  const row = { name, precision, torch };
  const rows = [hardwareRow({ ...row, tuned: false, cram })];
  if (settings.tune) {
    const cram = await attempt(async () =>
      measureCram(work, settings, await tune(work))
    );
    rows.push(hardwareRow({ ...row, tuned: true, cram }));
  }
  return rows;
}

/** Version and device of PyTorch; throws if the Python has none. */
async function describeTorch(python: string): Promise<string> {
  const torch = await openTorch(python, OPENING, () => PATIENCE_SECONDS);
  await torch.close();
  const { version, adapter, threads }: LibraryInfo = torch.info;
  return `${version}, ${adapter ?? `CPU, ${threads} thread(s)`}`;
}

async function hardware(
  options: OptionValues<typeof OPTIONS>,
): Promise<boolean> {
  const { quick, filter = "", json, peak = null, samples = 9 } = options;
  const settings: Settings = {
    samples,
    sampleMilliseconds: quick ? 20 : 500,
    peak,
    python: Deno.env.get("CRAM_PYTHON") || undefined,
    tune: options.tune,
  };
  const wanted = PRECISIONS.filter((one) =>
    options.precision === undefined || options.precision === one
  );
  const found = filtered(hardwareWorks(quick), filter, "work");
  const { description, software, floatDTypes } = await adapterInfo();
  const precisions = wanted.filter((one) => floatDTypes.includes(one));
  if (precisions.length === 0) {
    throw new UsageError(
      `Cannot use --precision "${options.precision}" on "${description}", which computes with ${
        floatDTypes.join(" and ")
      }`,
    );
  }
  if (software && !quick) {
    throw new UsageError(
      `Cannot do these works on "${description}": it emulates a GPU; --quick has smaller ones`,
    );
  }
  const { python } = settings;
  const torch = python === undefined ? null : await describeTorch(python);
  const results = {
    date: new Date().toISOString(),
    machine: machine(),
    runtime: `Deno ${Deno.version.deno}`,
    adapter: description,
    software,
    quick,
    peak: settings.peak,
    torch,
    rows: [] as HardwareRow[],
  } satisfies HardwareResults;
  console.log(`${description}\n${results.machine}\n${results.runtime}`);
  if (torch !== null) console.log(`PyTorch ${torch}`);
  const save = async () => {
    if (json !== undefined) await writeJson(json, results);
  };
  await save();
  for (const one of found) {
    for (const precision of precisions) {
      const work: Work = { ...one, precision };
      console.log(`… ${work.name} in ${precision}`);
      results.rows.push(...await rowsOf(work, settings));
      await save();
    }
  }
  console.log(`\n${hardwareTable(results.rows)}`);
  return results.rows.every(({ cram, torch }) =>
    !("error" in cram) && (torch === null || !("error" in torch))
  );
}

async function adapterInfo(): Promise<Device["info"]> {
  await using device = await openDevice("webgpu");
  return device.info;
}

await runBench({ about: ABOUT, options: OPTIONS, run: hardware });

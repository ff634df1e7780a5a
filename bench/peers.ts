/**
 * `deno task bench:peers`: this project beside TensorFlow.js, jax-js and
 * PyTorch, in the same run.
 *
 * @module
 */

import { MAX_THREADS } from "@cram/tensor";
import {
  choice,
  flag,
  integer,
  type OptionValues,
  text,
} from "../tasks/cli/options.ts";
import { UsageError } from "../tasks/errors.ts";
import { BENCH_OPTIONS, filtered, runBench } from "./_program.ts";
import { openCram } from "./peers/cram.ts";
import { type Contender, enter } from "./peers/enter.ts";
import type { Library, LibraryOptions, Prepared } from "./peers/library.ts";
import { machine, messageOf } from "./peers/report.ts";
import {
  type Entry,
  replaceSection,
  type Results,
  type Row,
  section,
  TOLERANCE,
} from "./peers/page.ts";
import { processChannel } from "./peers/process_channel.ts";
import { openRemote, TookTooLongError } from "./peers/remote.ts";
import { timeInRounds } from "./peers/rounds.ts";
import { openTorch } from "./peers/torch.ts";
import { type Work, WORKS } from "./works.ts";

const ABOUT = `Times this project beside TensorFlow.js, jax-js and PyTorch.

Usage: deno task bench:peers [options]
`;

const { threads, json, help } = BENCH_OPTIONS;
const OPTIONS = {
  device: choice(
    ["cpu", "webgpu"],
    "cpu: WebAssembly, and PyTorch if CRAM_PYTHON names a Python that has it; webgpu: the same adapter for all; default cpu",
  ),
  filter: text("TEXT", "only works whose name contains TEXT"),
  rounds: integer(1, "how often each library is timed in turn; default 7"),
  threads: {
    ...threads,
    help: "threads on the CPU; default: one for each core",
  },
  json,
  write: flag(
    "also write them into docs/performance.md; not with --filter",
  ),
  help,
};

const PAGE = new URL("../docs/performance.md", import.meta.url);
/** Of which memory and threads are looked at besides. */
const MAIN_WORK = "train-step/resnet50/b8/224/sgd";
const SAMPLE_MILLISECONDS = 100;
/** Those of the task, for programs that are started from here. */
const V8_FLAGS = ["--v8-flags=--experimental-wasm-revectorize"];

function isNetwork({ kind }: Work): boolean {
  return kind === "train-step" || kind === "inference";
}

/** How long a library may take for one work, in seconds: for its first call, and for the rounds. */
function limits(
  work: Work,
  device: "cpu" | "webgpu",
): { readonly first: number; readonly rounds: number } {
  if (!isNetwork(work)) return { first: 10, rounds: 4 };
  return { first: device === "cpu" ? 20 : 60, rounds: 20 };
}

async function openLibraries(
  options: LibraryOptions,
): Promise<{ libraries: Library[]; failures: string[] }> {
  const patience = (work: Work) => limits(work, options.device).first;
  const program = (module: string) => () => {
    const { pathname } = new URL(module, import.meta.url);
    const connect = () =>
      processChannel(Deno.execPath(), ["run", "-A", ...V8_FLAGS, pathname]);
    return openRemote(connect, options, patience);
  };
  const python = Deno.env.get("CRAM_PYTHON");
  const openers: (readonly [string, () => Promise<Library>])[] = [
    ["cram", () => openCram(options)],
    ["tfjs", program("./peers/tfjs.ts")],
    ["jax-js", program("./peers/jax_js.ts")],
  ];
  if (options.device === "cpu" && python !== undefined) {
    openers.push(["PyTorch", () => openTorch(python, options, () => 300)]);
  }
  const libraries: Library[] = [];
  const failures: string[] = [];
  for (const [name, open] of openers) {
    try {
      libraries.push(await open());
    } catch (error) {
      if (name === "cram") throw error;
      failures.push(`${name} is left out: ${messageOf(error)}`);
    }
  }
  return { libraries, failures };
}

async function runWork(
  libraries: readonly Library[],
  work: Work,
  device: "cpu" | "webgpu",
  rounds: number,
): Promise<Row> {
  const entries: Record<string, Entry> = {};
  const contenders = new Map<string, Contender>();
  let expected: number[][] | undefined;
  for (const library of libraries) {
    const { name } = library.info;
    try {
      const entered = await enter(library, work, expected);
      if (name === "cram") expected = entered.outputs;
      contenders.set(name, entered);
    } catch (error) {
      entries[name] = { reason: messageOf(error) };
      // Without it there is nothing to compare.
      if (name === "cram") break;
    }
  }
  const times = await timeInRounds(
    new Map(
      Array.from(contenders, ([name, { prepared }]) => [name, prepared]),
    ),
    {
      rounds,
      sampleMilliseconds: SAMPLE_MILLISECONDS,
      budgetMilliseconds: 1000 * limits(work, device).rounds,
    },
  );
  for (const [name, { prepared, error }] of contenders) {
    const time = times.get(name) as Error | Exclude<Entry, { reason: string }>;
    entries[name] = time instanceof Error
      ? { reason: messageOf(time) }
      : { ...time, error, variant: prepared.variant };
    // A library that took too long has been started anew, with nothing in it.
    if (!(time instanceof TookTooLongError)) await prepared.dispose();
  }
  const { name, flops } = work;
  return { name, flops, entries };
}

/** How much faster all threads are than one. */
async function threadScaling(
  work: Work,
  threads: number,
  rounds: number,
): Promise<string> {
  const counts = [1, threads];
  const opened = await Promise.all(
    counts.map((threads) => openCram({ device: "cpu", threads })),
  );
  const prepared = new Map<string, Prepared>();
  for (const [i, library] of opened.entries()) {
    const one = await library.prepare(work);
    await one.time(1);
    prepared.set(`${counts[i]}`, one);
  }
  const times = await timeInRounds(prepared, {
    rounds: Math.min(rounds, 5),
    sampleMilliseconds: SAMPLE_MILLISECONDS,
    budgetMilliseconds: 60_000,
  });
  for (const one of prepared.values()) await one.dispose();
  for (const library of opened) await library.close();
  const [one, all] = counts.map((count) => {
    const time = times.get(`${count}`);
    if (time === undefined || time instanceof Error) {
      throw time ?? new Error("not timed");
    }
    return time.median;
  });
  return `\`${work.name}\` with ${threads} threads is ${
    (one / all).toFixed(2)
  } times as fast as with one (${all.toFixed(0)} and ${one.toFixed(0)} ms).`;
}

async function output(
  command: string,
  args: readonly string[],
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** The most memory of three steps in processes of their own. */
async function peakMemory(work: Work, threads: number): Promise<string> {
  const module = new URL("./peers/peak_memory.ts", import.meta.url).pathname;
  const mebibytes = (bytes: string) =>
    `${(Number(bytes) / 2 ** 20).toFixed(0)} MiB`;
  const cram = await output(Deno.execPath(), [
    ...["run", "-A", ...V8_FLAGS, module, work.name, `${threads}`],
  ]);
  const python = Deno.env.get("CRAM_PYTHON");
  let beside = "";
  if (python !== undefined) {
    const torch = await torchPeakMemory(python, work, threads);
    beside = `, of PyTorch's ${mebibytes(`${torch}`)} (${
      (Number(cram) / torch).toFixed(2)
    } times)`;
  }
  return `The most memory of this project's process for three steps of \`${work.name}\` is ${
    mebibytes(cram)
  }${beside}.`;
}

async function torchPeakMemory(
  python: string,
  work: Work,
  threads: number,
): Promise<number> {
  const torch = await openTorch(
    python,
    { device: "cpu", threads },
    () => 300,
  );
  try {
    // Trying layouts would take memory too.
    const prepared = await torch.prepare(
      Object.assign({}, work, { layout: "channels_last" }),
    );
    await prepared.time(3);
    return await prepared.peakBytes!();
  } finally {
    await torch.close();
  }
}

function line(row: Row, names: readonly string[]): string {
  const cells = names.map((name) => {
    const entry = row.entries[name];
    if (entry === undefined || "reason" in entry) return "–";
    return `${entry.median.toFixed(2)}${entry.error > TOLERANCE ? " ≠" : ""}`;
  });
  return row.name.padEnd(44) +
    cells.map((text) => text.padStart(12)).join("");
}

async function peers(options: OptionValues<typeof OPTIONS>): Promise<void> {
  const {
    filter = "",
    device = "cpu",
    rounds = 7,
    threads = Math.min(navigator.hardwareConcurrency, MAX_THREADS),
  } = options;
  if (options.write && filter !== "") {
    throw new UsageError(
      `Cannot use --write with --filter "${filter}": a part of the works is not for the page`,
    );
  }
  const found = filtered<Work>(WORKS, filter, "work");
  let opened = await openLibraries({ device, threads });
  const { libraries, failures } = opened;
  const infos = libraries.map(({ info }) => info);
  const names = infos.map(({ name }) => name);
  for (const failure of failures) console.log(failure);
  for (const { name, version, threads, adapter } of infos) {
    console.log(`${name} ${version}: ${adapter ?? `${threads} thread(s)`}`);
  }
  console.log(
    `\n${"median milliseconds".padEnd(44)}${
      names.map((name) => name.padStart(12)).join("")
    }`,
  );
  const works = found.filter((work) =>
    device === "cpu" || filter !== "" || !("large" in work && work.large)
  );
  const rows: Row[] = [];
  for (const [i, work] of works.entries()) {
    // WebAssembly's 4 GiB are in pieces after many works.
    if (i > 0 && isNetwork(work)) {
      for (const library of opened.libraries) await library.close();
      opened = await openLibraries({ device, threads });
    }
    const row = await runWork(opened.libraries, work, device, rounds);
    rows.push(row);
    console.log(line(row, names));
    for (const [name, entry] of Object.entries(row.entries)) {
      if ("reason" in entry) console.log(`  ${name}: ${entry.reason}`);
    }
  }
  for (const library of opened.libraries) await library.close();
  const notes: string[] = [...failures.map((failure) => `${failure}.`)];
  const main = device === "cpu" && works.find(({ name }) => name === MAIN_WORK);
  if (main) {
    if (threads > 1) notes.push(await threadScaling(main, threads, rounds));
    if (Deno.build.os === "linux") notes.push(await peakMemory(main, threads));
  }
  const results: Results = {
    device,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    runtime: `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`,
    rounds,
    libraries: infos,
    rows,
    notes,
  };
  console.log(`\n${section(results)}`);
  if (options.json !== undefined) {
    await Deno.writeTextFile(
      options.json,
      JSON.stringify(results, null, 2) + "\n",
    );
  }
  if (options.write) {
    const page = await Deno.readTextFile(PAGE);
    const text = replaceSection(page, device, section(results));
    await Deno.writeTextFile(PAGE, text);
    await output(Deno.execPath(), ["fmt", PAGE.pathname]);
  }
}

if (import.meta.main) {
  await runBench({ about: ABOUT, options: OPTIONS, run: peers });
}

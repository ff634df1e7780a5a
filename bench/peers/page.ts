/**
 * The tables of `docs/performance.md`.
 *
 * @module
 */

import type { LibraryInfo } from "./library.ts";
import type { Times } from "./rounds.ts";

/** What a library did at a work. */
export type Entry =
  | (Times & {
    /** How far its results are from this project's, relative to these; 0 for this project. */
    readonly error: number;
    /** What was chosen for it, such as a layout. */
    readonly variant?: string;
  })
  | { readonly reason: string };

/** A work with what each library did at it. */
export interface Row {
  readonly name: string;
  readonly flops?: number;
  /** By the names of libraries; this project is `cram`. */
  readonly entries: Readonly<Record<string, Entry>>;
}

/** Everything that one run of `deno task bench:peers` found. */
export interface Results {
  readonly device: "cpu" | "webgpu";
  /** The day, as `2026-01-31`. */
  readonly date: string;
  readonly machine: string;
  readonly runtime: string;
  readonly rounds: number;
  readonly libraries: readonly LibraryInfo[];
  readonly rows: readonly Row[];
  /** What is measured besides, as sentences of Markdown. */
  readonly notes: readonly string[];
}

/** Above this relative error a library's result counts as wrong. */
export const TOLERANCE = 1e-3;

/** Milliseconds with three digits. */
function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

function cell(entry: Entry | undefined): string {
  if (entry === undefined || "reason" in entry) return "–";
  const wrong = entry.error > TOLERANCE ? " ≠" : "";
  return `${milliseconds(entry.median)} (${milliseconds(entry.min)})${wrong}`;
}

/** How many times as long the fastest of some libraries takes as this project; wrong results do not count. */
export function ratio(
  { entries }: Row,
  others: readonly string[],
): number | undefined {
  const cram = entries.cram;
  if (cram === undefined || "reason" in cram) return undefined;
  const medians = others.flatMap((name) => {
    const entry = entries[name];
    const counts = entry !== undefined && !("reason" in entry) &&
      entry.error <= TOLERANCE;
    return counts ? [entry.median] : [];
  });
  return medians.length === 0 ? undefined : Math.min(...medians) / cram.median;
}

function times(value: number | undefined): string {
  return value === undefined
    ? "–"
    : `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}×`;
}

const JAVASCRIPT = ["tfjs", "jax-js"];
const PYTORCH = "PyTorch";

function rate(row: Row): string {
  const { cram } = row.entries;
  return row.flops === undefined || cram === undefined || "reason" in cram
    ? ""
    : (row.flops / cram.median / 1e6).toFixed(1);
}

/** The table, one line a work. */
export function table({ libraries, rows }: Results): string {
  const names = libraries.map(({ name }) => name);
  const hasTorch = names.includes(PYTORCH);
  const lines = rows.map((row) => [
    `\`${row.name}\``,
    ...names.map((name) => cell(row.entries[name])),
    rate(row),
    times(ratio(row, JAVASCRIPT)),
    ...hasTorch ? [times(ratio(row, [PYTORCH]))] : [],
  ]);
  return markdownTable([
    "work",
    ...names.map((name) => `${name}, ms`),
    "cram, GFLOP/s",
    "faster of tfjs, jax-js ÷ cram",
    ...hasTorch ? ["PyTorch ÷ cram"] : [],
  ], lines);
}

function markdownTable(
  head: readonly string[],
  lines: readonly (readonly string[])[],
): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => line[i].length))
  );
  const format = (line: readonly string[], pad = " ") =>
    `| ${line.map((text, i) => text.padEnd(widths[i], pad)).join(" | ")} |`;
  const rule = format(head.map(() => ""), "-");
  return [format(head), rule, ...lines.map((line) => format(line))].join("\n");
}

/** Why there is no time, or what stands out, one sentence for each kind. */
export function remarks({ rows }: Results): string[] {
  const works = new Map<string, string[]>();
  for (const { name, entries } of rows) {
    for (const [library, entry] of Object.entries(entries)) {
      const remark = "reason" in entry
        ? `${library} –: ${entry.reason}`
        : entry.error > TOLERANCE
        ? `${library} ≠: the results differ by ${entry.error.toExponential(1)}`
        : undefined;
      if (remark === undefined) continue;
      works.set(remark, [...works.get(remark) ?? [], `\`${name}\``]);
    }
  }
  return Array.from(
    works,
    ([remark, names]) => `- ${remark} (${names.join(", ")})`,
  );
}

function describe({ name, version, threads, adapter }: LibraryInfo): string {
  const where = adapter ?? `${threads} ${threads === 1 ? "thread" : "threads"}`;
  return `${name} (${version}, ${where})`;
}

/** What stands between the marks. */
export function section(results: Results): string {
  const { date, machine, runtime, rounds, libraries, notes } = results;
  const errors = results.rows.flatMap(({ entries }) =>
    Object.values(entries).flatMap((entry) =>
      "reason" in entry || entry.error > TOLERANCE ? [] : [entry.error]
    )
  );
  return [
    `Measured on ${date}: ${machine}; ${runtime}; ${
      libraries.map(describe).join(", ")
    }. Milliseconds of one call: the median of at most ${rounds} rounds, and in brackets the least. Largest relative difference between results: ${
      Math.max(0, ...errors).toExponential(1)
    }, but for those marked ≠.`,
    table(results),
    ...notes,
    remarks(results).join("\n"),
  ].filter((part) => part !== "").join("\n\n");
}

/** A page has no place for a section. */
export class PageError extends Error {
  override readonly name = "PageError";
}

/** The page with another text between `<!-- NAME -->` and `<!-- /NAME -->`. */
export function replaceSection(
  page: string,
  name: string,
  text: string,
): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const parts = page.split(begin);
  const rest = parts[1]?.split(end);
  if (parts.length !== 2 || rest?.length !== 2) {
    throw new PageError(
      `Cannot write the section "${name}": expected one "${begin}" and one "${end}" behind it`,
    );
  }
  return `${parts[0]}${begin}\n\n${text}\n\n${end}${rest[1]}`;
}

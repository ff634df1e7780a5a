/**
 * What `deno task bench:hardware` found, as data and as a table.
 *
 * @module
 */

import type { Precision } from "@cram/models";
import type { Counts } from "./_counted.ts";

/** How fast a library is at a work. */
export interface Speed {
  /** Of one call or step. */
  readonly milliseconds: { readonly median: number; readonly min: number };
  /** Images or sequences, where the work has such. */
  readonly samplesPerSecond: number | null;
  readonly gflops: number | null;
}

/** This project at a work. */
export interface CramEntry extends Speed, Counts {
  /** What the host needs for a step without waiting for the device. */
  readonly hostMilliseconds: number;
  /** The rate relative to `--peak`; float32 only. */
  readonly partOfPeak: number | null;
  /** The most bytes of tensors at once. */
  readonly tensorBytes: number;
  /** The bytes of all buffers that the device holds after the steps: its most, but for what became free long before. */
  readonly reservedBytes: number;
}

/** PyTorch at a work. */
export interface TorchEntry extends Speed {
  /** The most bytes that it reserved on the GPU; on a CPU, of its process. */
  readonly reservedBytes: number;
  /** How far its results are from this project's, relative to these. */
  readonly difference: number;
  /** The order of axes in memory that was faster, where it was chosen. */
  readonly variant: string | null;
}

/** Why there are no figures. */
export interface Failure {
  readonly error: string;
}

/** A work with all that was found. */
export interface HardwareRow {
  readonly name: string;
  readonly precision: Precision;
  /** Whether kernels were chosen by trials on this GPU. */
  readonly tuned: boolean;
  readonly cram: CramEntry | Failure;
  /** `null` without `CRAM_PYTHON`. */
  readonly torch: TorchEntry | Failure | null;
  /** How many times as long PyTorch takes. */
  readonly speedRatio: number | null;
  /** How many times as many bytes PyTorch reserves. */
  readonly memoryRatio: number | null;
}

/** Everything that one run found. */
export interface HardwareResults {
  /** When it began, by ISO 8601. */
  readonly date: string;
  readonly machine: string;
  readonly runtime: string;
  readonly adapter: string;
  /** Whether the adapter is emulated on the CPU. */
  readonly software: boolean;
  /** Whether the works are small ones. */
  readonly quick: boolean;
  /** Of `--peak`, in TFLOP/s of float32. */
  readonly peak: number | null;
  /** Version and device; `null` without `CRAM_PYTHON`. */
  readonly torch: string | null;
  readonly rows: readonly HardwareRow[];
}

/** Puts a row together. */
export function hardwareRow(
  row: Omit<HardwareRow, "speedRatio" | "memoryRatio">,
): HardwareRow {
  const { cram, torch } = row;
  const both = torch !== null && !("error" in torch) && !("error" in cram);
  return {
    ...row,
    speedRatio: both
      ? torch.milliseconds.median / cram.milliseconds.median
      : null,
    memoryRatio: both ? torch.reservedBytes / cram.reservedBytes : null,
  };
}

const HEADER = [
  ...[
    "work",
    "precision",
    "kernels",
    "ms",
    "samples/s",
    "GFLOP/s",
    "% of peak",
  ],
  ...["host ms", "dispatches", "submits", "read-backs", "MiB"],
  ...["PyTorch ms", "its MiB", "its ms ÷ ms", "its MiB ÷ MiB", "difference"],
];

/** A table for people, with what went wrong below it. */
export function hardwareTable(rows: readonly HardwareRow[]): string {
  const lines = [HEADER, ...rows.map(cells)];
  const used = HEADER.map((_, i) => lines.slice(1).some((line) => line[i]));
  const widths = HEADER.map((_, i) =>
    Math.max(...lines.map((line) => line[i].length))
  );
  const table = lines.map((line) =>
    line.map((text, i) =>
      i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])
    ).filter((_, i) => used[i]).join("  ").trimEnd()
  );
  const failures = rows.flatMap(({ name, precision, cram, torch }) =>
    [["cram", cram], ["PyTorch", torch]].flatMap(([who, entry]) =>
      entry !== null && typeof entry === "object" && "error" in entry
        ? [`${who} at ${name} in ${precision}: ${entry.error}`]
        : []
    )
  );
  return [...table, ...failures].join("\n");
}

function cells({ name, precision, tuned, ...row }: HardwareRow): string[] {
  const cram = "error" in row.cram ? undefined : row.cram;
  const torch = row.torch === null || "error" in row.torch
    ? undefined
    : row.torch;
  const number = (value: number | null | undefined, digits = 3) =>
    value === null || value === undefined
      ? ""
      : Number(value.toPrecision(digits)).toString();
  const mebibytes = (bytes: number | undefined) =>
    bytes === undefined ? "" : (bytes / 2 ** 20).toFixed(0);
  const { partOfPeak } = cram ?? {};
  return [
    name,
    precision,
    tuned ? "tuned" : "",
    number(cram?.milliseconds.median),
    number(cram?.samplesPerSecond),
    number(cram?.gflops),
    number(partOfPeak && 100 * partOfPeak),
    number(cram?.hostMilliseconds),
    number(cram?.dispatches, 4),
    number(cram?.submits),
    number(cram?.readBacks),
    mebibytes(cram?.reservedBytes),
    number(torch?.milliseconds.median),
    mebibytes(torch?.reservedBytes),
    number(row.speedRatio),
    number(row.memoryRatio),
    number(torch?.difference, 2),
  ];
}

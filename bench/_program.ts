/**
 * What the programs of this folder have in common: options and how they end.
 *
 * @module
 */

import { MAX_THREADS } from "@cram/tensor";
import {
  choice,
  describeOptions,
  flag,
  integer,
  type OptionTable,
  type OptionValues,
  parseOptions,
  text,
} from "../tasks/cli/options.ts";
import { describeError } from "../tasks/cli/program.ts";
import { UsageError } from "../tasks/errors.ts";

/** Options that several programs have. */
export const BENCH_OPTIONS = {
  device: choice(
    ["cpu", "webgpu", "reference"],
    "what to compute on; default cpu",
  ),
  threads: integer(
    1,
    "threads of the cpu device; default: one for each core",
    MAX_THREADS,
  ),
  json: text("FILE", "also write the results to FILE"),
  help: flag("print this text and stop"),
};

/** A program. */
export interface BenchProgram<T extends OptionTable> {
  /** What it does, and how it is called. */
  readonly about: string;
  /** Its options, one of which is `help`. */
  readonly options: T;
  /** Does it; `false` if something of it failed. */
  readonly run: (options: OptionValues<T>) => Promise<boolean | void>;
}

/**
 * Runs a program with the arguments of this process, and ends the process with
 * 1 after an error and with 2 if options cannot be used.
 *
 * @param program The program.
 */
export async function runBench<T extends OptionTable>(
  { about, options, run }: BenchProgram<T>,
): Promise<void> {
  try {
    const values = parseOptions(Deno.args, options);
    if ((values as { readonly help: boolean }).help) {
      return console.log(`${about}\n${describeOptions(options)}`);
    }
    if (await run(values) === false) Deno.exit(1);
  } catch (error) {
    console.error(describeError(error));
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

/**
 * Those with a text in their names.
 *
 * @param all What there is.
 * @param filter The option `--filter`.
 * @param what What one of them is called.
 * @returns Some of them.
 * @throws {UsageError} If there are none.
 */
export function filtered<T extends { readonly name: string }>(
  all: readonly T[],
  filter: string,
  what: string,
): T[] {
  const found = all.filter(({ name }) => name.includes(filter));
  if (found.length > 0) return found;
  throw new UsageError(
    `Cannot use --filter "${filter}": no ${what} has it in its name`,
  );
}

/**
 * What all programs of the command line have in common: signals, messages of
 * errors, exit codes.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** Errors of the language itself, which are mistakes of the program and not of its user. */
const LANGUAGE_ERRORS = new Set([
  "Error",
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
]);

/** How a program ended. */
export type ExitCode = 0 | 1 | 2 | 130;

/**
 * Runs a program. The first Ctrl-C asks it to end, by its signal; the second
 * ends it at once. Named errors are shown without a stack trace.
 *
 * @param program The program, which is given the signal to end.
 * @returns 0 if all went well, 1 after an error, 2 if options cannot be used, 130 if it was asked to end.
 */
export async function runProgram(
  program: (signal: AbortSignal) => Promise<void>,
): Promise<ExitCode> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) Deno.exit(130);
    console.log("\nStopping soon; Ctrl-C again ends at once");
    controller.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  try {
    await program(controller.signal);
    return controller.signal.aborted ? 130 : 0;
  } catch (error) {
    // What was under way, such as a download, may end by the signal's own error.
    if (error === controller.signal.reason) return 130;
    console.error(describeError(error));
    return error instanceof UsageError ? 2 : 1;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  }
}

/**
 * What to tell a user of an error.
 *
 * @param error What was thrown.
 * @returns The message of named errors and of errors of the file system, all there is of others.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `Error: ${error}`;
  if (LANGUAGE_ERRORS.has(error.name) && !("code" in error)) {
    return error.stack ?? `${error}`;
  }
  return `${error.name}: ${error.message}`;
}

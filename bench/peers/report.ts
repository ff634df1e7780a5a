/**
 * What is said about a run beside its figures.
 *
 * @module
 */

import { cpus, totalmem } from "node:os";

/** The beginning of a message, without the source code that some show. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : `${error}`;
  return message.split("\n").slice(0, 3).map((line) => line.trim()).join(" ");
}

/** The machine that a run is measured on. */
export function machine(): string {
  const [{ model } = { model: "unknown CPU" }] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${model}, ${navigator.hardwareConcurrency} cores, ${memory} GiB`;
}

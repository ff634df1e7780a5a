/**
 * How a library comes to a work: prepared, and with results that were compared.
 *
 * @module
 */

import type { Work } from "../works.ts";
import type { Library, Prepared } from "./library.ts";
import { relativeError } from "./rounds.ts";

/** A library at a work, with its results. */
export interface Contender {
  readonly prepared: Prepared;
  readonly error: number;
}

/** Prepares a library, and compares its results; dropout has none that could be compared. */
export async function enter(
  library: Library,
  work: Work,
  expected: number[][] | undefined,
): Promise<Contender & { readonly outputs: number[][] }> {
  const dropsOut = work.kind === "train-step" && work.dropout > 0;
  const compared = await library.prepare(
    dropsOut ? { ...work, dropout: 0 } : work,
  );
  const outputs = await compared.outputs();
  const error = expected === undefined ? 0 : relativeError(outputs, expected);
  if (!dropsOut) return { prepared: compared, error, outputs };
  await compared.dispose();
  const prepared = await library.prepare(work);
  return { prepared, error, outputs };
}

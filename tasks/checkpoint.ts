/**
 * Files from which a training goes on bit for bit.
 *
 * @module
 */

import type { OptimizerState } from "@cram/optim";
import {
  type Device,
  openSafetensors,
  type Tensor,
  writeSafetensors,
} from "@cram/tensor";
import { CheckpointError } from "./errors.ts";
import type { MeterState } from "./step_meter.ts";

/** All that a training needs to go on. What is random comes from the seed and the step. */
export interface TrainingState {
  /** How many steps are done. */
  readonly step: number;
  /** The variables of the model, by name. */
  readonly model: ReadonlyMap<string, Tensor>;
  /** What the optimizer remembers. */
  readonly optimizer: OptimizerState;
  /** What was measured since the last report. */
  readonly meter: MeterState;
}

/** A state, and what else was written when it was. */
export interface Checkpoint extends TrainingState {
  /** How long the files were that grow line by line, in bytes, by name. */
  readonly fileLengths: Readonly<Record<string, number>>;
}

/** What is no tensor; kept as JSON. */
type Position =
  & Pick<Checkpoint, "step" | "meter" | "fileLengths">
  & { readonly optimizer: Pick<OptimizerState, "optimizer" | "scalars"> };

const KEY = "checkpoint";
const MODEL = "model.";
const OPTIMIZER = "optimizer.";

/**
 * Writes a checkpoint. The file is complete or as it was before.
 *
 * @param path Where it is.
 * @param checkpoint The state; its tensors must stay as they are until the end.
 */
export async function writeCheckpoint(
  path: string,
  { step, model, optimizer, meter, fileLengths }: Checkpoint,
): Promise<void> {
  const { optimizer: name, scalars, tensors } = optimizer;
  const position: Position = {
    step,
    fileLengths,
    meter,
    optimizer: { optimizer: name, scalars },
  };
  await writeSafetensors(path, [
    ...withPrefix(MODEL, model),
    ...withPrefix(OPTIMIZER, tensors),
  ], { metadata: { [KEY]: JSON.stringify(position) } });
}

/**
 * Reads a checkpoint.
 *
 * @param path Where it is.
 * @param device Where its tensors shall live.
 * @returns The state, whose tensors belong to the open scope.
 * @throws {CheckpointError} If the file is no checkpoint.
 * @throws {SafetensorsError} If it is no safetensors file.
 */
export async function readCheckpoint(
  path: string,
  device: Device,
): Promise<Checkpoint> {
  await using file = await openSafetensors(path);
  const text = file.metadata.get(KEY);
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot go on from "${path}": the file is no checkpoint`,
    );
  }
  const { optimizer, ...position } = JSON.parse(text) as Position;
  const tensors = new Map<string, Tensor>();
  for (const name of file.entries.keys()) {
    tensors.set(name, await file.tensor(device, name));
  }
  return {
    ...position,
    model: withoutPrefix(MODEL, tensors),
    optimizer: { ...optimizer, tensors: withoutPrefix(OPTIMIZER, tensors) },
  };
}

/**
 * Tells checkpoints from files of weights alone.
 *
 * @param path Where the file is.
 * @returns Whether {@linkcode readCheckpoint} can read it.
 * @throws {SafetensorsError} If it is no safetensors file.
 */
export async function isCheckpoint(path: string): Promise<boolean> {
  await using file = await openSafetensors(path);
  return file.metadata.has(KEY);
}

function withPrefix(
  prefix: string,
  tensors: ReadonlyMap<string, Tensor>,
): [string, Tensor][] {
  return Array.from(tensors, ([name, tensor]) => [prefix + name, tensor]);
}

function withoutPrefix(
  prefix: string,
  tensors: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> {
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

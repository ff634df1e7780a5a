/** Weights of no model, by which files of a task are recognized. */

import { writeSafetensors } from "@cram/tensor";

/** Writes a file with one number of that name. */
export async function writeWeight(path: string, name: string): Promise<void> {
  await writeSafetensors(path, [
    [name, { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }],
  ]);
}

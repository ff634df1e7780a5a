/** Models that nobody trained, where trained ones are expected. */

import { exportStateDict, resnet20 } from "@cram/models";
import { openDevice, writeSafetensors } from "@cram/tensor";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder } from "./temporary_folder.ts";

/** Where things lie for tests of programs that begin with a model. */
export interface ModelFolder {
  /** A data set of three colours, and a folder for whatever a test writes. */
  readonly folder: string;
  /** A run on these data, with a ResNet20 for images of 8 pixels. */
  readonly run: string;
  /** Other weights of the same network. */
  readonly file: string;
}

/** Runs a function in a folder with data and models, which is removed afterwards. */
export async function withModels(
  body: (folder: ModelFolder) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const { writeColorFolder } = await import("./pictures.ts");
    await writeColorFolder(folder, "train", 3);
    await writeColorFolder(folder, "val", 1);
    const run = join(folder, "run");
    const file = join(folder, "other.safetensors");
    await mkdir(run);
    await writeModel(join(run, "model.safetensors"), 1n);
    await writeModel(file, 2n);
    const config = {
      model: "resnet20",
      transform: "cifar",
      imageSize: 8,
      classes: 3,
      classNames: ["color0", "color1", "color2"],
      augment: false,
      data: folder,
    };
    await writeFile(join(run, "config.json"), JSON.stringify(config));
    await body({ folder, run, file });
  });
}

async function writeModel(path: string, seed: bigint): Promise<void> {
  await using device = await openDevice("reference");
  using model = resnet20(device, { classes: 3, seed });
  using _scope = device.scope();
  await writeSafetensors(path, exportStateDict(model));
}

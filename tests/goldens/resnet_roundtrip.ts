/**
 * This project's side of `resnet_roundtrip.py`.
 *
 *     deno run -A tests/goldens/resnet_roundtrip.ts FOLDER MODEL
 *
 * Trains the network from `FOLDER/begin.safetensors` for a few steps, with the
 * command line and `FOLDER/run` as `--out`, and writes the logits of some
 * images, by the weights at the beginning and at the end, to
 * `FOLDER/logits.safetensors`.
 *
 * @module
 */

import { EVALUATION, loadWeights } from "@cram/models";
import {
  openDevice,
  openSafetensors,
  randomUniform,
  type Tensor,
  writeSafetensors,
} from "@cram/tensor";
import { type ModelName, MODELS } from "../../tasks/recipes.ts";
import { runProgram } from "../../tasks/testdata/command_line.ts";
import { writeColorFolder } from "../../tasks/testdata/pictures.ts";

const [folder, name] = Deno.args;
await writeColorFolder(folder, "train", 4);
const { code, out, error } = await runProgram("train_imagenet.ts", [
  ...[`--data=${folder}`, `--out=${folder}/run`, `--model=${name}`],
  ...[`--init=${folder}/begin.safetensors`, "--device=cpu", "--workers=1"],
  ...["--steps=3", "--batch-size=4", "--image-size=40", "--no-evaluate"],
]);
if (code !== 0) throw new Error(`${out}\n${error}`);

await using device = await openDevice("cpu");
using _scope = device.scope();
const images = randomUniform(device, [2, 40, 40, 3], { seed: 1n, low: -1 });
const found: Record<string, Tensor> = { images };
for (
  const [what, path] of [
    ["begin", `${folder}/begin.safetensors`],
    ["end", `${folder}/run/model.safetensors`],
  ]
) {
  using model = MODELS[name as ModelName](device, { classes: 3, seed: 1n });
  await using file = await openSafetensors(path);
  await loadWeights(model, file);
  found[what] = model.forward(images, EVALUATION);
}
await writeSafetensors(`${folder}/logits.safetensors`, Object.entries(found));

/**
 * This project's side of `bert_roundtrip.py`.
 *
 *     deno run -A tests/goldens/bert_roundtrip.ts FOLDER
 *
 * Reads `config.json` and `model.safetensors` of `FOLDER/theirs`, and writes
 * the same model to `FOLDER/ours`, with the logits of some tokens beside it.
 *
 * @module
 */

import {
  bertConfigToJson,
  BertForQuestionAnswering,
  EVALUATION,
  exportStateDict,
  loadBertWeights,
  parseBertConfig,
} from "@cram/models";
import {
  openDevice,
  openSafetensors,
  tensor,
  writeSafetensors,
} from "@cram/tensor";

const [folder] = Deno.args;
const config = parseBertConfig(
  JSON.parse(await Deno.readTextFile(`${folder}/theirs/config.json`)),
);
await using device = await openDevice("cpu");
using _scope = device.scope();
using model = new BertForQuestionAnswering(device, config, { seed: 1n });
await using file = await openSafetensors(`${folder}/theirs/model.safetensors`);
console.log(await loadBertWeights(model, file));
await Deno.mkdir(`${folder}/ours`, { recursive: true });
await Deno.writeTextFile(
  `${folder}/ours/config.json`,
  JSON.stringify(bertConfigToJson(config)),
);
await writeSafetensors(
  `${folder}/ours/model.safetensors`,
  exportStateDict(model),
  { metadata: { format: "pt" } },
);
const inputIds = tensor(device, [[2, 5, 7, 3, 9, 11, 3]], { dtype: "int32" });
const { start, end } = model.forward({ inputIds }, EVALUATION);
await writeSafetensors(
  `${folder}/logits.safetensors`,
  Object.entries({ inputIds, start, end }),
);

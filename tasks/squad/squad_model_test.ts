import {
  BertForQuestionAnswering,
  parseBertConfig,
  StateDictError,
} from "@cram/models";
import { openDevice } from "@cram/tensor";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, UsageError, VocabularyError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { TINY_CONFIG, TINY_VOCABULARY } from "../testdata/tiny_squad.ts";
import { Vocabulary } from "../text/vocabulary.ts";
import { writeBertConfig, writeBertWeights } from "./bert_folder.ts";
import { findSquadModel, loadSquadModel } from "./squad_model.ts";

const ignore = withoutPermissions;
const vocabulary = new Vocabulary(TINY_VOCABULARY);

/** Runs a function with a BERT in a folder of Hugging Face, and its first weight. */
async function withBert(
  body: (folder: string, weight: Float32Array) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await using device = await openDevice("reference");
    const config = parseBertConfig(TINY_CONFIG);
    using model = new BertForQuestionAnswering(device, config, { seed: 3n });
    await writeBertConfig(folder, config, vocabulary);
    await writeBertWeights(folder, model);
    const [weight] = model.parameters().values();
    await body(folder, await weight.data() as Float32Array);
  });
}

const writeConfig = (path: string, changes: Record<string, unknown>) =>
  writeFile(path, JSON.stringify({ ...TINY_CONFIG, ...changes }));

Deno.test(
  "a folder of Hugging Face is read as it was written",
  { ignore },
  () =>
    withBert(async (folder, expected) => {
      const found = await findSquadModel({ init: folder });
      assertEquals(found.vocabulary.tokens, TINY_VOCABULARY);
      await using device = await openDevice("reference");
      const { model, initialized } = await loadSquadModel(device, found);
      using _model = model;
      assertEquals(initialized, []);
      const [weight] = model.parameters().values();
      assertEquals(await weight.data(), expected);

      // A file of weights needs to be told the rest.
      const file = await findSquadModel({
        init: join(folder, "model.safetensors"),
        model: join(folder, "config.json"),
        vocab: join(folder, "vocab.txt"),
      });
      assertEquals(file.config, found.config);

      // The folder of a run has another one in it.
      const run = join(folder, "run");
      await mkdir(run);
      await Deno.rename(join(folder, "vocab.txt"), join(run, "vocab.txt"));
      await Deno.rename(join(folder, "config.json"), join(run, "config.json"));
      await Deno.rename(
        join(folder, "model.safetensors"),
        join(run, "model.safetensors"),
      );
      await Deno.rename(run, join(folder, "huggingface"));
      assertEquals(
        (await findSquadModel({ init: folder })).config,
        found.config,
      );
    }),
);

Deno.test(
  "what does not belong together is named",
  { ignore },
  () =>
    withBert(async (folder) => {
      const path = join(folder, "wide.json");
      await writeConfig(path, { intermediate_size: 64 });
      await assertRejects(
        () => findSquadModel({ init: folder, model: path }),
        UsageError,
        `Cannot use --model "${path}" with "${folder}": "intermediate_size" is 64 in the one and 32 in the other`,
      );
      await assertRejects(
        () => findSquadModel({ init: folder, model: "bert-small" }),
        UsageError,
        'Cannot use --model "bert-small": expected bert-base, bert-mini, bert-tiny',
      );

      const vocab = join(folder, "short.txt");
      await writeFile(vocab, TINY_VOCABULARY.slice(0, -1).join("\n"));
      await assertRejects(
        () => findSquadModel({ init: folder, vocab }),
        VocabularyError,
        "Cannot use a vocabulary of 19 tokens with a model of 20",
      );
      const [pad, unk, ...others] = TINY_VOCABULARY;
      await writeFile(vocab, [unk, pad, ...others].join("\n"));
      await assertRejects(
        () => findSquadModel({ init: folder, vocab }),
        VocabularyError,
        'Cannot use a vocabulary in which "[PAD]" is token 1 with a model for which it is token 0',
      );

      // Weights of another size.
      const weights = join(folder, "model.safetensors");
      const other = await findSquadModel({
        init: weights,
        model: path,
        vocab: join(folder, "vocab.txt"),
      });
      await using device = await openDevice("reference");
      await assertRejects(
        () => loadSquadModel(device, other),
        StateDictError,
        `"bert.encoder.layer.0.intermediate.dense.weight" is float32 [16, 32] where float32 [16, 64] is expected`,
      );

      const tokenizer = join(folder, "tokenizer_config.json");
      await writeFile(tokenizer, '{ "do_lower_case": false }');
      await assertRejects(
        () => findSquadModel({ init: folder }),
        DataError,
        `Cannot use the tokenizer of "${tokenizer}": "do_lower_case" is false, and only uncased models are supported`,
      );
      await rm(tokenizer);
      await rm(weights);
      await assertRejects(
        () => findSquadModel({ init: folder }),
        DataError,
        `Cannot begin with "${folder}": there is no model.safetensors in it`,
      );
      const nothing = join(folder, "nothing");
      await assertRejects(
        () => findSquadModel({ init: nothing }),
        DataError,
        `Cannot read model "${join(nothing, "config.json")}"`,
      );
      await writeFile(join(folder, "config.json"), "{");
      await assertRejects(() => findSquadModel({ init: folder }), DataError);
      await assertRejects(
        () => findSquadModel({ init: "hub:bert-base-uncased@main" }),
        UsageError,
        'Cannot use the model "hub:bert-base-uncased@main": expected hub:NAME@REVISION with the 40 digits of a commit',
      );
    }),
);

Deno.test(
  "of a BERT that was pre-trained, the last layer is new",
  { ignore },
  () =>
    withBert(async (folder) => {
      const { openSafetensors, writeSafetensors } = await import(
        "@cram/tensor"
      );
      await using device = await openDevice("reference");
      using _scope = device.scope();
      const path = join(folder, "model.safetensors");
      const state = [];
      {
        await using file = await openSafetensors(path);
        for (const name of file.entries.keys()) {
          if (name.startsWith("qa_outputs")) continue;
          state.push([name, await file.tensor(device, name)] as const);
        }
      }
      await writeSafetensors(path, state);
      const found = await findSquadModel({ init: folder });
      const { model, initialized } = await loadSquadModel(device, found, 1n);
      using _model = model;
      assertEquals(initialized, ["qa_outputs.weight", "qa_outputs.bias"]);
      assert((await model.qaOutputs.weight.value.data()).some((x) => x !== 0));
    }),
);

import { assertEquals } from "@std/assert";
import { compressorsOf } from "../optimizers.ts";
import { parseOptions } from "./options.ts";
import { SQUAD_TRAINING_OPTIONS } from "./squad_options.ts";
import { chooseSquadRecipe, settleSquadTraining } from "./squad_settings.ts";

/** What 88,524 sequences are trained with, as many as SQuAD v1.1 has. */
function settle(...args: string[]) {
  const options = parseOptions(args, SQUAD_TRAINING_OPTIONS);
  return settleSquadTraining(options, chooseSquadRecipe(options), 88_524);
}

Deno.test("BERT-base is fine-tuned on SQuAD as in Hugging Face's example", () => {
  for (const args of [["--recipe=squad-adam"], ["--data=squad"]]) {
    const settings = settle(...args);
    const { model, init, optimizer, learningRate, schedule } = settings;
    assertEquals(
      { model, optimizer, learningRate, schedule, clip: settings.clip },
      {
        model: "bert-base",
        optimizer: "adamw",
        learningRate: 3e-5,
        schedule: "linear",
        clip: 1,
      },
    );
    assertEquals(init?.startsWith("hub:google-bert/bert-base-uncased@"), true);
    assertEquals(settings.steps, 2 * 7377);
    const { maxLength, docStride, maxQueryLength, nBest, maxAnswerLength } =
      settings;
    assertEquals(
      [maxLength, docStride, maxQueryLength, nBest, maxAnswerLength],
      [384, 128, 64, 20, 30],
    );
  }
});

Deno.test("recipes of CrAM+ draw what they are named for", () => {
  const drawn = (name: string, ...args: string[]): string[] => {
    const settings = settle(`--recipe=squad-cram+-${name}`, ...args);
    assertEquals([settings.optimizer, settings.base], ["cram+", "adamw"]);
    return compressorsOf(settings).map(({ name }) => name);
  };
  assertEquals(drawn("k70"), ["top-k 70 %"]);
  assertEquals(drawn("k80", "--scope=uniform"), ["top-k 80 % per layer"]);
  assertEquals(
    drawn("multi"),
    ["top-k 50 %", "top-k 60 %", "top-k 70 %", "top-k 80 %"],
  );
});

Deno.test("what is said goes before the recipe", () => {
  // A size of its own has initial weights.
  assertEquals(settle("--data=squad", "--model=bert-mini").init, undefined);
  const tuned = settle("--data=x.json", "--init=bert", "--lr=1e-4", "--clip=0");
  assertEquals(
    [tuned.init, tuned.learningRate, tuned.clip, tuned.maxLength],
    ["bert", 1e-4, 0, 384],
  );
  const small = settle();
  assertEquals(
    [small.data, small.model, small.init],
    ["default", "bert-tiny", undefined],
  );
  assertEquals(settle("--data=x.json").maxLength, 384);
  // Adam and AdamW take steps of one size.
  assertEquals(
    settle("--recipe=squad-adam", "--optimizer=adam").learningRate,
    3e-5,
  );
  assertEquals(settle("--optimizer=sgd").learningRate, 0.1);
});

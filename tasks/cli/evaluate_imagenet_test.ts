import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { exists } from "@std/fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  interruptProgram,
  runProgram,
  SMALL,
  withoutPrograms,
} from "../testdata/command_line.ts";
import { writeWeight } from "../testdata/foreign_weights.ts";
import { withoutPermissions } from "../testdata/temporary_folder.ts";
import { withModels } from "../testdata/trained_models.ts";

const ignore = withoutPermissions || withoutPrograms;
const PROGRAM = "evaluate_imagenet.ts";

Deno.test("evaluate-imagenet compares a run and a file, dense and compressed", {
  ignore,
}, () =>
  withModels(async ({ folder, run, file }) => {
    const out = join(folder, "out");
    const { code, out: text, error } = await runProgram(PROGRAM, [
      `--checkpoint=${run}`,
      `--checkpoint=${file}`,
      ...SMALL,
      `--data=${folder}`,
      "--sparsities=0.9",
      "--quantize=4",
      "--bn-tuning=4",
      "--draws=2",
      "--batch-size=3",
      `--out=${out}`,
    ]);
    assertEquals([code, error], [0, ""]);
    const table = `
run (resnet20, ${join(run, "model.safetensors")})
            sparsity  accuracy     loss            tuned
dense`;
    assertStringIncludes(text, table);
    assertMatch(
      text,
      /^top-k 90 % {4}90\.\d % +\d+\.\d % +\d+\.\d{4} +\d+\.\d\d ± \d+\.\d\d %$/m,
    );

    const { settings, isComplete, models } = JSON.parse(
      await readFile(join(out, "evaluation.json"), "utf8"),
    );
    assert(isComplete);
    const compressors = ["top-k 90 %", "4 bits"];
    assertEquals(settings.compressors, compressors);
    assertEquals(settings.validationImages, 3);
    assertEquals(
      models.map(({ name }: { name: string }) => name),
      ["run", "other"],
    );
    for (const { results } of models) {
      const names = results.map(({ name }: { name: string }) => name);
      assertEquals(names, ["dense", ...compressors]);
      const { metrics, tuned } = results[0];
      assertEquals(Object.keys(metrics), ["accuracy", "loss"]);
      const losses = tuned.draws.map(({ loss }: { loss: number }) => loss);
      assertEquals(losses.length, 2);
      assert(losses[0] !== losses[1]);
      assertEquals(tuned.mean.loss, (losses[0] + losses[1]) / 2);
    }
    assert(
      models[0].results[0].metrics.loss !== models[1].results[0].metrics.loss,
    );
    const svg = await readFile(join(out, "evaluation.svg"), "utf8");
    assertStringIncludes(svg, "Accuracy on 3 validation images (%)");
    // Nothing was written to the run.
    assert(!await exists(join(run, "evaluation.json")));
  }));

Deno.test("evaluate-imagenet ends on Ctrl-C with what was measured", {
  ignore,
}, () =>
  withModels(async ({ folder, run }) => {
    const out = join(folder, "out");
    const { code, error } = await interruptProgram(PROGRAM, [
      `--checkpoint=${run}`,
      ...SMALL,
      "--bn-tuning=4",
      "--draws=2",
      "--batch-size=3",
      `--sparsities=${Array(500).fill(0.5)}`,
      `--out=${out}`,
    ], "top-k 50 %");
    assertEquals([code, error], [130, ""]);
    const { isComplete, models: [{ results }] } = JSON.parse(
      await readFile(join(out, "evaluation.json"), "utf8"),
    );
    assert(!isComplete);
    assertEquals(results[0].tuned.draws.length, 2);
    assertEquals(results[1].name, "top-k 50 %");
    assert(await exists(join(out, "evaluation.svg")));
  }));

Deno.test("evaluate-imagenet refuses what it cannot use before any work", {
  ignore,
}, () =>
  withModels(async ({ folder, run, file }) => {
    const { writeColorFolder } = await import("../testdata/pictures.ts");
    const trainingOnly = join(folder, "training-only");
    await writeColorFolder(trainingOnly, "train", 1);
    const renamed = join(folder, "renamed");
    for (const split of ["train", "val"]) {
      const from = join(trainingOnly, "train");
      await mkdir(join(renamed, split), { recursive: true });
      for (const [i, name] of ["color0", "color1", "violet"].entries()) {
        await mkdir(join(renamed, split, name));
        await writeFile(
          join(renamed, split, name, "0.png"),
          await readFile(join(from, `color${i}`, "0.png")),
        );
      }
    }
    const foreign = join(folder, "questions.safetensors");
    await writeWeight(
      foreign,
      "model.bert.embeddings.word_embeddings.weight",
    );
    const cases: [string[], number, string][] = [
      [[], 2, "UsageError: Cannot evaluate without a model"],
      [
        [`--checkpoint=${file}`],
        2,
        "UsageError: Cannot evaluate without images",
      ],
      [
        [`--checkpoint=${join(folder, "train")}`],
        1,
        `CheckpointError: Cannot read "${
          join(folder, "train")
        }": there is neither model.safetensors nor`,
      ],
      [
        [`--checkpoint=${foreign}`, `--data=${folder}`],
        1,
        `CheckpointError: Cannot use "${foreign}" for images: its weights are those of a model for questions`,
      ],
      [
        [`--checkpoint=${run}`, `--data=${renamed}`],
        1,
        'class 2 was "color2" in training and is "violet" in the data',
      ],
      [
        [`--checkpoint=${run}`, `--data=${trainingOnly}`],
        1,
        `DataError: Cannot evaluate on the images of "${trainingOnly}"`,
      ],
      [
        [`--checkpoint=${run}`, `--out=${join(file, "out")}`],
        1,
        "OutputError: Cannot write",
      ],
      [
        [`--checkpoint=${file}`, `--data=${folder}`, "--model=resnet18"],
        1,
        `; they are those of "${file}"`,
      ],
      [
        [`--checkpoint=${run}`, "--quantize=9"],
        2,
        'UsageError: Cannot use --quantize "9": expected a whole number from 2 to 8',
      ],
      [
        [`--checkpoint=${run}`, "--threads=1000"],
        2,
        'UsageError: Cannot use --threads "1000": expected a whole number from 1 to 64',
      ],
    ];
    for (const [args, expected, message] of cases) {
      const { code, error } = await runProgram(PROGRAM, [
        "--device=cpu",
        "--threads=1",
        ...args,
      ]);
      assertStringIncludes(error, message);
      assertEquals(error.trim().split("\n").length, 1, error);
      assertEquals(code, expected, error);
    }
  }));

Deno.test("evaluate-imagenet --help fits a terminal", { ignore }, async () => {
  const { code, out, error } = await runProgram(PROGRAM, ["--help"]);
  assertEquals([code, error], [0, ""]);
  assertStringIncludes(out, "--checkpoint PATH");
  assert(out.split("\n").every((line) => line.length <= 80), out);
});

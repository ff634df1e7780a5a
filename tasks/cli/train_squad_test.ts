import { openDevice, openSafetensors } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { exists } from "@std/fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadSquad } from "../squad/dataset.ts";
import { scoreSquad } from "../squad/metrics.ts";
import {
  interruptProgram,
  program,
  runProgram,
  withoutPrograms,
} from "../testdata/command_line.ts";
import { writeWeight } from "../testdata/foreign_weights.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { type TinySquadFiles, writeTinySquad } from "../testdata/tiny_squad.ts";

const ignore = withoutPermissions || withoutPrograms;
const adapter = await navigator.gpu?.requestAdapter() ?? null;
const PROGRAM = "train_squad.ts";

/** A network that takes many steps in a second. */
function small({ data, config, vocab }: TinySquadFiles): string[] {
  return [
    `--data=${data}`,
    `--model=${config}`,
    `--vocab=${vocab}`,
    "--max-length=32",
    "--doc-stride=4",
    "--max-query-length=8",
    "--batch-size=5",
    "--device=cpu",
    "--threads=1",
  ];
}

const readJson = async (...path: string[]) =>
  JSON.parse(await readFile(join(...path), "utf8"));

async function readMetrics(folder: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(folder, "metrics.jsonl"), "utf8");
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

function withoutTime(metrics: readonly Record<string, number>[]): unknown {
  return metrics.map(({ sequencesPerSecond: _, ...rest }) => rest);
}

Deno.test(
  "train-squad learns and evaluate-squad finds the same",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const files = await writeTinySquad(folder);
      const out = join(folder, "run");
      const { code, out: text, error } = await runProgram(PROGRAM, [
        ...small(files),
        "--lr=0.01",
        "--steps=80",
        "--log-every=30",
        "--nm=2:4",
        "--optimizer=cram+",
        `--out=${out}`,
      ]);
      assertEquals([code, error], [0, ""]);
      assertStringIncludes(
        text,
        "24 questions in 24 sequences of up to 32 tokens, 80 steps of 5 sequences",
      );
      assertMatch(text, /^step 80\/80 {2}loss \d/m);
      assertMatch(
        text,
        /^Answers to 8 validation questions, dense and pruned at once:\n +sparsity {2}exact match +F1\ndense +0\.0 % +\d+\.\d % +\d+\.\d %$/m,
      );
      const metrics = await readMetrics(out);
      assertEquals(Object.keys(metrics[0]), [
        "step",
        "epoch",
        "loss",
        "accuracy",
        "learningRate",
        "sparsity",
        "sequencesPerSecond",
      ]);
      const { results } = await readJson(out, "results.json");
      assertEquals(results.map(({ name }: { name: string }) => name), [
        "dense",
        "top-k 50 %",
        "top-k 60 %",
        "top-k 70 %",
        "top-k 80 %",
        "2:4",
      ]);
      assertEquals(results[0].metrics, { exactMatch: 1, f1: 1 });

      // transformers asks for these names and this order of axes.
      await using weights = await openSafetensors(
        join(out, "huggingface", "model.safetensors"),
      );
      assertEquals(
        weights.entries
          .get("bert.encoder.layer.0.intermediate.dense.weight")?.shape,
        [32, 16],
      );
      assertEquals(weights.metadata.get("format"), "pt");
      const config = await readJson(out, "huggingface", "config.json");
      assertEquals(config.architectures, ["BertForQuestionAnswering"]);

      const report = join(folder, "report");
      const evaluated = await runProgram("evaluate_squad.ts", [
        `--checkpoint=${out}`,
        `--checkpoint=${join(out, "huggingface", "model.safetensors")}`,
        `--data=${join(files.data, "dev.json")}`,
        "--sparsities=0.8",
        "--quantize=3",
        "--n-best=3",
        "--device=cpu",
        "--threads=1",
        `--out=${report}`,
      ]);
      assertEquals([evaluated.code, evaluated.error], [0, ""]);
      const { settings, isComplete, models } = await readJson(
        report,
        "evaluation.json",
      );
      assert(isComplete);
      assertEquals(settings.compressors, ["top-k 80 %", "3 bits"]);
      assertEquals(models[0].results[0], results[0]);
      assertEquals(models[0].results[1], results[4]);
      assertEquals(models[1].results, models[0].results);
      const svg = await readFile(join(report, "evaluation.svg"), "utf8");
      assertStringIncludes(svg, "F1 on 8 questions (%)");

      // The answers that were written score what was reported.
      const questions = await loadSquad(join(report, "questions.json"));
      for (const [i, name] of [".", "top-k-80", "3-bits"].entries()) {
        const answers = await readJson(
          report,
          models[1].name.replace(/[^\w.]+/g, "-").replace(/^-/, ""),
          name,
          "predictions.json",
        );
        const scores = scoreSquad(questions, new Map(Object.entries(answers)));
        const { exactMatch, f1 } = models[1].results[i].metrics;
        assertAlmostEquals(scores.exactMatch, 100 * exactMatch, 1e-9);
        assertAlmostEquals(scores.f1, 100 * f1, 1e-9);
      }
      assertEquals(
        await readJson(out, "predictions.json"),
        Object.fromEntries(
          questions.examples.map(({ id, answers }) => [id, answers[0].text]),
        ),
      );

      // What was trained can be begun with.
      const again = await runProgram(PROGRAM, [
        `--data=${files.data}`,
        `--init=${out}`,
        "--lr=0",
        "--steps=1",
        "--max-length=32",
        "--doc-stride=4",
        "--max-query-length=8",
        "--device=cpu",
        "--threads=1",
      ]);
      assertEquals([again.code, again.error], [0, ""]);
      assertMatch(again.out, /^dense +0\.0 % +100\.0 % +100\.0 %$/m);
    }),
);

Deno.test(
  "train-squad --tune-kernels tries kernels once, and goes on with the same ones",
  { ignore: ignore || adapter === null },
  () =>
    inTemporaryFolder(async (folder) => {
      const files = await writeTinySquad(folder);
      // Few kinds of products, for which there are few kernels.
      await writeFile(
        files.config,
        JSON.stringify({
          ...await readJson(files.config),
          ...{ hidden_size: 4, intermediate_size: 4 },
        }),
      );
      const env = { CRAM_CACHE: join(folder, "cache") };
      const args = (out: string, ...more: string[]) => [
        ...small(files),
        ...["--device=webgpu", "--steps=15", "--log-every=1", "--no-evaluate"],
        // All batches are alike: those of other sizes have products of their own.
        ...["--batch-size=6", `--out=${out}`, ...more],
      ];
      const [whole, parts] = ["whole", "parts"].map((name) =>
        join(folder, name)
      );
      const first = await runProgram(
        ...[PROGRAM, args(whole, "--tune-kernels"), env] as const,
      );
      assertEquals([first.code, first.error], [0, ""]);
      const tried = /^Tried kernels for (\d+) kinds of products: /m.exec(
        first.out,
      );
      const path = join(env.CRAM_CACHE, "webgpu-tuning.json");
      const kept = await readFile(path, "utf8");
      const [ways] = Object.values(JSON.parse(kept).adapters);
      assertEquals(Object.keys(ways as object).length, Number(tried?.[1]));

      const cut = await interruptProgram(
        PROGRAM,
        args(parts, "--tune-kernels"),
        "step  1/15",
        env,
      );
      assertEquals([cut.code, cut.error], [130, ""]);
      const refused = await runProgram(
        ...[PROGRAM, args(parts, "--resume"), env] as const,
      );
      assertEquals(refused.code, 1);
      assertStringIncludes(
        refused.error,
        `CheckpointError: Cannot go on with "${parts}": tuneKernels was true and is now nothing`,
      );
      const resumed = await runProgram(
        ...[PROGRAM, args(parts, "--resume", "--tune-kernels"), env] as const,
      );
      assertEquals([resumed.code, resumed.error], [0, ""]);
      for (const { out } of [cut, resumed]) {
        assertEquals(out.includes("kernels"), false, out);
      }
      assertEquals(await readFile(path, "utf8"), kept);
      assertEquals(
        withoutTime(await readMetrics(parts)),
        withoutTime(await readMetrics(whole)),
      );
    }),
);

Deno.test("train-squad --resume comes to the same end after kill -9", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const files = await writeTinySquad(folder);
    const [whole, parts] = ["whole", "parts"].map((name) => join(folder, name));
    const args = [
      ...small(files),
      "--dropout=0.1",
      "--optimizer=cram+",
      "--accumulate=2",
      "--steps=40",
      "--log-every=3",
      "--checkpoint-every=5",
      "--no-evaluate",
    ];
    const wholeRun = runProgram(PROGRAM, [...args, `--out=${whole}`]);
    const child = program(PROGRAM, [...args, `--out=${parts}`]).spawn();
    for await (
      const part of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      if (/^step +(9|1\d)\//m.test(part)) child.kill("SIGKILL");
    }
    await child.status;
    await child.stderr.cancel();
    const before = await openSteps(join(parts, "checkpoint.safetensors"));
    assert(before > 0 && before < 40, `${before}`);
    // The folder can be looked at even then.
    const copy = join(folder, "copy");
    await cp(parts, copy, { recursive: true });
    const [ended, resumed, evaluated] = await Promise.all([
      wholeRun,
      runProgram(PROGRAM, [...args, `--out=${parts}`, "--resume"]),
      runProgram("evaluate_squad.ts", [
        `--checkpoint=${copy}`,
        "--sparsities=0.5",
        "--device=cpu",
        "--threads=1",
      ]),
    ]);
    for (const { code, error } of [ended, resumed, evaluated]) {
      assertEquals([code, error], [0, ""]);
    }
    assertStringIncludes(resumed.out, `Going on after ${before} steps`);
    assertEquals(
      withoutTime(await readMetrics(parts)),
      withoutTime(await readMetrics(whole)),
    );
    for (
      const name of ["checkpoint.safetensors", "huggingface/model.safetensors"]
    ) {
      const [a, b] = await Promise.all(
        [whole, parts].map((folder) => tensorsOf(join(folder, name))),
      );
      assertEquals(a, b);
    }
  }));

async function openSteps(checkpoint: string): Promise<number> {
  await using file = await openSafetensors(checkpoint);
  return JSON.parse(file.metadata.get("checkpoint")!).step;
}

async function tensorsOf(path: string) {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  await using file = await openSafetensors(path);
  const tensors = new Map<string, unknown>();
  for (const name of file.entries.keys()) {
    tensors.set(name, await (await file.tensor(device, name)).data());
  }
  return tensors;
}

Deno.test("train-squad refuses what it cannot use before any work", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const files = await writeTinySquad(folder);
    const out = join(folder, "run");
    const write = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await Deno.writeTextFile(path, text);
      return path;
    };
    const dev = await readFile(join(files.data, "dev.json"), "utf8");
    const images = join(folder, "images");
    await mkdir(images);
    await write("images/config.json", '{ "model": "resnet20" }');
    await writeWeight(join(images, "model.safetensors"), "conv1.weight");
    const ofImages = `CheckpointError: Cannot use "${
      join(images, "model.safetensors")
    }" for questions: its weights are those of a model for images`;
    const cases: (readonly [readonly string[], number, string])[] = [
      [
        [`--data=${await write("broken.json", dev.slice(0, 100))}`],
        1,
        `DataError: Cannot read questions of "${join(folder, "broken.json")}"`,
      ],
      [
        [`--data=${await write(
          "empty.json",
          dev.replace(/"context":"[^"]*"/, '"context":" "'),
        )}`],
        1,
        "data[0].paragraphs[0].context: it is empty",
      ],
      [
        [
          `--data=${await write(
            "moved.json",
            dev.replace('"answer_start":0', '"answer_start":1'),
          )}`,
          "--max-misplaced=0",
        ],
        1,
        'answers[0] is "Ann", which does not stand at 1',
      ],
      [["--max-query-length=1", "--long-questions=error"], 1, "1 are allowed"],
      [["--max-length=64"], 2, "the model has 48 positions"],
      [["--doc-stride=30"], 2, "UsageError: Cannot cut passages into windows"],
      [["--model=bert-tiny"], 1, "VocabularyError: Cannot use a vocabulary of"],
      [
        ["--prunable=nothing"],
        2,
        'UsageError: Cannot use --prunable "nothing"',
      ],
      [["--prunable=("], 2, "expected a regular expression"],
      [["--init=nothing"], 1, 'DataError: Cannot read model "nothing/'],
      // Before questions are downloaded.
      [
        ["--data=squad", `--init=${join(images, "model.safetensors")}`],
        1,
        ofImages,
      ],
      [["--data=squad", `--init=${images}`], 1, ofImages],
    ];
    const ended = await Promise.all(
      cases.map(([args]) =>
        runProgram(PROGRAM, [...small(files), ...args, `--out=${out}`])
      ),
    );
    for (const [i, [args, code, message]] of cases.entries()) {
      assertStringIncludes(ended[i].error, message, `${args}`);
      assertEquals([ended[i].code, ended[i].out], [code, ""], `${args}`);
    }
    assert(!await exists(out));
    const evaluated = await runProgram("evaluate_squad.ts", [
      `--checkpoint=${images}`,
      `--data=${files.data}`,
    ]);
    assertStringIncludes(evaluated.error, ofImages);
    assertEquals([evaluated.code, evaluated.out], [1, ""]);
  }));

Deno.test("programs on questions have a help that fits a terminal", {
  ignore,
}, async () => {
  for (const name of [PROGRAM, "evaluate_squad.ts"]) {
    const { code, out } = await runProgram(name, ["--help"]);
    assertEquals(code, 0);
    const tooLong = out.split("\n").filter((line) => line.length > 80);
    assertEquals(tooLong, []);
  }
});

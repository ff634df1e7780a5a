import { EVALUATION, importStateDict, resnet20 } from "@cram/models";
import { openDevice, openSafetensors, type Tensor, zeros } from "@cram/tensor";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { exists } from "@std/fs";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OPTIMIZERS } from "../optimizers.ts";
import {
  type Ended,
  interruptProgram,
  program,
  programArguments,
  runProgram,
  SMALL as SMALL_MODEL,
  withoutPrograms,
} from "../testdata/command_line.ts";
import { writeWeight } from "../testdata/foreign_weights.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";

const ignore = withoutPermissions || withoutPrograms;
const PROGRAM = "train_imagenet.ts";

/** A network and data that take a few steps in a second. */
const SMALL = [...SMALL_MODEL, "--batch-size=4", "--no-evaluate"];

function runCommand(...args: string[]): Promise<Ended> {
  return runProgram(PROGRAM, args);
}

async function withColors(
  body: (folder: string) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const { writeColorFolder } = await import("../testdata/pictures.ts");
    await writeColorFolder(folder, "train", 3);
    await writeColorFolder(folder, "val", 1);
    await body(folder);
  });
}

async function readMetrics(folder: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(folder, "metrics.jsonl"), "utf8");
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

function withoutTime(metrics: readonly Record<string, number>[]): unknown {
  return metrics.map(({ imagesPerSecond: _, ...rest }) => rest);
}

Deno.test("train-imagenet trains, measures and writes what it found", {
  ignore,
}, () =>
  withColors(async (data) => {
    const out = join(data, "run");
    const args = [`--data=${data}`, ...SMALL, "--log-every=3", "--seed=7"];
    const { code, out: text, error } = await runCommand(
      ...args,
      "--steps=8",
      "--evaluate",
      "--bn-tuning=4",
      "--workers=1",
      `--out=${out}`,
    );
    assertEquals([code, error], [0, ""]);
    assertStringIncludes(text, "9 images of 3 classes, 8 steps of 4 images");
    assertMatch(text, /^step 8\/8 {2}loss \d/m);
    assertMatch(
      text,
      /^Accuracy on 3 validation images, .* batch norm tuned:$\n {12}sparsity {2}accuracy +tuned$\n(.+ %\n){5}Wrote/m,
    );
    assertMatch(text, /^top-k 90 % {4}90\.\d %( +\d+\.\d %){2}$/m);
    const { results } = JSON.parse(
      await readFile(join(out, "results.json"), "utf8"),
    );
    assertEquals(
      results.map(({ name }: { name: string }) => name),
      ["dense", "top-k 50 %", "top-k 70 %", "top-k 80 %", "top-k 90 %"],
    );

    const config = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    assertEquals(config.model, "resnet20");
    assertEquals(config.seed, "7");
    assertEquals(config.steps, 8);
    assertEquals(config.classNames, ["color0", "color1", "color2"]);

    const metrics = await readMetrics(out);
    assertEquals(metrics.map(({ step }) => step), [3, 6, 8]);
    assertEquals(Object.keys(metrics[0]), [
      "step",
      "epoch",
      "loss",
      "accuracy",
      "learningRate",
      "sparsity",
      "imagesPerSecond",
    ]);
    assert(metrics[2].loss < metrics[0].loss, JSON.stringify(metrics));

    await using device = await openDevice("reference");
    using model = resnet20(device, { classes: 3, seed: 1n });
    using _scope = device.scope();
    await using file = await openSafetensors(join(out, "model.safetensors"));
    const state = new Map<string, Tensor>();
    for (const name of file.entries.keys()) {
      state.set(name, await file.tensor(device, name));
    }
    assertEquals(state.get("conv1.weight")?.shape, [16, 3, 3, 3]);
    importStateDict(model, state);
    const logits = model.forward(zeros(device, [1, 8, 8, 3]), EVALUATION);
    assert([...await logits.data()].every(Number.isFinite));

    // The number of workers changes nothing.
    const again = join(data, "again");
    await runCommand(
      ...args,
      "--steps=8",
      "--workers=3",
      `--out=${again}`,
    );
    assertEquals(withoutTime(await readMetrics(again)), withoutTime(metrics));
    assertEquals(
      await readFile(join(again, "model.safetensors")),
      await readFile(join(out, "model.safetensors")),
    );
  }));

Deno.test(
  "train-imagenet --profile shows kernels of steps 3 to 7, and writes a trace",
  {
    ignore,
  },
  () =>
    withColors(async (data) => {
      const out = join(data, "run");
      const args = [`--data=${data}`, ...SMALL, "--profile"];
      const { code, out: text, error } = await runCommand(
        ...args,
        "--steps=8",
        `--out=${out}`,
      );
      assertEquals([code, error], [0, ""]);
      assertMatch(
        text,
        /^Profile of a step, the mean of steps 3 to 7:\n +calls +ms +% .*\n(.+\n)+outside of kernels .+\nall .+ 100\.0$/m,
      );
      assertMatch(text, /^conv2dBackwardInput 3×3 +16 .+\d\.\d$/m);
      const { traceEvents } = JSON.parse(
        await readFile(join(out, "trace.json"), "utf8"),
      );
      assertEquals(
        traceEvents.filter(({ ph }: { ph: string }) => ph === "i")
          .map(({ name }: { name: string }) => name),
        [3, 4, 5, 6, 7].map((step) => `step ${step}`),
      );

      const few = await runCommand(...args, "--steps=2");
      assertEquals([few.code, few.error], [0, ""]);
      assertEquals(few.out.includes("Profile"), false);
    }),
);

Deno.test(
  "train-imagenet --print-config shows the settings and starts nothing",
  {
    ignore,
  },
  () =>
    withColors(async (data) => {
      const out = join(data, "run");
      const configOf = async (...args: string[]) => {
        const { code, out: text, error } = await runCommand(
          `--data=${data}`,
          "--model=resnet20",
          `--out=${out}`,
          "--device=cpu",
          "--print-config",
          ...args,
        );
        assertEquals([code, error], [0, ""]);
        const { optimizer, learningRate, weightDecay, momentum, ...config } =
          JSON
            .parse(text);
        const { rho, sparsities, patterns, schedule, seed, classNames } =
          config;
        assertEquals(
          [seed, classNames],
          ["1", ["color0", "color1", "color2"]],
        );
        return [
          { optimizer, learningRate, weightDecay, momentum },
          { rho, sparsities, patterns, schedule },
        ];
      };
      const nothing = undefined;
      assertEquals(await configOf("--optimizer=cram+", "--schedule=step"), [
        {
          optimizer: "cram+",
          learningRate: 0.1,
          weightDecay: 5e-4,
          momentum: 0.9,
        },
        {
          rho: 0.2,
          sparsities: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
          patterns: [],
          schedule: "step",
        },
      ]);
      assertEquals(await configOf("--optimizer=cram", "--nm=2:4", "--rho=0"), [
        {
          optimizer: "cram",
          learningRate: 0.1,
          weightDecay: 5e-4,
          momentum: 0.9,
        },
        {
          rho: 0,
          sparsities: [],
          patterns: [{ n: 2, m: 4 }],
          schedule: "cosine",
        },
      ]);
      assertEquals(await configOf("--optimizer=adamw"), [
        {
          optimizer: "adamw",
          learningRate: 0.001,
          weightDecay: 0.01,
          momentum: nothing,
        },
        {
          rho: nothing,
          sparsities: nothing,
          patterns: nothing,
          schedule: "cosine",
        },
      ]);
      assert(!await exists(out));
    }),
);

Deno.test(
  "train-imagenet trains with every optimizer",
  { ignore },
  () =>
    withColors(async (data) => {
      const results = await Promise.all(
        OPTIMIZERS.map((optimizer) =>
          runCommand(
            `--data=${data}`,
            ...SMALL,
            "--workers=1",
            "--batch-size=5",
            "--accumulate=2",
            `--optimizer=${optimizer}`,
            "--steps=3",
          )
        ),
      );
      for (const { code, out, error } of results) {
        assertEquals([code, error], [0, ""]);
        assertMatch(out, /^step 3\/3 {2}loss \d/m);
      }
    }),
);

Deno.test("train-imagenet ends after the step when it is interrupted", {
  ignore,
}, () =>
  withColors(async (data) => {
    const out = join(data, "run");
    const { code, out: text } = await interruptProgram(PROGRAM, [
      `--data=${data}`,
      ...SMALL,
      "--log-every=1",
      "--steps=100000",
      `--out=${out}`,
    ], "step ");
    assertEquals(code, 130);
    assertMatch(text, /^Stopping soon; Ctrl-C again ends at once$/m);
    assertMatch(text, /^Stopped after \d+ steps? of 100000$/m);
    assert(await exists(join(out, "model.safetensors")));
    assertMatch(
      text,
      new RegExp(`after ${(await readMetrics(out)).length} step`),
    );
  }));

/** Starts a run, and sends it a signal soon after its first report. */
async function runAndStop(
  signal: Deno.Signal,
  milliseconds: number,
  ...args: string[]
): Promise<void> {
  const child = program(PROGRAM, args).spawn();
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    try {
      child.kill(signal);
    } catch {
      // It has come to its end.
    }
  };
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (/^step /m.test(text)) timer ??= setTimeout(stop, milliseconds);
  }
  await child.status;
  clearTimeout(timer);
  let error = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    error += part;
  }
  assertEquals(error, "");
}

/** Goes on with a run until there is no room for a checkpoint. */
async function fillDisk(folder: string, args: string[]): Promise<void> {
  const checkpoint = join(folder, "checkpoint.safetensors");
  const before = await exists(checkpoint) ? await readFile(checkpoint) : null;
  // Files may have at most 1000 blocks of 512 bytes; SIGXFSZ would end the process.
  const limit = 'ulimit -f 1000; trap "" XFSZ; exec "$@"';
  const command = programArguments(PROGRAM, args);
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", limit, "sh", Deno.execPath(), ...command],
    env: { NO_COLOR: "1" },
  }).output();
  assertMatch(
    new TextDecoder().decode(stderr),
    /^OutputError: Cannot write to ".*": EFBIG: file too large, write\n$/,
  );
  assertEquals(code, 1);
  assertEquals(
    await exists(checkpoint) ? await readFile(checkpoint) : null,
    before,
  );
  const names = await readdir(folder);
  assertEquals(names.filter((name) => name.endsWith(".tmp")), []);
}

Deno.test(
  "train-imagenet --resume comes to the same end after kill -9, a full disk and Ctrl-C",
  {
    ignore,
  },
  () =>
    withColors(async (data) => {
      const [whole, parts] = ["whole", "parts"].map((name) => join(data, name));
      const args = [
        `--data=${data}`,
        ...SMALL,
        "--optimizer=cram+",
        "--batch-size=5",
        "--accumulate=2",
        "--steps=60",
        "--log-every=4",
        "--workers=1",
      ];
      const { code } = await runCommand(...args, `--out=${whole}`);
      assertEquals(code, 0);

      const again = [...args, "--checkpoint-every=7", `--out=${parts}`];
      const delays = [0, 1, 2].map(() => Math.floor(150 * Math.random()));
      await runAndStop("SIGKILL", delays[0], ...again);
      await runAndStop("SIGKILL", delays[1], ...again, "--resume");
      await runAndStop("SIGINT", delays[2], ...again, "--resume");
      await fillDisk(parts, [...again, "--resume"]);
      const refused = await runCommand(...again);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.error, "OutputError: Cannot write to");
      const other = await runCommand(...again, "--resume", "--momentum=0.5");
      assertEquals(other.code, 1);
      assertStringIncludes(
        other.error,
        `CheckpointError: Cannot go on with "${parts}": momentum was 0.9 and is now 0.5`,
      );
      const last = await runCommand(...again, "--resume");
      assertEquals([last.code, last.error], [0, ""]);
      assertMatch(last.out, /^Going on after \d+ steps?$/m);

      const message = `killed ${delays} ms behind a report`;
      assertEquals(
        withoutTime(await readMetrics(parts)),
        withoutTime(await readMetrics(whole)),
        message,
      );
      assertEquals(
        await readFile(join(parts, "model.safetensors")),
        await readFile(join(whole, "model.safetensors")),
        message,
      );

      // Another process finds the same in both.
      const out = join(data, "evaluation");
      const evaluated = await runProgram("evaluate_imagenet.ts", [
        `--checkpoint=${whole}`,
        `--checkpoint=${join(parts, "checkpoint.safetensors")}`,
        ...SMALL_MODEL,
        "--sparsities=0.9",
        "--bn-tuning=4",
        "--draws=2",
        `--out=${out}`,
      ]);
      assertEquals([evaluated.code, evaluated.error], [0, ""]);
      const { models } = JSON.parse(
        await readFile(join(out, "evaluation.json"), "utf8"),
      );
      assertLess(1 / 3, models[0].results[0].metrics.accuracy);
      assertEquals(models[1].results, models[0].results);
    }),
);

Deno.test("train-imagenet --init begins with the weights of a file", {
  ignore,
}, () =>
  withColors(async (data) => {
    const [first, second] = ["first", "second"].map((name) => join(data, name));
    const args = [`--data=${data}`, ...SMALL, "--workers=1", "--steps=1"];
    await runCommand(...args, `--out=${first}`);
    const init = `--init=${join(first, "model.safetensors")}`;
    const { code, error } = await runCommand(
      ...args,
      "--lr=0",
      "--seed=2",
      init,
      `--out=${second}`,
    );
    assertEquals([code, error], [0, ""]);
    const weightsOf = async (folder: string): Promise<unknown> => {
      await using file = await openSafetensors(
        join(folder, "model.safetensors"),
      );
      return await file.read("layer1.0.conv1.weight");
    };
    assertEquals(await weightsOf(second), await weightsOf(first));

    const other = join(data, "other");
    const refused = await runCommand(
      ...args,
      "--classes=10",
      init,
      `--out=${other}`,
    );
    assertEquals(refused.code, 1);
    assertStringIncludes(
      refused.error,
      `CheckpointError: Cannot begin with "${
        join(first, "model.safetensors")
      }": its "fc.weight" is for 3 classes, that of the model for 10; --classes 3 makes one for as many`,
    );
    assert(!await exists(other));
  }));

Deno.test(
  "train-imagenet and evaluate-imagenet compute in float16, where that can be done",
  {
    ignore,
  },
  () =>
    withColors(async (data) => {
      const out = join(data, "run");
      const half = ["--device=reference", "--precision=float16"];
      const trained = await runCommand(
        `--data=${data}`,
        ...SMALL,
        ...half,
        "--steps=3",
        "--log-every=1",
        `--out=${out}`,
      );
      assertEquals([trained.code, trained.error], [0, ""]);
      assertMatch(trained.out, /^resnet20 on reference \(.+\), in float16$/m);
      assertMatch(trained.out, /^step 3\/3 .* {2}loss scale \d+ {2}/m);
      const config = JSON.parse(
        await readFile(join(out, "config.json"), "utf8"),
      );
      assertEquals(config.precision, "float16");
      const last = (await readMetrics(out)).at(-1)!;
      assertEquals(last.lossScale, 2 ** (16 - last.skippedSteps));

      const results: number[] = [];
      for (const args of [half, half.slice(0, 1)]) {
        const folder = join(data, `evaluation-${args.length}`);
        const { code, error } = await runProgram("evaluate_imagenet.ts", [
          `--checkpoint=${out}`,
          "--sparsities=0.5",
          "--bn-tuning=0",
          "--workers=1",
          ...args,
          `--out=${folder}`,
        ]);
        assertEquals([code, error], [0, ""]);
        const { settings, models } = JSON.parse(
          await readFile(join(folder, "evaluation.json"), "utf8"),
        );
        assertEquals(settings.precision, args[1] ? "float16" : "float32");
        results.push(models[0].results[0].metrics.loss);
      }
      const error = Math.abs(results[0] / results[1] - 1);
      assert(error > 0 && error < 0.01, `${results}`);
    }),
);

Deno.test("train-imagenet shows what it cannot use, and no stack trace", {
  ignore,
}, () =>
  withColors(async (data) => {
    const file = join(data, "file");
    await writeFile(file, "");
    const mismatched = join(data, "mismatched");
    await cp(join(data, "train"), join(mismatched, "train"), {
      recursive: true,
    });
    await cp(join(data, "val"), join(mismatched, "val"), { recursive: true });
    await rm(join(mismatched, "val", "color1"), { recursive: true });
    const foreign = join(data, "questions.safetensors");
    await writeWeight(foreign, "bert.embeddings.word_embeddings.weight");
    const cases: [string[], number, string][] = [
      [["--steps=none"], 2, 'UsageError: Cannot use --steps "none"'],
      [
        [`--data=${data}`, ...SMALL, "--precision=float16"],
        2,
        'UsageError: Cannot use --precision "float16" on cpu (WebAssembly',
      ],
      [
        ["--recipe=imagenet-sam"],
        2,
        "UsageError: Cannot use --recipe imagenet-sam without --data DIR",
      ],
      [
        ["--recipe=imagenet"],
        2,
        'UsageError: Cannot use --recipe "imagenet": expected one of emoji, imagenet-sgd, imagenet-sam, imagenet-cram+-k70,',
      ],
      [
        [`--data=${data}`, "--rho=0.1", "--optimizer=adam"],
        2,
        'UsageError: Cannot use --rho "0.1" with --optimizer adam: it is for sam, cram, cram+',
      ],
      [
        ["--nm=2:4,4:8", "--optimizer=sgd"],
        2,
        'UsageError: Cannot use --nm "2:4,4:8" with --optimizer sgd: it is for cram, cram+',
      ],
      [
        ["--optimizer=cram", "--nm=4:4"],
        2,
        'UsageError: Cannot use --nm "4:4": expected N:M with whole numbers 1 ≤ N < M ≤ 32',
      ],
      [
        [`--data=${data}`, "--batch-size=4", "--accumulate=2"],
        2,
        'UsageError: Cannot use --accumulate "2": there are 9 images, and with --batch-size 4 the last step of an epoch has 1',
      ],
      [
        [`--data=${data}`, "--resume"],
        2,
        "UsageError: Cannot use --resume without --out DIR",
      ],
      [
        [`--data=${data}`, "--checkpoint-every=5"],
        2,
        'UsageError: Cannot use --checkpoint-every "5" without --out DIR',
      ],
      [
        [
          `--data=${data}`,
          ...SMALL,
          "--resume",
          `--out=${join(data, "nowhere")}`,
        ],
        1,
        `CheckpointError: Cannot go on with "${join(data, "nowhere")}"`,
      ],
      [
        [`--data=${mismatched}`],
        1,
        `DataError: Cannot evaluate on the images of "${mismatched}": class 1 is "color2" in val, "color1" in train; --no-evaluate leaves that out`,
      ],
      [
        [`--data=${data}`, ...SMALL, "--init=/nowhere"],
        1,
        'CheckpointError: Cannot begin with "/nowhere": no such file',
      ],
      // Before images are downloaded.
      [
        ["--data=cifar10", `--init=${foreign}`],
        1,
        `CheckpointError: Cannot use "${foreign}" for images: its weights are those of a model for questions`,
      ],
      [
        ["--data=cifar10", `--init=${data}`],
        1,
        `CheckpointError: Cannot begin with "${data}": it is a folder`,
      ],
      [["--data=/nowhere"], 1, 'DataError: Cannot read images of "/nowhere"'],
      [
        [`--data=${data}`, "--classes=2"],
        2,
        'UsageError: Cannot use --classes "2": the data have 3',
      ],
      [
        [`--data=${data}`, "--epochs=0"],
        2,
        'UsageError: Cannot use --epochs "0"',
      ],
      [
        [
          `--data=${data}`,
          "--model=resnet50",
          "--image-size=32",
          "--batch-size=4",
        ],
        2,
        "UsageError: Cannot train resnet50 on a step of 1 image of 32 pixels",
      ],
      [
        [`--data=${data}`, ...SMALL, "--steps=1", `--out=${join(file, "x")}`],
        1,
        `OutputError: Cannot write to "${join(file, "x")}"`,
      ],
      [
        [`--data=${data}`, ...SMALL, "--steps=9", "--lr=1e38", "--log-every=1"],
        1,
        "DivergenceError: Cannot go on training: the loss became NaN in step",
      ],
    ];
    for (const [args, expected, message] of cases) {
      const { code, error } = await runCommand(...args);
      assertStringIncludes(error, message);
      assertEquals(error.trim().split("\n").length, 1, error);
      assertEquals(code, expected, error);
    }
  }));

Deno.test(
  "train-imagenet --help explains every option",
  { ignore },
  async () => {
    const { code, out, error } = await runCommand("--help");
    assertEquals([code, error], [0, ""]);
    for (
      const option of [
        "data DIR",
        "model resnet20|resnet18|resnet50",
        "steps N",
        "optimizer sgd|adam|adamw|sam|cram|cram+",
        "sparsities X,…",
        "nm N:M,…",
        "no-augment",
        "resume",
        "out DIR",
      ]
    ) assertStringIncludes(out, `--${option}`);
    assert(out.split("\n").every((line) => line.length <= 80), out);
  },
);

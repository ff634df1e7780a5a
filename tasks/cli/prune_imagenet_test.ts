import { openSafetensors } from "@cram/tensor";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Ended,
  interruptProgram,
  runProgram,
  SMALL,
  withoutPrograms,
} from "../testdata/command_line.ts";
import { withoutPermissions } from "../testdata/temporary_folder.ts";
import { withModels } from "../testdata/trained_models.ts";

const ignore = withoutPermissions || withoutPrograms;

/** The prunable weights of ResNet20 for three classes. */
const WEIGHTS = 270_896 - 7 * 64;

function prune(...args: string[]): Promise<Ended> {
  return runProgram("prune_imagenet.ts", [...SMALL, ...args]);
}

/** How many weights of a file are 0, of those that are pruned. */
async function countZeros(path: string): Promise<number> {
  await using file = await openSafetensors(path);
  let zeros = 0;
  for (const [name, { shape }] of file.entries) {
    if (shape.length < 2) continue;
    const { bytes } = await file.read(name);
    zeros += new Float32Array(bytes.slice().buffer)
      .reduce((count, weight) => count + (weight === 0 ? 1 : 0), 0);
  }
  return zeros;
}

/** By the strict rule one weight less than k is kept. */
function zerosAt(sparsity: number): number {
  return WEIGHTS - (Math.ceil(WEIGHTS * (1 - sparsity)) - 1);
}

Deno.test("prune-imagenet prunes gradually, and goes on bit for bit", {
  ignore,
}, () =>
  withModels(async ({ folder, run }) => {
    const out = join(folder, "pruned");
    const args = [
      ...SMALL,
      `--checkpoint=${run}`,
      "--sparsity=0.8",
      "--batch-size=4",
      "--steps=8",
      "--begin=1",
      "--end=6",
      "--every=2",
      "--log-every=1",
      "--bn-tuning=4",
    ];
    const { code, out: text, error } = await prune(...args, `--out=${out}`);
    assertEquals([code, error], [0, ""]);
    assertMatch(text, /^sparse +80\.0 %( +\d+\.\d %){2}$/m);
    assertMatch(text, /^layer3\.0\.conv1\.weight .* of +18432 /m);
    const model = join(out, "model.safetensors");
    assertEquals(await countZeros(model), zerosAt(0.8));
    const { prunable, layers } = JSON.parse(
      await readFile(join(out, "sparsity.json"), "utf8"),
    );
    assertEquals(prunable.zeros, zerosAt(0.8));
    assertEquals(layers.length, 65);

    // Interrupted between two prunings.
    const again = join(folder, "again");
    const cut = await interruptProgram(
      "prune_imagenet.ts",
      [...args, `--out=${again}`],
      "step 3/8",
    );
    assertEquals([cut.code, cut.error], [130, ""]);
    const resumed = await prune(...args, `--out=${again}`, "--resume");
    assertEquals([resumed.code, resumed.error], [0, ""]);
    assertEquals(
      await readFile(join(again, "model.safetensors")),
      await readFile(model),
    );
  }));

Deno.test("prune-imagenet prunes at once, and fine-tunes what is left", {
  ignore,
}, () =>
  withModels(async ({ folder, run, file }) => {
    const out = join(folder, "tuned");
    const { code, error } = await prune(
      `--checkpoint=${file}`,
      `--data=${folder}`,
      "--method=fine-tune",
      "--sparsity=0.5",
      "--scope=uniform",
      "--batch-size=5",
      "--steps=2",
      "--bn-tuning=0",
      `--out=${out}`,
    );
    assertEquals([code, error], [0, ""]);
    const { layers } = JSON.parse(
      await readFile(join(out, "sparsity.json"), "utf8"),
    );
    for (const { name, prunable, size, zeros } of layers) {
      const isDense = !prunable || name === "conv1.weight" ||
        name === "fc.weight";
      assertEquals(zeros, isDense ? 0 : size / 2 + 1, name);
    }
    const config = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    assertEquals(config.pruning, {
      method: "fine-tune",
      sparsity: 0.5,
      scope: "uniform",
    });
    assertEquals(config.optimizer, "sgd");

    // A run that was killed has a checkpoint only.
    const killed = join(folder, "killed");
    await cp(join(run, "config.json"), join(killed, "config.json"));
    await cp(
      join(out, "checkpoint.safetensors"),
      join(killed, "checkpoint.safetensors"),
    );
    const settings = ["--batch-size=5", "--steps=2", "--bn-tuning=0"];
    const [second, untrained] = await Promise.all(
      [`--checkpoint=${killed}`, `--data=${folder}`].map((from) =>
        prune(from, "--sparsity=0.9", ...settings)
      ),
    );
    const note =
      "Without --checkpoint PATH it begins with random weights, not with a trained model\n";
    assertEquals([second.code, second.error], [0, ""]);
    assertMatch(second.out, /^sparse +90\.0 %/m);
    assert(!second.out.includes(note));
    assertEquals([untrained.code, untrained.error], [0, ""]);
    assert(untrained.out.startsWith(note), untrained.out);
  }));

Deno.test(
  "prune-imagenet refuses what it cannot use",
  { ignore },
  () =>
    withModels(async ({ folder, run }) => {
      const cases: [string[], string][] = [
        [["--method=fine-tune"], "Cannot fine-tune without a model"],
        [
          [`--checkpoint=${run}`, "--method=fine-tune", "--every=3"],
          'Cannot use --every "3" with --method fine-tune',
        ],
        [
          [`--checkpoint=${run}`, "--steps=8", "--begin=6", "--end=6"],
          'Cannot use --begin "6": pruning ends at step 6',
        ],
        [
          [`--data=${folder}`, "--steps=8", "--begin=8"],
          'Cannot use --begin "8": there are 8 steps',
        ],
        [
          [`--data=${folder}`, "--steps=8", "--every=9"],
          'Cannot use --every "9": the last weights are pruned at step 9, and there are 8',
        ],
        [
          [`--data=${folder}`, "--steps=8", "--end=7", "--every=5"],
          'Cannot use --end "7": with --every 5 the last weights are pruned at step 10, and there are 8',
        ],
      ];
      for (const [args, message] of cases) {
        const { code, error } = await prune("--batch-size=4", ...args);
        assertStringIncludes(error, `UsageError: ${message}`);
        assertEquals(code, 2, error);
      }
      const { code, out } = await prune("--help");
      assertEquals(code, 0);
      assert(out.split("\n").every((line) => line.length <= 80), out);
    }),
);

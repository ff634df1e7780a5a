import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Ended,
  interruptProgram,
  runProgram,
  SMALL,
  withoutPrograms,
} from "../testdata/command_line.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";

const ignore = withoutPermissions || withoutPrograms;

function search(...args: string[]): Promise<Ended> {
  return runProgram("grid_search.ts", [
    ...SMALL,
    "--steps=3",
    "--batch-size=4",
    "--bn-tuning=4",
    ...args,
  ]);
}

Deno.test(
  "grid-search tries each rho once, and names the best",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { writeColorFolder } = await import("../testdata/pictures.ts");
      await writeColorFolder(folder, "train", 4);
      // Looking at these would be an error.
      await mkdir(join(folder, "val"));
      const out = join(folder, "grid");
      const args = [`--data=${folder}`, `--out=${out}`];
      const readGrid = async () =>
        JSON.parse(await readFile(join(out, "grid.json"), "utf8"));

      const first = await search(...args, "--rho=0.05,1e30");
      assertEquals(first.code, 0, first.error);
      assertStringIncludes(
        first.out,
        "2 trainings, each on 11 images; measured on 1 other",
      );
      assertMatch(
        first.error,
        /^DivergenceError: Cannot go on training: the loss became NaN/,
      );
      assertMatch(
        first.out,
        /^rho +dense +50 % +70 % +80 % +90 % +score\n0\.05 ( +\d+\.\d %){6}\n1e\+30 +failed\nThe best of them is rho 0\.05$/m,
      );
      const { runs: [run, failed], best } = await readGrid();
      assertEquals(best, 0.05);
      assertEquals([run.rho, run.folder], [0.05, "rho-0.05"]);
      const accuracies = run.results.slice(1)
        .map(({ tuned }: { tuned: { mean: { accuracy: number } } }) =>
          tuned.mean.accuracy
        );
      assertEquals(accuracies.length, 4);
      const sum = accuracies.reduce((a: number, b: number) => a + b, 0);
      assertEquals(run.score, sum / 4);
      assertStringIncludes(failed.failure, "the loss became NaN");

      // What is there is not trained again; what was cut off is measured again.
      const others = [...args, "--rho=0.05,0.2", "--bn-tuning=0"];
      const second = await search(...others);
      assertEquals([second.code, second.error], [0, ""]);
      assertStringIncludes(
        second.out,
        `${join(out, "rho-0.05")} is there already`,
      );
      const { runs } = await readGrid();
      assertEquals(runs[0], run);
      assertNotEquals(runs[1].results, run.results);
      await rm(join(out, "rho-0.2", "results.json"));
      const third = await search(...others);
      assertEquals([third.code, third.error], [0, ""]);
      assertStringIncludes(third.out, "Going on after 3 steps");
      assertEquals((await readGrid()).runs, runs);

      const other = await search(...args, "--rho=0.05", "--seed=2");
      assertEquals(other.code, 1);
      assertStringIncludes(other.error, 'seed was "1" and is now "2"');
    }),
);

Deno.test(
  "grid-search that is interrupted says how to go on",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { writeColorFolder } = await import("../testdata/pictures.ts");
      await writeColorFolder(folder, "train", 4);
      const cut = await interruptProgram("grid_search.ts", [
        ...SMALL,
        `--data=${folder}`,
        `--out=${join(folder, "grid")}`,
        "--rho=0.05",
        "--steps=1000",
        "--batch-size=4",
        "--log-every=1",
      ], "step    3/1000");
      assertEquals([cut.code, cut.error], [130, ""]);
      assertStringIncludes(cut.out, "The same command goes on from there\n");
    }),
);

Deno.test("grid-search refuses what it cannot use", { ignore }, async () => {
  const cases: [string[], string][] = [
    [[], "Cannot search without --out DIR"],
    [["--out=x", "--optimizer=sgd"], 'Cannot use --optimizer "sgd"'],
    [["--out=x", "--rho=-1"], 'Cannot use --rho "-1"'],
  ];
  for (const [args, message] of cases) {
    const { code, error } = await search(...args);
    assertStringIncludes(error, `UsageError: ${message}`);
    assertEquals(code, 2, error);
  }
  const { code, out } = await search("--help");
  assertEquals(code, 0);
  assert(out.split("\n").every((line) => line.length <= 80), out);
});

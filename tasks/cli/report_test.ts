import { assert, assertEquals } from "@std/assert";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runProgram, withoutPrograms } from "../testdata/command_line.ts";
import {
  result,
  writeEvaluation,
  writeRun,
  writeWeights,
} from "../testdata/recorded_runs.ts";
import { inTemporaryFolder } from "../testdata/temporary_folder.ts";

Deno.test({
  name: "report writes one page, or nothing",
  ignore: withoutPrograms,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      const [a, b, compared] = ["a", "b", "compared"]
        .map((name) => join(folder, name));
      const weights = join(a, "model.safetensors");
      await writeRun(a);
      await writeWeights(weights);
      await writeRun(b, { reports: 2, config: { prunable: "none" } });
      await writeEvaluation(compared, {
        name: "a",
        checkpoint: weights,
        results: [result("dense", 0, 0.5), result("top-k 50 %", 0.5, 0.4)],
      });
      const out = join(folder, "pages", "report.html");
      const report = (...args: string[]) => runProgram("report.ts", args);

      const { code, out: said, error } = await report(
        a,
        b,
        compared,
        "--out",
        out,
      );
      assertEquals([code, error], [0, ""]);
      assertEquals(said, `Wrote ${out}\n`);
      const page = await readFile(out, "utf8");
      for (
        const part of [
          "finished, 40 steps",
          "unfinished: 20 of 40 steps",
          "Evaluation “compared”",
          "as it is: 0.0\u00a0%; top-k 50 %: 100.0\u00a0%",
          "No layers of b: its weights are not there",
          Deno.version.deno,
        ]
      ) assert(page.includes(part), part);

      await writeFile(join(b, "metrics.jsonl"), "nonsense\n");
      const broken = await report(a, b, "--out", out);
      assertEquals(broken.code, 1);
      assertEquals(
        broken.error,
        `ReportError: Cannot read "${
          join(b, "metrics.jsonl")
        }": line 1 is no object with a step: "nonsense"\n`,
      );
      assertEquals(await readFile(out, "utf8"), page);
      assertEquals(await readdir(join(folder, "pages")), ["report.html"]);
    }),
});

Deno.test({
  name: "report says what it cannot use",
  ignore: withoutPrograms,
  fn: async () => {
    const cases: readonly [string[], string][] = [
      [[], "Cannot report without a run"],
      [["--ou=x", "a"], 'Cannot use "--ou=x": there is no such option'],
      [["a", "--out="], 'Cannot use --out "": expected a value'],
    ];
    const ended = await Promise.all(
      cases.map(([args]) => runProgram("report.ts", args)),
    );
    for (const [i, { code, error }] of ended.entries()) {
      assertEquals(code, 2);
      assert(error.startsWith(`UsageError: ${cases[i][1]}`), error);
    }
  },
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram } from "./_run_program.ts";

const { state } = await Deno.permissions.query({ name: "run" });
const ignore = state !== "granted";

Deno.test(
  "programs of bench end with 2 when an option cannot be used, and name it",
  {
    ignore,
  },
  async () => {
    const threads =
      'Cannot use --threads "x": expected a whole number from 1 to';
    const cases: [string, string[], string][] = [
      ["main", ["--threads", "x"], threads],
      [
        "main",
        ["--device=cuda"],
        'Cannot use --device "cuda": expected one of',
      ],
      [
        "main",
        ["matmul"],
        'Cannot use "matmul": it stands behind no option, perhaps --filter matmul',
      ],
      ["profile", ["--threads", "x"], threads],
      [
        "profile",
        ["--calls=1.5"],
        'Cannot use --calls "1.5": expected a whole',
      ],
      ["profile", ["--filter=x/y"], 'Cannot use --filter "x/y": no benchmark'],
      ["peers", ["--threads", "x"], threads],
      ["peers", ["--write", "--filter=a"], "Cannot use --write with --filter"],
      [
        "hardware",
        ["--samples=0"],
        'Cannot use --samples "0": expected a whole',
      ],
      ["hardware", ["--typo"], 'Cannot use "--typo": there is no such option'],
    ];
    for (const [name, args, message] of cases) {
      const { code, out, err } = await runProgram(name, args);
      assertStringIncludes(err, `UsageError: ${message}`);
      assertEquals([code, out, err.trim().split("\n").length], [2, "", 1], err);
    }
  },
);

Deno.test("programs of bench have a help that fits a terminal", {
  ignore,
}, async () => {
  for (const name of ["main", "profile", "peers", "hardware"]) {
    const { code, out } = await runProgram(name, ["--help"]);
    assertEquals(code, 0);
    assertStringIncludes(out, "\n  --help  ");
    assert(out.split("\n").every((line) => line.length <= 80), out);
  }
});

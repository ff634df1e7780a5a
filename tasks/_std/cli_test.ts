import { assertEquals } from "@std/assert";
import { parseArgs } from "./cli.ts";

Deno.test("parseArgs() reads booleans, text and numbers", () => {
  assertEquals(
    parseArgs(
      ["--quiet", "--name", "12", "--size", "12", "--rate=-0.5", "in", "3"],
      { boolean: ["quiet", "loud"], string: ["name"] },
    ),
    {
      quiet: true,
      loud: false,
      name: "12",
      size: 12,
      rate: -0.5,
      _: ["in", 3],
    },
  );
});

Deno.test("parseArgs() leaves absent text options out", () => {
  assertEquals(parseArgs([], { string: ["name"] }), { _: [] });
  assertEquals(parseArgs(["--name"], { string: ["name"] }), {
    name: "",
    _: [],
  });
});

Deno.test("parseArgs() takes values of booleans only when they are one", () => {
  const options = { boolean: ["a"] } as const;
  assertEquals(parseArgs(["--a", "x"], options), { a: true, _: ["x"] });
  assertEquals(parseArgs(["--a", "false"], options), { a: false, _: [] });
  assertEquals(parseArgs(["--a=false"], options), { a: false, _: [] });
  assertEquals(parseArgs(["--b", "--c", "x"], { boolean: true }), {
    b: true,
    c: true,
    _: ["x"],
  });
});

Deno.test("parseArgs() negates what is negatable", () => {
  assertEquals(
    parseArgs(["--no-color", "--no-shape"], {
      boolean: ["color"],
      negatable: ["color"],
      default: { color: true },
    }),
    { color: false, "no-shape": true, _: [] },
  );
});

Deno.test("parseArgs() collects repeated options", () => {
  const options = { string: ["path"], collect: ["path"] } as const;
  assertEquals(parseArgs(["--path=a", "--path", "b"], options), {
    path: ["a", "b"],
    _: [],
  });
  assertEquals(parseArgs([], options), { path: [], _: [] });
  assertEquals(parseArgs(["--n=1", "--n=2"]), { n: 2, _: [] });
});

Deno.test("parseArgs() uses defaults and aliases", () => {
  assertEquals(
    parseArgs(["-v"], {
      boolean: ["version"],
      alias: { v: "version" },
      default: { name: "x" },
    }),
    { v: true, version: true, name: "x", _: [] },
  );
});

Deno.test("parseArgs() splits short options", () => {
  assertEquals(parseArgs(["-ab", "-n5", "-m", "-3"]), {
    a: true,
    b: true,
    n: 5,
    m: -3,
    _: [],
  });
});

Deno.test("parseArgs() asks about unknown arguments", () => {
  const asked: unknown[] = [];
  const parsed = parseArgs(["--known", "--other=1", "-x", "word"], {
    boolean: ["known"],
    unknown: (arg, key, value) => {
      asked.push([arg, key, value]);
      return false;
    },
  });
  assertEquals(parsed, { known: true, _: [] });
  assertEquals(asked, [
    ["--other=1", "other", "1"],
    ["-x", "x", "word"],
  ]);
});

Deno.test("parseArgs() keeps what follows --", () => {
  assertEquals(parseArgs(["a", "--", "--b"]), { _: ["a", "--b"] });
  assertEquals(parseArgs(["a", "--", "--b"], { "--": true }), {
    _: ["a"],
    "--": ["--b"],
  });
  assertEquals(parseArgs(["a", "--b"], { stopEarly: true }), {
    _: ["a", "--b"],
  });
});

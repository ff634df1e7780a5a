import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  PageError,
  ratio,
  remarks,
  replaceSection,
  type Results,
  section,
  table,
} from "./page.ts";

const time = (median: number, error = 0) => ({
  ...{ median, min: median / 2, samples: 3, error },
});

const RESULTS: Results = {
  device: "cpu",
  date: "2026-01-31",
  machine: "a machine",
  runtime: "a runtime",
  rounds: 3,
  libraries: [
    { name: "cram", version: "this tree", threads: 2 },
    { name: "tfjs", version: "4", threads: 1 },
    { name: "jax-js", version: "0", threads: 2 },
    { name: "PyTorch", version: "2", threads: 2 },
  ],
  rows: [{
    name: "a",
    flops: 2e9,
    entries: {
      cram: time(20),
      tfjs: time(50),
      "jax-js": time(30, 0.5),
      PyTorch: time(10, 1e-6),
    },
  }, {
    name: "b",
    entries: {
      cram: time(1000),
      tfjs: { reason: "more than 10 s" },
      "jax-js": { reason: "more than 10 s" },
      PyTorch: { reason: "more than 10 s" },
    },
  }],
  notes: ["A note."],
};

Deno.test("the table has medians, least times, rates and ratios to the fastest right peer", () => {
  const cells = table(RESULTS).split("\n").map((line) =>
    line.split("|").map((cell) => cell.trim()).slice(1, -1)
  );
  assertEquals(cells[0].length, 8);
  assertEquals(
    cells[2],
    [
      ...["`a`", "20.0 (10.0)", "50.0 (25.0)", "30.0 (15.0) ≠"],
      ...["10.0 (5.00)", "100.0", "2.50×", "0.50×"],
    ],
  );
  assertEquals(
    cells[3],
    ["`b`", "1000 (500)", "–", "–", "–", "", "–", "–"],
  );
});

Deno.test("a peer that is wrong or has no time has no ratio", () => {
  assertEquals(ratio(RESULTS.rows[0], ["jax-js"]), undefined);
  assertEquals(ratio(RESULTS.rows[1], ["tfjs", "jax-js"]), undefined);
});

Deno.test("the section says why there is no time, and what is wrong", () => {
  assertEquals(remarks(RESULTS), [
    "- jax-js ≠: the results differ by 5.0e-1 (`a`)",
    "- tfjs –: more than 10 s (`b`)",
    "- jax-js –: more than 10 s (`b`)",
    "- PyTorch –: more than 10 s (`b`)",
  ]);
  const text = section(RESULTS);
  assertStringIncludes(text, "2026-01-31: a machine; a runtime; cram (");
  assertStringIncludes(text, "between results: 1.0e-6, but");
  assertStringIncludes(text, "\n\nA note.\n\n");
});

Deno.test("a section of a page is replaced, and nothing else", () => {
  const page = "a\n<!-- cpu -->\nold\n<!-- /cpu -->\nb <!-- webgpu -->";
  const once = replaceSection(page, "cpu", "new");
  assertEquals(
    once,
    "a\n<!-- cpu -->\n\nnew\n\n<!-- /cpu -->\nb <!-- webgpu -->",
  );
  assertEquals(replaceSection(once, "cpu", "new"), once);
  for (const name of ["webgpu", "none"]) {
    assertThrows(() => replaceSection(page, name, "new"), PageError, name);
  }
  assertThrows(() => replaceSection(page + page, "cpu", "new"), PageError);
});

Deno.test("the page of this repository has a place for both devices", {
  ignore: (await Deno.permissions.query({ name: "read" })).state !== "granted",
}, async () => {
  const url = new URL("../../docs/performance.md", import.meta.url);
  const page = await Deno.readTextFile(url);
  for (const name of ["cpu", "webgpu"]) replaceSection(page, name, "new");
});

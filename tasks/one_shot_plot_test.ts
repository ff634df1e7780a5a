import { assertEquals } from "@std/assert";
import { parseHTML } from "linkedom";
import type { OneShotResult } from "./one_shot.ts";
import { plotOneShot } from "./one_shot_plot.ts";

/** A result with an accuracy before and, if there are draws, one after tuning. */
function result(
  name: string,
  sparsity: number,
  accuracy: number,
  draws: number,
): OneShotResult {
  const metrics = { accuracy };
  const mean = { accuracy: accuracy + 0.1 };
  return {
    name,
    sparsity,
    metrics,
    tuned: draws === 0 ? undefined : {
      draws: Array(draws).fill(mean),
      mean,
      deviation: { accuracy: 0.01 },
    },
  };
}

function resultsOf(draws: number): OneShotResult[] {
  return [
    result("dense", 0, 0.8, draws),
    result("top-k 90 %", 0.9, 0.2, draws),
    result("top-k 50 %", 0.5, 0.7, draws),
    result("2:4", 0.5, 0.6, draws),
    result("8 bits", 0.01, 0.8, draws),
  ];
}

/** Counts elements, and collects what is written. */
async function draw(
  models: readonly { name: string; results: readonly OneShotResult[] }[],
): Promise<{ lines: number; bars: number; dots: number; texts: string[] }> {
  const svg = await plotOneShot({
    title: "Title",
    metric: "accuracy",
    label: "Accuracy",
    models,
  });
  const { document } = parseHTML(svg) as unknown as {
    document: {
      querySelectorAll(selector: string): ArrayLike<{ textContent: string }>;
    };
  };
  const find = (selector: string) =>
    Array.from(document.querySelectorAll(selector));
  return {
    lines: find("[aria-label=line] path").length,
    bars: find("[aria-label=rule] line").length,
    dots: find("[aria-label=dot] > *").length,
    texts: find("text").map(({ textContent }) => textContent),
  };
}

Deno.test("plotOneShot() draws each model before and after tuning", async () => {
  const { lines, bars, dots, texts } = await draw([
    { name: "sgd", results: resultsOf(3) },
    { name: "cram+", results: resultsOf(3) },
  ]);
  assertEquals({ lines, bars, dots }, { lines: 4, bars: 10, dots: 16 });
  assertEquals(texts.filter((text) => text === "2:4").length, 2);
  assertEquals(texts.slice(-5), [
    "Title",
    "sgd",
    "cram+",
    "after batch norm tuning: mean ± standard deviation of 3 draws",
    "before batch norm tuning",
  ]);
});

Deno.test("plotOneShot() draws what was not tuned as plain lines", async () => {
  const { lines, bars, dots, texts } = await draw([
    { name: "sgd", results: resultsOf(0) },
  ]);
  assertEquals({ lines, bars, dots }, { lines: 1, bars: 0, dots: 5 });
  assertEquals(texts.slice(-2), ["Title", "sgd"]);
});

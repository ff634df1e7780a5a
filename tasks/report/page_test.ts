import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseHTML } from "linkedom";
import { timingOf } from "./timing.ts";
import type { LayerSparsities } from "./layer_sparsity.ts";
import { reportPage } from "./page.ts";
import { type RecordedRun, ReportError } from "./recorded.ts";

function run(
  name: string,
  options: Partial<RecordedRun> = {},
): RecordedRun {
  const metrics = [1, 2, 3, 4].map((i) => ({
    step: 10 * i,
    epoch: i,
    loss: 2 - i / 4,
    accuracy: i / 8,
    sparsity: 0,
    imagesPerSecond: i === 1 ? 8 : 16,
  }));
  return {
    name,
    path: `runs/${name}`,
    config: { optimizer: "sgd", batchSize: 8, seed: "1", device: "cpu" },
    steps: 40,
    metrics,
    results: [
      { name: "dense", sparsity: 0, metrics: { accuracy: 0.5, loss: 1 } },
      {
        name: "top-k 50 %",
        sparsity: 0.5,
        metrics: { accuracy: 0.4, loss: 2 },
      },
    ],
    weights: undefined,
    ...options,
  };
}

const LAYERS: LayerSparsities = {
  compressors: ["as it is", "top-k 50 %"],
  layers: [
    { name: "net.0.conv.weight", shape: [4, 4], sparsities: [0, 0.25] },
    { name: "net.1.conv.weight", shape: [4, 4], sparsities: [0, 0.75] },
  ],
  total: [0, 0.5],
};

interface Element {
  readonly textContent: string;
  readonly className: string;
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

/** The page of some runs, and how to find elements of it. */
async function pageOf(
  runs: readonly RecordedRun[],
): Promise<{ text: string; find: (selector: string) => Element[] }> {
  const text = await reportPage({
    recorded: { runs, evaluations: [] },
    layers: new Map([[runs[0].name, LAYERS]]),
    omissions: ["something is missing"],
    madeBy: { Deno: "2" },
    date: new Date(0),
  });
  const { document } = parseHTML(text) as unknown as { document: Element };
  return {
    text,
    find: (selector) => Array.from(document.querySelectorAll(selector)),
  };
}

function textOf(elements: readonly Element[]): string[] {
  return elements.map(({ textContent }) =>
    textContent.replaceAll(/\s+/g, " ").trim()
  );
}

Deno.test("reportPage() needs no other file and no script", async () => {
  const { text, find } = await pageOf([run("a"), run("b")]);
  assertEquals(find("script, link, img, iframe").length, 0);
  assertEquals(text.match(/\s(src|href)="(?!#)[^"]*"|url\(|@import/g), null);
  // Links within the page lead somewhere.
  for (const link of find("nav a")) {
    assertEquals(find(link.getAttribute("href")!).length, 1);
  }
});

Deno.test("reportPage() shows runs side by side, each with a class to hide it by", async () => {
  const { find } = await pageOf([run("a"), run("b")]);
  assertEquals(textOf(find("#overview thead th")), ["a", "b"]);
  // Accuracy, loss and rate; the sparsity that was asked for is 0 everywhere.
  assertEquals(textOf(find("#training figcaption")), [
    "Training loss",
    "Accuracy on training data (%)",
    "Images per second",
  ]);
  for (const i of [0, 1]) {
    assertEquals(find(`#training svg .series-${i} path`).length, 3);
    assertEquals(find(`#show-${i}`).length, 1);
  }
  assertEquals(find("#results svg .series-1 path").length, 1);
  assertEquals(textOf(find("#results td.best")).slice(0, 2), [
    "50.0 %",
    "50.0 %",
  ]);
});

Deno.test("reportPage() shows the models of a search apart: they were measured on other images", async () => {
  const search = { score: 0.4, isBest: true };
  const { find } = await pageOf([run("a"), run("b", { search })]);
  assertEquals(textOf(find("#results h3")), [
    "At the end of the training",
    "Grid search",
  ]);
  assertEquals(textOf(find("#results td.best")), []); // nothing to compare with
});

Deno.test("reportPage() says how far a run came", async () => {
  const started = run("a", { steps: 60 });
  const { find } = await pageOf([
    started,
    run("b", { metrics: [], results: undefined }),
    run("c"),
    run("d", { search: { isBest: false, failure: "loss is NaN" } }),
  ]);
  assertEquals(textOf(find("#overview tbody tr:first-child td")), [
    "unfinished: 40 of 60 steps (66 %)",
    "unfinished: 0 of 40 steps (0 %)",
    "finished, 40 steps",
    "failed: loss is NaN",
  ]);
  assert(textOf(find("#environment")).join().includes("something is missing"));
});

Deno.test("reportPage() marks settings that differ, and folds the others", async () => {
  const other = run("b", {
    config: { batchSize: 8, seed: "2", device: "cpu", deep: { er: [1, 2] } },
  });
  const { find } = await pageOf([run("a"), other]);
  assertEquals(textOf(find("#settings tr.differs th")), [
    "optimizer",
    "seed",
    "deep.er",
  ]);
  assertEquals(textOf(find("#settings tr.differs td")), [
    "sgd",
    "–",
    "1",
    "2",
    "–",
    "1, 2",
  ]);
  assertEquals(textOf(find("#settings details th")), ["batchSize", "device"]);
});

Deno.test("reportPage() draws the sparsity of layers, by the parts of names that differ", async () => {
  const { find } = await pageOf([run("a")]);
  assertEquals(
    textOf(find("#layers .layers tbody th span")),
    [
      "0",
      "1",
    ].map((i) => `net.${i}`),
  );
  assertEquals(
    find("#layers .bar i").map((bar) => bar.getAttribute("style")),
    ["25", "0", "75", "0", "50", "0"].map((part) => `width: ${part}.00%`),
  );
});

Deno.test("reportPage() escapes what runs are called", async () => {
  const { text, find } = await pageOf([
    run('<script>alert("1")</script>&amp;', { config: { optimizer: "<b>" } }),
  ]);
  assertEquals(find("script").length, 0);
  assert(
    text.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;"),
  );
  assert(!text.includes("<b>sgd") && !/<td[^>]*><b>\s*<\/td>/.test(text));
});

Deno.test("reportPage() refuses more runs than colours", async () => {
  const runs = Array.from({ length: 9 }, (_, i) => run(`run ${i}`));
  await assertRejects(
    () => pageOf(runs),
    ReportError,
    "Cannot report on 9 runs and models together: only 8",
  );
});

Deno.test("reportPage() joins neighbouring points of long runs", async () => {
  const metrics = Array.from({ length: 1000 }, (_, i) => ({
    step: i + 1,
    loss: i % 2,
  }));
  const { find } = await pageOf([run("a", { metrics, steps: 1000 })]);
  const [path] = find("#training svg .series-0 path");
  const points = path.getAttribute("d")!.split("L").length;
  assertEquals(points, 200);
  assert(textOf(find("#training p")).join().includes("up to 5 neighbouring"));
});

Deno.test("timingOf() adds up steps at their rates", () => {
  assertEquals(timingOf(run("a")), {
    examples: "images",
    seconds: 10 + 3 * 5,
    stepsPerSecond: 40 / 25,
    perSecond: 320 / 25,
    slowest: 8,
    fastest: 16,
  });
  assertEquals(timingOf(run("a", { metrics: [] })), undefined);
});

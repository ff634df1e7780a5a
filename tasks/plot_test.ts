import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { parseHTML } from "linkedom";
import { type LinePlot, plotLines } from "./plot.ts";

const PLOT: LinePlot = {
  title: "Accuracy < 1 & > 0",
  x: { label: "Sparsity (%)", percent: true },
  y: { label: "Accuracy (%)", percent: true },
  styles: { line: "after", dashes: "before" },
  series: [
    {
      name: "SGD",
      style: "line",
      points: [{ x: 0, y: 1 }, { x: 0.5, y: 0.75, deviation: 0.125 }],
    },
    {
      name: "SGD",
      style: "dashes",
      points: [{ x: 0, y: 1 }, { x: 0.5, y: 0.5 }],
    },
    { name: "CrAM⁺", style: "points", points: [{ x: 1, y: 0, label: "2:4" }] },
  ],
};

/** The part of the document model that is used here. */
interface Node {
  readonly textContent: string;
  getAttribute(name: string): string;
  querySelectorAll(selector: string): Iterable<Node>;
}

async function draw(plot: LinePlot): Promise<Node> {
  const { document } = parseHTML(await plotLines(plot)) as unknown as {
    document: Node;
  };
  return document;
}

function attributes(nodes: Iterable<Node>, ...names: string[]): number[][] {
  return Array.from(
    nodes,
    (node) => names.map((name) => Number(node.getAttribute(name))),
  );
}

Deno.test("plotLines() draws points, lines and error bars to scale", async () => {
  const svg = await draw(PLOT);
  const [[left, top], [middle, high], , [, half]] = attributes(
    svg.querySelectorAll("circle"),
    "cx",
    "cy",
  );
  const [diamond] = svg.querySelectorAll("[aria-label=dot] path");
  const [right, bottom] = diamond.getAttribute("transform")
    .match(/[\d.]+/g)!.map(Number);
  assertAlmostEquals(middle, (left + right) / 2, 1e-6);
  assertAlmostEquals(half, (top + bottom) / 2, 1e-6);
  assertAlmostEquals(high, (3 * top + bottom) / 4, 1e-6);
  const bars = attributes(
    svg.querySelectorAll("[aria-label=rule] line"),
    "x1",
    "y1",
    "y2",
  );
  assertEquals(bars.length, 1);
  const length = (bottom - top) / 4;
  assertEquals(bars[0][0], middle);
  assertAlmostEquals(Math.abs(bars[0][1] - bars[0][2]), length, 1e-6);
  const lines = Array.from(
    svg.querySelectorAll("[aria-label=line]"),
    (line) => line.getAttribute("stroke-dasharray"),
  );
  assertEquals(lines.length, 2);
  assert(lines[0] === null && lines[1] !== null);
});

Deno.test("plotLines() says what it shows, with one entry for each name", async () => {
  const svg = await draw(PLOT);
  const texts = Array.from(
    svg.querySelectorAll("text"),
    (text) => text.textContent,
  );
  for (
    const text of ["Sparsity (%)", "Accuracy (%)", "2:4", "100", PLOT.title]
  ) assert(texts.includes(text), text);
  assertEquals(texts.slice(-4), ["SGD", "CrAM⁺", "after", "before"]);
});

/**
 * Line plots as SVG.
 *
 * @module
 */

import type { Markish, PlotOptions } from "@observablehq/plot";

/** A point of a plot. */
export interface PlotPoint {
  /** Where it lies on the horizontal axis. */
  readonly x: number;
  /** Where it lies on the vertical axis. */
  readonly y: number;
  /** Half the length of its error bar, in units of `y`; by default it has none. */
  readonly deviation?: number;
  /** What is written next to it. */
  readonly label?: string;
}

/** Points that belong together. */
export interface PlotSeries {
  /** What the legend calls it. Series of one name have one colour, and one entry. */
  readonly name: string;
  /** How its points are shown: joined by a line, by a dashed one, or not joined; or as a curve without dots. */
  readonly style: "line" | "dashes" | "points" | "curve";
  /** The points, in the order in which they are joined. */
  readonly points: readonly PlotPoint[];
}

/** An axis. */
export interface PlotAxis {
  /** What is measured, with its unit. */
  readonly label: string;
  /** Whether numbers are parts of 1 and shown as per cent. */
  readonly percent?: boolean;
}

/** What {@linkcode plotLines} draws. */
export interface LinePlot {
  /** What the plot shows. */
  readonly title: string;
  /** The horizontal axis. */
  readonly x: PlotAxis;
  /** The vertical axis. */
  readonly y: PlotAxis;
  /** What is drawn. */
  readonly series: readonly PlotSeries[];
  /** What lines and dashes mean, for the legend. */
  readonly styles?: { readonly line: string; readonly dashes: string };
  /** Its place in a page. Default: it is a document of its own. */
  readonly part?: PlotPart;
}

/** A plot in a page that has title and legend itself. */
export interface PlotPart {
  /** Its width in pixels. */
  readonly width: number;
  /** The height of what is drawn in, in pixels. */
  readonly height: number;
  /** The names of all series of the page: the n-th has the n-th of the colours, and its elements the class `series-n`. */
  readonly names: readonly string[];
}

/** The colours of series, in the order of their names. Each has a contrast of at least 3 : 1 to white and to near black. */
export const PLOT_COLORS: readonly string[] = [
  "#2a78d6",
  "#d4680a",
  "#1a9155",
  "#b04fd0",
  "#d43a4f",
  "#0e8f9b",
  "#8f7a00",
  "#7d7d8a",
];
const DASHES = "5 4";
const WIDTH = 640;
const PLOT_HEIGHT = 340;
const MARGIN_LEFT = 64;
const ROW = 18;

/** Colours of text and background by the preference of who looks at it. */
const STYLE = `
.cram-plot { color: #1f2328; }
.cram-plot .background { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .cram-plot { color: #e6edf3; }
  .cram-plot .background { fill: #0d1117; }
}`;

/**
 * Draws lines with error bars, by Observable Plot, which is loaded when it is
 * needed. Text and background follow the colour scheme of who looks at it.
 *
 * @param plot What is drawn.
 * @returns An SVG document, or with `part` an element of a page.
 *
 * @example Accuracy against sparsity
 * ```ts ignore
 * import { plotLines } from "@cram/tasks";
 *
 * const svg = await plotLines({
 *   title: "ResNet20 on CIFAR-10",
 *   x: { label: "Sparsity (%)", percent: true },
 *   y: { label: "Accuracy (%)", percent: true },
 *   series: [{
 *     name: "SGD",
 *     style: "line",
 *     points: [{ x: 0, y: 0.92 }, { x: 0.9, y: 0.4, deviation: 0.02 }],
 *   }],
 * });
 * await Deno.writeTextFile("accuracy.svg", svg);
 * ```
 */
export async function plotLines(plot: LinePlot): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const { document } = parseHTML("<html></html>") as unknown as {
    readonly document: NonNullable<PlotOptions["document"]>;
  };
  const { part } = plot;
  const legend = legendOf(plot);
  const marginTop = part === undefined ? 48 + ROW * legend.length : 10;
  const series = plot.series.map((one) => ({
    ...one,
    stroke: colorOf(plot, one.name),
    colorIndex: colorIndexOf(plot, one.name),
  }));
  const svg = Plot.plot({
    document,
    className: "cram-plot",
    ariaLabel: plot.title,
    width: part?.width ?? WIDTH,
    height: marginTop + (part?.height ?? PLOT_HEIGHT),
    marginTop,
    marginLeft: MARGIN_LEFT,
    marginRight: 36,
    marginBottom: 44,
    style: { fontSize: "12px" },
    x: { ...plot.x, nice: true },
    y: { ...plot.y, nice: true },
    marks: [
      Plot.gridX({ strokeOpacity: 0.12 }),
      Plot.gridY({ strokeOpacity: 0.12 }),
      Plot.axisX({ labelAnchor: "center", labelArrow: "none" }),
      Plot.axisY({ labelAnchor: "center", labelArrow: "none" }),
      ...series.flatMap(({ style, points, stroke, colorIndex }): Markish[] => {
        const className = part && `series-${colorIndex}`;
        const bars = points.filter(({ deviation = 0 }) => deviation > 0);
        const named = points.filter(({ label }) => label !== undefined);
        return [
          ...style === "points" ? [] : [Plot.line(points, {
            className,
            x: "x",
            y: "y",
            stroke,
            strokeWidth: 1.8,
            strokeDasharray: style === "dashes" ? DASHES : undefined,
          })],
          Plot.ruleX(bars, {
            className,
            x: "x",
            y1: ({ y, deviation = 0 }: PlotPoint) => y - deviation,
            y2: ({ y, deviation = 0 }: PlotPoint) => y + deviation,
            stroke,
            strokeWidth: 1.2,
            marker: "tick",
          }),
          Plot.dot(style === "curve" ? [] : points, {
            className,
            x: "x",
            y: "y",
            r: style === "points" ? 4 : 3.2,
            symbol: style === "points" ? "diamond" : "circle",
            stroke,
            strokeWidth: 1.5,
            // Hollow before, filled after: lines on top of each other can be told apart.
            fill: style === "dashes" ? "none" : stroke,
          }),
          Plot.text(named, {
            className,
            x: "x",
            y: "y",
            text: "label",
            fill: stroke,
            // Points of two series often lie close together.
            ...colorIndex % 2 === 0
              ? { textAnchor: "start", dx: 8 }
              : { textAnchor: "end", dx: -8 },
          }),
        ];
      }),
    ],
  });
  const element = svg as unknown as SvgElement;
  return part === undefined
    ? finish(element, plot.title, legend)
    : element.outerHTML;
}

/** The part of the document model that is used here. */
interface SvgElement {
  readonly ownerDocument: {
    createElementNS(namespace: string, name: string): SvgElement;
  };
  readonly outerHTML: string;
  textContent: string | null;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  append(...children: SvgElement[]): void;
  prepend(...children: SvgElement[]): void;
}

/** An entry of the legend: a line as it is drawn, and its meaning. */
interface LegendEntry {
  readonly name: string;
  readonly stroke: string;
  readonly dasharray?: string;
}

function colorIndexOf({ series, part }: LinePlot, name: string): number {
  const names = part?.names ?? [...new Set(series.map(({ name }) => name))];
  return names.indexOf(name);
}

function colorOf(plot: LinePlot, name: string): string {
  return PLOT_COLORS[colorIndexOf(plot, name) % PLOT_COLORS.length];
}

function legendOf(plot: LinePlot): LegendEntry[] {
  const names = new Set(plot.series.map(({ name }) => name));
  const entries = Array.from(
    names,
    (name) => ({ name, stroke: colorOf(plot, name) }),
  );
  if (plot.styles === undefined) return entries;
  const { line, dashes } = plot.styles;
  return [
    ...entries,
    { name: line, stroke: "currentColor" },
    { name: dashes, stroke: "currentColor", dasharray: DASHES },
  ];
}

/** Adds background, title and legend, which Observable Plot makes in HTML only. */
function finish(
  svg: SvgElement,
  title: string,
  legend: readonly LegendEntry[],
): string {
  const element = (
    name: string,
    attributes: Readonly<Record<string, string | number>>,
    content?: string,
  ): SvgElement => {
    const made = svg.ownerDocument.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      made.setAttribute(key, `${value}`);
    }
    if (content !== undefined) made.textContent = content;
    return made;
  };
  svg.setAttribute("xmlns", SVG);
  // For readers that know no style sheets.
  svg.setAttribute("color", "#1f2328");
  svg.prepend(
    element("style", {}, STYLE),
    element("rect", {
      class: "background",
      width: "100%",
      height: "100%",
      fill: "#ffffff",
    }),
  );
  const left = { "text-anchor": "start", "dominant-baseline": "central" };
  svg.append(
    element("text", {
      ...left,
      x: 16,
      y: 20,
      "font-size": 15,
      "font-weight": 600,
    }, title),
    ...legend.flatMap(({ name, stroke, dasharray }, row) => {
      const y = 44 + ROW * row;
      return [
        element("line", {
          x1: 16,
          x2: 44,
          y1: y,
          y2: y,
          stroke,
          "stroke-width": 2,
          ...dasharray === undefined ? {} : { "stroke-dasharray": dasharray },
        }),
        element("text", { ...left, x: 52, y, "font-size": 12 }, name),
      ];
    }),
  );
  return `${svg.outerHTML}\n`;
}

const SVG = "http://www.w3.org/2000/svg";

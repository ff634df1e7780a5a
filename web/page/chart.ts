/**
 * Line charts that change while one looks at them.
 *
 * @module
 */

import {
  axisX,
  axisY,
  dot,
  gridX,
  gridY,
  line,
  plot,
  ruleX,
} from "@observablehq/plot";
import { make } from "./elements.ts";

/** A point; both numbers in units of the axes. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

/** Points of one colour that are joined. */
export interface ChartSeries {
  /** The name of its colour in the style sheet. */
  readonly style: string;
  readonly dashed?: boolean;
  /** Whether each point is shown. */
  readonly dots?: boolean;
  readonly points: readonly ChartPoint[];
}

/** An axis. */
export interface ChartAxis {
  readonly label: string;
  /** From where to where it goes at least. */
  readonly domain: readonly [number, number];
  /** Whether numbers are parts of 1 and shown as per cent. */
  readonly percent?: boolean;
}

/** What a chart shows. */
export interface ChartContent {
  /** For who cannot see it. */
  readonly label: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  /** Where on the horizontal axis a mark stands, in units of the points. */
  readonly mark?: number;
}

/** The most points of a line: more are joined to means, which also smooths it. */
const MAX_POINTS = 80;

/** A chart in an element, as wide as that is. */
export class Chart {
  readonly #container: HTMLElement;
  #content: ChartContent | undefined;
  #frame = 0;

  /** @param container What it is drawn in. */
  constructor(container: HTMLElement) {
    this.#container = container;
    new ResizeObserver(() => this.#redraw()).observe(container);
  }

  /** Draws with the next frame; says so where there is nothing to draw yet. */
  show(content: ChartContent): void {
    this.#content = content;
    this.#redraw();
  }

  #redraw(): void {
    if (this.#frame !== 0 || this.#content === undefined) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const content = this.#content!;
      const isEmpty = content.series.every(({ points }) => points.length === 0);
      this.#container.replaceChildren(
        isEmpty
          ? make("p", { className: "empty" }, "Nothing is measured yet")
          : draw(content, this.#container.clientWidth),
      );
    });
  }
}

function draw(content: ChartContent, width: number): Element {
  const { label, x, y, mark } = content;
  const series = content.series.map((one) => ({
    ...one,
    stroke: `var(--${one.style})`,
    points: thin(one.points),
  }));
  return plot({
    ariaLabel: label,
    width,
    height: 240,
    marginLeft: 44,
    marginRight: 12,
    marginBottom: 40,
    style: { fontSize: "12px", background: "none" },
    x: { label: x.label, percent: x.percent, domain: domainOf(content, "x") },
    y: {
      label: y.label,
      percent: y.percent,
      domain: domainOf(content, "y"),
      nice: true,
    },
    marks: [
      gridX({ strokeOpacity: 0.12, ticks: 5 }),
      gridY({ strokeOpacity: 0.12, ticks: 5 }),
      axisX({ labelAnchor: "center", labelArrow: "none", ticks: 5 }),
      axisY({ labelArrow: "none", ticks: 5, label: null }),
      mark === undefined ? null : ruleX([mark], { strokeOpacity: 0.5 }),
      ...series.flatMap(({ points, stroke, dashed, dots }) => [
        line(points, {
          x: "x",
          y: "y",
          stroke,
          strokeWidth: 2,
          strokeDasharray: dashed ? "5 4" : undefined,
        }),
        dots
          ? dot(points, {
            x: "x",
            y: "y",
            r: 3,
            stroke,
            fill: dashed ? "var(--panel)" : stroke,
          })
          : null,
      ]),
    ],
  });
}

function domainOf(
  { series, ...axes }: ChartContent,
  axis: "x" | "y",
): [number, number] {
  const { domain, percent } = axes[axis];
  const values = series.flatMap(({ points }) =>
    points.map((point) => point[axis])
  );
  const factor = percent ? 100 : 1;
  return [
    factor * Math.min(domain[0], ...values),
    factor * Math.max(domain[1], ...values),
  ];
}

/** Joins neighbours to their means where there are too many points. */
function thin(points: readonly ChartPoint[]): readonly ChartPoint[] {
  const size = Math.ceil(points.length / MAX_POINTS);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const some = points.slice(i * size, (i + 1) * size);
    const mean = (key: "x" | "y"): number =>
      some.reduce((sum, point) => sum + point[key], 0) / some.length;
    return { x: mean("x"), y: mean("y") };
  });
}

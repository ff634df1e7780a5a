/**
 * Results of compression at once as a plot.
 *
 * @module
 */

import { DENSE, type OneShotResult, SPARSE } from "./one_shot.ts";
import {
  plotLines,
  type PlotPart,
  type PlotPoint,
  type PlotSeries,
} from "./plot.ts";

/** What {@linkcode plotOneShot} draws. */
export interface OneShotPlot {
  /** What the plot shows. */
  readonly title: string;
  /** Which of the metrics is drawn, a part of 1. */
  readonly metric: string;
  /** What the metric is, for its axis. */
  readonly label: string;
  /** Models to compare, by the names for the legend. */
  readonly models: readonly {
    readonly name: string;
    readonly results: readonly OneShotResult[];
  }[];
  /** Its place in a page. Default: it is a document of its own. */
  readonly part?: PlotPart;
}

/**
 * Draws a metric against the sparsity: Top-K as lines, before tuning dashed;
 * other compressors as points with their names. Error bars are standard
 * deviations over draws.
 *
 * @param plot What is drawn.
 * @returns An SVG document, or with `part` an element of a page.
 */
export async function plotOneShot(plot: OneShotPlot): Promise<string> {
  const draws = plot.models.flatMap(({ results }) =>
    results.map(({ tuned }) => tuned?.draws.length ?? 0)
  );
  const most = Math.max(0, ...draws);
  return await plotLines({
    title: plot.title,
    part: plot.part,
    x: { label: "Sparsity of the prunable weights (%)", percent: true },
    y: { label: `${plot.label} (%)`, percent: true },
    styles: most === 0 ? undefined : {
      line: most === 1
        ? "after batch norm tuning"
        : `after batch norm tuning: mean ± standard deviation of ${most} draws`,
      dashes: "before batch norm tuning",
    },
    series: plot.models.flatMap(({ name, results }) =>
      seriesOf(name, results, plot.metric)
    ),
  });
}

function seriesOf(
  name: string,
  results: readonly OneShotResult[],
  metric: string,
): PlotSeries[] {
  const curve = results.filter(isOnCurve)
    .toSorted((a, b) => a.sparsity - b.sparsity);
  const others = results.filter((result) => !isOnCurve(result));
  const before = (result: OneShotResult): PlotPoint => ({
    x: result.sparsity,
    y: result.metrics[metric],
  });
  const after = ({ sparsity, tuned }: OneShotResult): PlotPoint[] =>
    tuned === undefined ? [] : [{
      x: sparsity,
      y: tuned.mean[metric],
      deviation: tuned.deviation[metric],
    }];
  const isTuned = results.some(({ tuned }) => tuned !== undefined);
  const labelled = others.map((result) => ({
    ...after(result)[0] ?? before(result),
    label: result.name,
  }));
  const untuned = curve.map(before);
  const series: PlotSeries[] = isTuned
    ? [
      { name, style: "line", points: curve.flatMap(after) },
      { name, style: "dashes", points: untuned },
    ]
    : [{ name, style: "line", points: untuned }];
  return [...series, { name, style: "points", points: labelled }];
}

/** Whether a result is one of a series of growing sparsities. */
function isOnCurve({ name }: OneShotResult): boolean {
  return name === DENSE || name === SPARSE || name.startsWith("top-k ");
}

/**
 * What was measured while models were trained, as plots.
 *
 * @module
 */

import { type LinePlot, plotLines } from "../plot.ts";
import type { Measured, RecordedRun } from "./recorded.ts";

/** What a metric of `metrics.jsonl` is. */
export interface Metric {
  /** Its name there. */
  readonly name: string;
  /** Its name in words. */
  readonly title: string;
  /** Whether it is a part of 1, to be shown as per cent. */
  readonly percent: boolean;
}

/** A drawn curve of each run. */
export interface CurvePlot extends Metric {
  /** The drawing. */
  readonly svg: string;
  /** Of how many lines of `metrics.jsonl` a point is the mean, at most. */
  readonly linesPerPoint: number;
}

/** Where lines of `metrics.jsonl` are, and not what was measured. */
const POSITIONS = new Set(["step", "epoch"]);

/** Metrics that are parts of 1. */
const PARTS = /accuracy|sparsity|exactMatch|f1/i;

/** As many points as can be told apart. */
const MOST_POINTS = 240;

/**
 * What a metric is.
 *
 * @param name Its name.
 * @returns The metric.
 */
export function metricOf(name: string): Metric {
  const words = name.replace(/[A-Z]|\d+/g, (part) => ` ${part.toLowerCase()}`);
  return {
    name,
    title: TITLES[name] ?? words.charAt(0).toUpperCase() + words.slice(1),
    percent: PARTS.test(name),
  };
}

const TITLES: Readonly<Record<string, string>> = {
  f1: "F1",
  accuracy: "Accuracy",
  top5Accuracy: "Accuracy among the first five",
};

/** What metrics are, where their names do not say it in the curves of a training. */
const EXPLAINED: Readonly<Record<string, string>> = {
  accuracy: "Accuracy on training data",
  loss: "Training loss",
  sparsity: "Sparsity that the optimizer asks for",
};

/**
 * Draws each metric that was measured, of all runs.
 *
 * @param runs The runs.
 * @param names The names of all series of the report.
 * @returns The plots; metrics that are 0 everywhere have none.
 */
export async function curvePlots(
  runs: readonly RecordedRun[],
  names: readonly string[],
): Promise<CurvePlot[]> {
  const metrics = new Set(
    runs.flatMap(({ metrics }) => metrics.flatMap((line) => Object.keys(line))),
  );
  const plots: CurvePlot[] = [];
  for (const name of metrics) {
    if (POSITIONS.has(name)) continue;
    const metric = metricOf(name);
    const curves = runs.map((run) => ({
      name: run.name,
      lines: run.metrics.filter((line) => Number.isFinite(line[name])),
    })).filter(({ lines }) => lines.length > 0);
    if (curves.every(({ lines }) => lines.every((line) => line[name] === 0))) {
      continue;
    }
    const title = `${EXPLAINED[name] ?? metric.title}${
      metric.percent ? " (%)" : ""
    }`;
    const most = Math.max(...curves.map(({ lines }) => lines.length));
    const linesPerPoint = Math.ceil(most / MOST_POINTS);
    const plot: LinePlot = {
      title,
      part: { width: 360, height: 200, names },
      x: { label: "Step" },
      y: { label: "", percent: metric.percent },
      series: curves.map(({ name: run, lines }) => ({
        name: run,
        style: "curve",
        points: thin(lines, linesPerPoint)
          .map(({ step, [name]: y }) => ({ x: step, y })),
      })),
    };
    plots.push({ ...metric, title, linesPerPoint, svg: await plotLines(plot) });
  }
  return plots;
}

/** Means of neighbouring lines, at the last of their steps. */
function thin(lines: readonly Measured[], size: number): Measured[] {
  if (size === 1) return [...lines];
  return Array.from({ length: Math.ceil(lines.length / size) }, (_, i) => {
    const group = lines.slice(i * size, (i + 1) * size);
    const mean = (name: string): number =>
      group.reduce((sum, line) => sum + line[name], 0) / group.length;
    return {
      ...Object.fromEntries(
        Object.keys(group[0]).map((name) => [name, mean(name)]),
      ),
      step: group.at(-1)!.step,
    };
  });
}

/**
 * How good models are when they are compressed at once, as plot and tables.
 *
 * @module
 */

import type { OneShotResult } from "../one_shot.ts";
import { plotOneShot } from "../one_shot_plot.ts";
import { type Metric, metricOf } from "./curves.ts";
import { type Content, Html, html } from "./html.ts";
import type { Recorded, RecordedEvaluation } from "./recorded.ts";
import { number, percent, type Row, sideBySide } from "./side_by_side.ts";

/** Models that were measured in the same way. */
interface Comparison {
  readonly title: string;
  readonly note: string;
  readonly models: readonly Measured[];
}

interface Measured {
  readonly name: string;
  readonly results: readonly OneShotResult[];
}

/** What is drawn, the first that was measured; all metrics are in tables. */
const DRAWN = ["f1", "accuracy"];

/**
 * Shows results of runs and of evaluations.
 *
 * @param recorded Runs and evaluations.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if there are no results.
 */
export async function resultsSection(
  { runs, evaluations }: Recorded,
  names: readonly string[],
): Promise<Html | undefined> {
  const measured = runs.flatMap(({ name, results = [], search }) =>
    results.length === 0 ? [] : [{ name, results, search }]
  );
  const comparisons = [
    ...evaluations.map(comparisonOf),
    {
      title: "At the end of the training",
      note: "",
      models: measured.filter(({ search }) => search === undefined),
    },
    {
      title: "Grid search",
      note: "on training images that were held out",
      models: measured.filter(({ search }) => search !== undefined),
    },
  ].filter(({ models }) => models.length > 0);
  if (comparisons.length === 0) return undefined;
  const parts = await Promise.all(
    comparisons.flatMap((comparison) =>
      sameMetrics(comparison).map((same) => showComparison(same, names))
    ),
  );
  return html`${parts}`;
}

function comparisonOf(
  { name, settings, isComplete, models }: RecordedEvaluation,
): Comparison {
  const { data, validationImages, questions, bnTuning, draws } = settings;
  const note = [
    typeof data === "string" ? `on ${data}` : "",
    typeof validationImages === "number"
      ? `${number(validationImages, 9)} images`
      : "",
    typeof questions === "number" ? `${number(questions, 9)} questions` : "",
    typeof draws === "number" && draws > 0
      ? `batch norm tuned on ${draws} × ${bnTuning} training images`
      : "",
    isComplete ? "" : "not complete: what was measured so far",
  ].filter((text) => text !== "").join(", ");
  const measured = models.filter(({ results }) => results.length > 0);
  return { title: `Evaluation “${name}”`, note, models: measured };
}

/** Models of images and models of questions have nothing to be compared by. */
function sameMetrics(comparison: Comparison): Comparison[] {
  const groups = Map.groupBy(
    comparison.models,
    ({ results }) => Object.keys(results[0].metrics).join(),
  );
  return Array.from(
    groups.values(),
    (models) => ({ ...comparison, models }),
  );
}

async function showComparison(
  { title, note, models }: Comparison,
  names: readonly string[],
): Promise<Html> {
  const metrics = Object.keys(models[0].results[0].metrics).map(metricOf);
  const drawn = metrics.find(({ name }) => DRAWN.includes(name));
  const tables = metrics.toSorted((a, b) =>
    Number(b === drawn) - Number(a === drawn)
  )
    .map((metric) => ({ metric, table: tableOf(metric, models, names) }));
  const [first, ...others] = tables;
  return html`
    <h3>${title}</h3>
    ${note === "" ? "" : html`<p class="soft">${note}</p>`}
    <div class="pair">
    ${drawn === undefined ? "" : await figure(drawn, models, names)}
    <div>
    <p class="soft">${first.metric.title}${explanation(models)}</p>
    ${first.table}
    ${others.map(({ metric, table }) =>
      html`<details><summary>${metric.title}</summary>${table}</details>`
    )}
    </div>
    </div>
  `;
}

async function figure(
  metric: Metric,
  models: readonly Measured[],
  names: readonly string[],
): Promise<Html> {
  const svg = await plotOneShot({
    title: `${metric.title} after compression at once`,
    metric: metric.name,
    label: metric.title,
    models,
    part: { width: 480, height: 320, names },
  });
  const isTuned = drawsOf(models) > 0;
  return html`<figure><figcaption>${metric.title} against sparsity<small>${
    isTuned
      ? "Lines: Top-K, after batch norm tuning; dashed: before it. "
      : "Lines: Top-K. "
  }Diamonds: other compressors${
    drawsOf(models) > 1 ? ". Bars: standard deviations over draws" : ""
  }.</small></figcaption>${new Html(svg)}</figure>`;
}

function drawsOf(models: readonly Measured[]): number {
  return Math.max(
    ...models.flatMap(({ results }) =>
      results.map(({ tuned }) => tuned?.draws.length ?? 0)
    ),
  );
}

function explanation(models: readonly Measured[]): string {
  return drawsOf(models) === 0 ? "" : ": before → after batch norm tuning";
}

/** A metric of each model behind each compressor. */
function tableOf(
  metric: Metric,
  models: readonly Measured[],
  names: readonly string[],
): Html {
  const compressors = new Set(
    models.flatMap(({ results }) => results.map(({ name }) => name)),
  );
  const rows = Array.from(compressors, (compressor): Row => {
    const found = models.map(({ results }) =>
      results.find(({ name }) => name === compressor)
    );
    return {
      name: compressor,
      cells: found.map((result) => result ? cellOf(metric, result) : "–"),
      best: bestOf(metric, found),
    };
  });
  return sideBySide(names, models.map(({ name }) => name), rows);
}

function cellOf(
  { name, percent: isPart }: Metric,
  result: OneShotResult,
): Content {
  const show = (value: number): string =>
    isPart ? percent(value) : number(value);
  const { metrics, tuned } = result;
  if (tuned === undefined) return show(metrics[name]);
  const deviation = tuned.draws.length > 1
    ? ` ± ${show(tuned.deviation[name])}`
    : "";
  return html`<small>${show(metrics[name])} →</small> ${
    show(tuned.mean[name])
  }${deviation}`;
}

/** The models of the best figure, if there is something to compare. */
function bestOf(
  { name, percent: isPart }: Metric,
  results: readonly (OneShotResult | undefined)[],
): number[] {
  const isTuned = results.some((result) => result?.tuned !== undefined);
  const values = results.map((result) =>
    (isTuned ? result?.tuned?.mean : result?.metrics)?.[name] ?? NaN
  );
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length < 2) return [];
  const best = isPart ? Math.max(...known) : Math.min(...known);
  return values.flatMap((value, i) => value === best ? [i] : []);
}

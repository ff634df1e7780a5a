/**
 * What runs are and how far they came, how long they took, and their settings.
 *
 * @module
 */

import { formatDuration } from "../progress.ts";
import { curvePlots } from "./curves.ts";
import { type Content, Html, html } from "./html.ts";
import type { RecordedRun } from "./recorded.ts";
import { compareSettings, type Setting } from "./settings.ts";
import { number, percent, type Row, sideBySide } from "./side_by_side.ts";
import { timingOf } from "./timing.ts";

/**
 * Shows what runs are and how far they came.
 *
 * @param runs The runs.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if there are no runs.
 */
export function overviewSection(
  runs: readonly RecordedRun[],
  names: readonly string[],
): Html | undefined {
  if (runs.length === 0) return undefined;
  const setting = (key: string) => ({ config }: RecordedRun): Content =>
    text(config[key]);
  const rows: (readonly [string, (run: RecordedRun) => Content])[] = [
    ["state", stateOf],
    ["model", setting("model")],
    ["data", setting("data")],
    ["optimizer", optimizerOf],
    ["batch size", setting("batchSize")],
    ["learning rate", setting("learningRate")],
    ["training loss, last", (run) => last(run, "loss", number)],
    ["training accuracy, last", (run) => last(run, "accuracy", percent)],
    ["score of the search", scoreOf],
    ["folder", ({ path }) => html`<code>${path}</code>`],
  ];
  return sideBySide(
    names,
    runs.map(({ name }) => name),
    rows.map(([name, cell]) => ({ name, cells: runs.map(cell) }))
      .filter(({ cells }) => cells.some((cell) => cell !== NOTHING)),
    "settings",
  );
}

const NOTHING = "–";

/** How far a run came, and whether that was all. */
function stateOf({ metrics, steps, search }: RecordedRun): Content {
  const done = metrics.at(-1)?.step ?? 0;
  if (search?.failure !== undefined) {
    return html`<span class="warning">failed: ${search.failure}</span>`;
  }
  if (done >= steps) return `finished, ${number(steps, 9)} steps`;
  return html`
    <span
      class="warning">unfinished: ${number(done, 9)} of ${number(
        steps,
        9,
      )} steps (${Math.floor(100 * done / steps)} %)</span>
  `;
}

function optimizerOf({ config }: RecordedRun): Content {
  const { optimizer, base, rho, sparsities, pruning } = config;
  if (typeof optimizer !== "string") return NOTHING;
  const of = Array.isArray(sparsities) && sparsities.length > 0
    ? `, ${sparsities.map((part) => 100 * part).join(", ")} % of zeros`
    : "";
  const pruned = typeof pruning === "object" && pruning !== null &&
      "method" in pruning && "sparsity" in pruning
    ? `, ${pruning.method} pruning to ${percent(Number(pruning.sparsity))}`
    : "";
  return `${optimizer}${typeof base === "string" ? ` on ${base}` : ""}${
    typeof rho === "number" ? `, ρ = ${rho}` : ""
  }${of}${pruned}`;
}

function scoreOf({ search }: RecordedRun): Content {
  if (search?.score === undefined) return NOTHING;
  return search.isBest
    ? html`<b>${percent(search.score)}</b>, the best`
    : percent(search.score);
}

function last(
  { metrics }: RecordedRun,
  name: string,
  show: (value: number) => string,
): string {
  const value = metrics.at(-1)?.[name];
  return value === undefined ? NOTHING : show(value);
}

function text(value: unknown): string {
  return value === undefined ? NOTHING : `${value}`;
}

/**
 * Draws what was measured while runs were trained.
 *
 * @param runs The runs.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if nothing was measured.
 */
export async function curvesSection(
  runs: readonly RecordedRun[],
  names: readonly string[],
): Promise<Html | undefined> {
  const plots = await curvePlots(runs, names);
  if (plots.length === 0) return undefined;
  const most = Math.max(...plots.map(({ linesPerPoint }) => linesPerPoint));
  return html`
    <p
      class="soft">Means over the steps since the point before, as metrics.jsonl has them${most >
          1
        ? `; up to ${most} neighbouring ones are joined`
        : ""}.</p>
    <div class="plots">
    ${plots.map(({ title, svg }) =>
      html`
        <figure><figcaption>${title}</figcaption>${new Html(svg)}</figure>
      `
    )}</div>
  `;
}

/**
 * Shows how long the steps of runs took.
 *
 * @param runs The runs.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if that was not measured.
 */
export function timeSection(
  runs: readonly RecordedRun[],
  names: readonly string[],
): Html | undefined {
  const timed = runs.flatMap((run) => {
    const timing = timingOf(run);
    return timing === undefined ? [] : [{ name: run.name, ...timing }];
  });
  if (timed.length === 0) return undefined;
  const rows: Row[] = [
    {
      name: "all steps",
      cells: timed.map(({ seconds }) => formatDuration(1000 * seconds)),
    },
    {
      name: "steps in a second",
      cells: timed.map(({ stepsPerSecond }) => number(stepsPerSecond, 3)),
    },
    {
      name: "time of a step",
      cells: timed.map(({ stepsPerSecond }) =>
        `${number(1000 / stepsPerSecond, 3)} ms`
      ),
    },
    {
      name: "examples in a second",
      cells: timed.map(({ perSecond, slowest, fastest, examples }) =>
        html`${number(perSecond, 3)} ${examples} <small>(${
          number(slowest, 3)
        } to ${number(fastest, 3)})</small>`
      ),
    },
  ];
  return html`
    ${sideBySide(names, timed.map(({ name }) => name), rows)}
    <p
      class="soft">From the rates in metrics.jsonl: loading and computing together, without checkpoints, evaluations and interruptions. Runs that shared a machine with others are slower than they could be.</p>
  `;
}

/**
 * Shows the settings of runs, those first in which they differ.
 *
 * @param runs The runs.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if there are no runs.
 */
export function settingsSection(
  runs: readonly RecordedRun[],
  names: readonly string[],
): Html | undefined {
  if (runs.length === 0) return undefined;
  const all = compareSettings(runs.map(({ config }) => config));
  const columns = runs.map(({ name }) => name);
  const table = (settings: readonly Setting[]): Html =>
    sideBySide(
      names,
      columns,
      settings.map(({ name, values, differs }) => ({
        name: html`<code>${name}</code>`,
        cells: values.map((value) => value ?? NOTHING),
        differs,
      })),
      "settings",
    );
  const different = all.filter(({ differs }) => differs);
  const same = all.filter(({ differs }) => !differs);
  if (runs.length === 1) return table(all);
  const common = html`
    <details>
      <summary>${different.length === 0 ? "All" : "The other"} ${same
        .length} settings, which are the same</summary>
      <div class="wide" tabindex="0">
        <table class="settings">
          <tbody>
    ${same.map(({ name, values: [value] }) =>
      html`
        <tr>
          <th scope="row"><code>${name}</code></th>
          <td>${value ?? NOTHING}</td>
        </tr>
      `
    )}</tbody>
        </table>
      </div>
    </details>
  `;
  return html`${
    different.length === 0 ? html`<p>No setting differs.</p>` : table(different)
  }
${same.length === 0 ? "" : common}`;
}

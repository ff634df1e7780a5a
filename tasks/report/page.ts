/**
 * A report as one HTML page that needs nothing else: no script, no other file.
 *
 * @module
 */

import { PLOT_COLORS } from "../plot.ts";
import { Html, html } from "./html.ts";
import type { LayerSparsities } from "./layer_sparsity.ts";
import { layersSection } from "./layers_section.ts";
import { type Recorded, ReportError } from "./recorded.ts";
import { resultsSection } from "./results_section.ts";
import {
  curvesSection,
  overviewSection,
  settingsSection,
  timeSection,
} from "./runs_section.ts";
import { styleSheet } from "./style.ts";

/** What a report shows. */
export interface Report {
  /** Runs and evaluations. */
  readonly recorded: Recorded;
  /** How sparse the layers of models are, by the names of these. */
  readonly layers: ReadonlyMap<string, LayerSparsities>;
  /** What could not be shown, and why. */
  readonly omissions: readonly string[];
  /** What the report was made by, by name. */
  readonly madeBy: Readonly<Record<string, string>>;
  /** When. */
  readonly date: Date;
}

/**
 * The names of all series of a report, which have a colour each.
 *
 * @param recorded Runs and evaluations.
 * @returns The names, runs first.
 * @throws {ReportError} If there are more than colours.
 */
export function seriesNames({ runs, evaluations }: Recorded): string[] {
  const names = new Set([
    ...runs.map(({ name }) => name),
    ...evaluations.flatMap(({ models }) => models.map(({ name }) => name)),
  ]);
  if (names.size > PLOT_COLORS.length) {
    throw new ReportError(
      `Cannot report on ${names.size} runs and models together: only ${PLOT_COLORS.length} can be told apart by colour`,
    );
  }
  return [...names];
}

/**
 * Writes a report.
 *
 * @param report What it shows.
 * @returns An HTML document.
 * @throws {ReportError} If there are more runs than colours.
 */
export async function reportPage(report: Report): Promise<string> {
  const { recorded, layers } = report;
  const { runs } = recorded;
  const names = seriesNames(recorded);
  const all: readonly (readonly [string, string, Html | undefined])[] = [
    ["overview", "Overview", overviewSection(runs, names)],
    ["results", "Compressed at once", await resultsSection(recorded, names)],
    ["training", "Training", await curvesSection(runs, names)],
    ["layers", "Sparsity of layers", layersSection(layers, names)],
    ["time", "Time", timeSection(runs, names)],
    ["settings", "Settings", settingsSection(runs, names)],
    ["environment", "Environment", environmentSection(report)],
  ];
  const sections = all.flatMap(([id, title, content]) =>
    content === undefined ? [] : [{ id, title, content }]
  );
  const title = names.join(", ");
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title} – report</title>
        <style>
    ${new Html(styleSheet(names.length))}
    </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <nav>${sections.map(({ id, title }) =>
            html`<a href="#${id}">${title}</a>`
          )}</nav>
        </header>
        <div class="legend">${names.map((name, i) =>
          html`
            <label
              style="--color: ${PLOT_COLORS[
                i
              ]}"><input type="checkbox" id="show-${i}" checked><span class="swatch"></span>${name}</label>
          `
        )}</div>
        <main>
    ${sections.map(({ id, title, content }) =>
      html`
        <section id="${id}">
        <h2>${title}</h2>
        ${content}
        </section>
      `
    )}</main>
        <footer>Made by <code>deno task report</code> on ${report.date
          .toISOString().slice(0, 10)}</footer>
      </body>
    </html>
  `.markup;
}

/** Where runs were computed, and what the report was made by. */
function environmentSection(
  { recorded, omissions, madeBy }: Report,
): Html {
  const devices = new Map<string, string[]>();
  const add = (device: unknown, name: string): void => {
    const key = typeof device === "string" ? device : "unknown";
    devices.set(key, [...devices.get(key) ?? [], name]);
  };
  for (const { name, config } of recorded.runs) add(config.device, name);
  for (const { name, settings } of recorded.evaluations) {
    add(settings.device, `evaluation “${name}”`);
  }
  const rows = [
    ...Array.from(
      devices,
      ([device, names]) => [`device ${device}`, names.join(", ")],
    ),
    ...Object.entries(madeBy).map(([name, value]) => [
      `report: ${name}`,
      value,
    ]),
  ];
  return html`
    <div class="wide" tabindex="0">
      <table class="settings">
        <tbody>
    ${rows.map(([name, value]) =>
      html`
        <tr>
          <th scope="row">${name}</th>
          <td>${value}</td>
        </tr>
      `
    )}</tbody>
      </table>
    </div>
    ${omissions.map((omission) =>
      html`
        <p class="warning">${omission}</p>
      `
    )}
  `;
}

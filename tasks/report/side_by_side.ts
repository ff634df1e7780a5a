/**
 * Tables with a column for each run.
 *
 * @module
 */

import { type Content, type Html, html } from "./html.ts";

/** A row of a table. */
export interface Row {
  /** What is in it. */
  readonly name: Content;
  /** Its cells, in the order of the columns. */
  readonly cells: readonly Content[];
  /** Whether the row is marked, because runs differ in it. */
  readonly differs?: boolean;
  /** Which of the cells are the best ones. */
  readonly best?: readonly number[];
}

/**
 * Makes a table. What belongs to a run has its class, so that it can be
 * hidden with it.
 *
 * @param names The names of all series of the report.
 * @param columns The names of those that have a column.
 * @param rows The rows.
 * @param kind A class of the table.
 * @returns The table, in a box that scrolls where it is too wide.
 */
export function sideBySide(
  names: readonly string[],
  columns: readonly string[],
  rows: readonly Row[],
  kind = "",
): Html {
  const series = columns.map((name) => `series-${names.indexOf(name)}`);
  return html`
    <div class="wide" tabindex="0">
      <table class="${kind}" style="--columns: ${columns.length}">
        <thead>
          <tr><td></td>${columns.map((name, i) =>
            html`<th scope="col" class="name ${series[i]}">${name}</th>`
          )}</tr>
        </thead>
        <tbody>
    ${rows.map(({ name, cells, differs, best }) =>
      html`
        <tr${differs
          ? html`
            class="differs"
          `
          : ""}><th scope="row">${name}</th>${cells.map((cell, i) =>
            html`<td class="${series[i]}${
              best?.includes(i) ? " best" : ""
            }">${cell}</td>`
          )}</tr>
      `
    )}</tbody>
      </table>
    </div>
  `;
}

/**
 * A number for people.
 *
 * @param value The number.
 * @param digits How many digits count.
 * @returns For instance `12,345` or `0.0123`.
 */
export function number(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return `${value}`;
  return value.toLocaleString("en", { maximumSignificantDigits: digits });
}

/**
 * A part of 1 for people.
 *
 * @param part The part.
 * @returns For instance `12.5 %`, with a space that does not break.
 */
export function percent(part: number): string {
  return Number.isFinite(part)
    ? `${(100 * part).toFixed(1)}\u00a0%`
    : `${part}`;
}

/**
 * How sparse the layers of models are, as bars and in numbers.
 *
 * @module
 */

import { type Html, html } from "./html.ts";
import type { LayerSparsities } from "./layer_sparsity.ts";
import { percent, sideBySide } from "./side_by_side.ts";

/**
 * Shows the layers of models side by side; those of other networks below.
 *
 * @param layers The sparsities by the names of models.
 * @param names The names of all series of the report.
 * @returns HTML; `undefined` if there are none.
 */
export function layersSection(
  layers: ReadonlyMap<string, LayerSparsities>,
  names: readonly string[],
): Html | undefined {
  if (layers.size === 0) return undefined;
  const groups = Map.groupBy(
    layers,
    ([, { layers }]) => layers.map(({ name }) => name).join(),
  );
  return html`<p>Zeros among the weights of each prunable layer: of the trained model as it is, then of the model pruned at once. Top-K with one threshold for all layers takes more from some of them than from others.</p>
${Array.from(groups.values(), (models) => group(models, names))}`;
}

type Model = readonly [name: string, layers: LayerSparsities];

function group(models: readonly Model[], names: readonly string[]): Html {
  const [[, { compressors, layers }]] = models;
  const columns = models.map(([name]) => name);
  const label = shortNames(layers.map(({ name }) => name));
  const bars = layers.map(({ name, shape }, layer) => ({
    name: html`<span title="${name}">${label(name)}</span><small>${
      shape.join("×")
    }</small>`,
    cells: models.map(([, { layers }]) =>
      bar(compressors, layers[layer].sparsities)
    ),
  }));
  const total = {
    name: html`<b>all together</b>`,
    cells: models.map(([, { total }]) => bar(compressors, total)),
  };
  const pruned = compressors.slice(1).join(", ").replaceAll(" %", "\u00a0%");
  return html`
    <p class="soft">Strong: the model as it is. Fainter each time: ${pruned}. A
      full bar is 100&nbsp;%.</p>
    ${sideBySide(names, columns, [...bars, total], "layers")}
    <details><summary>In numbers</summary>
    ${models.map((model) => numbers(model, names))}
    </details>
  `;
}

/** Names without the parts that all of them begin and end with. */
function shortNames(names: readonly string[]): (name: string) => string {
  const parts = names.map((name) => name.split("."));
  const shortest = Math.min(...parts.map(({ length }) => length));
  const same = (at: (name: readonly string[], i: number) => string): number => {
    let count = 0;
    const isSame = (): boolean =>
      parts.every((name) => at(name, count) === at(parts[0], count));
    while (count < shortest - 1 && isSame()) count++;
    return count;
  };
  let first = same((name, i) => name[i]);
  // Numbers mean little without what they count.
  if (first > 0 && parts.some((name) => /^\d/.test(name[first]))) first--;
  const last = same((name, i) => name[name.length - 1 - i]);
  const end = -Math.min(last, shortest - 1 - first) || undefined;
  return (name) => name.split(".").slice(first, end).join(".");
}

/** Bars on top of each other, the longest below: where they overlap it is darker. */
function bar(
  compressors: readonly string[],
  sparsities: readonly number[],
): Html {
  const text = compressors.map((name, i) =>
    `${name}: ${percent(sparsities[i])}`
  )
    .join("; ");
  return html`
    <span class="bar" role="img" aria-label="${text}"
      title="${text}">${sparsities.toReversed().map((sparsity) =>
        html`<i style="width: ${(100 * sparsity).toFixed(2)}%"></i>`
      )}</span>
  `;
}

function numbers(
  [name, { compressors, layers, total }]: Model,
  names: readonly string[],
): Html {
  const row = (title: string, sparsities: readonly number[]): Html =>
    html`
      <tr><th scope="row">${title}</th>${sparsities.map((sparsity) =>
        html`<td class="number">${percent(sparsity)}</td>`
      )}</tr>
    `;
  return html`
    <div class="wide series-${names.indexOf(name)}" tabindex="0">
      <h3>${name}</h3>
      <table>
        <thead>
          <tr><td></td>${compressors.map((name) =>
            html`<th scope="col" class="number">${name}</th>`
          )}</tr>
        </thead>
        <tbody>
    ${layers.map(({ name, sparsities }) => row(name, sparsities))}${row(
      "all together",
      total,
    )}</tbody>
      </table>
    </div>
  `;
}

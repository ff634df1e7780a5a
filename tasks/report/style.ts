/**
 * How reports look: on any screen, light and dark, and on paper.
 *
 * @module
 */

import { PLOT_COLORS } from "../plot.ts";

/**
 * The style sheet of a report.
 *
 * @param runs How many runs there are; each has a colour, and can be hidden.
 * @returns CSS.
 */
export function styleSheet(runs: number): string {
  const ofRuns = Array.from(
    { length: runs },
    (_, i) =>
      `.series-${i} { --color: ${PLOT_COLORS[i]}; }
body:has(#show-${i}:not(:checked)) .series-${i} { display: none; }`,
  );
  return [BASE, ...ofRuns].join("\n");
}

const BASE = `
:root {
  color-scheme: light dark;
  --text: #1f2328; --soft: #59636e; --line: #d1d9e0;
  --page: #ffffff; --panel: #f6f8fa; --mark: #fff3c4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6edf3; --soft: #9198a1; --line: #3d444d;
    --page: #0d1117; --panel: #151b23; --mark: #4d3d00;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4rem; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem;
  font: 15px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--page);
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; }
.soft, figcaption small, th small, td small { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .5rem 0 1rem; }
a { color: inherit; }
.legend {
  position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap;
  gap: .1rem 1.2rem; margin: 0 -1rem; padding: .5rem 1rem;
  background: var(--page); border-bottom: 1px solid var(--line);
}
.legend label { display: inline-flex; align-items: center; gap: .4rem; }
.legend label, .name { overflow-wrap: anywhere; }
.legend label { display: inline-flex !important; }
.legend input { accent-color: var(--color); margin: 0; }
.swatch {
  display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  background: var(--color); flex: none;
}
.state { font-weight: 400; color: var(--soft); }
.warning { display: inline-block; border-left: 3px solid #d4680a; padding-left: .6rem; }
.plots {
  display: grid; gap: 1.25rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr));
}
.pair { display: grid; gap: 1.25rem 2rem; align-items: start; }
@media (min-width: 62rem) {
  .pair { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; }
figcaption small { display: block; font-weight: 400; }
figure svg { display: block; width: 100%; height: auto; color: var(--text); }
figure svg .label { paint-order: stroke; stroke: var(--page); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top; }
tr { border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--color, var(--line)); }
tbody th { font-weight: 400; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.best { font-weight: 700; }
td small { font-weight: 400; }
.settings { table-layout: auto; }
.settings td { overflow-wrap: anywhere; min-width: 7rem; }
tr.differs > * { background: var(--mark); }
tr.differs > :first-child { box-shadow: -.5rem 0 var(--mark); }
code { font: .92em ui-monospace, monospace; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--soft); }
.layers { width: 100%; table-layout: fixed; min-width: calc(20rem + 7rem * var(--columns)); }
.layers thead td { width: 20rem; }
.layers th { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.layers tbody tr { border: 0; }
.layers tbody :is(th, td) { padding-top: .1rem; padding-bottom: .1rem; }
.layers th small { margin-left: .4rem; }
.bar {
  position: relative; display: block; height: 1rem; margin-top: .2rem;
  background: var(--panel); border-left: 1px solid var(--soft);
}
.bar i {
  position: absolute; left: 0; top: 0; bottom: 0;
  background: var(--color); opacity: .3;
  border-right: 1px solid var(--page);
}
.bar, .swatch { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 1px solid var(--line); color: var(--soft); }
@media (max-width: 40rem) {
  body { font-size: 14px; }
  th, td { padding-right: .6rem; }
  tbody th { white-space: normal; max-width: 9rem; }
  tbody th, .layers thead td { position: sticky; left: 0; z-index: 1; background: var(--page); }
  .layers { min-width: calc(9rem + 6rem * var(--columns)); }
  .layers th small { display: none; }
  .layers thead td { width: 9rem; }
  .layers tbody th { font-size: .8rem; white-space: nowrap; }
}
@media print {
  :root { --text: #000; --soft: #444; --line: #bbb; --page: #fff; --panel: #f3f3f3; --mark: #fff3c4; }
  body { max-width: none; padding: 0; font-size: 11px; }
  .legend { position: static; }
  .legend input, nav { display: none; }
  .plots { grid-template-columns: repeat(2, 1fr); }
  figure, tr { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .wide { overflow: visible; }
}
`.trim();

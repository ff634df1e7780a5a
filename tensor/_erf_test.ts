import { assert, assertEquals } from "@std/assert";
import { erf, erfc } from "./_erf.ts";

// mpmath, 40 digits.
const KNOWN = [
  { x: 1e-10, erf: 1.1283791670955126e-10, erfc: 0.999999999887162 },
  { x: 0.5, erf: 0.5204998778130465, erfc: 0.4795001221869535 },
  { x: 1, erf: 0.8427007929497149, erfc: 0.15729920705028513 },
  { x: 1.4999, erf: 0.9660932516622953, erfc: 0.03390674833770473 },
  { x: 1.999, erf: 0.9953015566513705, erfc: 0.004698443348629487 },
  { x: 2.001, erf: 0.9953428907185247, erfc: 0.00465710928147535 },
  { x: 5, erf: 0.9999999999984626, erfc: 1.537459794428035e-12 },
  { x: 20, erf: 1, erfc: 5.395865611607901e-176 },
  { x: -3, erf: -0.9999779095030014, erfc: 1.9999779095030015 },
];

function relativeError(actual: number, expected: number): number {
  return Math.abs(actual / expected - 1);
}

Deno.test("erf() is exact to double precision", () => {
  for (const known of KNOWN) {
    const error = relativeError(erf(known.x), known.erf);
    assert(error < 1e-15, `erf(${known.x}) is off by ${error}`);
  }
});

Deno.test("erfc() does not cancel", () => {
  for (const known of KNOWN) {
    const error = relativeError(erfc(known.x), known.erfc);
    assert(error < 1e-14, `erfc(${known.x}) is off by ${error}`);
  }
});

Deno.test("erf() and erfc() take special values", () => {
  assertEquals([erf(0), erf(Infinity), erf(-Infinity)], [0, 1, -1]);
  assertEquals([erfc(0), erfc(Infinity), erfc(-Infinity)], [1, 0, 2]);
  assert(Object.is(erf(-0), -0));
  assert(Number.isNaN(erf(NaN)) && Number.isNaN(erfc(NaN)));
});

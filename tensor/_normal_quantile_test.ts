import { assert, assertEquals } from "@std/assert";
import { normalQuantile } from "./_normal_quantile.ts";

Deno.test("normalQuantile() is exact to double precision", () => {
  // mpmath, 40 digits: √2·erfinv(2q).
  const known = [
    [0.1, 0.25334710313579983],
    [0.425, 1.439531470938456],
    [0.43, 1.4757910281791706],
    [0.475, 1.9599639845400538],
    [0.5 - 2 ** -33, 6.3379577545537895],
  ];
  for (const [q, expected] of known) {
    const error = Math.abs(normalQuantile(q) / expected - 1);
    assert(error < 1e-15, `normalQuantile(${q}) is off by ${error}`);
  }
});

Deno.test("normalQuantile() is odd", () => {
  for (const q of [0, 0.3, 0.49]) {
    assertEquals(normalQuantile(-q), -normalQuantile(q));
  }
});

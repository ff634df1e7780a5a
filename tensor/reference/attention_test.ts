import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { AttentionLayout } from "../backend.ts";
import { dot, empty, noise, numbers, view } from "./_testing.ts";
import { attention, attentionBackward } from "./attention.ts";
import type { ReferenceView } from "./buffer.ts";

const ONE: AttentionLayout = {
  batch: 1,
  heads: 1,
  queries: 2,
  keys: 2,
  depth: 1,
  valueDepth: 1,
  scale: 1,
  maskStrides: [0, 0, 2, 1],
};

function assertNumbers(actual: ReferenceView, expected: number[]): void {
  const values = numbers(actual);
  assertEquals(values.length, expected.length);
  values.forEach((x, i) => {
    if (Number.isFinite(x)) assertAlmostEquals(x, expected[i], 1e-14);
    else assertEquals(x, expected[i]);
  });
}

Deno.test("attention() averages values by the softmax of scaled products", () => {
  const out = empty([1, 2, 1, 1], "float64");
  const logSumExp = empty([1, 1, 2], "float64");
  attention({
    query: view([0, 2], "float64"),
    key: view([0, 1], "float64"),
    value: view([10, 20], "float64"),
    mask: undefined,
    out,
    logSumExp,
  }, { ...ONE, scale: Math.log(3) / 2 });
  assertNumbers(out, [15, 17.5]);
  assertNumbers(logSumExp, [Math.log(2), Math.log(4)]);
});

Deno.test("attention() adds the mask, and gives zeros to queries that no key is open to", () => {
  const out = empty([1, 2, 1, 1], "float64");
  const logSumExp = empty([1, 1, 2], "float64");
  attention({
    query: view([0, 0], "float64"),
    key: view([5, 7], "float64"),
    value: view([10, 20], "float64"),
    mask: view([-Infinity, 0, -Infinity, -Infinity], "float64"),
    out,
    logSumExp,
  }, ONE);
  assertNumbers(out, [20, 0]);
  assertNumbers(logSumExp, [0, -Infinity]);
});

Deno.test("attention() keeps batches and heads apart", () => {
  // Each query sees only its own key's value: [batch, position, head].
  const value = [1, 2, 3, 4, 5, 6, 7, 8];
  const out = empty([2, 2, 2, 1], "float64");
  attention({
    query: view(new Array(8).fill(0), "float64"),
    key: view(new Array(8).fill(0), "float64"),
    value: view(value, "float64"),
    mask: view([0, -Infinity, -Infinity, 0], "float64"),
    out,
    logSumExp: empty([2, 2, 2], "float64"),
  }, { ...ONE, batch: 2, heads: 2 });
  assertNumbers(out, value);
});

Deno.test("attention() reads masks of every stretch", () => {
  const layout = { ...ONE, batch: 2, heads: 2, queries: 1, keys: 1 };
  // logSumExp of one key is its score: the mask, in [batch, head].
  const cases: [AttentionLayout["maskStrides"], number[]][] = [
    [[2, 1, 0, 0], [1, 2, 3, 4]],
    [[1, 0, 0, 0], [1, 1, 2, 2]],
    [[0, 1, 0, 0], [1, 2, 1, 2]],
  ];
  for (const [maskStrides, expected] of cases) {
    const logSumExp = empty([2, 2, 1], "float64");
    const zeros = view([0, 0, 0, 0], "float64");
    attention({
      query: zeros,
      key: zeros,
      value: zeros,
      mask: view([1, 2, 3, 4], "float64"),
      out: empty([2, 1, 2, 1], "float64"),
      logSumExp,
    }, { ...layout, maskStrides });
    assertNumbers(logSumExp, expected);
  }
});

Deno.test("attentionBackward() gives the gradients of attention()", () => {
  const layout: AttentionLayout = {
    batch: 2,
    heads: 2,
    queries: 3,
    keys: 4,
    depth: 2,
    valueDepth: 3,
    scale: 0.7,
    maskStrides: [0, 0, 4, 1],
  };
  const [query, key, value, dOut] = [
    noise([2, 3, 2, 2], 1),
    noise([2, 4, 2, 2], 2),
    noise([2, 4, 2, 3], 3),
    noise([2, 3, 2, 3], 4),
  ];
  // The second query is open to one key, the third to none.
  const closed = -Infinity;
  const mask = view(
    [0, 0.5, 0, -1, closed, 0, closed, closed, closed, closed, closed, closed],
    "float64",
  );
  const out = empty(dOut.shape, "float64");
  const logSumExp = empty([2, 2, 3], "float64");
  const views = { query, key, value, mask, out, logSumExp };
  const [dQuery, dKey, dValue] = [query, key, value].map((x) =>
    empty(x.shape, "float64")
  );
  attention(views, layout);
  attentionBackward({ ...views, dOut, dQuery, dKey, dValue }, layout);

  const step = 1e-6;
  const gradients = { query: dQuery, key: dKey, value: dValue };
  for (const name of ["query", "key", "value"] as const) {
    const direction = noise(views[name].shape, 9);
    const along = (distance: number): number => {
      const moved = view(
        numbers(views[name]).map((x, i) =>
          x + distance * numbers(direction)[i]
        ),
        "float64",
        views[name].shape,
      );
      const result = empty(out.shape, "float64");
      const total = empty(logSumExp.shape, "float64");
      attention(
        { ...views, [name]: moved, out: result, logSumExp: total },
        layout,
      );
      return dot(result, dOut);
    };
    assertAlmostEquals(
      dot(gradients[name], direction),
      (along(step) - along(-step)) / (2 * step),
      1e-8,
    );
  }
});

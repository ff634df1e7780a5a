/**
 * The denominator of softmax in one pass over a row: M. Milakov, N. Gimelshein,
 * "Online normalizer calculation for softmax", arXiv:1805.02867.
 */

import type { RowSource } from "./_row_kernel.ts";

/**
 * Statements that declare `largest`, the largest score of a row, `shift`, which
 * is the same or 0 if no score is above -∞, and `total`, the sum of
 * e^(score - shift).
 *
 * @param source The pieces of the kernel, which has `row_max` and `row_sum`.
 * @param score The expression of the scores at a column, given as an expression.
 * @returns WGSL.
 */
export function normalizerSource(
  { type, suffix, chunks }: RowSource,
  score: (column: string) => string,
): string {
  const exp = (x: string) => `decay${suffix}(${x} - now_shift)`;
  const chunk = (columns: readonly string[]) => {
    const names = columns.map((_, i) => `score${i}`);
    const highest = names.reduce((a, b) => `maximum${suffix}(${a}, ${b})`);
    return `${
      columns.map((j, i) => `let ${names[i]} = ${score(j)};`).join("\n      ")
    }
      let highest = ${highest};
      let now_largest = maximum(largest_seen, ${
      suffix
        ? "maximum(maximum(highest.x, highest.y), maximum(highest.z, highest.w))"
        : "highest"
    });
      let now_shift = select(now_largest, 0.0, now_largest == -inf());
      total_seen = total_seen * decay(largest_seen - now_shift) + (${
      names.map(exp).join(" + ")
    });
      largest_seen = now_largest;`;
  };
  return `var largest_seen = -inf();
  var total_seen = ${type}();
  ${chunks(chunk)}
  let largest = row_max(largest_seen, lane);
  let shift = select(largest, 0.0, largest == -inf());
  let total = row_sum(total_seen * decay(largest_seen - shift), lane);`;
}

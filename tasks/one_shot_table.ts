/**
 * Results of compression at once as a table of text.
 *
 * @module
 */

import {
  DENSE,
  type OneShotOptions,
  type OneShotResult,
  SPARSE,
} from "./one_shot.ts";

/** A metric as a column. */
export interface MetricColumn {
  /** Its name among the metrics. */
  readonly metric: string;
  /** What stands above it. */
  readonly title: string;
  /** Whether it is a part of 1 and shown as per cent. */
  readonly percent?: boolean;
}

/** A column: what it shows of a result. */
interface Column {
  readonly title: string;
  readonly width: number;
  show(result: OneShotResult): string;
}

/** Columns of a table of results; rows can be shown as they come. */
export class OneShotTable {
  readonly #columns: readonly Column[];

  /**
   * Measures the columns.
   *
   * @param options What is tried.
   * @param metrics What is shown of each result; the first one behind tuning too.
   */
  constructor(
    { compressors, tuning }: Pick<OneShotOptions, "compressors" | "tuning">,
    metrics: readonly MetricColumn[],
  ) {
    const names = [DENSE, SPARSE, ...compressors.map(({ name }) => name)];
    this.#columns = [
      {
        title: "",
        // Negative: text begins at the left.
        width: -Math.max(...names.map(({ length }) => length)),
        show: ({ name }) => name,
      },
      {
        title: "sparsity",
        width: 8,
        show: ({ sparsity }) => percent(sparsity),
      },
      ...metrics.map((column) => columnOf(column)),
      ...tuning === undefined ? [] : [tunedColumnOf(metrics[0], tuning.draws)],
    ];
  }

  /** The names of the columns. */
  get header(): string {
    return this.#line(({ title }) => title);
  }

  /**
   * Formats a result.
   *
   * @param result The result.
   * @returns A line.
   */
  row(result: OneShotResult): string {
    return this.#line((column) => column.show(result));
  }

  #line(cell: (column: Column) => string): string {
    return this.#columns.map((column) => {
      const { width } = column;
      return width < 0
        ? cell(column).padEnd(-width)
        : cell(column).padStart(width);
    }).join("  ");
  }
}

function columnOf({ metric, title, percent }: MetricColumn): Column {
  return {
    title,
    width: Math.max(title.length, "100.0 %".length),
    show: ({ metrics }) => format(metrics[metric], percent),
  };
}

/** Of several draws it is shown how far they differ. */
function tunedColumnOf(
  { metric, percent }: MetricColumn,
  draws: number,
): Column {
  const example = draws > 1 ? "100.00 ± 0.00 %" : "100.0 %";
  return {
    title: "tuned",
    width: example.length,
    show({ tuned }) {
      if (tuned === undefined) return "";
      const [mean, deviation] = [tuned.mean[metric], tuned.deviation[metric]];
      if (draws === 1) return format(mean, percent);
      return percent
        ? `${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)} %`
        : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`;
    },
  };
}

function format(value: number, isPercent = false): string {
  return isPercent ? percent(value) : value.toFixed(4);
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/**
 * What was measured so far, as curves.
 *
 * @module
 */

import type { Accuracies, PerContender } from "../training/trainer.ts";
import { Chart, type ChartPoint, type ChartSeries } from "./chart.ts";
import { CONTENDERS } from "./contenders.ts";
import { byId, percent } from "./elements.ts";

interface Report {
  readonly passes: number;
  readonly results: PerContender<{ readonly loss: number }>;
}

interface Measured {
  readonly passes: number;
  readonly results: PerContender<Accuracies>;
}

/** Loss and accuracy over the training, and accuracy over sparsity. */
export class Curves {
  readonly #loss = new Chart(byId("loss-chart"));
  readonly #accuracy = new Chart(byId("accuracy-chart"));
  readonly #sparsity = new Chart(byId("sparsity-chart"));
  #reports: Report[] = [];
  #measured: Measured[] = [];
  #bySparsity = new Map<number, PerContender<Accuracies>>();
  #passes: number;

  /** @param passes How many gradients the training has. */
  constructor(passes = 1) {
    this.#passes = passes;
    this.#drawTraining();
    this.markSparsity(undefined);
  }

  /** Empties all of them, for a training of so many gradients. */
  clear(passes = 1): void {
    this.#passes = passes;
    this.#reports = [];
    this.#measured = [];
    this.#bySparsity = new Map();
    this.#drawTraining();
    this.markSparsity(undefined);
  }

  /** Adds a reading of the loss; what was measured at other sparsities holds no more. */
  addReport(report: Report): void {
    this.#reports.push(report);
    this.#bySparsity.clear();
    this.#drawTraining();
  }

  /** Adds a measurement that belongs to the training. */
  addMeasured(measured: Measured): void {
    this.#measured.push(measured);
    this.#drawTraining();
  }

  /** Adds a measurement at a sparsity. */
  addSparsity(sparsity: number, results: PerContender<Accuracies>): void {
    this.#bySparsity.set(sparsity, results);
  }

  /** Draws accuracy over sparsity, with a mark at one. */
  markSparsity(mark: number | undefined): void {
    const points = [...this.#bySparsity].sort(([a], [b]) => a - b);
    const series = seriesOf(
      points,
      ([x, results], name) => ({ x, y: results[name].pruned.tuned }),
    );
    this.#sparsity.show({
      label: `Accuracy by sparsity. ${
        points.map(([sparsity, results]) =>
          `${percent(sparsity, 0)}: ${
            CONTENDERS.map(({ name, title }) =>
              `${title} ${percent(results[name].pruned.tuned)}`
            ).join(", ")
          }`
        ).join("; ")
      }`,
      x: { label: "Sparsity (%)", domain: [0, 1], percent: true },
      y: { label: "Accuracy (%)", domain: [0, 0.6], percent: true },
      series: series.map((one) => ({ ...one, dots: true })),
      mark,
    });
  }

  #drawTraining(): void {
    const x = {
      label: "Gradients computed by each",
      domain: [0, this.#passes] as const,
    };
    this.#loss.show({
      label: `Loss over the training. ${
        CONTENDERS.map(({ name, title }) =>
          `${title}: ${
            [this.#reports[0], ...this.#reports.slice(-1)]
              .map((report) => report?.results[name].loss.toFixed(2))
              .join(" at first, now ")
          }`
        ).join("; ")
      }`,
      x,
      y: { label: "Loss", domain: [0, 2] },
      series: seriesOf(
        this.#reports,
        ({ passes, results }, name) => ({ x: passes, y: results[name].loss }),
      ),
    });
    const accuracies = (
      of: (accuracies: Accuracies) => number,
    ): ChartSeries[] =>
      seriesOf(
        this.#measured,
        ({ passes, results }, name) => ({ x: passes, y: of(results[name]) }),
      );
    this.#accuracy.show({
      label: "Accuracy over the training, dense and pruned",
      x,
      y: { label: "Accuracy (%)", domain: [0, 0.6], percent: true },
      series: [
        ...accuracies(({ dense }) => dense)
          .map((series) => ({ ...series, dots: true })),
        ...accuracies(({ pruned }) => pruned.tuned).map((series) => ({
          ...series,
          dashed: true,
          dots: true,
        })),
      ],
    });
  }
}

/** One line for each network. */
function seriesOf<T>(
  items: readonly T[],
  pointOf: (
    item: T,
    name: typeof CONTENDERS[number]["name"],
  ) => ChartPoint,
): ChartSeries[] {
  return CONTENDERS.map(({ name, style }) => ({
    style,
    points: items.map((item) => pointOf(item, name)),
  }));
}

/**
 * Tables and lists of what the networks came to.
 *
 * @module
 */

import type { ContenderName } from "../training/settings.ts";
import type { Accuracies, PerContender } from "../training/trainer.ts";
import { CONTENDERS } from "./contenders.ts";
import { byId, make, percent } from "./elements.ts";

/** How many classes are listed. */
const LISTED = 3;

/** Shows how good the networks are; without results, a table of dashes. */
export function showAccuracies(results?: PerContender<Accuracies>): void {
  byId("accuracies").replaceChildren(
    ...CONTENDERS.map(({ name, title, style }) => {
      const { dense, pruned } = results?.[name] ?? {};
      const cells = [dense, pruned?.accuracy, pruned?.tuned].map((part) =>
        make("td", {}, part === undefined ? "–" : percent(part))
      );
      const head = make("th", { scope: "row", className: style }, title);
      return make("tr", {}, head, ...cells);
    }),
  );
}

/** What both networks say of a picture, dense and pruned. */
export type Answers = PerContender<
  { readonly dense: number[]; readonly pruned: number[] }
>;

/**
 * Shows what the networks say of a picture.
 *
 * @param classes The names of the classes.
 * @param answers The probability of each class.
 * @param sparsity That of the pruned ones.
 * @param truth The right class, if it is known.
 */
export function showAnswers(
  classes: readonly string[],
  answers: Answers,
  sparsity: number,
  truth: number | undefined,
): void {
  byId("answers").replaceChildren(
    ...CONTENDERS.flatMap(({ name, title, style }) => {
      const { dense, pruned } = answers[name];
      return [
        answerOf(`${title}, dense`, style, dense),
        answerOf(`${title}, pruned to ${percent(sparsity, 0)}`, style, pruned),
      ];
    }),
  );

  function answerOf(title: string, style: string, probabilities: number[]) {
    const best = probabilities
      .map((probability, label) => ({ probability, label }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, LISTED);
    return make(
      "div",
      {},
      make("h3", {}, title),
      make(
        "ol",
        { className: style },
        ...best.map(({ probability, label }) => {
          const item = make(
            "li",
            { className: label === truth ? "right" : "" },
            make("span", {}, classes[label]),
            make("span", {}, percent(probability, 0)),
          );
          item.style.setProperty("--probability", `${probability}`);
          return item;
        }),
      ),
    );
  }
}

/** Makes the buttons by which networks are saved. */
export function makeDownloads(
  download: (name: ContenderName, isPruned: boolean) => void,
): void {
  byId("downloads").replaceChildren(
    ...CONTENDERS.flatMap(({ name, title }) =>
      [false, true].map((isPruned) =>
        make("button", {
          type: "button",
          textContent: `Save ${title}, ${isPruned ? "pruned" : "dense"}`,
          onclick: () => download(name, isPruned),
        })
      )
    ),
  );
}

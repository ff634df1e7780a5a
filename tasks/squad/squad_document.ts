/**
 * Questions as files in the format of SQuAD.
 *
 * @module
 */

import { join } from "node:path";
import { writeJson } from "../output_file.ts";
import type { SquadDataset, SquadExample } from "./dataset.ts";

/**
 * Writes `questions.json`, next to which the official scripts score
 * predictions: `evaluate-v1.1.py questions.json predictions.json`.
 *
 * @param folder Where to; it is made if there is none.
 * @param dataset The questions.
 * @returns The path of the file.
 * @throws {OutputError} If it cannot be written.
 */
export async function writeQuestions(
  folder: string,
  { version, examples }: SquadDataset,
): Promise<string> {
  const path = join(folder, "questions.json");
  const articles: {
    title: string;
    paragraphs: { context: string; qas: unknown[] }[];
  }[] = [];
  for (const example of examples) {
    let article = articles.at(-1);
    if (article?.title !== example.title) {
      article = { title: example.title, paragraphs: [] };
      articles.push(article);
    }
    let paragraph = article.paragraphs.at(-1);
    if (paragraph?.context !== example.context) {
      paragraph = { context: example.context, qas: [] };
      article.paragraphs.push(paragraph);
    }
    paragraph.qas.push(questionOf(example, version));
  }
  const number = version === "2.0" ? `v${version}` : version;
  await writeJson(path, { version: number, data: articles });
  return path;
}

function questionOf(
  { id, question, context, answers }: SquadExample,
  version: SquadDataset["version"],
): unknown {
  return {
    id,
    question,
    answers: answers.map(({ text, start }) => ({
      text,
      answer_start: start === undefined
        ? -1
        : [...context.slice(0, start)].length,
    })),
    ...version === "2.0" ? { is_impossible: answers.length === 0 } : {},
  };
}

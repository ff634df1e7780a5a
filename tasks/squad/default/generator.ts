/**
 * Makes reading-comprehension questions of a kind that a small network learns
 * within minutes.
 *
 * @module
 */

import { RandomSource } from "@cram/tensor";
import { FACT_KINDS, type FactKind } from "./fact_kinds.ts";
import type { SquadFile, SquadParagraph } from "./squad_file.ts";
import { WORDS } from "./words.ts";

/** How many facts a passage tells. */
const FACTS = 3;

/** The share of passages in which two facts are of one kind. */
const PAIRS = 0.25;

/** How many questions are asked about a passage. */
const QUESTIONS = 4;

/** One of so many facts is kept for validation. */
const HELD_OUT = 8;

/** Options of {@linkcode generateSquad}. */
export interface GenerateSquadOptions {
  /** What all draws come from; 0 to 2^64 - 1. */
  readonly seed: bigint;
  /** How many passages to make. */
  readonly passages: number;
  /**
   * Which facts they tell: no fact of "train" is in "validation", with
   * whatever seeds.
   */
  readonly split: "train" | "validation";
}

/** A fact: the word drawn for each slot of its kind. */
interface Fact {
  readonly kind: FactKind;
  readonly words: ReadonlyMap<string, string>;
}

/**
 * Makes passages with questions in SQuAD v1.1 format.
 *
 * A passage tells three facts, each in a sentence: "Clara built a red chair in
 * the barn. Victor went to Rome by train in May. …" What answers a question is
 * among other words of its class, so that it can be found only by finding the
 * sentence that the question is about: by what happened there, and in every
 * fourth passage, where two facts are of one kind, by who took part.
 * All words are single WordPieces of bert-base-uncased.
 *
 * @param options Seed, number of passages and the split.
 * @returns A file with one article, and four questions on each passage. The
 * same options give the same file.
 * @throws {ArgumentError} If the seed is no bigint of 64 bits.
 */
export function generateSquad(options: GenerateSquadOptions): SquadFile {
  const { seed, passages, split } = options;
  const random = new RandomSource(seed);
  const paragraphs = Array.from(
    { length: passages },
    (_, i) => tell(random, drawFacts(random, split), `${split}-${i}`),
  );
  return { version: "1.1", data: [{ title: "Generated facts", paragraphs }] };
}

/** Draws facts that share no word, in the order in which they are told. */
function drawFacts(
  random: RandomSource,
  split: GenerateSquadOptions["split"],
): Fact[] {
  const kinds = random.permutation(FACT_KINDS.length).slice(0, FACTS);
  if (random.uniform() < PAIRS) kinds[1] = kinds[0];
  const used = new Set<string>();
  return Array.from(
    random.permutation(FACTS),
    (i) => drawFact(random, FACT_KINDS[kinds[i]], split, used),
  );
}

/** Draws a fact of the split until it has none of the used words. */
function drawFact(
  random: RandomSource,
  kind: FactKind,
  split: GenerateSquadOptions["split"],
  used: Set<string>,
): Fact {
  while (true) {
    const drawn = kind.slots.map((slot) => random.integer(WORDS[slot].length));
    // The sum of all indices, so that no two words of a fact tell its split.
    const heldOut = drawn.reduce((a, b) => a + b) % HELD_OUT === 0;
    const words = kind.slots.map((slot, i) => WORDS[slot][drawn[i]]);
    if (heldOut !== (split === "validation")) continue;
    if (words.some((word) => used.has(word))) continue;
    words.forEach((word) => used.add(word));
    return { kind, words: new Map(kind.slots.map((s, i) => [s, words[i]])) };
  }
}

/** Writes a passage, and asks about some of its facts. */
function tell(
  random: RandomSource,
  facts: readonly Fact[],
  id: string,
): SquadParagraph {
  const context = facts.map(({ kind, words }) =>
    fill(pick(random, kind.tell), words)
  ).join(" ");
  const questions = facts.flatMap(({ kind, words }) =>
    kind.questions.map((question) => ({ question, words }))
  );
  const order = random.permutation(questions.length).slice(0, QUESTIONS);
  const qas = Array.from(order, (index, i) => {
    const { question, words } = questions[index];
    const text = fill(question.answer, words);
    return {
      id: `generated-${id}-${i}`,
      question: fill(pick(random, question.ask), words),
      answers: [{ text, answer_start: find(text, context) }],
    };
  });
  return { context, qas };
}

/** Where an answer stands; there is one place, as no two facts share words. */
function find(text: string, context: string): number {
  return context.search(new RegExp(`\\b${text}\\b`));
}

function pick<T>(random: RandomSource, choices: readonly T[]): T {
  return choices[random.integer(choices.length)];
}

function fill(template: string, words: ReadonlyMap<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, slot) => words.get(slot)!);
}

/**
 * Reading-comprehension sets in the format of SQuAD, v1.1 (Rajpurkar et al.,
 * 2016) and v2.0 (Rajpurkar et al., 2018).
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { DataError } from "../errors.ts";

/** A question on a passage. */
export interface SquadExample {
  /** What predictions are filed under. */
  readonly id: string;
  /** The title of the article that the passage is from. */
  readonly title: string;
  /** The question. */
  readonly question: string;
  /** The passage; one string for all questions on it. */
  readonly context: string;
  /** The answers that are right, none if the passage has none. */
  readonly answers: readonly SquadAnswer[];
}

/** An answer that is right. */
export interface SquadAnswer {
  /** The answer, cut from the passage. */
  readonly text: string;
  /**
   * Where it begins in the passage, in UTF-16 code units as strings count them
   * (files count code points); `undefined` if it does not stand where the file says.
   */
  readonly start: number | undefined;
}

/** A reading-comprehension set. */
export interface SquadDataset {
  /** Whether questions may have no answer (2.0) or all have one (1.1). */
  readonly version: "1.1" | "2.0";
  /** The questions, in the order of the file. */
  readonly examples: readonly SquadExample[];
  /** How many answers do not stand where the file says. */
  readonly misplacedAnswers: number;
}

/** Options of {@linkcode loadSquad}, {@linkcode parseSquad} and {@linkcode readSquad}. */
export interface SquadOptions {
  /** How many answers may not stand where the file says before that is an error. Default: any number. */
  readonly maxMisplaced?: number;
  /** Told of each answer that does not stand where the file says. */
  readonly onMisplaced?: (reason: string) => void;
}

/**
 * Reads a file in the format of SQuAD v1.1 or v2.0.
 *
 * @param path Where the file is.
 * @param options What is done about misplaced answers.
 * @returns The questions.
 * @throws {DataError} If the file cannot be read, or is not in this format.
 */
export async function loadSquad(
  path: string,
  options: SquadOptions = {},
): Promise<SquadDataset> {
  let text: string;
  try {
    const bytes = await readFile(path);
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ENOENT";
    throw unreadable(
      path,
      isMissing
        ? "no such file or folder"
        : error instanceof Error
        ? error.message
        : error,
    );
  }
  return parseSquad(text, path, options);
}

/**
 * Reads text in the format of SQuAD v1.1 or v2.0.
 *
 * @param text The JSON text.
 * @param source Where it comes from, for messages.
 * @param options What is done about misplaced answers.
 * @returns The questions.
 * @throws {DataError} If it is not in this format; the message says where in the document.
 *
 * @example
 * ```ts
 * import { parseSquad } from "@cram/tasks";
 * import { assertEquals } from "@std/assert";
 *
 * const text = JSON.stringify({
 *   version: "1.1",
 *   data: [{
 *     title: "Weather",
 *     paragraphs: [{
 *       context: "It rained on Monday.",
 *       qas: [{
 *         id: "1",
 *         question: "When did it rain?",
 *         answers: [{ text: "Monday", answer_start: 13 }],
 *       }],
 *     }],
 *   }],
 * });
 * const { examples } = parseSquad(text, "weather.json");
 * assertEquals(examples[0].answers, [{ text: "Monday", start: 13 }]);
 * ```
 */
export function parseSquad(
  text: string,
  source: string,
  options: SquadOptions = {},
): SquadDataset {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw unreadable(source, (error as Error).message);
  }
  return readSquad(document, source, options);
}

/**
 * Reads a document in the format of SQuAD v1.1 or v2.0, like that of
 * `defaultSquad()`.
 *
 * @param document What the JSON text of a file stands for.
 * @param source Where it comes from, for messages.
 * @param options What is done about misplaced answers.
 * @returns The questions.
 * @throws {DataError} If it is not in this format; the message says where in the document.
 */
export function readSquad(
  document: unknown,
  source: string,
  options: SquadOptions = {},
): SquadDataset {
  return new SquadReader(source, options).read(document);
}

/** Reads one document. */
class SquadReader {
  readonly #source: string;
  readonly #options: SquadOptions;
  readonly #examples: SquadExample[] = [];
  /** Where each question stands. */
  readonly #paths = new Map<string, string>();
  #misplaced = 0;
  #unanswerable = false;

  constructor(source: string, options: SquadOptions) {
    this.#source = source;
    this.#options = options;
  }

  read(value: unknown): SquadDataset {
    const document = new Place(value, "", this.#source);
    const { value: version } = document.member("version");
    for (const article of document.member("data").items()) {
      const title = article.member("title").optional()?.text() ?? "";
      for (const paragraph of article.member("paragraphs").items()) {
        this.#readParagraph(paragraph, title);
      }
    }
    if (this.#examples.length === 0) {
      throw unreadable(this.#source, "there are no questions");
    }
    return {
      version: this.#unanswerable || /^v?2/.test(String(version))
        ? "2.0"
        : "1.1",
      examples: this.#examples,
      misplacedAnswers: this.#misplaced,
    };
  }

  #readParagraph(paragraph: Place, title: string): void {
    const place = paragraph.member("context");
    const context = place.text();
    if (context.trim() === "") throw place.error("it is empty");
    for (const question of paragraph.member("qas").items()) {
      const place = question.member("id");
      const id = place.text();
      const other = this.#paths.get(id);
      if (other !== undefined) {
        throw place.error(`"${id}" is the id of ${other} too`);
      }
      this.#paths.set(id, question.path);
      const answers = this.#readAnswers(question, context);
      this.#unanswerable ||= answers.length === 0;
      this.#examples.push({
        id,
        title,
        question: question.member("question").text(),
        context,
        answers,
      });
    }
  }

  #readAnswers(question: Place, context: string): SquadAnswer[] {
    const impossible = question.member("is_impossible").optional()?.flag();
    const answers = question.member("answers");
    const items = answers.items();
    if (impossible && items.length > 0) {
      throw answers.error("there are some, though is_impossible is true");
    }
    return items.map((answer) => {
      const text = answer.member("text").text();
      const offset = answer.member("answer_start").integer();
      const start = unitOffset(context, offset);
      if (offset >= 0 && text !== "" && context.startsWith(text, start)) {
        return { text, start };
      }
      this.#countMisplaced(answer.path, text, offset);
      return { text, start: undefined };
    });
  }

  #countMisplaced(path: string, text: string, offset: number): void {
    const { maxMisplaced = Infinity, onMisplaced } = this.#options;
    const reason = `${path} is "${text}", which does not stand at ${offset}`;
    if (++this.#misplaced > maxMisplaced) {
      throw unreadable(
        this.#source,
        this.#misplaced === 1
          ? reason
          : `${reason}. It is misplaced answer number ${this.#misplaced}, ${maxMisplaced} are allowed`,
      );
    }
    onMisplaced?.(reason);
  }
}

/** A value in a document, which knows where it stands. */
class Place {
  readonly value: unknown;
  readonly path: string;
  readonly #source: string;

  constructor(value: unknown, path: string, source: string) {
    this.value = value;
    this.path = path;
    this.#source = source;
  }

  member(name: string): Place {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.#unexpected("an object");
    }
    return new Place(
      Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined,
      this.path === "" ? name : `${this.path}.${name}`,
      this.#source,
    );
  }

  items(): Place[] {
    if (!Array.isArray(this.value)) throw this.#unexpected("an array");
    return this.value.map((value, index) =>
      new Place(value, `${this.path}[${index}]`, this.#source)
    );
  }

  text(): string {
    if (typeof this.value !== "string") throw this.#unexpected("a string");
    return this.value;
  }

  integer(): number {
    const { value } = this;
    if (Number.isSafeInteger(value)) return value as number;
    throw this.#unexpected("an integer");
  }

  flag(): boolean {
    if (typeof this.value !== "boolean") throw this.#unexpected("a boolean");
    return this.value;
  }

  optional(): Place | undefined {
    return this.value === undefined ? undefined : this;
  }

  error(reason: string): DataError {
    return unreadable(
      this.#source,
      this.path === "" ? reason : `${this.path}: ${reason}`,
    );
  }

  #unexpected(expected: string): DataError {
    const { value } = this;
    const found = value === undefined
      ? "nothing"
      : Array.isArray(value)
      ? "an array"
      : value !== null && typeof value === "object"
      ? "an object"
      : `${JSON.stringify(value)}`.slice(0, 80);
    return this.error(`expected ${expected}, found ${found}`);
  }
}

/** Where a code point begins in UTF-16 code units. */
function unitOffset(text: string, codePoint: number): number {
  let unit = 0;
  for (let i = 0; i < codePoint && unit < text.length; i++) {
    unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  }
  return unit;
}

function unreadable(source: string, reason: unknown): DataError {
  return new DataError(`Cannot read questions of "${source}": ${reason}`);
}

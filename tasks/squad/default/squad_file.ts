/**
 * What a file in SQuAD v1.1 format holds (Rajpurkar et al., 2016).
 *
 * @module
 */

/** A file in SQuAD v1.1 format. */
export interface SquadFile {
  /** The version of the format. */
  readonly version: string;
  /** The articles. */
  readonly data: readonly SquadArticle[];
}

/** Passages with one title. */
export interface SquadArticle {
  /** What they are about. */
  readonly title: string;
  /** The passages. */
  readonly paragraphs: readonly SquadParagraph[];
}

/** A passage and what is asked about it. */
export interface SquadParagraph {
  /** The passage. */
  readonly context: string;
  /** The questions. */
  readonly qas: readonly SquadQuestion[];
}

/** A question that a part of the passage answers. */
export interface SquadQuestion {
  /** What predictions are filed under. */
  readonly id: string;
  /** The question. */
  readonly question: string;
  /** The answers, with where they begin in the passage in code points. */
  readonly answers: readonly {
    readonly text: string;
    readonly answer_start: number;
  }[];
}

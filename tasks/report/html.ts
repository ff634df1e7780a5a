/**
 * HTML from templates in which all text is escaped.
 *
 * @module
 */

/** A piece of HTML. */
export class Html {
  /** The markup. */
  readonly markup: string;

  /** Takes markup as it is. */
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What templates take: text, which is escaped, and HTML, which is not. */
export type Content = string | number | Html | readonly Content[];

/** Makes HTML of a template; what it contains is text unless it is HTML. */
export function html(
  parts: TemplateStringsArray,
  ...contents: readonly Content[]
): Html {
  return new Html(
    parts.map((part, i) =>
      part + (i < contents.length ? markupOf(contents[i]) : "")
    ).join(""),
  );
}

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function markupOf(content: Content): string {
  if (content instanceof Html) return content.markup;
  if (Array.isArray(content)) return content.map(markupOf).join("");
  return `${content}`.replace(/[&<>"']/g, (character) => ESCAPED[character]);
}

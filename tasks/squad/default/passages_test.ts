import { assertEquals } from "@std/assert";
import passages from "./passages.json" with { type: "json" };

const paragraphs = passages.data.flatMap(({ paragraphs }) => paragraphs);
const questions = paragraphs.flatMap(({ qas }) => qas);

Deno.test("there are at least 60 passages and 400 questions, each once", () => {
  const contexts = new Set(paragraphs.map(({ context }) => context));
  assertEquals(contexts.size, paragraphs.length);
  assertEquals(contexts.size >= 60, true);
  assertEquals(new Set(questions.map(({ id }) => id)).size, questions.length);
  const texts = new Set(questions.map(({ question }) => question));
  assertEquals(texts.size, questions.length);
  assertEquals(texts.size >= 400, true);
  for (const { title, paragraphs } of passages.data) {
    const count = paragraphs.flatMap(({ qas }) => qas).length;
    assertEquals(count >= 6, true, `"${title}" has ${count} questions`);
  }
});

Deno.test("each answer stands in its passage once, and where the file says", () => {
  for (const { context, qas } of paragraphs) {
    for (const { question, answers } of qas) {
      assertEquals(answers.length, 1, question);
      const [{ text, answer_start }] = answers;
      assertEquals(occurrences(text, context), [answer_start], question);
    }
  }
});

Deno.test("the texts are plain sentences", () => {
  for (const { context, qas } of paragraphs) {
    const words = context.split(" ").length;
    assertEquals(words >= 70 && words <= 130, true, `${words} words`);
    for (const text of [context, ...qas.map(({ question }) => question)]) {
      // Also makes code units the same as the format's code points.
      assertEquals(/^[A-Z"][ -~]*[.?]$/.test(text), true, text);
      assertEquals(text.includes("  "), false, text);
    }
    for (const { question } of qas) assertEquals(question.at(-1), "?");
  }
});

/** Where a text begins as whole words. */
function occurrences(text: string, context: string): number[] {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const whole = new RegExp(`(?<!\\w)${escaped}(?!\\w)`, "g");
  return Array.from(context.matchAll(whole), ({ index }) => index);
}

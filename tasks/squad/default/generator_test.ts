import { assertEquals, assertNotEquals } from "@std/assert";
import { bertVocabulary } from "../../text/vocabulary.ts";
import { FACT_KINDS } from "./fact_kinds.ts";
import { generateSquad } from "./generator.ts";
import { WORDS } from "./words.ts";

const train = generateSquad({ seed: 3n, passages: 300, split: "train" });

Deno.test("the same seed gives the same passages, another one others", () => {
  const options = { passages: 2, split: "train" } as const;
  const once = generateSquad({ seed: 3n, ...options });
  assertEquals(generateSquad({ seed: 3n, ...options }), once);
  assertEquals(train.data[0].paragraphs.slice(0, 2), once.data[0].paragraphs);
  assertNotEquals(generateSquad({ seed: 4n, ...options }), once);
});

Deno.test("each answer stands in its passage once, and where the file says", () => {
  const { paragraphs } = train.data[0];
  assertEquals(paragraphs.length, 300);
  for (const { context, qas } of paragraphs) {
    assertEquals(qas.length, 4);
    for (const { question, answers } of qas) {
      const [{ text, answer_start }] = answers;
      const places = context.matchAll(new RegExp(`\\b${text}\\b`, "g"));
      assertEquals(
        Array.from(places, ({ index }) => index),
        [answer_start],
        `${question} ${context}`,
      );
    }
  }
});

Deno.test("validation has no fact of the training", () => {
  const trained = new Set(sentences("train"));
  const validated = sentences("validation");
  assertEquals(validated.filter((sentence) => trained.has(sentence)), []);
});

function sentences(split: "train" | "validation"): string[] {
  const file = generateSquad({ seed: 5n, passages: 300, split });
  return file.data[0].paragraphs.flatMap(({ context }) =>
    context.split(/(?<=\.) /)
  );
}

Deno.test("every template is used, and puts words into all its slots", () => {
  const text = train.data[0].paragraphs.flatMap(({ context, qas }) => [
    context,
    ...qas.map(({ question }) => question),
  ]).join(" ");
  assertEquals(text.match(/[{}]|undefined/), null);
  for (const { tell, questions, slots } of FACT_KINDS) {
    for (const template of [...tell, ...questions.flatMap(({ ask }) => ask)]) {
      const pattern = template.replace(/[.?]/g, "\\$&")
        .replace(
          /\{(\w+)\}/g,
          (_, slot) => `(?:${WORDS[slot as keyof typeof WORDS].join("|")})`,
        );
      assertEquals(new RegExp(pattern).test(text), true, template);
    }
    for (const sentence of tell) {
      for (const slot of slots) {
        assertEquals(sentence.includes(`{${slot}}`), true, sentence);
      }
    }
  }
});

Deno.test("words stand once in their list, and go with the article they get", () => {
  for (const [name, words] of Object.entries(WORDS)) {
    assertEquals(new Set<string>(words).size, words.length, name);
  }
  const texts = train.data[0].paragraphs.map(({ context }) => context);
  assertEquals(texts.filter((text) => /\ba [aeiou]/i.test(text)), []);
});

Deno.test("all words are single WordPieces", async () => {
  const vocabulary = await bertVocabulary();
  const text = FACT_KINDS.flatMap(({ tell, questions }) => [
    ...tell,
    ...questions.flatMap(({ ask }) => ask),
  ]).join(" ").replace(/\{\w+\}/g, "");
  const words = [...Object.values(WORDS).flat(), ...text.match(/\w+/g)!];
  const missing = words.filter((word) =>
    vocabulary.indexOf(word.toLowerCase()) === undefined
  );
  assertEquals(missing, []);
});

import { RandomSource } from "@cram/tensor";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import { huggingFaceTokenizer, unitOffsets } from "../testdata/hugging_face.ts";
import { withoutPermissions as ignore } from "../testdata/temporary_folder.ts";
import { bertVocabulary, Vocabulary } from "../text/vocabulary.ts";
import { WordPieceTokenizer } from "../text/word_piece.ts";
import { loadSquad, type SquadExample } from "./dataset.ts";
import { createFeatures, type Feature } from "./feature.ts";

const tokenizer = new WordPieceTokenizer(await bertVocabulary());

/** A question on a passage, the answer to which stands there. */
function ask(context: string, answer?: string, question = "Where?") {
  return {
    id: `${question} ${answer}`,
    title: "",
    question,
    context,
    answers: answer === undefined
      ? []
      : [{ text: answer, start: context.indexOf(answer) }],
  };
}

/** What a feature says about the answer. */
function answerOf(feature: Feature, { context }: SquadExample): string {
  const { contextStart, startPosition, endPosition, starts, ends } = feature;
  if (startPosition === 0 && endPosition === 0) return "";
  return context.slice(
    starts[startPosition - contextStart],
    ends[endPosition - contextStart],
  );
}

/** Words of all lengths, with astral characters among them. */
function longContext(words: number): string {
  const random = new RandomSource(3n);
  const some = ["river", "unforgettable", "a", "𝒮ee", "1,024", "Łódź", "👍"];
  return Array.from(
    { length: words },
    () => some[random.integer(some.length)],
  ).join(" ");
}

const native = ignore ? undefined : await huggingFaceTokenizer();

async function assertWindowsOfHuggingFace(
  examples: readonly SquadExample[],
  maxLength: number,
  docStride: number,
): Promise<number> {
  const theirs = native!;
  theirs.setTruncation(maxLength, {
    // The enumeration exists in types only.
    strategy: "OnlySecond" as never,
    stride: docStride,
  });
  const features = createFeatures(examples, tokenizer, {
    maxLength,
    docStride,
    maxQueryLength: Math.min(64, maxLength - docStride - 4),
  });
  let next = 0;
  for (const [index, { question, context }] of examples.entries()) {
    const encoding = await theirs.encode(question, context);
    const units = unitOffsets(context);
    for (const window of [encoding, ...encoding.getOverflowing()]) {
      const feature = features[next++];
      const { ids, contextStart, starts, ends } = feature;
      const offsets = window.getOffsets().slice(contextStart, -1);
      assertEquals(feature.example, index);
      assertEquals([...ids], window.getIds());
      assertEquals(contextStart, window.getTypeIds().indexOf(1));
      assertEquals([...starts], offsets.map(([start]) => units[start]));
      assertEquals([...ends], offsets.map(([, end]) => units[end]));
    }
  }
  assertEquals(next, features.length);
  return features.length;
}

Deno.test(
  "createFeatures() cuts windows as Hugging Face's tokenizer does",
  { ignore },
  async () => {
    for (const words of [0, 1, 2, 5, 9, 12, 13, 40, 100]) {
      const context = longContext(words);
      const examples = [
        ask(context),
        ask(context, undefined, "Who? Why?"),
        ask("Another one"),
      ];
      for (const docStride of [0, 1, 9]) {
        await assertWindowsOfHuggingFace(examples, 20, docStride);
        await assertWindowsOfHuggingFace(examples, 80, docStride);
      }
    }
  },
);

Deno.test("createFeatures() marks the answer where all of it is in the window", () => {
  const context = "one two three four five six seven eight nine ten";
  const example = ask(context, "four five");
  const features = createFeatures([example], tokenizer, {
    maxLength: 9,
    maxQueryLength: 2,
    docStride: 2,
  });
  // Four words each, two of them new.
  const windows = ["one two three four", "three four five six"];
  assertEquals(
    features.slice(0, 2).map(({ starts, ends }) =>
      context.slice(starts[0], ends.at(-1))
    ),
    windows,
  );
  assertEquals(
    features.map((feature) => answerOf(feature, example)),
    ["", "four five", "", ""],
  );
  assertEquals(features[1].startPosition, 5);
  assertEquals(features[1].endPosition, 6);
});

Deno.test("createFeatures() marks the tokens that an answer has a part in", () => {
  const cases: [context: string, answer: string, marked: string][] = [
    ["It cost $5,000 then", "$5,000", "$5,000"],
    ["It cost $5,000 then", "000", "000"],
    ["the 1990s were", "199", "1990s"],
    ["in the beginning", " the ", "the"],
    ["a 각 b", "각", "각"],
    ["a \u200b c", "\u200b", ""],
    ["𝒮ee 👍 there", "👍 there", "👍 there"],
    ["no é e\u0301 yes", "e\u0301", "e"],
  ];
  for (const [context, answer, marked] of cases) {
    const example = ask(context, answer);
    const [feature] = createFeatures([example], tokenizer);
    assertEquals(answerOf(feature, example), marked, `"${answer}"`);
  }
});

Deno.test("createFeatures() learns the first answer that stands where it should", () => {
  const context = "one two three";
  const example = {
    ...ask(context),
    answers: [
      { text: "two", start: undefined },
      { text: "three", start: 8 },
      { text: "one", start: 0 },
    ],
  };
  const [feature] = createFeatures([example], tokenizer);
  assertEquals(answerOf(feature, example), "three");
});

Deno.test("createFeatures() gives each token to the window with most context", () => {
  // In the second case a window is much shorter than the one before.
  for (const [words, maxLength, docStride] of [[60, 36, 17], [190, 300, 110]]) {
    const context = longContext(words);
    const { length } = tokenizer.encode(context).ids;
    const options = { maxLength, maxQueryLength: 3, docStride };
    const features = createFeatures([ask(context)], tokenizer, options);
    assert(features.length > 1);
    const step = maxLength - 2 - 3 - docStride;
    for (let token = 0; token < length; token++) {
      const scores = features.map(({ starts }, number) => {
        const left = token - number * step;
        const right = starts.length - 1 - left;
        return left < 0 || right < 0
          ? -1
          : Math.min(left, right) + 0.01 * starts.length;
      });
      const best = scores.indexOf(Math.max(...scores));
      assertEquals(
        features.map(({ maxContext }, number) =>
          maxContext[token - number * step] ?? 0
        ),
        features.map((_, number) => number === best ? 1 : 0),
        `token ${token}`,
      );
    }
  }
});

Deno.test("createFeatures() truncates long questions, or refuses them", () => {
  const example = { ...ask("one two"), question: "Who? ".repeat(40) };
  const [feature] = createFeatures([example], tokenizer);
  assertEquals(feature.contextStart, 66);
  const { tokens, special } = tokenizer.vocabulary;
  assertEquals(
    [0, 65, 68].map((i) => feature.ids[i]),
    [special.cls, special.sep, special.sep],
  );
  assertEquals(tokens[feature.ids[63]], "who");
  assertThrows(
    () => createFeatures([example], tokenizer, { longQuestions: "error" }),
    DataError,
    "it has 80 tokens, 64 are allowed",
  );
});

Deno.test("createFeatures() refuses lengths that leave no room", () => {
  for (
    const options of [
      { maxLength: 195 },
      { docStride: 317 },
      { docStride: -1 },
      { maxQueryLength: 381 },
    ]
  ) {
    assertThrows(
      () => createFeatures([], tokenizer, options),
      UsageError,
      "Cannot cut passages into windows",
    );
  }
  assertEquals(createFeatures([], tokenizer, { maxLength: 196 }), []);
});

Deno.test("createFeatures() takes the special tokens of the vocabulary", () => {
  const vocabulary = new Vocabulary(
    ["x", "[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]"],
  );
  const [{ ids }] = createFeatures(
    [ask("x", undefined, "y")],
    new WordPieceTokenizer(vocabulary),
  );
  assertEquals(ids, Int32Array.of(2, 4, 1, 0, 1));
});

const DATA = ignore ? undefined : Deno.env.get("CRAM_DATA");

Deno.test(
  "createFeatures() cuts XQuAD as Hugging Face's tokenizer does, and finds the answers again",
  { ignore: DATA === undefined },
  async () => {
    const file = join(DATA!, "squad", "xquad.en.json");
    const { examples } = await loadSquad(file);
    assertEquals(await assertWindowsOfHuggingFace(examples, 384, 128), 1219);
    let [found, exact] = [0, 0];
    for (const feature of createFeatures(examples, tokenizer)) {
      const example = examples[feature.example];
      const marked = answerOf(feature, example);
      if (marked === "") continue;
      found++;
      const [{ text }] = example.answers;
      assert(marked.includes(text));
      if (marked === text) exact++;
    }
    assert(found >= examples.length && exact > 0.98 * found, `${exact}`);
  },
);

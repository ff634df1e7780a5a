import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import { loadSquad, readSquad, type SquadOptions } from "./dataset.ts";

/** A document with one question, changed in places. */
function document(question: object = {}, context = "It rained on Monday.") {
  return {
    version: "1.1",
    data: [{
      title: "Weather",
      paragraphs: [{
        context,
        qas: [{
          id: "q",
          question: "When?",
          answers: [{ text: "Monday", answer_start: 13 }],
          ...question,
        }],
      }],
    }],
  };
}

function read(value: unknown, options?: SquadOptions) {
  return readSquad(value, "a.json", options);
}

Deno.test("readSquad() reads questions of version 1.1", () => {
  assertEquals(read(document()), {
    version: "1.1",
    examples: [{
      id: "q",
      title: "Weather",
      question: "When?",
      context: "It rained on Monday.",
      answers: [{ text: "Monday", start: 13 }],
    }],
    misplacedAnswers: 0,
  });
});

Deno.test("readSquad() tells version 2.0 by its name or by a question without an answer", () => {
  const none = { answers: [], is_impossible: true, plausible_answers: [] };
  const set = read(document(none));
  assertEquals([set.version, set.examples[0].answers], ["2.0", []]);
  assertEquals(read(document({ answers: [] })).version, "2.0");
  for (const version of ["v2.0", "2.0", 2]) {
    assertEquals(read({ ...document(), version }).version, "2.0");
  }
  for (const version of ["1.1", "v1.1", undefined]) {
    assertEquals(read({ ...document(), version }).version, "1.1");
  }
});

Deno.test("readSquad() takes offsets for code points", () => {
  const context = "👍🏽 on 𝒮unday, not Monday";
  const answers = [
    { text: "𝒮unday", answer_start: 6 },
    { text: "Monday", answer_start: 18 },
    { text: "Monday", answer_start: 21 },
  ];
  const { examples, misplacedAnswers } = read(document({ answers }, context));
  assertEquals(examples[0].answers, [
    { text: "𝒮unday", start: context.indexOf("𝒮") },
    { text: "Monday", start: context.indexOf("Monday") },
    { text: "Monday", start: undefined },
  ]);
  assertEquals(misplacedAnswers, 1);
});

Deno.test("readSquad() counts, reports and limits misplaced answers", () => {
  const answers = [
    { text: "Monday", answer_start: 12 },
    { text: "Monday", answer_start: -7 },
    { text: "", answer_start: 0 },
    { text: "Monday", answer_start: 1000 },
    { text: "Monday", answer_start: 13 },
  ];
  const reasons: string[] = [];
  const onMisplaced = (reason: string) => reasons.push(reason);
  const set = read(document({ answers }), { onMisplaced, maxMisplaced: 4 });
  assertEquals(set.misplacedAnswers, 4);
  assertEquals(
    set.examples[0].answers.map(({ start }) => start),
    [undefined, undefined, undefined, undefined, 13],
  );
  assertEquals(reasons.length, 4);
  assertEquals(
    reasons[0],
    'data[0].paragraphs[0].qas[0].answers[0] is "Monday", which does not stand at 12',
  );
  assertThrows(
    () => read(document({ answers }), { maxMisplaced: 1 }),
    DataError,
    'answers[1] is "Monday", which does not stand at -7. It is misplaced answer number 2, 1 are allowed',
  );
  assertThrows(
    () => read(document({ answers }), { maxMisplaced: 0 }),
    DataError,
    "which does not stand at 12",
  );
});

Deno.test("readSquad() says where a document is not as it should be", () => {
  const place = "data[0].paragraphs[0].qas[0]";
  const cases: [unknown, string][] = [
    [[], "expected an object, found an array"],
    [{}, "data: expected an array, found nothing"],
    [{ data: [] }, "there are no questions"],
    [{ data: [7] }, "data[0]: expected an object, found 7"],
    [{ data: [{}] }, "data[0].paragraphs: expected an array, found nothing"],
    [
      { data: [{ title: 1, paragraphs: [] }] },
      "data[0].title: expected a string, found 1",
    ],
    [
      { data: [{ paragraphs: [{ context: null }] }] },
      "data[0].paragraphs[0].context: expected a string, found null",
    ],
    [document({}, " \n"), "data[0].paragraphs[0].context: it is empty"],
    [document({ id: 5 }), `${place}.id: expected a string, found 5`],
    [
      document({ question: undefined }),
      `${place}.question: expected a string, found nothing`,
    ],
    [
      document({ answers: {} }),
      `${place}.answers: expected an array, found an object`,
    ],
    [
      document({ answers: [{ text: "Monday", answer_start: 1.5 }] }),
      `${place}.answers[0].answer_start: expected an integer, found 1.5`,
    ],
    [
      document({ is_impossible: "yes" }),
      `${place}.is_impossible: expected a boolean, found "yes"`,
    ],
    [
      document({ is_impossible: true }),
      `${place}.answers: there are some, though is_impossible is true`,
    ],
    [
      { data: [...document().data, ...document().data] },
      `data[1].paragraphs[0].qas[0].id: "q" is the id of ${place} too`,
    ],
  ];
  for (const [value, message] of cases) {
    const error = assertThrows(() => read(value), DataError);
    assertEquals(
      error.message,
      `Cannot read questions of "a.json": ${message}`,
    );
  }
});

Deno.test(
  "loadSquad() names files that are no such",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a.json");
      const start = `Cannot read questions of "${path}"`;
      await assertRejects(
        () => loadSquad(path),
        DataError,
        `${start}: no such file or folder`,
      );
      for (
        const content of ["", "{", '{"data": [}', Uint8Array.of(0xc3, 0x28)]
      ) {
        await writeFile(path, content);
        await assertRejects(() => loadSquad(path), DataError, start);
      }
      await writeFile(path, "\ufeff" + JSON.stringify(document()));
      assertEquals((await loadSquad(path)).examples.length, 1);
    }),
);

const DATA = ignore ? undefined : Deno.env.get("CRAM_DATA");

Deno.test(
  "loadSquad() finds all answers of XQuAD where they should stand",
  { ignore: DATA === undefined },
  async () => {
    const set = await loadSquad(join(DATA!, "squad", "xquad.en.json"));
    assertEquals([set.version, set.examples.length], ["1.1", 1190]);
    assertEquals(set.misplacedAnswers, 0);
    for (const { context, answers } of set.examples) {
      for (const { text, start } of answers) {
        assert(context.startsWith(text, start));
      }
    }
  },
);

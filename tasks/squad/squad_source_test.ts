import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { tinySquad } from "../testdata/tiny_squad.ts";
import { readSquad, type SquadDataset } from "./dataset.ts";
import { writeQuestions } from "./squad_document.ts";
import { openSquadSource, type SquadSourceOptions } from "./squad_source.ts";

const ignore = withoutPermissions;

const ids = ({ examples }: SquadDataset): string[] =>
  examples.map(({ id }) => id);

/** The questions of both parts. */
async function open(data: string, options?: SquadSourceOptions) {
  const source = await openSquadSource(data, options);
  return {
    train: ids(await source.train()),
    validation: ids(await source.validation()),
  };
}

const write = (path: string, content: unknown): Promise<void> =>
  writeFile(path, JSON.stringify(content));

Deno.test("the default set has two parts", async () => {
  const { train, validation } = await open("default");
  assert(train.length > 10_000 && validation.length > 400);
  const known = new Set(train);
  assertEquals(validation.filter((id) => known.has(id)), []);
});

Deno.test("a tenth of the articles of a file is kept, always the same ones", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "hats.json");
    await write(path, tinySquad(30));
    const { train, validation } = await open(path);
    assertEquals([train.length, validation.length], [54, 6]);
    assertEquals(
      [...train, ...validation].sort(),
      ids(readSquad(tinySquad(30), "")).sort(),
    );
    // Both questions of an article are on one side.
    assertEquals(new Set(validation.map((id) => id.split("-")[0])).size, 3);
    assertEquals((await open(path)).validation, validation);
    // A folder with one file is that file.
    assertEquals((await open(folder)).validation, validation);
    const whole = await open(path, { whole: true });
    assertEquals(whole.validation.length, 60);

    const other = join(folder, "other");
    await write(other, tinySquad(2, 40));
    assertEquals(await open(path, { validation: other }), {
      train: ids(readSquad(tinySquad(30), "")),
      validation: ["40-0", "40-1", "41-0", "41-1"],
    });
  }));

Deno.test("of a single article passages are kept, and of one passage nothing", {
  ignore,
}, () =>
  inTemporaryFolder(async (folder) => {
    const path = join(folder, "hats.json");
    const paragraphs = tinySquad(8).data.flatMap(({ paragraphs }) =>
      paragraphs
    );
    await write(path, { data: [{ title: "Hats", paragraphs }] });
    const { train, validation } = await open(path);
    assertEquals([train.length, validation.length], [14, 2]);
    await write(path, tinySquad(1));
    await assertRejects(
      () => open(path),
      DataError,
      `Cannot keep questions of "${path}" for validation: there is only one passage; name a file with --validation`,
    );
  }));

Deno.test(
  "folders have a file for each part",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await write(join(folder, "train-v1.1.json"), tinySquad(2));
      await write(join(folder, "Dev-v1.1.json"), tinySquad(1, 7));
      await mkdir(join(folder, ".hidden.json"));
      assertEquals(await open(folder), {
        train: ["0-0", "0-1", "1-0", "1-1"],
        validation: ["7-0", "7-1"],
      });
      await write(join(folder, "val.json"), tinySquad(1));
      await assertRejects(
        () => open(folder),
        DataError,
        `Cannot read questions of "${folder}": there are "Dev-v1.1.json" and "val.json"; name one of them`,
      );
      const validation = join(folder, "val.json");
      const chosen = await open(folder, { validation });
      assertEquals(chosen.validation, ["0-0", "0-1"]);
      await assertRejects(
        () => open(join(folder, ".hidden.json")),
        DataError,
        "there is no train*.json in it",
      );
      await assertRejects(
        () => open(join(folder, "nothing")),
        DataError,
        `Cannot read questions of "${join(folder, "nothing")}"`,
      );
    }),
);

Deno.test("official files are checked, however they came to the cache", {
  ignore,
}, () =>
  inTemporaryFolder(async (cache) => {
    await write(join(cache, "dev-v1.1.json"), tinySquad(2));
    const source = await openSquadSource("squad", { cache });
    await assertRejects(
      () => source.validation(),
      DataError,
      "expected 95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
    );
  }));

Deno.test(
  "questions are written as they were read",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const context = "A 🎩 is a hat. So is a cap.";
      const paragraph = (context: string, ...qas: unknown[]) => ({
        context,
        qas,
      });
      const question = (id: string, text: string, answer_start: number) => ({
        id,
        question: `What is ${id}?`,
        answers: [{ text, answer_start }],
        is_impossible: false,
      });
      const document = {
        version: "v2.0",
        data: [{
          title: "Hats",
          paragraphs: [
            paragraph(
              context,
              question("a", "hat", 9),
              question("b", "cap", 22),
            ),
            paragraph("Nothing.", {
              id: "c",
              question: "Why?",
              answers: [],
              is_impossible: true,
            }, question("d", "all", -1)),
          ],
        }, {
          title: "Caps",
          paragraphs: [paragraph("A cap.", question("e", "cap", 2))],
        }],
      };
      const path = await writeQuestions(folder, readSquad(document, "hats"));
      assertEquals(path, join(folder, "questions.json"));
      assertEquals(JSON.parse(await Deno.readTextFile(path)), document);
    }),
);

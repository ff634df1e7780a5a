import { assertEquals } from "@std/assert";
import { defaultSquad } from "./default_squad.ts";
import type { SquadFile } from "./squad_file.ts";

const { train, validation } = defaultSquad();

function count(file: SquadFile, origin: string): number[] {
  const paragraphs = file.data.flatMap(({ paragraphs }) => paragraphs)
    .filter(({ qas }) => qas[0].id.startsWith(`${origin}-`));
  return [paragraphs.length, paragraphs.flatMap(({ qas }) => qas).length];
}

Deno.test("both parts have generated and written passages", () => {
  assertEquals(count(train, "generated"), [8000, 32000]);
  assertEquals(count(validation, "generated"), [125, 500]);
  assertEquals(count(train, "written"), [58, 403]);
  assertEquals(count(validation, "written"), [8, 56]);
});

Deno.test("no passage and no identifier is in both parts, or twice in one", () => {
  const paragraphs = [train, validation].flatMap(({ data }) => data)
    .flatMap(({ paragraphs }) => paragraphs);
  const contexts = new Set(paragraphs.map(({ context }) => context));
  assertEquals(contexts.size, paragraphs.length);
  const ids = paragraphs.flatMap(({ qas }) => qas.map(({ id }) => id));
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("the seed changes what is generated, not what was written", () => {
  const other = defaultSquad(2n);
  assertEquals(other.train.data.slice(1), train.data.slice(1));
  const first = ({ data }: SquadFile) => data[0].paragraphs[0].context;
  assertEquals(first(other.train) === first(train), false);
});

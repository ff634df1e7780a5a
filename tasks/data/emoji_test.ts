import { assert, assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { withoutPermissions as ignore } from "../testdata/temporary_folder.ts";
import {
  EMOJI_CLASSES,
  type EmojiGroups,
  openEmoji,
  selectEmoji,
} from "./emoji.ts";

const GROUPS: EmojiGroups = {
  "🏴󠁧󠁢󠁷󠁬󠁳󠁿": { group: "Flags" },
  "3️⃣": { group: "Symbols" },
  "✖️": { group: "Symbols" },
  "🧑‍🚒": { group: "People & Body" },
  "👨‍🚒": { group: "People & Body" },
  "👩‍🚒": { group: "People & Body" },
  "🏊": { group: "People & Body" },
  "🏊‍♀️": { group: "People & Body" },
  "🏽": { group: "Component" },
};

function select(names: string[]): [string, string][] {
  return (["train", "val"] as const)
    .flatMap((split) => selectEmoji(names, GROUPS, split))
    .map(({ name, label }) => [name, EMOJI_CLASSES[label]] as [string, string])
    .sort();
}

Deno.test("selectEmoji() labels pictures by Unicode group, however their names are written", () => {
  assertEquals(
    select([
      "2716-fe0f.webp",
      "2716.webp",
      "0033-fe0f-20e3.webp",
      "1f3f4-e0067_e0062_e0077_e006c_e0073.webp",
      "1f9d1-200d-1f692.webp",
    ]),
    [
      ["0033-fe0f-20e3.webp", "Symbols"],
      ["1f3f4-e0067_e0062_e0077_e006c_e0073.webp", "Flags"],
      ["1f9d1-200d-1f692.webp", "People & Body"],
      ["2716-fe0f.webp", "Symbols"],
      ["2716.webp", "Symbols"],
    ],
  );
});

Deno.test("selectEmoji() leaves out skin tones, components and what Unicode does not know", () => {
  assertEquals(
    select([
      "1f9d1-1f3fd-200d-1f692.webp",
      "1f3ca-1f3fb.webp",
      "1f3fd.webp",
      "f8ff.webp",
      "README.md",
    ]),
    [],
  );
});

Deno.test("selectEmoji() keeps variants by gender on one side of a split that is a fifth of each class", () => {
  const swimmers = ["1f3ca-200d-2640-fe0f.webp", "1f3ca.webp"];
  const fighters = [0x1f468, 0x1f469, 0x1f9d1]
    .map((person) => `${person.toString(16)}-200d-1f692.webp`);
  const names = [...fighters, ...swimmers, "0033-20e3.webp", "2716.webp"];
  const [train, val] = (["train", "val"] as const)
    .map((split) => selectEmoji(names, GROUPS, split).map(({ name }) => name));
  assertEquals([...train, ...val].sort(), names.sort());
  const people = val.filter((name) => name.startsWith("1f"));
  assert(
    [swimmers, fighters].some((family) =>
      JSON.stringify(family) === JSON.stringify(people)
    ),
    `${people}`,
  );
  assertEquals(val.length - people.length, 1);
  assertEquals(
    selectEmoji(names.reverse(), GROUPS, "val").map(({ name }) => name),
    val,
  );
});

Deno.test("openEmoji() finds the pictures in Deno's cache", {
  ignore,
}, async () => {
  const train = await openEmoji("train");
  const val = await openEmoji("val");
  assertEquals([train.files.length, val.files.length], [1502, 369]);
  assertEquals(val.classes, EMOJI_CLASSES);
  for (const { files } of [train, val]) {
    for (const label of EMOJI_CLASSES.keys()) {
      const share = files.filter((file) => file.label === label).length /
        files.length;
      assert(0.04 < share && share < 0.2, `${label}: ${share}`);
    }
  }
  assert(await exists(val.files[0].path, { isFile: true }));
});

/**
 * The default data: pictures of emoji, labelled by their Unicode group.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DataError } from "../errors.ts";
import type { ImageDataset, ImageFile, Split } from "./dataset.ts";

// Full specifiers in constants, where an import map and literals would be
// usual: Deno fetches what it can read off a literal when a program starts,
// and these packages are wanted only when the default data are.
const PICTURES = "npm:@lobehub/fluent-emoji-3d@1.1.0/package.json";
const GROUPS = "npm:unicode-emoji-json@0.9.0/data-by-emoji.json";

/**
 * The groups of Unicode that are the classes, in the order of their labels:
 * all of them but "Component", which holds no pictures.
 */
export const EMOJI_CLASSES = [
  "Activities",
  "Animals & Nature",
  "Flags",
  "Food & Drink",
  "Objects",
  "People & Body",
  "Smileys & Emotion",
  "Symbols",
  "Travel & Places",
] as const;

/** The Unicode group of each emoji, as `unicode-emoji-json` gives it. */
export type EmojiGroups = Readonly<Record<string, { readonly group: string }>>;

/**
 * Opens the default data: 1,871 pictures of emoji in nine classes, the groups
 * of Unicode. They are the three-dimensional renders of Microsoft's Fluent
 * Emoji, WebP files of 256×256 pixels with transparency. Skin tones are left
 * out, and variants of one emoji by gender never lie on both sides of the
 * split, of which a fifth is for validation.
 *
 * Pictures come from the npm package `@lobehub/fluent-emoji-3d`, groups from
 * `unicode-emoji-json`, both under the MIT licence; Deno fetches them (16 MB)
 * when they are first asked for, and keeps them in its cache.
 *
 * @param split Which part.
 * @returns The images.
 * @throws {DataError} If the packages are neither in Deno's cache nor can be fetched.
 *
 * @example
 * ```ts ignore
 * import { openEmoji } from "@cram/tasks";
 *
 * const { classes, files } = await openEmoji("train");
 * console.log(classes, files.length);
 * ```
 */
export async function openEmoji(split: Split): Promise<ImageDataset> {
  const groups: EmojiGroups = await importJson(GROUPS);
  await importJson(PICTURES);
  // Only now, because what is resolved before it is there cannot be imported.
  const folder = fileURLToPath(
    new URL("assets", import.meta.resolve(PICTURES)),
  );
  return {
    classes: EMOJI_CLASSES,
    files: selectEmoji(await readdir(folder), groups, split)
      .map(({ name, label }) => ({
        path: join(folder, name),
        offset: 0,
        length: undefined,
        name,
        label,
      })),
  };
}

// deno-lint-ignore no-explicit-any -- any file
async function importJson(specifier: string): Promise<any> {
  try {
    return (await import(specifier, { with: { type: "json" } })).default;
  } catch (error) {
    const [name] = specifier.slice("npm:".length).split(/(?<=.)@/);
    throw new DataError(
      `Cannot open the default images: the npm package "${name}" is not in Deno's cache and cannot be fetched; --data DIR takes others (${
        error instanceof Error ? error.message.split("\n", 1)[0] : error
      })`,
      { cause: error },
    );
  }
}

/**
 * Chooses the pictures of a split and labels them. A fifth of each class is
 * for validation.
 *
 * @param names Names of files: code points in hexadecimal digits with "-" between, as in `1f9d1-200d-1f680.webp`.
 * @param groups The group of each emoji.
 * @param split Which part.
 * @returns Name and label of each, in the order of the names.
 */
export function selectEmoji(
  names: readonly string[],
  groups: EmojiGroups,
  split: Split,
): Pick<ImageFile, "name" | "label">[] {
  const labels = new Map(
    Object.entries(groups).map(([emoji, { group }]) => [
      keyOf(Array.from(emoji, (character) => character.codePointAt(0)!)),
      (EMOJI_CLASSES as readonly string[]).indexOf(group),
    ]),
  );
  const pictures = names.toSorted().flatMap((name) => {
    const points = name.replace(/\.\w+$/, "").split(/[-_]/)
      .map((digits) => parseInt(digits, 16));
    // Skin tones are not listed by themselves, and so left out.
    const label = labels.get(keyOf(points)) ?? -1;
    if (label < 0) return [];
    return [{ name, label, order: orderOf(points) }];
  });
  const validation = new Set(
    EMOJI_CLASSES.flatMap((_, label) => {
      const ofClass = pictures.filter((picture) => picture.label === label);
      return [...new Set(ofClass.map(({ order }) => order))].sort()
        .filter((_, i) => i % 5 === 0);
    }),
  );
  return pictures
    .filter(({ order }) => validation.has(order) === (split === "val"))
    .map(({ name, label }) => ({ name, label }));
}

/** Ends the name of a flag such as Wales's; files leave it out. */
const CANCEL_TAG = 0xe007f;
/** Asks for a picture where there is a character of text too; files are not consistent in it. */
const VARIATION_SELECTOR = 0xfe0f;

function keyOf(points: readonly number[]): string {
  return points
    .filter((point) => point !== VARIATION_SELECTOR && point !== CANCEL_TAG)
    .join("-");
}

const ZERO_WIDTH_JOINER = 0x200d;
const SIGNS_OF_GENDER = [0x2640, 0x2642];
const MAN_AND_WOMAN = [0x1f468, 0x1f469];
const PERSON = 0x1f9d1;

/** Where an emoji stands among those of its class: anywhere, but beside its variants by gender. */
function orderOf(points: readonly number[]): string {
  const shown = points
    .filter((point) =>
      point !== ZERO_WIDTH_JOINER && !SIGNS_OF_GENDER.includes(point)
    )
    .map((point) => MAN_AND_WOMAN.includes(point) ? PERSON : point);
  return createHash("sha256").update(keyOf(shown)).digest("hex");
}

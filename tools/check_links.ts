/**
 * Checks that the files that documents link to exist.
 *
 * @module
 */

import { exists, walk } from "@std/fs";
import { ROOT } from "./packages.ts";

/** Links of a document to files, without their fragments. */
function linksOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

let broken = 0;
const skip = [/node_modules/, /\.git\b/, /\/runs\//, /\/dist\//];
for await (const { path } of walk(ROOT, { exts: [".md"], skip })) {
  for (const link of linksOf(await Deno.readTextFile(path))) {
    if (await exists(new URL(link, new URL(path, ROOT)))) continue;
    console.error(`${path} links to "${link}", which does not exist`);
    broken++;
  }
}
Deno.exit(broken === 0 ? 0 : 1);

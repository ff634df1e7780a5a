/**
 * The files of the page.
 *
 * @module
 */

import { bundlePage, stopBundling } from "../tools/bundle.ts";

/** What the page consists of, by path: `index.html` and what it loads from beside itself. */
export type Site = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** What the page reads its images from. */
export const IMAGES_FILE = "images.safetensors";

/**
 * Builds the page.
 *
 * @param images What {@linkcode packImages} made.
 * @returns Its files.
 */
export async function buildSite(
  images: Uint8Array<ArrayBuffer>,
): Promise<Site> {
  const at = (path: string): URL => new URL(path, import.meta.url);
  const { imports } = JSON.parse(await Deno.readTextFile(at("deno.json")));
  try {
    return new Map([
      ["index.html", await Deno.readFile(at("page/index.html"))],
      ["style.css", await Deno.readFile(at("page/style.css"))],
      [IMAGES_FILE, images],
      ...await bundlePage({
        page: at("page/main.ts"),
        training_worker: at("training/training_worker.ts"),
      }, {
        "@observablehq/plot": imports["@observablehq/plot"],
        "comlink": imports["comlink"],
      }),
    ]);
  } finally {
    await stopBundling();
  }
}

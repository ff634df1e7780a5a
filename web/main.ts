/**
 * `deno task web`: a page that trains in the browser.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { join } from "node:path";
import {
  describeOptions,
  flag,
  integer,
  type OptionTable,
  parseOptions,
  text,
} from "../tasks/cli/options.ts";
import { runProgram } from "../tasks/cli/program.ts";
import { packImages } from "./pack_images.ts";
import { serveSite } from "./serve_site.ts";
import { buildSite, type Site } from "./site.ts";

const OPTIONS = {
  port: integer(
    0,
    "where it is served, 8000 by default; 0 takes any port",
    65_535,
  ),
  isolation: flag(
    "serve it without the headers that let threads share memory: one thread",
    true,
  ),
  out: text("DIR", "write the page to a folder, for any web server, and end"),
  help: flag("show this"),
} satisfies OptionTable;

const HELP = `
A page that trains a small network by SGD and by CrAM+, side by side, in the
browser: on the GPU or on the CPU.

Usage: deno task web [options]

${describeOptions(OPTIONS)}
`;

const DEFAULT_PORT = 8000;

async function writeSite(site: Site, folder: string): Promise<void> {
  await ensureDir(folder);
  for (const [name, content] of site) {
    await Deno.writeFile(join(folder, name), content);
  }
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) return console.log(HELP.trim());
      console.log("Packing pictures and bundling modules …");
      const site = await buildSite(await packImages());
      if (options.out !== undefined) {
        await writeSite(site, options.out);
        return console.log(`The page is in "${options.out}"`);
      }
      const { isolation, port = DEFAULT_PORT } = options;
      await using served = serveSite(site, { port, isolation });
      console.log(`The page is at ${served.url} until Ctrl-C`);
      await new Promise((resolve) =>
        signal.addEventListener("abort", resolve, { once: true })
      );
    }),
  );
}

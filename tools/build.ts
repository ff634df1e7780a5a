/**
 * `deno task build`: the packages as npm packages in `dist/`, one folder each,
 * and `dist/cram.js`, one file for pages. Prints how large they are, and fails
 * if they grow over what is promised.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import {
  bundlePackage,
  bundleTogether,
  type PackageBundle,
  stopBundling,
} from "./bundle.ts";
import { type Declared, writeDeclarations } from "./declarations.ts";
import { packageConfig, PACKAGES, ROOT } from "./packages.ts";

/** The most that a program may have to load that uses all packages. */
export const BUDGET_BYTES = 150_000;

/** The packages that need Node or Deno, for files; all others run in pages, too. */
const WITH_FILES = ["tasks"];

/** The first version of Node with `process.getBuiltinModule`. */
const NODE = ">=20.16";

/** How large some files are. */
export interface Size {
  /** Which files. */
  readonly name: string;
  /** Their bytes. */
  readonly raw: number;
  /** Their bytes, each compressed by gzip. */
  readonly gzip: number;
}

/** What was built, and how large it is. */
export interface Sizes {
  /** The code of each package; devices and data apart. */
  readonly parts: readonly Size[];
  /** The most that a program loads which uses all six: their code and the largest device. */
  readonly loaded: Size;
  /** All of the code, with all devices. */
  readonly code: Size;
  /** The one file for pages. */
  readonly page: Size;
}

/**
 * Builds everything.
 *
 * @param outdir The folder that it goes to.
 * @returns How large it is.
 */
export async function build(outdir: string): Promise<Sizes> {
  const packages: Size[] = [];
  const devices: Size[] = [];
  const native: Size[] = [];
  const data: Size[] = [];
  const declared: Declared[] = [];
  try {
    for (const name of Object.keys(PACKAGES)) {
      const folder = join(outdir, name);
      const bundle = await buildPackage(name, folder);
      packages.push(await measure(name, folder, bundle.code));
      for (const [device, file] of Object.entries(bundle.devices)) {
        devices.push(await measure(`+ ${device}`, folder, [file]));
      }
      if (bundle.native.length > 0) {
        native.push(await measure("+ machine code", folder, bundle.native));
      }
      if (bundle.data.length > 0) {
        data.push(await measure(`+ ${name}, data`, folder, bundle.data));
      }
      declared.push({
        folder: new URL(`${name}/`, ROOT),
        entries: bundle.entries,
        outdir: join(folder, "types"),
      });
    }
    const names = Object.keys(PACKAGES)
      .filter((name) => !WITH_FILES.includes(name));
    await bundleTogether(names, join(outdir, "cram.js"));
  } finally {
    await stopBundling();
  }
  await writeDeclarations(declared);
  const [largest] = devices.toSorted((a, b) => b.gzip - a.gzip);
  return {
    parts: [...packages, ...devices, ...native, ...data],
    loaded: sum("all six, loaded", [...packages, largest]),
    code: sum("all six, all code", [...packages, ...devices, ...native]),
    page: await measure("cram.js", outdir, ["cram.js"]),
  };
}

function sum(name: string, sizes: readonly Size[]): Size {
  return {
    name,
    raw: sizes.reduce((total, { raw }) => total + raw, 0),
    gzip: sizes.reduce((total, { gzip }) => total + gzip, 0),
  };
}

/** Builds the npm package of a package, but for the declarations of its entry points. */
async function buildPackage(
  name: string,
  outdir: string,
): Promise<PackageBundle & { readonly entries: readonly URL[] }> {
  const folder = new URL(`${name}/`, ROOT);
  const config = await packageConfig(name);
  // Programs read their arguments from Deno.
  const exports = Object.entries(config.exports)
    .filter(([, path]) => !path.startsWith("./cli/"));
  const entries = Object.fromEntries(exports.map((
    [, path],
  ) => [path.slice(2).replace(/\.ts$/, ""), new URL(path, folder)]));
  const bundle = await bundlePackage(name, entries, outdir);
  for (const file of ["README.md", "LICENSE"]) {
    await Deno.copyFile(new URL(file, folder), join(outdir, file));
  }
  const dependencies = await dependenciesOf(bundle, config.imports ?? {});
  const manifest = {
    name: config.name,
    version: config.version,
    license: config.license,
    type: "module",
    engines: { node: NODE },
    sideEffects: false,
    exports: Object.fromEntries(exports.map(([key, path]) => {
      const stem = path.slice(2).replace(/\.ts$/, "");
      return [key, { types: `./types/${stem}.d.ts`, default: `./${stem}.js` }];
    })),
    dependencies,
  };
  await Deno.writeTextFile(
    join(outdir, "package.json"),
    `${JSON.stringify(manifest, null, 2)}\n`,
  );
  return { ...bundle, entries: Object.values(entries) };
}

/** The packages that a bundle imports, with their versions. */
async function dependenciesOf(
  { imports }: PackageBundle,
  libraries: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const dependencies: Record<string, string> = {};
  for (const specifier of imports.toSorted()) {
    if (specifier.startsWith("node:")) continue;
    const [name] = specifier.match(/^(@[^/]+\/)?[^/]+/)!;
    dependencies[name] = name.startsWith("@cram/")
      ? `^${(await packageConfig(name.slice("@cram/".length))).version}`
      : libraries[name].replace(`npm:${name}@`, "");
  }
  return dependencies;
}

async function measure(
  name: string,
  folder: string,
  files: readonly string[],
): Promise<Size> {
  let raw = 0;
  let gzip = 0;
  for (const file of files) {
    const bytes = await Deno.readFile(join(folder, file));
    raw += bytes.length;
    gzip += gzipSync(bytes, { level: 9 }).length;
  }
  return { name, raw, gzip };
}

/** The sizes as lines of text. */
function formatSizes({ parts, loaded, code, page }: Sizes): string {
  return [...parts, loaded, code, page].map(({ name, raw, gzip }) =>
    `${name.padEnd(18)} ${kilobytes(raw)} ${kilobytes(gzip)} gzipped`
  ).join("\n");
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`.padStart(9);
}

if (import.meta.main) {
  const outdir = fileURLToPath(new URL("dist/", ROOT));
  await Deno.remove(outdir, { recursive: true }).catch(() => {});
  await ensureDir(outdir);
  const sizes = await build(outdir);
  console.log(formatSizes(sizes));
  if (sizes.loaded.gzip > BUDGET_BYTES) {
    console.error(
      `A program that uses all packages loads ${sizes.loaded.gzip} bytes, compressed by gzip: more than the ${BUDGET_BYTES} that are promised`,
    );
    Deno.exit(1);
  }
}

/**
 * Type declarations of packages, by the TypeScript compiler. Types are not
 * checked: `deno check` does that.
 *
 * @module
 */

import { ensureDir } from "@std/fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "npm:typescript@5.9.3";
import { ROOT } from "./packages.ts";

/** The specifiers of relative imports in declarations. */
const RELATIVE = /((?:from|import\(|import) ?")(\.[^"]+)\.ts"/g;

/** Entry points of a package, and where their declarations go. */
export interface Declared {
  /** The folder of the package. */
  readonly folder: URL;
  /** The entry points. */
  readonly entries: readonly URL[];
  /** Where the declarations go, as the sources lie in the package. */
  readonly outdir: string;
}

/** Writes the declarations of entry points, and of all that they import from their packages. */
export async function writeDeclarations(
  packages: readonly Declared[],
): Promise<void> {
  const texts = declare(packages.flatMap(({ entries }) => entries));
  for (const { folder, entries, outdir } of packages) {
    const paths = new Set(entries.map((url) => fileURLToPath(url)));
    for (const path of paths) { // also those that are added meanwhile
      const text = texts.get(path)!;
      for (const [, , specifier] of text.matchAll(RELATIVE)) {
        paths.add(join(dirname(path), `${specifier}.ts`));
      }
      const target = join(outdir, relative(fileURLToPath(folder), path));
      await ensureDir(dirname(target));
      await Deno.writeTextFile(
        target.replace(/\.ts$/, ".d.ts"),
        text.replaceAll(RELATIVE, '$1$2.js"'),
      );
    }
  }
}

/** The declarations of modules and of all that they import, by the paths of their sources. */
function declare(entries: readonly URL[]): Map<string, string> {
  const root = fileURLToPath(ROOT);
  const texts = new Map<string, string>();
  const program = ts.createProgram(entries.map((url) => fileURLToPath(url)), {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
    types: [],
    paths: {
      "@cram/*": [`${root}*/mod.ts`],
      "@cram/tensor/*": [`${root}tensor/*.ts`],
    },
    strict: true,
    noCheck: true,
    declaration: true,
    emitDeclarationOnly: true,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    rootDir: root,
  });
  program.emit(undefined, (_name, text, _mark, _onError, sources) => {
    for (const { fileName } of sources ?? []) texts.set(fileName, text);
  });
  return texts;
}

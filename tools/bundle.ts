/**
 * Bundles packages by esbuild to modules that Node and browsers run.
 *
 * @module
 */

import { walk } from "@std/fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "npm:esbuild@0.28.2";
import { packageConfig, PACKAGES, ROOT } from "./packages.ts";

/** What a bundle of a package consists of. */
export interface PackageBundle {
  /** The JavaScript files that every user loads, relative to the folder of the bundle. */
  readonly code: readonly string[];
  /** Those of devices, by name: a page loads one of them. */
  readonly devices: Readonly<Record<string, string>>;
  /** Those of machine code, which only Deno loads. */
  readonly native: readonly string[];
  /** Those that hold a data set of the package, and are loaded with it only. */
  readonly data: readonly string[];
  /** The modules that it imports. */
  readonly imports: readonly string[];
}

const COMMON = {
  absWorkingDir: fileURLToPath(ROOT),
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022", // lowers `using`, which Node 20 and Safari do not know
  minify: true,
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
  inject: [fileURLToPath(new URL("./dispose_symbols.ts", import.meta.url))],
} satisfies esbuild.BuildOptions;

/** Starts of workers and imports of data: modules that get a file of their own. */
const WORKER = /(new Worker\(\s*new URL\("(\.\/\w+))\.ts"/g;
const DATA = /from "(\.\/\w+\.json)" with { type: "json" }/g;

/** The modules that devices are imported from. */
const DEVICE = /^tensor\/(\w+)\/mod\.ts$/;

/** The module of machine code. */
const NATIVE = "tensor/cpu/_avx512.ts";

/**
 * Bundles one package. Other packages stay imports, so that whoever uses some
 * of them has each once.
 *
 * @param name The name of its folder.
 * @param entries The names of its bundles with their entry points.
 * @param outdir Where the bundles go.
 * @returns What was written.
 */
export async function bundlePackage(
  name: string,
  entries: Readonly<Record<string, URL>>,
  outdir: string,
): Promise<PackageBundle> {
  const apart: string[] = [];
  for await (const { path } of walk(new URL(`${name}/`, ROOT))) {
    if (!path.endsWith(".ts") || path.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(path);
    const at = (file: string) => join(dirname(path), file);
    for (const match of text.matchAll(WORKER)) {
      apart.push(at(`${match[2]}.ts`));
    }
    for (const match of text.matchAll(DATA)) apart.push(at(match[1]));
  }
  const { metafile } = await esbuild.build({
    ...COMMON,
    entryPoints: [
      ...Object.entries(entries).map(([out, url]) => ({
        in: fileURLToPath(url),
        out,
      })),
      ...apart.map((path) => ({
        in: path,
        out: basename(path).replace(/\.\w+$/, ""),
      })),
    ],
    outdir,
    splitting: true,
    plugins: [standardLibrary(), {
      name: "external",
      setup(build) {
        build.onResolve(
          { filter: /^[^./]/ },
          ({ kind, path }) =>
            kind === "entry-point" ? undefined : { path, external: true },
        );
        build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
          contents: (await Deno.readTextFile(path))
            .replaceAll(WORKER, '$1.js"').replaceAll(DATA, 'from "$1"'),
          loader: "ts",
        }));
      },
    }],
  });
  const outputs = Object.entries(metafile.outputs)
    .filter(([path]) => path.endsWith(".js"))
    .map(([path, output]) => ({ name: basename(path), ...output }));
  const code: string[] = [];
  const data: string[] = [];
  const native: string[] = [];
  const devices: Record<string, string> = {};
  for (const { name, entryPoint = "", inputs } of outputs) {
    const [, device] = entryPoint.match(DEVICE) ?? [];
    if (device !== undefined) devices[device] = name;
    else if (entryPoint === NATIVE) native.push(name);
    else {
      const isData = Object.keys(inputs).some((path) => path.endsWith(".json"));
      (isData ? data : code).push(name);
    }
  }
  return {
    code,
    devices,
    native,
    data,
    imports: [
      ...new Set(
        outputs.flatMap(({ imports }) => imports)
          .flatMap(({ external, path }) => external ? [path] : []),
      ),
    ],
  };
}

/**
 * Bundles the packages that need nothing but the language and the web's
 * interfaces into one file.
 *
 * @param names The names of their folders.
 * @param outfile The file.
 */
export async function bundleTogether(
  names: readonly string[],
  outfile: string,
): Promise<void> {
  await esbuild.build({
    ...COMMON,
    stdin: {
      contents: names.map((name) => `export * from "@cram/${name}";`)
        .join("\n"),
      resolveDir: fileURLToPath(ROOT),
    },
    outfile,
    external: ["node:*"],
    plugins: [standardLibrary(), await workspace(), eager()],
  });
}

/**
 * Bundles the modules of a page: packages of the repository, and libraries
 * from npm. Modules that several of them need become files of their own, and
 * what nobody uses is left out.
 *
 * @param entries The names of its files with their modules.
 * @param libraries The libraries, by what modules call them: `npm:NAME@VERSION`.
 * @returns The files by name.
 */
export async function bundlePage(
  entries: Readonly<Record<string, URL>>,
  libraries: Readonly<Record<string, string>>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { outputFiles } = await esbuild.build({
    ...COMMON,
    entryPoints: Object.entries(entries)
      .map(([out, url]) => ({ in: fileURLToPath(url), out })),
    outdir: "/", // nothing is written
    write: false,
    splitting: true,
    sourcemap: false,
    plugins: [
      standardLibrary(),
      await workspace(),
      npmLibraries(libraries),
      pureModules(),
      {
        name: "workers",
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
            contents: (await Deno.readTextFile(path))
              .replaceAll(WORKER, '$1.js"'),
            loader: "ts",
          }));
        },
      },
    ],
  });
  return new Map(
    outputFiles.map(({ path, contents }) => [
      basename(path),
      contents as Uint8Array<ArrayBuffer>,
    ]),
  );
}

/** What a page loads at once; devices and data come when they are needed. */
export interface LoadedCode {
  /** The code, as a bundler leaves it. */
  readonly bytes: Uint8Array;
  /** The packages that it is from, by the names of their folders. */
  readonly packages: readonly string[];
}

/**
 * Bundles a page as its author would, who has the npm packages.
 *
 * @param program The module of the page.
 * @param folder Where it finds packages.
 * @returns What it loads at once.
 */
export async function loadedBy(
  program: string,
  folder: string,
): Promise<LoadedCode> {
  const { outputFiles, metafile: { outputs } } = await esbuild.build({
    ...COMMON,
    inject: [],
    stdin: { contents: program, resolveDir: folder, sourcefile: "page.js" },
    outdir: folder, // nothing is written
    write: false,
    sourcemap: false,
    logLevel: "error", // chunks that are passed over are told as warnings
    packages: "bundle",
    external: ["node:*"],
    // What is imported when it is needed is not loaded at once.
    plugins: [{
      name: "lazy",
      setup(build) {
        build.onResolve(
          { filter: /./ },
          ({ kind, path }) =>
            kind === "dynamic-import" ? { path, external: true } : undefined,
        );
      },
    }],
  });
  const [output] = Object.values(outputs);
  const packages = Object.entries(output.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => {
      const names = Object.keys(PACKAGES);
      return path.split("/").filter((part) => names.includes(part));
    });
  return {
    bytes: outputFiles[0].contents,
    packages: [...new Set(packages)].toSorted(),
  };
}

/** Ends what esbuild runs in the background. */
export async function stopBundling(): Promise<void> {
  await esbuild.stop();
}

/** Finds `@std/…` where the root's import map says. */
function standardLibrary(): esbuild.Plugin {
  return {
    name: "standard library",
    setup(build) {
      build.onResolve({ filter: /^@std\// }, ({ path }) => ({
        path: fileURLToPath(import.meta.resolve(path)),
      }));
    },
  };
}

/** Finds `@cram/…` in the repository. */
async function workspace(): Promise<esbuild.Plugin> {
  const paths = new Map<string, string>();
  for (const name of Object.keys(PACKAGES)) {
    const { exports } = await packageConfig(name);
    for (const [key, path] of Object.entries(exports)) {
      const url = new URL(`${name}/${path}`, ROOT);
      paths.set(`@cram/${name}${key.slice(1)}`, fileURLToPath(url));
    }
  }
  return {
    name: "workspace",
    setup(build) {
      build.onResolve({ filter: /^@cram\// }, ({ path }) => ({
        path: paths.get(path),
        sideEffects: false,
      }));
    },
  };
}

/** Lets modules go of which nothing is used; those of packages do nothing by being loaded. */
function pureModules(): esbuild.Plugin {
  return {
    name: "pure modules",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        const file = join(resolveDir, path);
        return kind === "entry-point" || file.includes("node_modules")
          ? undefined
          : { path: file, sideEffects: false };
      });
    },
  };
}

/**
 * Finds libraries from npm where Deno keeps them. Others, and modules of Node,
 * stay imports: a page may not need them, and they are gone then.
 */
function npmLibraries(
  libraries: Readonly<Record<string, string>>,
): esbuild.Plugin {
  return {
    name: "npm libraries",
    setup(build) {
      build.onResolve(
        { filter: /^[^./]/ },
        async ({ path, importer, kind }) => {
          if (kind === "entry-point") return undefined;
          const isOwn = importer.startsWith(fileURLToPath(ROOT));
          if (!isOwn && !path.startsWith("node:")) {
            return { path: createRequire(importer).resolve(path) };
          }
          const specifier = libraries[path];
          // What packages load when it is needed, pages do not need.
          if (specifier === undefined || kind === "dynamic-import") {
            return { path, external: true, sideEffects: false };
          }
          await import(specifier); // fetches it
          return { path: fileURLToPath(import.meta.resolve(specifier)) };
        },
      );
    },
  };
}

/**
 * Imports at once what the source imports when it is needed: in a single file
 * there is nothing to wait for, and only what is imported at once can be left
 * out where it is not used.
 */
function eager(): esbuild.Plugin {
  return {
    name: "eager",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const imports: string[] = [];
        const text = await Deno.readTextFile(path);
        const contents = text.replaceAll(
          /const (\{[^}]+\}) = await import\("(\.[^"]+)"\);/g,
          (_, names, specifier) => {
            imports.push(`import ${names} from "${specifier}";`);
            return "";
          },
        ).replaceAll(
          /await import\("(\.[^"]+)"\)/g,
          (_, specifier) => {
            imports.push(
              `import * as _lazy${imports.length} from "${specifier}";`,
            );
            return `_lazy${imports.length - 1}`;
          },
        );
        return { contents: [contents, ...imports].join("\n"), loader: "ts" };
      });
    },
  };
}

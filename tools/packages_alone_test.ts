import { assert, assertEquals } from "@std/assert";
import { basename, dirname, join } from "node:path/posix";
import { withoutPermissions } from "../tasks/testdata/temporary_folder.ts";
import {
  publishAll,
  type PublishedPackage,
  type PublishedPackages,
  serveRegistry,
} from "./local_registry.ts";
import { packageConfig, PACKAGES, ROOT } from "./packages.ts";

/** Copied: by a file of the repository, Deno finds its workspace. */
const ASSERTIONS = "support/std/assert.ts";

const decoder = new TextDecoder();

Deno.test({
  name: "each package works alone, as it is published",
  ignore: withoutPermissions,
  fn: async (t) => {
    const published = await publishAll();
    assertEquals(
      [...published.keys()].toSorted(),
      Object.keys(PACKAGES).sort(),
    );
    for (const name of Object.keys(PACKAGES)) {
      await t.step(name, async () => {
        const files = published.get(name)!;
        const tests = [...files.keys()].filter((path) =>
          /_test\.ts$|_bench\.ts$|\/testdata\//.test(path)
        );
        assertEquals(tests, []);
        assertEquals(workersOf(files).filter((path) => !files.has(path)), []);
        await runAlone(name, published);
      });
    }
  },
});

/** The files that workers run, which no module imports. */
function workersOf(files: PublishedPackage): string[] {
  return Array.from(files, ([path, bytes]) =>
    Array.from(
      decoder.decode(bytes).matchAll(
        /new URL\("([^"]+)", import\.meta\.url\)/g,
      ),
      ([, file]) => join(dirname(path), file),
    )).flat();
}

/**
 * Imports all entry points of a package and runs the examples of its README,
 * in an empty folder, with a registry that has nothing but the package and
 * those that it may import.
 */
async function runAlone(
  name: string,
  published: PublishedPackages,
): Promise<void> {
  await using registry = serveRegistry(
    new Map([...published].filter(([other]) => isNeeded(other, name))),
  );
  await using folder = await temporaryFolder();
  const { path } = folder;
  const config = await packageConfig(name);
  const readme = decoder.decode(published.get(name)!.get("/README.md"));
  const examples = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)]
    .map(([, code]) => code);
  const programs = [
    ...Object.keys(config.exports).map((key) =>
      `import "${config.name}${key.slice(1)}";\n`
    ),
    ...examples,
  ];
  const names = programs.map((_, i) => `program_${i}.ts`);
  for (const [i, text] of programs.entries()) {
    await Deno.writeTextFile(join(path, names[i]), text);
  }
  await Deno.writeTextFile(
    join(path, "main.ts"),
    names.map((name) => `await import("./${name}");\n`).join(""),
  );
  await Deno.writeTextFile(
    join(path, "deno.json"),
    JSON.stringify({ imports: await importsOf(name) }),
  );
  for (const file of ["deno.lock", ASSERTIONS]) {
    await Deno.copyFile(new URL(file, ROOT), join(path, basename(file)));
  }
  const environment = {
    JSR_URL: registry.url,
    DENO_DIR: await cacheIn(path),
    NO_COLOR: "1",
  };
  const run = async (args: string[]): Promise<string> => {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      { args, cwd: path, env: environment },
    ).output();
    assert(success, decoder.decode(stderr));
    return decoder.decode(stdout);
  };
  await run(["run", "--quiet", "--no-check", "-A", "main.ts"]);
  // What was not run: types, and what is imported when it is needed.
  const { modules }: Graph = JSON.parse(
    await run(["info", "--quiet", "--json", "main.ts"]),
  );
  assertEquals(modules.flatMap(({ error }) => error ?? []), []);
}

/** What `deno info --json` says. */
interface Graph {
  readonly modules: readonly { readonly error?: string }[];
}

/** Whether a package is another one, or is imported by it, directly or not. */
function isNeeded(name: string, by: string): boolean {
  return name === by || PACKAGES[by].some((other) => isNeeded(name, other));
}

/** What `deno add` would write for a package and those that it may import. */
async function importsOf(name: string): Promise<Record<string, string>> {
  const imports: Record<string, string> = {
    // For the examples; packages have their imports rewritten.
    "@std/assert": `./${basename(ASSERTIONS)}`,
  };
  for (const folder of [name, ...PACKAGES[name]]) {
    const { name, version } = await packageConfig(folder);
    imports[name] = `jsr:${name}@${version}`;
  }
  return imports;
}

/** A cache of modules of its own, but for libraries from npm. */
async function cacheIn(folder: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  const { npmCache } = JSON.parse(decoder.decode(stdout));
  const cache = join(folder, ".cache");
  await Deno.mkdir(cache);
  await Deno.symlink(npmCache, join(cache, "npm"));
  return cache;
}

async function temporaryFolder(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

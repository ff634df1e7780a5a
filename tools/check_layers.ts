/**
 * Checks that packages import only what stands to their left in the design,
 * by package name, so that there are no cycles and each can be published
 * alone.
 *
 * @module
 */

import { entryPoints, PACKAGES, ROOT } from "./packages.ts";

interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

async function moduleGraph(entry: URL): Promise<ModuleGraph> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry.href],
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function packageOf(specifier: string): string | undefined {
  if (!specifier.startsWith(ROOT.href)) return undefined;
  const [folder] = specifier.slice(ROOT.href.length).split("/");
  return Object.hasOwn(PACKAGES, folder) ? folder : undefined;
}

/** What is wrong with the imports of a package. */
export async function layerViolations(name: string): Promise<string[]> {
  const violations = new Set<string>();
  for (const entry of await entryPoints(name)) {
    const { modules } = await moduleGraph(entry);
    for (const { specifier, dependencies } of modules) {
      if (packageOf(specifier) !== name) continue;
      for (const dependency of dependencies ?? []) {
        const target = dependency.code?.specifier ?? dependency.type?.specifier;
        const other = target === undefined ? undefined : packageOf(target);
        if (other === undefined || other === name) continue;
        const file = specifier.slice(ROOT.href.length);
        if (!PACKAGES[name].includes(other)) {
          violations.add(
            `${file} imports @cram/${other}, which ${name} may not`,
          );
        } else if (!dependency.specifier.startsWith(`@cram/${other}`)) {
          violations.add(
            `${file} imports "${dependency.specifier}" instead of @cram/${other}`,
          );
        }
      }
    }
  }
  return [...violations];
}

if (import.meta.main) {
  const violations = (await Promise.all(
    Object.keys(PACKAGES).map(layerViolations),
  )).flat();
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) Deno.exit(1);
}

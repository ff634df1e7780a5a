/**
 * The published packages, and what each may import.
 *
 * @module
 */

/** Each package with the packages it may import; there are no cycles. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  autograd: ["tensor"],
  compress: ["tensor"],
  optim: ["tensor", "compress"],
  models: ["tensor", "autograd"],
  tasks: ["tensor", "autograd", "compress", "optim", "models"],
};

/** The root of the repository. */
export const ROOT = new URL("..", import.meta.url);

/** The entry points of a package, as its `deno.json` lists them. */
export async function entryPoints(name: string): Promise<URL[]> {
  const folder = new URL(`${name}/`, ROOT);
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", folder)),
  ) as { exports: Record<string, string> };
  return Object.values(exports).map((path) => new URL(path, folder));
}

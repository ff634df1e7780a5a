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

/** What the `deno.json` of a package says. */
export interface PackageConfig {
  /** The name under which it is published. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** Its licence. */
  readonly license: string;
  /** Its entry points, relative to its folder. */
  readonly exports: Readonly<Record<string, string>>;
  /** The libraries that it uses. */
  readonly imports?: Readonly<Record<string, string>>;
}

/** Reads the `deno.json` of a package. */
export async function packageConfig(name: string): Promise<PackageConfig> {
  return JSON.parse(
    await Deno.readTextFile(new URL(`${name}/deno.json`, ROOT)),
  );
}

/** The entry points of a package, as its `deno.json` lists them. */
export async function entryPoints(name: string): Promise<URL[]> {
  const folder = new URL(`${name}/`, ROOT);
  const { exports } = await packageConfig(name);
  return Object.values(exports).map((path) => new URL(path, folder));
}

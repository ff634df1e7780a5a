/**
 * `deno task check`: everything that is checked besides the tests. Runs all
 * steps, also after one failed, and says at the end which did.
 *
 * @module
 */

import { entryPoints, PACKAGES, ROOT } from "./packages.ts";

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

const entries = (await Promise.all(Object.keys(PACKAGES).map(entryPoints)))
  .flat().map((url) => url.href);

const documented = [
  ...Object.keys(PACKAGES).map((name) => `${name}/`),
  "mod.ts",
  "README.md",
  "docs/",
];

const steps: readonly Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check"] },
  { name: "package layers", args: ["run", "-A", "tools/check_layers.ts"] },
  { name: "links", args: ["run", "-A", "tools/check_links.ts"] },
  {
    name: "WebAssembly",
    args: ["run", "-A", "tensor/cpu/build.ts", "--check"],
  },
  { name: "documentation", args: ["doc", "--lint", ...entries] },
  {
    name: "documentation examples",
    args: ["test", "-A", "--doc", "--ignore=**/*_test.ts", ...documented],
  },
  { name: "publish", args: ["publish", "--dry-run", "--allow-dirty"] },
];

const failed: string[] = [];
for (const { name, args } of steps) {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
  }).output();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (code !== 0) {
    failed.push(name);
    await Deno.stderr.write(stdout);
    await Deno.stderr.write(stderr);
  }
}
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}`);
  Deno.exit(1);
}

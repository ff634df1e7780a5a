/** Runs programs of this folder for tests. */

/**
 * Runs a program to its end.
 *
 * @param name Its file, without `.ts`.
 * @param args What it is called with.
 * @param env Environment variables.
 * @returns The exit code, and what it wrote.
 */
export async function runProgram(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const path = new URL(`./${name}.ts`, import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", path, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

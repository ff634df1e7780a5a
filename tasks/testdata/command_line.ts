/** Runs programs of the command line for tests. */

/** For `ignore` of tests that start programs. */
const run = await Deno.permissions.query({ name: "run" });
export const withoutPrograms: boolean = run.state !== "granted";

/** The permissions that the tasks in `deno.json` name, but for the network. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-ffi",
];

/** Small enough for a few steps in a second. */
export const SMALL = [
  "--model=resnet20",
  "--image-size=8",
  "--device=cpu",
  "--threads=1",
  "--workers=1",
];

/** How a program ended, and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** What Deno is given to run a program. */
export function programArguments(
  name: string,
  args: readonly string[],
): string[] {
  return [
    "run",
    "--no-check",
    ...PERMISSIONS,
    new URL(`../cli/${name}`, import.meta.url).href,
    ...args,
  ];
}

/** Environment variables by their names. */
type Environment = Readonly<Record<string, string>>;

/** A program of `tasks/cli`, with the permissions of its task. */
export function program(
  name: string,
  args: readonly string[],
  env: Environment = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: programArguments(name, args),
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a program to its end. */
export async function runProgram(
  name: string,
  args: readonly string[],
  env?: Environment,
): Promise<Ended> {
  const { code, stdout, stderr } = await program(name, args, env).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Runs a program, and interrupts it as Ctrl-C does once it has written a text. */
export async function interruptProgram(
  name: string,
  args: readonly string[],
  text: string,
  env?: Environment,
): Promise<Ended> {
  const child = program(name, args, env).spawn();
  let out = "";
  const error = new Response(child.stderr).text();
  let isInterrupted = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += part;
    if (isInterrupted || !out.includes(text)) continue;
    child.kill("SIGINT");
    isInterrupted = true;
  }
  const { code } = await child.status;
  return { code, out, error: await error };
}

/** Modules of Node, which Deno has too, where imports would break browsers. */

/** A module of Node's, or `undefined` where there are none. */
export function builtinModule<T>(name: string): T | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): unknown };
  };
  return process?.getBuiltinModule?.(name) as T | undefined;
}

/**
 * The part of `@std/cli` that this repository uses, because JSR cannot be
 * reached where the tests run. Names, signatures and meaning are the standard
 * library's: one line of the import map exchanges this file for
 * `jsr:@std/cli`. Dotted names (`--a.b`) are left out.
 *
 * @module
 */

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
> {
  /** Whether what follows `--` goes to `"--"` instead of `_`. */
  "--"?: boolean;
  /** Other names of options. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options that are true or false. */
  boolean?: boolean | B | readonly B[];
  /** Values of options that are not given. */
  default?: Readonly<Record<string, unknown>>;
  /** Whether everything behind the first positional argument is positional. */
  stopEarly?: boolean;
  /** Options whose values stay text. */
  string?: S | readonly S[];
  /** Options that can be given several times. */
  collect?: C | readonly C[];
  /** Options that `--no-NAME` sets to false. */
  negatable?: string | readonly string[];
  /** Called with each argument that is no known option; what it returns `false` for is left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What {@linkcode parseArgs} returns. */
export type Args<
  B extends string = string,
  S extends string = string,
  C extends string = string,
> =
  & { [K in string extends B ? never : Exclude<B, C>]: boolean }
  & { [K in Exclude<S, C>]?: string }
  & { [K in C]: K extends S ? string[] : unknown[] }
  & {
    /** Positional arguments. */
    _: (string | number)[];
    /** What follows `--`, if asked for. */
    "--"?: string[];
    [name: string]: unknown;
  };

const NUMBER = /^[-+]?(?:0x[0-9a-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)$/i;

function listOf(value: string | readonly string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat();
}

/** Parses command-line arguments. */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
>(
  args: readonly string[],
  options: ParseOptions<B, S, C> = {},
): Args<B, S, C> {
  const names = new Map<string, readonly string[]>();
  for (const [name, others] of Object.entries(options.alias ?? {})) {
    const group = [name, ...listOf(others)];
    for (const member of group) names.set(member, group);
  }
  const groupOf = (name: string): readonly string[] =>
    names.get(name) ?? [name];
  const setOf = (list: readonly string[]): Set<string> =>
    new Set(list.flatMap(groupOf));

  const allBoolean = options.boolean === true;
  const booleans = setOf(
    typeof options.boolean === "boolean" ? [] : listOf(options.boolean),
  );
  const strings = setOf(listOf(options.string));
  const collected = setOf(listOf(options.collect));
  const negatable = setOf(listOf(options.negatable));
  const isKnown = (name: string): boolean =>
    booleans.has(name) || strings.has(name) || collected.has(name) ||
    names.has(name);

  const result: Record<string, unknown> & { _: (string | number)[] } = {
    _: [],
  };
  const given = new Set<string>();

  const set = (name: string, raw: unknown, arg: string | undefined): void => {
    if (
      arg !== undefined && options.unknown !== undefined && !isKnown(name) &&
      !(allBoolean && /^--[^=]+$/.test(arg)) &&
      options.unknown(arg, name, raw) === false
    ) return;
    const value = typeof raw === "string" && !strings.has(name) &&
        NUMBER.test(raw)
      ? Number(raw)
      : raw;
    for (const member of groupOf(name)) {
      const before = given.has(member) ? result[member] : undefined;
      result[member] = !collected.has(member)
        ? value
        : before === undefined
        ? [value]
        : [...before as unknown[], value];
      given.add(member);
    }
  };

  const separator = args.indexOf("--");
  const rest = separator < 0 ? [] : args.slice(separator + 1);
  const words = separator < 0 ? args : args.slice(0, separator);

  /** Sets an option from the word after it, if it takes one; returns how many words it took. */
  const setFromNext = (name: string, index: number, arg: string): number => {
    const next = words[index + 1];
    const isBoolean = booleans.has(name) || allBoolean;
    if (next !== undefined && !next.startsWith("-") && !isBoolean) {
      set(name, next, arg);
      return 1;
    }
    if (next !== undefined && NUMBER.test(next) && !isBoolean) {
      set(name, next, arg);
      return 1;
    }
    if (next !== undefined && /^(true|false)$/.test(next)) {
      set(name, next === "true", arg);
      return 1;
    }
    set(name, strings.has(name) ? "" : true, arg);
    return 0;
  };

  for (let i = 0; i < words.length; i++) {
    const arg = words[i];
    const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg);
    if (long !== null) {
      const [, name, value] = long;
      const positive = /^no-(.+)/.exec(name)?.[1];
      if (value !== undefined) {
        set(name, booleans.has(name) ? value !== "false" : value, arg);
      } else if (positive !== undefined && negatable.has(positive)) {
        set(positive, false, arg);
      } else {
        i += setFromNext(name, i, arg);
      }
      continue;
    }
    if (/^-[^-]/.test(arg) && !NUMBER.test(arg)) {
      const letters = arg.slice(1);
      for (let k = 0; k < letters.length; k++) {
        const name = letters[k];
        const value = letters.slice(k + 1).replace(/^=/, "");
        if (value === "") {
          i += setFromNext(name, i, arg);
          break;
        }
        if (
          !booleans.has(name) &&
          (letters[k + 1] === "=" || !/[A-Za-z]/.test(letters[k + 1]) ||
            strings.has(name))
        ) {
          set(name, value, arg);
          break;
        }
        set(name, strings.has(name) ? "" : true, arg);
      }
      continue;
    }
    if (options.unknown?.(arg) !== false) {
      result._.push(NUMBER.test(arg) && !strings.has("_") ? Number(arg) : arg);
    }
    if (options.stopEarly) {
      result._.push(...words.slice(i + 1));
      break;
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    if (!given.has(name)) set(name, value, undefined);
  }
  for (const name of booleans) {
    if (!(name in result) && !collected.has(name)) result[name] = false;
  }
  for (const name of collected) result[name] ??= [];
  if (options["--"]) result["--"] = rest;
  else result._.push(...rest);
  return result as Args<B, S, C>;
}

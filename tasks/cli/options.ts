/**
 * Command-line options as a table, from which parsing, checking and help come.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { UsageError } from "../errors.ts";

/** One option. */
export interface Option<T> {
  /** What it is for, for `--help`. */
  readonly help: string;
  /** What stands for its value in `--help`; `undefined` if it is true or false. */
  readonly placeholder: string | undefined;
  /** For options that are true or false: what they are if nothing is said. */
  readonly flag?: boolean;
  /** Whether it can be given several times, each of which adds to a list. */
  readonly repeated?: boolean;
  /** Its value, from text; `undefined` if the text is none. */
  readonly parse: (text: string) => T | undefined;
  /** What is expected, for messages. */
  readonly expected: string;
}

/** A table of options by name, in camel case: `batchSize` is `--batch-size`. */
// deno-lint-ignore no-explicit-any -- options of any value type
export type OptionTable = Readonly<Record<string, Option<any>>>;

/** The values of a table's options; `undefined` where nothing was said. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V>
    ? T[K] extends { readonly flag: boolean } ? boolean : V | undefined
    : never;
};

/**
 * An option that is true or false. If it is true by itself, it is switched off
 * by `--no-NAME`.
 *
 * @param help What it is for.
 * @param byDefault What it is if nothing is said.
 * @returns The option.
 */
export function flag(
  help: string,
  byDefault = false,
): Option<boolean> & { readonly flag: boolean } {
  return {
    help,
    placeholder: undefined,
    flag: byDefault,
    parse: () => undefined,
    expected: "no value",
  };
}

/**
 * An option of any text but none.
 *
 * @param placeholder What stands for its value in `--help`.
 * @param help What it is for.
 * @returns The option.
 */
export function text(placeholder: string, help: string): Option<string> {
  return {
    help,
    placeholder,
    parse: (text) => text === "" ? undefined : text,
    expected: "a value",
  };
}

/**
 * An option of some words.
 *
 * @param words The words.
 * @param help What it is for.
 * @returns The option.
 */
export function choice<const W extends string>(
  words: readonly W[],
  help: string,
): Option<W> {
  return {
    help,
    placeholder: words.join("|"),
    parse: (text) => words.find((word) => word === text),
    expected: `one of ${words.join(", ")}`,
  };
}

/**
 * An option of a whole number.
 *
 * @param least The smallest one.
 * @param help What it is for.
 * @param most The largest one, if there is one.
 * @returns The option.
 */
export function integer(
  least: number,
  help: string,
  most = Number.MAX_SAFE_INTEGER,
): Option<number> {
  return {
    help,
    placeholder: "N",
    parse: (text) => {
      const number = /^\d+$/.test(text) ? Number(text) : NaN;
      return number >= least && number <= most ? number : undefined;
    },
    expected: most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`,
  };
}

/** The numbers that an option takes. */
export interface NumberRange {
  /** The smallest one. */
  readonly least: number;
  /** What they must stay below. */
  readonly below?: number;
}

/**
 * An option of a number.
 *
 * @param range Which numbers.
 * @param help What it is for.
 * @returns The option.
 */
export function number(range: NumberRange, help: string): Option<number> {
  const { least, below = Infinity } = range;
  return {
    help,
    placeholder: "X",
    parse: (text) => {
      const number = text.trim() === "" ? NaN : Number(text);
      return number >= least && number < below ? number : undefined;
    },
    expected: below === Infinity
      ? `a number of at least ${least}`
      : `a number from ${least} to below ${below}`,
  };
}

/**
 * An option of one value or more, with commas between.
 *
 * @param item What one value is.
 * @returns The option.
 */
export function list<T>(item: Option<T>): Option<readonly T[]> {
  return {
    help: item.help,
    placeholder: `${item.placeholder},…`,
    parse: (text) => {
      const values = text.split(",").map(item.parse);
      return values.every((value) => value !== undefined) ? values : undefined;
    },
    expected: `${item.expected}, or several with commas between`,
  };
}

/**
 * An option that can be given several times.
 *
 * @param item What it is each time.
 * @returns The option.
 */
export function repeated<T>(item: Option<T>): Option<readonly T[]> {
  return {
    ...item,
    repeated: true,
    parse: (text) => {
      const value = item.parse(text);
      return value === undefined ? undefined : [value];
    },
  };
}

/**
 * An option of a random seed.
 *
 * @param help What it is for.
 * @returns The option.
 */
export function seed(help: string): Option<bigint> {
  return {
    help,
    placeholder: "N",
    parse: (text) => {
      const number = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
      return number !== undefined && number < 1n << 64n ? number : undefined;
    },
    expected: "a whole number from 0 to 2^64 - 1",
  };
}

/**
 * Reads the options of a command line.
 *
 * @param args The arguments.
 * @param table What options there are.
 * @returns Their values.
 * @throws {UsageError} If an argument is no option, or a value cannot be used.
 */
export function parseOptions<T extends OptionTable>(
  args: readonly string[],
  table: T,
): OptionValues<T> {
  const entries = Object.entries(table)
    .map(([name, option]) => ({ name, option, written: kebabCase(name) }));
  const flags = entries.filter(({ option }) => option.flag !== undefined);
  const others = entries.filter(({ option }) => option.flag === undefined);
  const unknownArgument = (argument: string): UsageError => {
    // A word alone is most probably meant for the first option that takes it.
    const meant = argument.startsWith("-")
      ? undefined
      : others.find(({ option }) => option.parse(argument) !== undefined);
    return new UsageError(
      `Cannot use "${argument}": ${
        meant === undefined
          ? "there is no such option"
          : `it stands behind no option, perhaps --${meant.written} ${argument} is meant`
      }; --help lists them`,
    );
  };
  const given = parseArgs(args, {
    boolean: flags.map(({ written }) => written),
    negatable: flags.map(({ written }) => written),
    default: Object.fromEntries(
      flags.map(({ written, option }) => [written, option.flag]),
    ),
    string: [...others.map(({ written }) => written), "_"],
    collect: others.filter(({ option }) => option.repeated)
      .map(({ written }) => written),
    unknown: (argument) => {
      throw unknownArgument(argument);
    },
  });
  if (given._.length > 0) throw unknownArgument(`${given._[0]}`);
  const values = entries.map(({ name, option, written }) => {
    const value = given[written];
    const parse = (text: string): unknown => {
      const parsed = option.parse(text);
      if (parsed === undefined) {
        throw new UsageError(
          `Cannot use --${written} "${text}": expected ${option.expected}`,
        );
      }
      return parsed;
    };
    if (Array.isArray(value)) {
      const parsed = value.flatMap(parse);
      return [name, parsed.length > 0 ? parsed : undefined];
    }
    return [name, typeof value === "string" ? parse(value) : value];
  });
  return Object.fromEntries(values) as OptionValues<T>;
}

/**
 * Describes the options of a table.
 *
 * @param table The options.
 * @param columns How wide lines may be.
 * @returns Lines for `--help`.
 */
export function describeOptions(table: OptionTable, columns = 80): string {
  const rows = Object.entries(table).map(([name, option]) => {
    const prefix = option.flag ? "--no-" : "--";
    const value = option.placeholder === undefined
      ? ""
      : ` ${option.placeholder}`;
    return { left: `  ${prefix}${kebabCase(name)}${value}`, help: option.help };
  });
  const indent = 24;
  return rows.map(({ left, help }) => {
    const lines = wrap(help, columns - indent);
    const first = left.length < indent - 1
      ? left.padEnd(indent) + lines.shift()
      : left;
    return [first, ...lines.map((line) => " ".repeat(indent) + line)]
      .join("\n");
  }).join("\n");
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line += (line === "" ? "" : " ") + word;
    }
  }
  return [...lines, line];
}

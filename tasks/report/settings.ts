/**
 * Settings of runs side by side.
 *
 * @module
 */

import type { Fields } from "./recorded.ts";

/** A setting of some runs. */
export interface Setting {
  /** Its name; of settings within settings with dots between. */
  readonly name: string;
  /** Its value in each run, as text; `undefined` where it is not set. */
  readonly values: readonly (string | undefined)[];
  /** Whether the runs differ in it. */
  readonly differs: boolean;
}

/**
 * Compares the settings of runs.
 *
 * @param configs The `config.json` of each.
 * @returns All settings that any of them has, in their order.
 */
export function compareSettings(configs: readonly Fields[]): Setting[] {
  const flat = configs.map((config) => new Map(flatten(config, "")));
  const names = new Set(flat.flatMap((settings) => [...settings.keys()]));
  return Array.from(names, (name) => {
    const values = flat.map((settings) => settings.get(name));
    return { name, values, differs: new Set(values).size > 1 };
  });
}

function flatten(fields: Fields, prefix: string): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? flatten(value as Fields, `${prefix}${name}.`)
      : [[prefix + name, textOf(value)]]
  );
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    return value.length === 0 ? "none" : value.map(textOf).join(", ");
  }
  return JSON.stringify(value);
}

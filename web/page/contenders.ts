/**
 * What the two networks are called and look like.
 *
 * @module
 */

import type { ContenderName } from "../training/settings.ts";

/** The networks, in the order in which they are shown. */
export const CONTENDERS: readonly {
  readonly name: ContenderName;
  readonly title: string;
  /** The class of their elements, and the name of their colour in the style sheet. */
  readonly style: string;
}[] = [
  { name: "sgd", title: "SGD", style: "sgd" },
  { name: "cram+", title: "CrAM⁺", style: "cram" },
];

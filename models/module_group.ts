/**
 * Modules under a common name.
 *
 * @module
 */

import { type Members, Module } from "./module.ts";

/** Modules that have a name in common and nothing else: what uses them calls them one by one. */
export class ModuleGroup<M extends Members = Members> extends Module {
  /** The modules by name. */
  readonly parts: M;

  /**
   * Takes modules over.
   *
   * @param parts The modules by name.
   */
  constructor(parts: M) {
    super();
    this.parts = parts;
  }

  /** The modules by name. */
  override members(): Members {
    return this.parts;
  }
}

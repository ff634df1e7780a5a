/**
 * The part of `@std/assert` that this repository uses, over Node's built-ins,
 * because JSR cannot be reached where the tests run. One line of the import
 * map away from `jsr:@std/assert`.
 *
 * @module
 */

import assert from "node:assert/strict";

export { AssertionError } from "node:assert";

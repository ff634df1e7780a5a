/**
 * The part of `@std/assert` that this repository uses, over Node's built-ins,
 * because JSR cannot be reached where the tests run. Names, signatures and
 * meaning are the standard library's: one line of the import map exchanges
 * this file for `jsr:@std/assert`.
 *
 * @module
 */

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect } from "node:util";

// deno-lint-ignore no-explicit-any -- the standard library's own signature
type AnyConstructor = new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any -- the standard library's own signature
type ErrorConstructor<E extends Error> = abstract new (...args: any[]) => E;

/** A failed assertion. */
export class AssertionError extends Error {
  override readonly name: string = "AssertionError";
}

function failure(what: string, msg: string | undefined): AssertionError {
  return new AssertionError(msg === undefined ? what : `${what}: ${msg}`);
}

function show(value: unknown): string {
  return inspect(value, { depth: 8, maxArrayLength: 100, sorted: true });
}

function difference(actual: unknown, expected: unknown): string {
  return new NodeAssertionError({
    actual,
    expected,
    operator: "deepStrictEqual",
  }).message.replace(/^.*\n/, "");
}

/** Whether two values are deeply equal: `NaN` equals `NaN`, 0 equals -0, classes must agree. */
export function equal(a: unknown, b: unknown): boolean {
  const seen = new Map<object, object>();
  const compare = (a: unknown, b: unknown): boolean => {
    if (typeof a === "number" && typeof b === "number") {
      return a === b || (Number.isNaN(a) && Number.isNaN(b));
    }
    if (Object.is(a, b)) return true;
    if (
      typeof a !== "object" || typeof b !== "object" || a === null || b === null
    ) return false;
    const prototype = Object.getPrototypeOf(a);
    if (
      (prototype ?? Object.prototype) !==
        (Object.getPrototypeOf(b) ?? Object.prototype)
    ) return false;
    if (a instanceof WeakMap || a instanceof WeakSet || a instanceof WeakRef) {
      throw new TypeError(
        "Cannot compare WeakMap, WeakSet and WeakRef instances",
      );
    }
    if (a instanceof Date) return compare(a.getTime(), (b as Date).getTime());
    if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
      const [x, y] = [a, b] as unknown as ArrayLike<unknown>[];
      if (x.length !== y.length) return false;
      for (let i = 0; i < x.length; i++) if (!compare(x[i], y[i])) return false;
      return true;
    }
    if (a instanceof Set) {
      const rest = [...b as Set<unknown>];
      return a.size === rest.length &&
        [...a].every((x) => removeWhere(rest, (y) => compare(x, y)));
    }
    if (a instanceof Map) {
      const rest = [...b as Map<unknown, unknown>];
      return a.size === rest.length &&
        [...a].every((x) => removeWhere(rest, (y) => compare(x, y)));
    }
    if (a instanceof Error) {
      const other = b as Error;
      if (a.message !== other.message || a.name !== other.name) return false;
    }
    const keys = Reflect.ownKeys(a).filter(isEnumerableIn(a));
    const others = Reflect.ownKeys(b).filter(isEnumerableIn(b));
    return keys.length === others.length &&
      keys.every((key) =>
        Object.hasOwn(b, key) &&
        compare(Reflect.get(a, key), Reflect.get(b, key))
      );
  };
  return compare(a, b);
}

function isEnumerableIn(object: object): (key: PropertyKey) => boolean {
  return (key) => Object.prototype.propertyIsEnumerable.call(object, key);
}

function removeWhere<T>(list: T[], matches: (item: T) => boolean): boolean {
  const index = list.findIndex(matches);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that `expr` is falsy. */
export function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is false | 0 | "" | null | undefined {
  if (expr) throw failure(`Expected a falsy value, got ${show(expr)}`, msg);
}

/** Asserts that two values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw failure(
    `Values are not equal${msg === undefined ? "" : `: ${msg}`}\n${
      difference(actual, expected)
    }`,
    undefined,
  );
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw failure(`Expected values to differ, both are ${show(actual)}`, msg);
}

/** Asserts that two values are the same, as by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw failure(
    equal(actual, expected)
      ? `Values have the same structure but are not the same reference: ${
        show(actual)
      }`
      : `Values are not strictly equal: ${show(actual)} and ${show(expected)}`,
    msg,
  );
}

/** Asserts that two values are not the same, as by `Object.is`. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!Object.is(actual, expected)) return;
  throw failure(`Expected values to differ, both are ${show(actual)}`, msg);
}

/** Asserts that two numbers differ by at most `tolerance`, by default 1e-7 of the expected one. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw failure(
    `Expected ${actual} to be within ${allowed} of ${expected}, it is ${delta} away`,
    msg,
  );
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw failure(`Expected a value, got ${actual}`, msg);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw failure(
    `Expected an instance of "${expectedType.name}", got ${show(actual)}`,
    msg,
  );
}

/** Asserts that a string matches a regular expression. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw failure(`Expected "${actual}" to match ${expected}`, msg);
}

/** Asserts that a string does not match a regular expression. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) return;
  throw failure(`Expected "${actual}" not to match ${expected}`, msg);
}

/** Asserts that a string contains another one. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw failure(`Expected "${actual}" to contain "${expected}"`, msg);
}

/** Asserts that an array holds all of some values. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const items = Array.from(actual);
  const missing = Array.from(expected).filter((x) =>
    !items.some((item) => equal(item, x))
  );
  if (missing.length === 0) return;
  throw failure(`Expected ${show(actual)} to include ${show(missing)}`, msg);
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw failure(`Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** Asserts that `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  throw failure(`Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** Asserts that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw failure(`Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  throw failure(`Expected ${show(actual)} <= ${show(expected)}`, msg);
}

/** Asserts that a value is an error of a class, with a message that contains a text. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw failure(`Expected an Error, got ${show(error)}`, msg);
  }
  if (ErrorClass !== undefined && !(error instanceof ErrorClass)) {
    throw failure(
      `Expected an error of class "${ErrorClass.name}", got ${error.name}: ${error.message}`,
      msg,
    );
  }
  if (msgMatches === undefined) return;
  const matches = typeof msgMatches === "string"
    ? error.message.includes(msgMatches)
    : msgMatches.test(error.message);
  if (!matches) {
    throw failure(
      `Expected the error's message to include ${show(msgMatches)}, got ${
        show(error.message)
      }`,
      msg,
    );
  }
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an error of a class with a message that contains a text, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClassOrMsg?: ErrorConstructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const [ErrorClass, message] = typeof errorClassOrMsg === "string"
    ? [undefined, errorClassOrMsg]
    : [errorClassOrMsg, msg];
  try {
    fn();
  } catch (error) {
    if (ErrorClass !== undefined) {
      assertIsError(error, ErrorClass, msgIncludes, message);
    }
    return error;
  }
  throw failure("Expected function to throw", message);
}

/** Asserts that a function's promise rejects, and resolves with what it rejected with. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Asserts that a function's promise rejects with an error of a class and a message that contains a text, and resolves with it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: ErrorConstructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const [ErrorClass, message] = typeof errorClassOrMsg === "string"
    ? [undefined, errorClassOrMsg]
    : [errorClassOrMsg, msg];
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw failure("Function throws when expected to reject", message);
  }
  try {
    await promise;
  } catch (error) {
    if (ErrorClass !== undefined) {
      assertIsError(error, ErrorClass, msgIncludes, message);
    }
    return error;
  }
  throw failure("Expected function to reject", message);
}

/** Fails. */
export function fail(msg?: string): never {
  throw failure("Failed assertion", msg);
}

/** Fails, where control must not come. */
export function unreachable(reason?: string): never {
  throw failure("Unreachable", reason);
}

import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "./assert.ts";

/** Runs something that must fail, without the assertions under test. */
function messageOf(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error(`Expected an AssertionError from ${fn}`);
}

Deno.test("equal() compares by content", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const other: { self?: unknown } = {};
  other.self = other;
  const pairs: [unknown, unknown, boolean][] = [
    [NaN, NaN, true],
    [0, -0, true],
    [1, "1", false],
    [null, undefined, false],
    [[1, [2]], [1, [2]], true],
    [[1, 2], [1, 2, 3], false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: undefined }, {}, false],
    [new Float32Array([1, NaN]), new Float32Array([1, NaN]), true],
    [new Float32Array([1]), new Float64Array([1]), false],
    [new Float32Array([1]), [1], false],
    [new Set([1, [2]]), new Set([[2], 1]), true],
    [new Set([1]), new Set([2]), false],
    [new Map([[[1], 2]]), new Map([[[1], 2]]), true],
    [new Map([[1, 2]]), new Map([[1, 3]]), false],
    [new Date(5), new Date(5), true],
    [/a/g, /a/, false],
    [new URL("a:b"), new URL("a:c"), false],
    [new Error("a"), new Error("a"), true],
    [new Error("a"), new TypeError("a"), false],
    [Object.create(null), {}, true],
    [cyclic, other, true],
  ];
  for (const [a, b, expected] of pairs) {
    if (equal(a, b) !== expected) {
      throw new Error(`Expected equal(${a}, ${b}) to be ${expected}`);
    }
  }
});

Deno.test("assertions pass on what they assert", () => {
  assert(1);
  assertFalse(0);
  assertEquals([1], [1]);
  assertNotEquals([1], [2]);
  assertStrictEquals(NaN, NaN);
  assertNotStrictEquals([], []);
  assertAlmostEquals(1, 1 + 1e-8);
  assertAlmostEquals(1, 1.4, 0.5);
  assertExists(0);
  assertInstanceOf(new TypeError(), Error);
  assertMatch("abc", /b/);
  assertNotMatch("abc", /d/);
  assertStringIncludes("abc", "bc");
  assertArrayIncludes([1, [2]], [[2]]);
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1, 2);
  assertLessOrEqual(2, 2);
  assertIsError(new RangeError("far"), RangeError, "fa");
});

Deno.test("assertions fail on the contrary and show the values", () => {
  const failures: [() => void, string][] = [
    [() => assert(0, "why"), "why"],
    [() => assertFalse(7), "7"],
    [() => assertEquals([1, 5], [1, 6], "why"), "why"],
    [() => assertEquals([1, 5], [1, 6]), "+   5"],
    [() => assertNotEquals({ a: 1 }, { a: 1 }), "a: 1"],
    [() => assertStrictEquals({}, {}), "same structure"],
    [() => assertStrictEquals(1, 2), "1 and 2"],
    [() => assertNotStrictEquals(1, 1), "1"],
    [() => assertAlmostEquals(1, 1.1), "1.1"],
    [() => assertAlmostEquals(NaN, 1), "NaN"],
    [() => assertExists(null), "null"],
    [() => assertInstanceOf(1, Error), '"Error"'],
    [() => assertMatch("abc", /d/), "abc"],
    [() => assertNotMatch("abc", /b/), "abc"],
    [() => assertStringIncludes("abc", "d"), "abc"],
    [() => assertArrayIncludes([1], [2]), "2"],
    [() => assertGreater(1, 1), "1 > 1"],
    [() => assertGreaterOrEqual(1, 2), "1 >= 2"],
    [() => assertLess(1, 1), "1 < 1"],
    [() => assertLessOrEqual(2, 1), "2 <= 1"],
    [() => assertIsError(1), "1"],
    [() => assertIsError(new Error("a"), Error, "b"), "b"],
    [() => fail("why"), "why"],
    [() => unreachable("why"), "why"],
  ];
  for (const [fn, part] of failures) {
    const message = messageOf(fn);
    if (!message.includes(part)) {
      throw new Error(`Expected "${message}" of ${fn} to contain "${part}"`);
    }
  }
});

Deno.test("assertThrows() returns the error and checks class and message", () => {
  const error = new RangeError("too far");
  const throwing = (): never => {
    throw error;
  };
  assertStrictEquals(assertThrows(throwing), error);
  assertStrictEquals(assertThrows(throwing, RangeError, "far"), error);
  messageOf(() => assertThrows(throwing, TypeError));
  messageOf(() => assertThrows(throwing, RangeError, "near"));
  messageOf(() => assertThrows(() => {}));
  messageOf(() => assertThrows(() => {}, "why"));
});

Deno.test("assertRejects() resolves with the error and checks class and message", async () => {
  const error = new RangeError("too far");
  const rejecting = (): Promise<never> => Promise.reject(error);
  assertStrictEquals(await assertRejects(rejecting), error);
  assertStrictEquals(await assertRejects(rejecting, RangeError, "far"), error);
  for (
    const attempt of [
      assertRejects(rejecting, TypeError),
      assertRejects(rejecting, RangeError, "near"),
      assertRejects(() => Promise.resolve()),
      assertRejects(() => {
        throw error;
      }, RangeError),
    ]
  ) {
    const outcome = await attempt.then(() => "resolved", (error) => error);
    assertInstanceOf(outcome, AssertionError);
  }
});

import { stripVTControlCharacters } from "node:util";
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
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
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
} from "jsr:@std/assert@1";
import { assertEquals as assertEqualsAlone } from "jsr:@std/assert@1/equals";
import { assertRejects as assertRejectsAlone } from "jsr:@std/assert@1/rejects";

/** Tells whether an assertion fails, without leaning on the assertions under test. */
function failure(assertion: () => void): string | undefined {
  try {
    assertion();
  } catch (error) {
    if (error instanceof AssertionError) return stripVTControlCharacters(error.message);
    throw error;
  }
}

/** Fails by plain means unless the two texts are the same. */
function same(actual: unknown, expected: unknown) {
  if (actual !== expected) throw new Error(`${actual} should be ${expected}`);
}

function allEqual(pairs: [unknown, unknown][]) {
  for (const [a, b] of pairs) same(equal(a, b) && equal(b, a), true);
}

function allUnequal(pairs: [unknown, unknown][]) {
  for (const [a, b] of pairs) same(equal(a, b) || equal(b, a), false);
}

Deno.test("Primitives are equal by value, NaN equals NaN and 0 equals -0.", () => {
  allEqual([[1, 1], ["a", "a"], [NaN, NaN], [0, -0], [[0], [-0]], [1n, 1n], [undefined, undefined], [null, null]]);
  allUnequal([[1, "1"], [1, 1n], [null, undefined], [0, false], [Symbol("a"), Symbol("a")], ["a", {}], [null, {}]]);
});

Deno.test("Objects and arrays are equal if their keys and values are.", () => {
  allEqual([
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [{ [Symbol.for("k")]: 1 }, { [Symbol.for("k")]: 1 }],
    [[], []],
  ]);
  allUnequal([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [[1, 2], [2, 1]],
    [[1], [1, 2]],
    [[], {}],
    [{ [Symbol.for("k")]: 1 }, { [Symbol.for("k")]: 2 }],
    [{ [Symbol.for("k")]: 1 }, {}],
  ]);
});

Deno.test("A key with value undefined differs from a missing key, and a hole from undefined.", () => {
  allEqual([[{ a: undefined }, { a: undefined }]]);
  // deno-lint-ignore no-sparse-arrays
  allUnequal([[{ a: undefined }, {}], [{ a: undefined, b: 1 }, { b: 1, c: undefined }], [[,], [undefined]]]);
});

Deno.test("An object without a prototype equals a plain object, and other prototypes must agree.", () => {
  class A {
    constructor(public x = 1) {}
  }
  class B {
    constructor(public x = 1) {}
  }
  allEqual([[Object.assign(Object.create(null), { x: 1 }), { x: 1 }], [new A(), new A()]]);
  allUnequal([[new A(), new B()], [new A(), { x: 1 }], [new A(1), new A(2)]]);
});

Deno.test("Instances compare by the getters of their class, not by private fields alone.", () => {
  class Shown {
    #x: number;
    constructor(x: number) {
      this.#x = x;
    }
    get x() {
      return this.#x;
    }
  }
  allEqual([[new Shown(1), new Shown(1)]]);
  allUnequal([[new Shown(1), new Shown(2)]]);
});

Deno.test("Dates compare by time, expressions and URLs as text.", () => {
  allEqual([
    [new Date(5), new Date(5)],
    [new Date(NaN), new Date(NaN)],
    [/a/g, /a/g],
    [new URL("https://a.example/"), new URL("https://a.example")],
    [new URLSearchParams("a=1"), new URLSearchParams({ a: "1" })],
  ]);
  allUnequal([
    [new Date(5), new Date(6)],
    [new Date(NaN), new Date(5)],
    [/a/g, /a/i],
    [new URL("https://a.example/"), new URL("https://a.example/b")],
    [new Date(5), 5],
  ]);
});

Deno.test("Sets and maps compare in any order and with deeply equal keys.", () => {
  allEqual([
    [new Set([1, 2, 3]), new Set([3, 2, 1])],
    [new Set([[1], [2]]), new Set([[2], [1]])],
    [new Set([1, new Set([2])]), new Set([new Set([2]), 1])],
    [new Map([["a", [1]], ["b", [2]]]), new Map([["b", [2]], ["a", [1]]])],
    [new Map([[{ k: 1 }, "v"]]), new Map([[{ k: 1 }, "v"]])],
  ]);
  allUnequal([
    [new Set([1]), new Set([2])],
    [new Set([1]), new Set([1, 2])],
    [new Set([[1]]), new Set([[2]])],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Map([["a", undefined]]), new Map([["b", undefined]])],
    [new Map([[{ k: 1 }, "v"]]), new Map([[{ k: 1 }, "w"]])],
    [new Map(), new Set()],
  ]);
});

Deno.test("Typed arrays and buffers compare by type and content.", () => {
  allEqual([
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Float64Array([NaN, 0]), new Float64Array([NaN, -0])],
    [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
    [new Uint8Array([9, 1]).subarray(1), new Uint8Array([1])],
  ]);
  allUnequal([
    [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
    [new Uint8Array([1]), new Uint8Array([1, 2])],
    [new Uint8Array([1]), new Int8Array([1])],
    [new Uint8Array([1]).buffer, new Uint8Array([2]).buffer],
    [new Uint8Array([1]), [1]],
  ]);
});

Deno.test("Cyclic values can be compared.", () => {
  const cycle = (end: number) => {
    const value: Record<string, unknown> = { end };
    value.self = [value];
    return value;
  };
  allEqual([[cycle(1), cycle(1)]]);
  allUnequal([[cycle(1), cycle(2)]]);
});

Deno.test("Weak collections cannot be compared, and weak references compare by what they refer to.", () => {
  const referent = { a: 1 };
  allEqual([[new WeakRef(referent), new WeakRef({ a: 1 })]]);
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError, "annot compare WeakMap instances");
  assertThrows(() => equal(new WeakSet(), new WeakSet()), TypeError, "annot compare WeakSet instances");
});

Deno.test("assertEquals passes on equal values and shows the differing lines of others.", () => {
  assertEquals({ a: [1] }, { a: [1] });
  assertEqualsAlone(1, 1);
  const message = failure(() => assertEquals({ a: 1, b: 2 }, { a: 1, b: 3 })) ?? "";
  same(message.startsWith("Values are not equal.\n\n\n    [Diff] Actual / Expected\n\n\n"), true);
  same(message.includes("      a: 1,\n"), true);
  same(message.includes("-     b: 2,\n+     b: 3,\n"), true);
  same(failure(() => assertEquals(1, 2, "after the sum"))?.split("\n")[0], "Values are not equal: after the sum");
});

Deno.test("assertEquals shows differing lines of texts.", () => {
  const message = failure(() => assertEquals("one\ntwo", "one\nthree")) ?? "";
  assertMatch(message, /^- {3}two$/m);
  assertMatch(message, /^\+ {3}three$/m);
});

Deno.test("assertNotEquals fails on equal values.", () => {
  assertNotEquals<unknown>({ a: 1 }, { a: 2 });
  same(failure(() => assertNotEquals("x", "x", "why")), 'Expected actual: "x" not to be: "x": why');
});

Deno.test("assertStrictEquals wants the same object and tells apart 0 and -0.", () => {
  const object = {};
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  assertMatch(failure(() => assertStrictEquals(0, -0)) ?? "", /^Values are not strictly equal\./);
  same(
    failure(() => assertStrictEquals({}, {}, "why")),
    "Values have the same structure but are not reference-equal: why\n\n    {}\n",
  );
  const value: unknown = "text";
  assertStrictEquals(value, "text" as const);
  const narrowed: "text" = value;
  same(narrowed, "text");
});

Deno.test("assertAlmostEquals allows a relative error of 1e-7 by default.", () => {
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertAlmostEquals(1e-8, 1.00000001e-8);
  assertAlmostEquals(1, 1.5, 0.5);
  assertAlmostEquals(Infinity, Infinity);
  assertAlmostEquals(NaN, NaN);
  same(
    failure(() => assertAlmostEquals(1, 1.5, 0.25)),
    'Expected actual: "1" to be close to "1.5e+0": delta "5e-1" is greater than "2.5e-1".',
  );
  assertThrows(() => assertAlmostEquals(1e-8, 1e-9), AssertionError);
  assertThrows(() => assertAlmostEquals(NaN, 1), AssertionError);
});

Deno.test("assertThrows returns the error and checks class and message.", () => {
  const boom = () => {
    throw new RangeError("out of range");
  };
  const error: RangeError = assertThrows(boom, RangeError, "of range");
  same(error.message, "out of range");
  assertThrows(boom);
  assertThrows(boom, Error);
  same(
    failure(() => assertThrows(boom, TypeError)),
    'Expected error to be instance of "TypeError", but was "RangeError".',
  );
  same(
    failure(() => assertThrows(boom, RangeError, "missing", "why")),
    'Expected error message to include "missing", but got "out of range": why',
  );
});

Deno.test("assertThrows fails if nothing is thrown, and on a thrown non-error where a class is asked for.", () => {
  const throwText = () => {
    throw "text";
  };
  same(assertThrows(throwText), "text");
  same(failure(() => assertThrows(() => {})), "Expected function to throw.");
  same(failure(() => assertThrows(() => {}, "why")), "Expected function to throw: why");
  same(failure(() => assertThrows(throwText, Error)), "A non-Error object was thrown.");
});

Deno.test("assertRejects returns the error and checks class and message.", async () => {
  const boom = () => Promise.reject(new RangeError("out of range"));
  const error: RangeError = await assertRejectsAlone(boom, RangeError, "of range");
  same(error.message, "out of range");
  await assertRejects(boom);
  const wrong = await assertRejects(() => assertRejects(boom, TypeError), AssertionError);
  same(wrong.message, 'Expected error to be instance of "TypeError", but was "RangeError".');
});

Deno.test("assertRejects fails on resolved promises, on throwing and on returning no promise.", async () => {
  const messageOf = async (fn: () => Promise<unknown>) => (await assertRejects(fn, AssertionError)).message;
  const throwing = () => {
    throw new Error("at once");
  };
  const noPromise = (() => 1) as unknown as () => Promise<unknown>;
  same(await messageOf(() => assertRejects(() => Promise.resolve(1))), "Expected function to reject.");
  same(await messageOf(() => assertRejects(throwing, "why")), "Function throws when expected to reject: why");
  same(await messageOf(() => assertRejects(noPromise)), "Function throws when expected to reject.");
  same(
    await messageOf(() => assertRejects(() => Promise.reject("text"), Error)),
    "A non-Error object was rejected.",
  );
});

Deno.test("assertIsError checks class and message of a value.", () => {
  assertIsError(new RangeError("out of range"), RangeError, /of r/);
  same(failure(() => assertIsError("text")), 'Expected "error" to be an Error object.');
  same(
    failure(() => assertIsError(new Error("a"), Error, /b/)),
    'Expected error message to include /b/, but got "a".',
  );
});

Deno.test("Comparisons put values or the given message into the error.", () => {
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1n, 2n);
  assertLessOrEqual("a", "a");
  same(failure(() => assertGreater(1, 1)), "Expect 1 > 1");
  same(failure(() => assertGreaterOrEqual(1, 2)), "Expect 1 >= 2");
  same(failure(() => assertLess(2, 1)), "Expect 2 < 1");
  same(failure(() => assertLessOrEqual(2, 1, "why")), "why");
});

Deno.test("Texts are searched and matched.", () => {
  assertStringIncludes("haystack", "stack");
  assertMatch("haystack", /^hay/);
  assertNotMatch("haystack", /^stack/);
  same(failure(() => assertStringIncludes("a", "b")), 'Expected actual: "a" to contain: "b".');
  same(failure(() => assertMatch("a", /b/, "why")), 'Expected actual: "a" to match: "/b/": why');
  same(failure(() => assertNotMatch("a", /a/)), 'Expected actual: "a" to not match: "/a/".');
});

Deno.test("assertArrayIncludes looks for deeply equal items.", () => {
  assertArrayIncludes([{ a: 1 }, { a: 2 }, { a: 3 }], [{ a: 3 }, { a: 1 }]);
  assertArrayIncludes(new Uint8Array([1, 2]), new Uint8Array([2]));
  assertStringIncludes(failure(() => assertArrayIncludes([1, 2], [2, 3])) ?? "", "missing: [\n  3,\n]");
});

Deno.test("assert, assertExists and assertInstanceOf narrow types.", () => {
  const text: string | undefined = ["text"].at(0);
  assertExists(text);
  same(text.length, 4);
  const value: unknown = new Map([["a", 1]]);
  assertInstanceOf(value, Map);
  same(value.size, 1);
  const number = 1 as number | string;
  assert(typeof number === "number");
  same(number.toFixed(1), "1.0");
});

Deno.test("assert, assertExists, assertInstanceOf and fail tell what is wrong.", () => {
  same(failure(() => assert(0)), "");
  same(failure(() => assert("", "why")), "why");
  same(failure(() => assertExists(null)), 'Expected actual: "null" to not be null or undefined.');
  same(
    failure(() => assertInstanceOf("a", Date)),
    'Expected object to be an instance of "Date" but was "string".',
  );
  same(
    failure(() => assertInstanceOf(Date, Date, "why")),
    'Expected object to be an instance of "Date" but was not an instanced object: why',
  );
  same(failure(() => fail()), "Failed assertion.");
  same(failure(() => fail("why")), "Failed assertion: why");
});

Deno.test("AssertionError is an error with its own name and a cause.", () => {
  const error = new AssertionError("message", { cause: 1 });
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message, error.cause], ["AssertionError", "message", 1]);
});

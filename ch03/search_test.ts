import { assertEquals, assertThrows } from "@std/assert";
import { binarySearch, countTurns } from "./binary_search.ts";
import { binary, findCrossing, linear, makeNeedles } from "./binary_vs_linear_search.ts";
import { bisectLeft, bisectRight, findClosest, insort, makeNumbers } from "./bisect.ts";
import { fitLine, linearSearch } from "./linear_search.ts";

/** Even numbers from 0 on. */
const evens = (length: number) => Array.from({ length }, (_, i) => 2 * i);

Deno.test("all searches find every element at its place, and nothing between, below or above", () => {
  for (const length of [0, 1, 2, 3, 4, 7, 8, 100]) {
    const haystack = evens(length);
    for (let needle = -1; needle <= 2 * length; needle++) {
      for (const search of [linearSearch, binarySearch, linear, binary]) {
        assertEquals(search(haystack, needle), haystack.indexOf(needle), `${search.name} for ${needle} in ${length}`);
      }
    }
  }
});

Deno.test("linear search is indexOf: the first of duplicates, -0 as 0, and NaN never", () => {
  for (const [haystack, needle] of [[[3, 1, 3, 1], 1], [[1, -0], 0], [[0], -0], [[NaN], NaN]] as [number[], number][]) {
    assertEquals(linearSearch(haystack, needle), haystack.indexOf(needle));
  }
  assertEquals(linearSearch(["\ud800", "\udc00", "a"], "\udc00"), 1);
  assertEquals(linearSearch([], undefined), -1);
});

Deno.test("linear search reads a hole as undefined, where indexOf skips it", () => {
  const holey = new Array<number | undefined>(2);
  assertEquals([linearSearch(holey, undefined), holey.indexOf(undefined)], [0, -1]);
});

Deno.test("binary search finds one of several equals, -0 as 0, texts in the order of code units, and NaN never", () => {
  const haystack = [1, 2, 2, 2, 3];
  assertEquals(haystack[binarySearch(haystack, 2)], 2);
  assertEquals(binarySearch([-1, 0, 1], -0), 1);
  assertEquals(binarySearch([1, 2, 3], NaN), -1);
  assertEquals(binarySearch(["a", "b", "\ud800", "\uffff"], "\ud800"), 2);
});

Deno.test("binary search takes at most floor(log2 n) + 1 turns, and some needle takes as many", () => {
  for (const length of [1, 2, 3, 4, 15, 16, 17, 1000]) {
    const haystack = evens(length);
    const turns = haystack.map((needle) => countTurns(haystack, needle));
    assertEquals(Math.max(...turns), Math.floor(Math.log2(length)) + 1);
  }
  assertEquals(countTurns([], 1), 0);
});

Deno.test("the crossing is the size from which on the other is always ahead", () => {
  const sizes = [1, 2, 4, 8];
  assertEquals(findCrossing(sizes, [1, 5, 6, 7], [2, 3, 3, 3]), 2);
  // A single lead that is lost again does not count.
  assertEquals(findCrossing(sizes, [5, 1, 6, 7], [2, 3, 3, 3]), 4);
  assertEquals(findCrossing(sizes, [5, 5, 5, 1], [2, 2, 2, 2]), undefined);
  assertEquals(findCrossing([], [], []), undefined);
});

Deno.test("needles lie within the array and are the same each time", () => {
  const needles = makeNeedles(10, 1000);
  assertEquals(new Set(needles).size, 10);
  assertEquals([Math.min(...needles), Math.max(...needles)], [0, 9]);
  assertEquals(makeNeedles(10, 1000), needles);
});

Deno.test("bisection gives the number of elements below, or not above", () => {
  for (const sorted of [[], [5], [1, 1, 1], [1, 2, 2, 4, 4, 9], [-Infinity, -0, 0, Infinity]]) {
    for (const value of [-Infinity, -1, -0, 0, 1, 2, 3, 4, 5, 9, 10, Infinity]) {
      assertEquals(bisectLeft(sorted, value), sorted.filter((element) => element < value).length);
      assertEquals(bisectRight(sorted, value), sorted.filter((element) => element <= value).length);
    }
  }
});

Deno.test("numbers insorted one by one are sorted, duplicates included", () => {
  const numbers = [...makeNumbers(500), ...makeNumbers(100), 0, -1, Infinity], sorted: number[] = [];
  for (const number of numbers) insort(sorted, number);
  assertEquals(sorted, numbers.toSorted((a, b) => a - b));
});

Deno.test("insort puts a number after its equals", () => {
  const sorted = [0];
  insort(sorted, -0);
  assertEquals(sorted.map((value) => Object.is(value, -0)), [false, true]);
});

Deno.test("the closest is what looking at all of them finds; of two as close the larger, of equals the first", () => {
  const sorted = [1, 4, 4, 10, 20];
  for (let value = -5; value <= 30; value += 0.5) {
    const least = Math.min(...sorted.map((element) => Math.abs(element - value)));
    const expected = sorted.indexOf(Math.max(...sorted.filter((element) => Math.abs(element - value) === least)));
    assertEquals(findClosest(sorted, value), expected, `to ${value}`);
  }
  assertEquals(findClosest([7], -Infinity), 0);
  assertEquals(findClosest([7, 8], Infinity), 1);
});

Deno.test("NaN and an empty array are refused, and nothing is changed", () => {
  const sorted = [1, 2];
  assertThrows(() => insort(sorted, NaN), RangeError, "NaN has no place");
  assertEquals(sorted, [1, 2]);
  assertThrows(() => findClosest([], 1), RangeError, "an empty array has no closest value");
  assertThrows(() => findClosest([1], NaN), RangeError, "nothing is close to NaN");
});

Deno.test("a line is fitted as its points say, and one that fits badly says so", () => {
  const { slope, intercept, r2 } = fitLine([1, 2, 3], [5, 7, 9]);
  assertEquals([slope, intercept, r2], [2, 3, 1]);
  // By hand: means 2.5 and 2, products 0 and 5.
  assertEquals(fitLine([1, 2, 3, 4], [1, 3, 3, 1]), { slope: 0, intercept: 2, r2: 0 });
});

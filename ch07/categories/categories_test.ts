import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DictionaryColumn } from "./dictionary_column.ts";
import { narrow, sums, toMinutes, type TypeName } from "./narrow_numbers.ts";
import { PackedBooleans } from "./packed_booleans.ts";
import { cities, duckdbCounts, duckdbTable, polarsCounts, polarsFrame } from "./categories_in_engines.ts";

/** Numbers from 0 to 1 (mulberry32). */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

Deno.test("a coded column gives back every string, counts and means as a Map does, whatever the strings are", () => {
  const random = generator(7), names = ["", "a", "A", "ä", "constructor", "__proto__", "a'b; --", "\0"];
  const rows = Array.from({ length: 2000 }, () => names[Math.floor(random() * names.length)]);
  const values = rows.map(() => random()), column = DictionaryColumn.from(rows);
  assertEquals(rows.map((_, i) => column.at(i)), rows);
  assertEquals(column.codes.BYTES_PER_ELEMENT, 1);
  const groups = Map.groupBy(values.map((value, i) => ({ value, name: rows[i] })), ({ name }) => name);
  assertEquals([...groups.keys()], [...column.names]);
  column.means(values).forEach((mean, code) => {
    const group = groups.get(column.names[code])!;
    assertEquals(column.count(column.names[code]), group.length);
    assert(Math.abs(mean - group.reduce((sum, { value }) => sum + value, 0) / group.length) < 1e-12);
  });
  assertEquals(column.count("nobody"), 0);
  for (const row of [-1, 2000, 0.5, NaN]) assertThrows(() => column.at(row), RangeError, `there is no row ${row}`);
  assertThrows(() => column.means([1]), RangeError, "1 values for 2000 rows");
  assertEquals(DictionaryColumn.from([]).length, 0);
});

Deno.test("codes grow from one byte to two and four just where the names run out, and lose nothing on the way", () => {
  const distinct = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
  for (const [count, bytes] of [[256, 1], [257, 2], [65_536, 2], [65_537, 4]]) {
    const rows = distinct(count), column = DictionaryColumn.from(rows);
    assertEquals(column.codes.BYTES_PER_ELEMENT, bytes);
    assert(rows.every((name, i) => column.at(i) === name));
  }
  assertEquals(DictionaryColumn.from(distinct(256), 8).at(255), "255");
  assertThrows(
    () => DictionaryColumn.from(distinct(257), 8),
    RangeError,
    "row 256: «256» is one name more than 8 bits",
  );
  assertThrows(() => DictionaryColumn.from(distinct(65_537), 16), RangeError, "row 65536: «65536»");
});

Deno.test("numbers take the narrowest type that gives each of them back", () => {
  const cases: [number[], TypeName][] = [
    [[0, 255], "Uint8Array"],
    [[-128, 127], "Int8Array"],
    [[0, 256], "Uint16Array"],
    [[-1, 128], "Int16Array"],
    [[0, 65_536], "Uint32Array"],
    [[-1, 32_768], "Int32Array"],
    [[-1, 2 ** 31], "Float32Array"],
    [[0.5, -0], "Float32Array"],
    [[NaN], "Float32Array"],
    [[0.1], "Float64Array"],
    [[2 ** 53 - 1], "Float64Array"],
    [[], "Uint8Array"],
  ];
  for (const [values, type] of cases) {
    const column = narrow(values);
    assertEquals(column.constructor.name, type, `${values}`);
    assert(values.every((value, i) => Object.is(column[i], value)));
  }
});

Deno.test("a number that a type would change is refused with its row, not wrapped", () => {
  const refused: [number, TypeName][] = [
    [300, "Uint8Array"],
    [256, "Uint8Array"],
    [-1, "Uint8Array"],
    [1.5, "Uint8Array"],
    [NaN, "Int16Array"],
    [-0, "Int8Array"],
    [Infinity, "Int32Array"],
    [0.1, "Float32Array"],
  ];
  for (const [value, type] of refused) {
    assertThrows(() => narrow([1, value], type), RangeError, `row 1: ${value} does not fit into ${type}`);
  }
});

Deno.test("hours become minutes and back, and what are no whole minutes are refused", () => {
  const hours = Array.from({ length: 1500 }, (_, minutes) => minutes / 60);
  assertEquals(Array.from(toMinutes(hours)), hours.map((_, minutes) => minutes));
  assertThrows(() => toMinutes([1, 1.001]), RangeError, "row 1: 1.001 hours are no whole minutes");
  assertThrows(() => toMinutes([NaN]), RangeError, "row 0: NaN hours");
});

Deno.test("the sum of each type is that of its numbers", () => {
  for (const [name, sum] of Object.entries(sums)) assertEquals(sum(narrow([1, 2, 100], name as TypeName)), 103);
});

Deno.test("packed booleans answer, combine and count as an array does, also where the last word is not full", () => {
  const random = generator(8);
  for (const length of [0, 1, 31, 32, 33, 1000]) {
    const [one, other] = [0.2, 0.9].map((share) => Array.from({ length }, () => random() < share));
    const packed = PackedBooleans.from(one), both = packed.and(PackedBooleans.from(other));
    assertEquals(one.map((_, i) => packed.at(i)), one);
    assertEquals(packed.count(), one.filter((is) => is).length);
    assertEquals(both.count(), one.filter((is, i) => is && other[i]).length);
    assertThrows(() => packed.at(length), RangeError);
  }
  assertEquals(PackedBooleans.from(new Array(64).fill(true)).count(), 64);
  assertThrows(() => PackedBooleans.from([true, 2]), TypeError, "row 1: 2 is neither true nor false");
  assertThrows(() => PackedBooleans.from([null]), TypeError, "row 0: null");
  assertThrows(() => new PackedBooleans(3).and(new PackedBooleans(4)), RangeError, "3 and 4 rows");
});

Deno.test("both engines count strings and categories alike, and an ENUM refuses a name that it does not know", async () => {
  const rows = Array.from({ length: 1001 }, (_, i) => cities[i * 7919 % cities.length]);
  const right = cities.map((city) => [city, rows.filter((row) => row === city).length]);
  for (const is of [false, true]) {
    assertEquals(polarsCounts(polarsFrame(rows, is)), right as [string, number][]);
    assertEquals(await duckdbCounts(await duckdbTable(rows.length, is)), right as [string, number][]);
  }
  const connection = await duckdbTable(10, true);
  await assertRejects(() => connection.run("INSERT INTO visits VALUES ('Atlantis')"), Error, "Could not convert");
});

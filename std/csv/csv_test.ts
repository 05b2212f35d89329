import { assertEquals, assertRejects, assertThrows } from "jsr:@std/assert@1";
import { type Column, CsvParseStream, parse, type ParseOptions, stringify } from "jsr:@std/csv@1";
import { parse as parseAlone } from "jsr:@std/csv@1/parse";
import { CsvParseStream as CsvParseStreamAlone } from "jsr:@std/csv@1/parse-stream";
import { stringify as stringifyAlone } from "jsr:@std/csv@1/stringify";

/** Inputs that `parse` and `CsvParseStream` read alike. */
const READINGS: { name: string; input: string; options?: ParseOptions; rows: unknown[] }[] = [
  { name: "an empty text", input: "", rows: [] },
  { name: "lines with and without return", input: "a,b\r\nc,d\ne,f\r\n", rows: [["a", "b"], ["c", "d"], ["e", "f"]] },
  { name: "a last line without end", input: "a,b,c", rows: [["a", "b", "c"]] },
  { name: "empty fields", input: ",\na,,\n", rows: [["", ""], ["a", "", ""]] },
  { name: "empty lines, which are no rows", input: "\n\na\n\r\n\nb\n\n", rows: [["a"], ["b"]] },
  { name: "returns inside of fields", input: "a\rb\r\r\nc\r", rows: [["a\rb\r"], ["c"]] },
  { name: "quoted separators and quotes", input: '"a,b","say ""hi""",""\n', rows: [["a,b", 'say "hi"', ""]] },
  { name: "quoted newlines", input: '"a\n\nb",c\r\n"d\r\ne"', rows: [["a\n\nb", "c"], ["d\ne"]] },
  { name: "another separator", input: "a;b,c", options: { separator: ";" }, rows: [["a", "b,c"]] },
  { name: "a long separator", input: 'a::"b::"::c', options: { separator: "::" }, rows: [["a", "b::", "c"]] },
  { name: "spaces as they are", input: ' a, "b\n', options: { lazyQuotes: true }, rows: [[" a", ' "b']] },
  { name: "spaces trimmed", input: ' a,\t"b ",  c ', options: { trimLeadingSpace: true }, rows: [["a", "b ", "c "]] },
  { name: "comments", input: "a\n#b\n #c\n", options: { comment: "#" }, rows: [["a"], [" #c"]] },
  { name: "number signs without comments", input: "#a\nb", rows: [["#a"], ["b"]] },
  {
    name: "lazy quotes",
    input: 'a "word","1"2",a","b',
    options: { lazyQuotes: true },
    rows: [['a "word"', '1"2', 'a"', "b"]],
  },
  { name: "rows of any length", input: "a,b\nc", options: { fieldsPerRecord: -1 }, rows: [["a", "b"], ["c"]] },
  { name: "rows of one length", input: "a,b\nc,d", options: { fieldsPerRecord: 0 }, rows: [["a", "b"], ["c", "d"]] },
  {
    name: "a header",
    input: "a,b\n1,2\n3,4",
    options: { skipFirstRow: true },
    rows: [{ a: "1", b: "2" }, { a: "3", b: "4" }],
  },
  { name: "given columns", input: "1,2", options: { columns: ["x", "y"] }, rows: [{ x: "1", y: "2" }] },
  {
    name: "given columns in place of a header",
    input: "a,b\n1,2",
    options: { skipFirstRow: true, columns: ["x", "y"] },
    rows: [{ x: "1", y: "2" }],
  },
];

/** Inputs that neither can read. */
// deno-lint-ignore no-explicit-any
const FAILURES: { input: string; options?: ParseOptions; type: new (...args: any[]) => Error; message: string }[] = [
  {
    input: 'a\nab"c',
    type: SyntaxError,
    message: 'Syntax error on line 2; parse error on line 2, column 3: bare " in non-quoted-field',
  },
  {
    input: '🐱,"b"c',
    type: SyntaxError,
    message: 'Syntax error on line 1; parse error on line 1, column 5: extraneous or missing " in quoted-field',
  },
  {
    input: 'x\n"a\nb"c',
    type: SyntaxError,
    message: 'Syntax error on line 2; parse error on line 3, column 2: extraneous or missing " in quoted-field',
  },
  { input: 'a\n"b', type: SyntaxError, message: 'extraneous or missing " in quoted-field' },
  {
    input: "a,b\nc",
    options: { fieldsPerRecord: 0 },
    type: SyntaxError,
    message: "Syntax error on line 2: expected 2 fields but got 1",
  },
  {
    input: "a\nb,c",
    options: { fieldsPerRecord: 1 },
    type: SyntaxError,
    message: "Syntax error on line 2: expected 1 fields but got 2",
  },
  {
    input: "a,b\n1",
    options: { skipFirstRow: true },
    type: Error,
    message: "Syntax error on line 2: The record has 1 fields, but the header has 2 fields",
  },
];

/** Sends a text through the stream in pieces of the given size. */
function stream(text: string, options: ParseOptions | undefined, size: number) {
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
  return ReadableStream.from(pieces).pipeThrough(new CsvParseStream(options));
}

for (const { name, input, options, rows } of READINGS) {
  Deno.test(`parse and CsvParseStream read ${name}.`, async () => {
    assertEquals<unknown[]>(options ? parse(input, options) : parse(input), rows);
    for (const size of [1, 3, 1000]) assertEquals<unknown[]>(await Array.fromAsync(stream(input, options, size)), rows);
  });
}

for (const { input, options, type, message } of FAILURES) {
  Deno.test(`parse and CsvParseStream throw on ${JSON.stringify(input)} with ${JSON.stringify(options)}.`, async () => {
    assertThrows(() => parse(input, options ?? {}), type, message);
    await assertRejects(() => Array.fromAsync(stream(input, options, 2)), type, message);
  });
}

Deno.test("parse drops a byte-order mark.", () => {
  assertEquals(parseAlone("\ufeffa,b"), [["a", "b"]]);
});

Deno.test("parse needs a first row to skip and separators that work.", () => {
  assertThrows(() => parse("", { skipFirstRow: true }), TypeError, "headers must be defined");
  for (
    const options of [{ separator: "\n" }, { separator: '"' }, { comment: "\r" }, { separator: "#", comment: "#" }]
  ) {
    assertThrows(() => parse("a", options), Error, "elimiter");
  }
});

Deno.test("The type of the rows follows from the options.", () => {
  const lists: string[][] = parse("a,b");
  const named: Record<string, string>[] = parse("a\n1", { skipFirstRow: true });
  const known: { x: string; y: string }[] = parse("a,b", { columns: ["x", "y"] });
  const options: ParseOptions = {};
  const either: string[][] | Record<string, string>[] = parse("a,b", options);
  assertEquals([lists[0][1], named[0].a, known[0].y, either.length], ["b", "1", "b", 1]);
});

Deno.test("The type of a stream's rows follows from the options.", async () => {
  const text = () => ReadableStream.from(["a,b"]);
  const lists: string[][] = await Array.fromAsync(text().pipeThrough(new CsvParseStreamAlone()));
  const known: { x: string; y: string }[] = await Array.fromAsync(
    text().pipeThrough(new CsvParseStream({ columns: ["x", "y"] })),
  );
  assertEquals([lists[0][1], known[0].x], ["b", "a"]);
});

Deno.test("CsvParseStream gives the rows before an error.", async () => {
  const reader = ReadableStream.from(['a,b\n1,2\n"3"4,5\n']).pipeThrough(new CsvParseStream()).getReader();
  assertEquals(await reader.read(), { done: false, value: ["a", "b"] });
  assertEquals(await reader.read(), { done: false, value: ["1", "2"] });
  await assertRejects(() => reader.read(), SyntaxError, "Syntax error on line 3");
});

Deno.test("CsvParseStream takes endless input until its reader leaves.", async () => {
  async function* endless() {
    while (true) yield await Promise.resolve("a,b\n");
  }
  let count = 0;
  for await (const _row of ReadableStream.from(endless()).pipeThrough(new CsvParseStream())) {
    if (++count === 10) break;
  }
  assertEquals(count, 10);
});

Deno.test("stringify writes lists as they are, with all lines ended.", () => {
  assertEquals(stringifyAlone([["Rick", 70], ["Morty", 14]]), "Rick,70\r\nMorty,14\r\n");
  assertEquals(stringify([]), "");
  assertEquals(stringify([["a", "b"]], { separator: "\t", bom: true }), "\ufeffa\tb\r\n");
});

Deno.test("stringify puts fields with separators, quotes and newlines in quotes.", () => {
  assertEquals(stringify([["a,b", 'c"d', "e\nf", "g h", "i\r"]]), '"a,b","c""d","e\nf",g h,i\r\r\n');
  assertEquals(stringify([["a,b", "c\td"]], { separator: "\t" }), 'a,b\t"c\td"\r\n');
});

Deno.test("stringify writes missing values as empty fields and objects as JSON.", () => {
  assertEquals(stringify([[null, undefined, true, 1n, { a: 1 }, [1]]]), ',,true,1,"{""a"":1}",[1]\r\n');
});

Deno.test("stringify writes columns of objects under their headers.", () => {
  const data = [{ name: { first: "Ada", last: "L, M" }, born: 1815 }, { name: null, born: 1912 }];
  const columns: Column[] = ["born", ["name", "last"], { prop: ["name", "first"], header: "first name" }];
  assertEquals(stringify(data, { columns }), 'born,last,first name\r\n1815,"L, M",Ada\r\n1912,,\r\n');
  assertEquals(stringify(data, { columns: ["born"], headers: false }), "1815\r\n1912\r\n");
});

Deno.test("stringify writes columns of arrays by number.", () => {
  const columns = [{ prop: 1, header: "age" }, 0];
  assertEquals(stringify([["Rick", 70]], { columns }), "age,0\r\n70,Rick\r\n");
  assertThrows(() => stringify([["a"]], { columns: ["x"] }), TypeError, 'Property accessor is not of type "number"');
});

Deno.test("stringify needs columns for objects and a separator that works.", () => {
  assertThrows(() => stringify([{ a: 1 }]), TypeError, "No property accessor function was provided for object");
  for (const separator of ['"', "\r\n"]) {
    assertThrows(() => stringify([], { separator }), TypeError, "Separator cannot include the following strings:");
  }
});

Deno.test("What stringify writes, parse reads.", () => {
  const rows = [["plain", "with, comma", 'with "quotes"'], ["two\nlines", "", " space "], ['"', ",", "\n"]];
  assertEquals(parse(stringify(rows)), rows);
  assertEquals(parse(stringify(rows, { separator: ";" }), { separator: ";" }), rows);
});

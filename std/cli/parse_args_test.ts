import { assertEquals, assertThrows } from "jsr:@std/assert@1";
import { type Args, parseArgs, type ParseOptions } from "jsr:@std/cli@1";
import { parseArgs as parseArgsAlone } from "jsr:@std/cli@1/parse-args";

/** Is `true` if two types are the same, which lets the type checker test types. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Accepts only `true`. Called as `checkType<Same<A, B>>()`. */
function checkType<_T extends true>() {}

/** Reads arguments into flags of any type, so that tests of values need not mind types. */
function read(args: string[], options: ParseOptions = {}) {
  return parseArgs(args, options);
}

Deno.test("Flags without a value are true, and everything else goes to _.", () => {
  assertEquals(read([]), { _: [] });
  assertEquals(parseArgsAlone(["--foo", "--bar=baz", "./quux.txt"]), { foo: true, bar: "baz", _: ["./quux.txt"] });
  assertEquals(read(["one", "--two", "three", "four"]), { two: "three", _: ["one", "four"] });
  assertEquals(read(["-"]), { _: ["-"] });
});

Deno.test("Values that look like numbers become numbers.", () => {
  const args = ["--a", "5", "--b=1e3", "--c", "0x10", "--d", "5px", "--e=.5", "12", "x"];
  assertEquals(read(args), { a: 5, b: 1000, c: 16, d: "5px", e: 0.5, _: [12, "x"] });
  assertEquals(read(["-x", "\t"]), { x: "\t", _: [] });
});

Deno.test("Values of string flags stay text, and are empty if missing.", () => {
  assertEquals(read(["--id", "007", "-n5"], { string: ["id", "n"] }), { id: "007", n: "5", _: [] });
  assertEquals(read(["--id"], { string: "id" }), { id: "", _: [] });
  assertEquals(read(["--id", "--next"], { string: "id" }), { id: "", next: true, _: [] });
  assertEquals(read(["1", "2"], { string: "_" }), { _: ["1", "2"] });
  assertEquals(read([], { string: "id" }), { _: [] });
});

Deno.test("Values may contain signs of equality, dashes and newlines.", () => {
  assertEquals(read(["--foo=a=b", "--bar=--x", "--text=a\nb"]), { foo: "a=b", bar: "--x", text: "a\nb", _: [] });
  assertEquals(read(["-f=a=b", "-e==", "-n", "-"]), { f: "a=b", e: "=", n: "-", _: [] });
});

Deno.test("A negative number is a value only behind a sign of equality or a short flag.", () => {
  assertEquals(read(["--n=-5"]), { n: -5, _: [] });
  assertEquals(read(["-n-5"]), { n: -5, _: [] });
  assertEquals(read(["--n", "-5"]), { n: true, 5: true, _: [] });
});

Deno.test("Boolean flags take no value but true and false.", () => {
  const options = { boolean: ["a", "b"] };
  assertEquals(read(["--a", "x"], options), { a: true, b: false, _: ["x"] });
  assertEquals(read(["--a", "false", "-b", "true"], options), { a: false, b: true, _: [] });
  assertEquals(read(["--a=false", "--b=anything"], options), { a: false, b: true, _: [] });
  assertEquals(read(["-ab", "x"], options), { a: true, b: true, _: ["x"] });
});

Deno.test("With boolean: true all flags with two dashes are boolean.", () => {
  const args = ["moo", "--honk", "cow", "-p", "55", "--tacos=good"];
  assertEquals(read(args, { boolean: true }), { honk: true, p: 55, tacos: "good", _: ["moo", "cow"] });
});

Deno.test("Short flags may stand together, the last one with a value.", () => {
  assertEquals(read(["-abc"]), { a: true, b: true, c: true, _: [] });
  assertEquals(read(["-abc", "value"]), { a: true, b: true, c: "value", _: [] });
  assertEquals(read(["-n123", "-f-"]), { n: 123, f: "-", _: [] });
  assertEquals(read(["-xyz/foo/bar"]), { x: true, y: true, z: "/foo/bar", _: [] });
  assertEquals(read(["-art"], { string: ["a", "t"] }), { a: "", r: true, t: "", _: [] });
});

Deno.test("The last value of a repeated flag counts, unless the flag collects.", () => {
  const args = ["--v", "a", "--v", "b"];
  assertEquals(read(args), { v: "b", _: [] });
  assertEquals(read(args, { collect: "v" }), { v: ["a", "b"], _: [] });
  assertEquals(read(["--v", "a"], { collect: ["v"], string: ["v"] }), { v: ["a"], _: [] });
  assertEquals(read([], { collect: ["v", "b"], string: ["v"], boolean: ["b"] }), { v: [], b: [], _: [] });
});

Deno.test("Defaults fill in for flags that are not given.", () => {
  const options = { string: ["name"], boolean: ["loud"], default: { name: "Ada", loud: true, port: 80 } };
  assertEquals(read(["--name", "Bob"], options), { name: "Bob", loud: true, port: 80, _: [] });
  assertEquals(read(["--loud=false"], options), { name: "Ada", loud: false, port: 80, _: [] });
  assertEquals(read([], { boolean: "maybe", default: { maybe: null } }), { maybe: null, _: [] });
});

Deno.test("All names of a flag get its value and its kind.", () => {
  const options = { string: ["out"], boolean: ["help"], alias: { out: ["o", "output"], help: "h" } };
  const nothing = { help: false, h: false };
  const seven = { out: "7", o: "7", output: "7", ...nothing, _: [] };
  assertEquals(read(["-o", "7"], options), seven);
  assertEquals(read(["--output=7"], options), seven);
  assertEquals(read(["-h", "x"], options), { help: true, h: true, _: ["x"] });
  assertEquals(read([], { default: { port: 80 }, alias: { p: "port" } }), { port: 80, p: 80, _: [] });
  assertEquals(read(["-H", "1", "--header", "2"], { collect: "header", alias: { header: "H" } }), {
    header: [1, 2],
    H: [1, 2],
    _: [],
  });
});

Deno.test("An alias must be defined.", () => {
  const alias = { a: undefined } as unknown as { a: string };
  assertThrows(() => read([], { alias }), TypeError, "Alias value must be defined");
});

Deno.test("Only negatable flags can be negated.", () => {
  const options = { boolean: ["color"], string: ["config"], negatable: ["color", "config"], alias: { config: "c" } };
  assertEquals(read(["--no-color"], { ...options, default: { color: true } }), { color: false, _: [] });
  assertEquals(read(["--no-config"], options), { color: false, config: false, c: false, _: [] });
  assertEquals(read(["--no-color", "--color"], options), { color: true, _: [] });
  assertEquals(read(["--no-moo"]), { "no-moo": true, _: [] });
});

Deno.test("Nothing after -- is taken for a flag.", () => {
  const args = ["--name", "Ada", "before", "--", "--after", "7"];
  assertEquals(read(args), { name: "Ada", _: ["before", "--after", "7"] });
  assertEquals(read(args, { "--": true }), { name: "Ada", _: ["before"], "--": ["--after", "7"] });
  assertEquals(read([], { "--": true }), { _: [], "--": [] });
});

Deno.test("With stopEarly nothing after the first other argument is taken for a flag.", () => {
  const args = ["--aaa", "bbb", "ccc", "--ddd", "7"];
  assertEquals(read(args, { stopEarly: true }), { aaa: "bbb", _: ["ccc", "--ddd", "7"] });
});

Deno.test("The function unknown is called for arguments that no option names, and may drop them.", () => {
  const calls: unknown[] = [];
  const unknown = (arg: string, key?: string, value?: unknown) => {
    calls.push([arg, key, value]);
    return arg === "kept";
  };
  const args = ["--good", "x", "-b", "--bad", "y", "-c=5", "dropped", "kept"];
  assertEquals(read(args, { string: "good", boolean: "b", unknown }), { good: "x", b: true, _: ["kept"] });
  assertEquals(calls, [
    ["--bad", "bad", "y"],
    ["-c=5", "c", "5"],
    ["dropped", undefined, undefined],
    ["kept", undefined, undefined],
  ]);
});

Deno.test("Names with dots make nested objects.", () => {
  assertEquals(read(["--a.b", "1", "--a.c.d"]), { a: { b: 1, c: { d: true } }, _: [] });
  assertEquals(read([], { default: { "a.b": 11 }, alias: { "a.b": "x.y" } }), {
    a: { b: 11 },
    x: { y: 11 },
    _: [],
  });
});

Deno.test("Names that objects inherit are ordinary names.", () => {
  assertEquals(read(["--toString", "--valueOf", "foo"]), { toString: true, valueOf: "foo", _: [] });
});

Deno.test("The types of flags follow from the options.", () => {
  const args = parseArgs([], {
    string: ["name", "tags", "level"],
    boolean: ["loud", "marks"],
    collect: ["tags", "marks", "rest"],
    negatable: ["name"],
    default: { level: "info", loud: 1, extra: 5 },
    alias: { name: ["n", "title"], loud: "l" },
  });
  checkType<Same<typeof args.name, string | false | undefined>>();
  checkType<Same<typeof args.n, string | false | undefined>>();
  checkType<Same<typeof args.title, string | false | undefined>>();
  checkType<Same<typeof args.level, string>>();
  checkType<Same<typeof args.tags, string[]>>();
  checkType<Same<typeof args.loud, boolean | number>>();
  checkType<Same<typeof args.l, boolean | number>>();
  checkType<Same<typeof args.marks, boolean[]>>();
  checkType<Same<typeof args.rest, unknown[]>>();
  checkType<Same<typeof args.extra, unknown>>();
  checkType<Same<typeof args.other, unknown>>();
  checkType<Same<typeof args._, Array<string | number>>>();
});

Deno.test("Without string, boolean and collect, flags are of any type.", () => {
  const args = parseArgs(["--port", "80"], { default: { host: "localhost" }, alias: { p: "port" } });
  // deno-lint-ignore no-explicit-any
  checkType<Same<typeof args.port, any>>();
  checkType<Same<typeof args._, Array<string | number>>>();
  assertEquals(args.port + 1, 81);
});

Deno.test("The list of arguments after -- is in the type if it is asked for.", () => {
  const args = parseArgs(["--", "x"], { string: ["name"], "--": true });
  checkType<Same<(typeof args)["--"], string[]>>();
  assertEquals(args["--"], ["x"]);
});

Deno.test("Types of results and options can be written out.", () => {
  const options: ParseOptions = { string: ["name"] };
  const args: Args = parseArgs(["--name", "x"], options);
  assertEquals(args.name, "x");
  const given = parseArgs<{ name: string; port?: number }, true>(["--name", "x"]);
  checkType<Same<typeof given.name, string>>();
  checkType<Same<typeof given.port, number | undefined>>();
  checkType<Same<(typeof given)["--"], string[]>>();
  assertEquals(given.name, "x");
});

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openCalls } from "./call_cost.ts";
import { checkApart, checkDeclaration, checkDoubles, checkInteger, doublesIn, openLibc } from "./checked_call.ts";
import * as c from "./diffusion_c.ts";
import * as cInline from "./diffusion_c_inline.ts";
import * as cpp from "./diffusion_cpp.ts";
import * as fortran from "./diffusion_fortran.ts";
import * as nodeApi from "./diffusion_node_api.ts";
import * as rust from "./diffusion_rust.ts";
import * as typescript from "./diffusion_typescript.ts";
import { countDifferences, drawArguments, makeLoop, type Name, openLibm, shared } from "./libm.ts";
import { openSums } from "./sum_break_even.ts";

const root = new URL("../../", import.meta.url);

/** Where the native techniques build in this process; each removes what it made. */
const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The techniques that compile something: their tool, and the package that a missing one is asked from. */
const native = {
  diffusion_c: { experiment: c.experiment, tool: "cc", packages: "gcc libc6-dev" },
  diffusion_c_inline: { experiment: cInline.experiment, tool: "cc", packages: "gcc libc6-dev" },
  diffusion_node_api: { experiment: nodeApi.experiment, tool: "cc", packages: "gcc libc6-dev" },
  diffusion_cpp: { experiment: cpp.experiment, tool: "c++", packages: "g++" },
  diffusion_fortran: { experiment: fortran.experiment, tool: "gfortran", packages: "gfortran" },
  diffusion_rust: { experiment: rust.experiment, tool: "rustc", packages: "rustc gcc" },
};
const building = { ...native, call_cost: native.diffusion_c, sum_break_even: native.diffusion_c };

/** Whether a tool is here; a test that needs one which is not is skipped. */
const here = new Map<string, boolean>();
for (const { tool } of Object.values(native)) {
  try {
    here.set(tool, (await new Deno.Command(tool, { args: ["--version"] }).output()).success);
  } catch {
    here.set(tool, false);
  }
}
const lacks = (tool: string) => Deno.build.os === "windows" || !here.get(tool);

/** The diffusion as its formula says, one cell after the other. */
function oracle(size: number, steps: number): Float64Array {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const inside = (i: number) => i >= low && i < high;
  const at = (i: number, j: number) => (i + size) % size * size + (j + size) % size;
  let u = Float64Array.from(
    { length: size * size },
    (_, k) => inside(Math.floor(k / size)) && inside(k % size) ? 0.005 : 0,
  );
  for (let step = 0; step < steps; step++) {
    u = u.map((centre, k) => {
      const i = Math.floor(k / size), j = k % size;
      return centre + 0.1 * (u[at(i - 1, j)] + u[at(i + 1, j)] + u[at(i, j - 1)] + u[at(i, j + 1)] - 4 * centre);
    });
  }
  return u;
}

Deno.test("typescript: every value is that of the formula to the last bit, for even and odd sizes", () => {
  for (const size of [1, 2, 3, 7, 16, 33]) {
    const { run, grid } = typescript.experiment(size);
    run(1);
    assertEquals(grid(), oracle(size, 1), `${size} x ${size}, 1 step`);
    run(39);
    assertEquals(grid(), oracle(size, 40), `${size} x ${size}, 40 steps`);
  }
});

for (const [name, { experiment, tool }] of Object.entries(native)) {
  Deno.test({
    name: `${name}: every value is that of the formula to the last bit, and nothing is left behind`,
    ignore: lacks(tool),
    async fn() {
      await Promise.all([1, 2, 7, 16].map(async (size) => {
        const prepared = await experiment(size, { folder });
        assert(prepared);
        // Long enough for the dye to come round all edges; an odd number, so that the buffers end up swapped.
        prepared.run(41);
        assertEquals(new Float64Array(prepared.grid()), oracle(size, 41), `${size} x ${size}`);
        prepared.close();
      }));
      assertEquals([...Deno.readDirSync(folder)], []);
    },
  });
}

Deno.test({
  name: "with FMA the diffusion differs from the formula by no more than 1e-13 of the largest value",
  ignore: lacks("cc"),
  async fn() {
    const prepared = await c.experiment(16, { folder, fma: true });
    prepared!.run(40);
    const expected = oracle(16, 40), largest = Math.max(...expected);
    prepared!.grid().forEach((value, k) => assert(Math.abs(value - expected[k]) <= 1e-13 * largest));
    prepared!.close();
  },
});

Deno.test({
  name: "Fortran finds row i, column j of ours at u(j + 1, i + 1)",
  ignore: lacks("gfortran"),
  async fn() {
    const prepared = await fortran.experiment(4, { folder });
    const { element, close } = prepared!;
    const numbered = Float64Array.from({ length: 16 }, (_, k) => k);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) assertEquals(element(numbered, j + 1, i + 1), 4 * i + j);
    }
    close();
  },
});

Deno.test({
  name: "the addon refuses, from C, what are no two grids of their own",
  ignore: lacks("cc"),
  async fn() {
    const addon = await nodeApi.build(folder);
    const step = addon!.diffusion_step as (...args: unknown[]) => void;
    const u = new Float64Array(16), next = new Float64Array(16), lost = new Float64Array(16);
    structuredClone(lost, { transfer: [lost.buffer] });
    step(u, next, 4, 0.1);
    const grids = "two Float64Arrays of n x n values that do not overlap";
    assertThrows(() => step(u, new Float64Array(15), 4, 0.1), TypeError, grids);
    assertThrows(() => step(new Float32Array(16), next, 4, 0.1), TypeError, grids);
    assertThrows(() => step([...u], next, 4, 0.1), TypeError, grids);
    assertThrows(() => step(u, null, 4, 0.1), TypeError, grids);
    assertThrows(() => step(lost, next, 4, 0.1), TypeError, grids);
    assertThrows(() => step(u, u, 4, 0.1), TypeError, grids);
    assertThrows(() => step(u, next), TypeError, "expected (u, next, n, dt)");
    assertThrows(() => step(u, next, "4", 0.1), TypeError, "expected (u, next, n, dt)");
    assertThrows(() => step(u, next, 0, 0.1), RangeError, "n must be at least 1");
    assertEquals(next, new Float64Array(16));
  },
});

Deno.test({
  name: "a source that does not compile is refused with the compiler's message, and nothing is left behind",
  ignore: lacks("cc"),
  async fn() {
    const sources = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${sources}/wrong.c`, "int wrong(void) { return missing; }\n");
      const source = new URL(`file://${sources}/wrong.c`);
      await assertRejects(() => c.build(source, {}, { folder }), Error, "missing");
      assertEquals([...Deno.readDirSync(folder)], []);
    } finally {
      Deno.removeSync(sources, { recursive: true });
    }
  },
});

/** Runs a technique of this folder, as its header says, in an empty folder of its own with only `PATH` to find tools by. */
async function alone<T>(
  name: string,
  path: string,
  use: (command: Deno.Command, cwd: string) => Promise<T>,
): Promise<T> {
  const script = new URL(`${name}.ts`, import.meta.url);
  const { run } = parseHeader(await Deno.readTextFile(script));
  const flags = run.split(/\s+/).filter((argument) => argument.startsWith("--"));
  const cwd = Deno.makeTempDirSync();
  try {
    const args = ["run", "--no-prompt", `--config=${new URL("deno.json", root).pathname}`, ...flags, script.href];
    const options = { args, cwd, env: { PATH: path, NO_COLOR: "1" }, stdin: "null", stdout: "piped", stderr: "piped" };
    return await use(new Deno.Command(Deno.execPath(), options as Deno.CommandOptions), cwd);
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

Deno.test({
  name: "without its compiler a technique ends with exit code 2, names the package, and leaves nothing behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    await Promise.all(
      Object.entries(building).map(([name, { packages }]) =>
        alone(name, "/nonexistent", async (command, cwd) => {
          const { code, stderr } = await command.output();
          const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
          assertEquals(code, 2, lines.join("\n"));
          assertMatch(
            lines.at(-1)!,
            new RegExp(`^error: no .* compiler.*: apt-get install ${RegExp.escape(packages)}$`),
          );
          // Deno itself says that what --allow-run names is not there.
          assert(lines.slice(0, -1).every((line) => line.startsWith("Info Failed to resolve")), lines.join("\n"));
          assertEquals([...Deno.readDirSync(cwd)], []);
        })
      ),
    );
  },
});

Deno.test({
  name: "Ctrl-C while the compiler runs ends with exit code 130, leaves no folder, and stops the compiler",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const tools = Deno.makeTempDirSync();
    try {
      // Each says which process it is, and then takes its time.
      for (const tool of here.keys()) {
        Deno.writeTextFileSync(`${tools}/${tool}`, `#!/bin/sh\necho $$ > started\nexec sleep 60\n`, { mode: 0o755 });
      }
      await Promise.all(
        Object.keys(building).map((name) =>
          alone(name, `${tools}:/usr/bin:/bin`, async (command, cwd) => {
            const child = command.spawn();
            const text = async () => await Deno.readTextFile(`${cwd}/started`).catch(() => "");
            await until(async () => /\d\n/.test(await text()), `${name} started no compiler`);
            const names = [...Deno.readDirSync(cwd)].map(({ name }) => name);
            assertEquals(names.length, 2, `${name} made no folder: ${names}`);
            child.kill("SIGINT");
            assertEquals((await child.output()).code, 130, name);
            assertEquals([...Deno.readDirSync(cwd)].map(({ name }) => name), ["started"], name);
            await mustEnd(Number(await text()));
          })
        ),
      );
    } finally {
      Deno.removeSync(tools, { recursive: true });
    }
  },
});

/** Waits until something is so; throws with the message if it is not within ten seconds. */
async function until(so: () => Promise<boolean>, message: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!await so()) {
    if (Date.now() > end) throw new Error(message);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test({
  name: "every loop of calls comes to the number of its calls, with what needs all of --allow-ffi and without",
  ignore: lacks("cc"),
  async fn() {
    const opened = await openCalls({ folder });
    const names = Object.keys(opened!.calls);
    for (const name of names) assertEquals(await opened!.calls[name](25), 25, name);
    assertEquals(names.includes("FFI: C calls back"), true);
    opened!.close();
    await alone("call_cost", Deno.env.get("PATH")!, async (command) => {
      const { code, stdout, stderr } = await command.output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assert(!new TextDecoder().decode(stdout).includes("FFI: C calls back"));
    });
  },
});

Deno.test({
  name: "all sums of an array agree, also where four or eight do not divide its length",
  ignore: lacks("cc"),
  async fn() {
    const opened = await openSums({ folder });
    for (const length of [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100]) {
      // Whole numbers, whose sum is exact in any order: n (n + 1) / 2, and each sum is divided by the length.
      const values = Float64Array.from({ length }, (_, i) => i + 1);
      for (const [name, sum] of Object.entries(opened!.sums)) assertEquals(sum(values, 3), 3 * (length + 1) / 2, name);
    }
    opened!.close();
  },
});

Deno.test("libm has what Math lacks, as tables give it", () => {
  const libm = openLibm();
  assert(libm);
  const { erf, tgamma, fma } = libm.symbols;
  const near = (a: number, b: number) => assert(Math.abs(a / b - 1) < 1e-14, `${a}, not ${b}`);
  near(erf(0.5), 0.5204998778130465);
  near(erf(2), 0.9953222650189527);
  assertEquals(erf(0), 0);
  near(tgamma(11), 3628800);
  near(tgamma(0.5), Math.sqrt(Math.PI));
  assertEquals(fma(0.1, 10, -1), 2 ** -54);
  libm.close();
});

Deno.test("each function of libm is the one its name says: it agrees with Math's within 4 ulp", () => {
  const libm = openLibm();
  assert(libm);
  for (const name of Object.keys(shared) as Name[]) {
    const { x, y } = drawArguments(name, 1000);
    const [a, b] = [Math[name], libm.symbols[name]].map((f) => {
      const out = new Float64Array(1000);
      makeLoop(name, f)(x, y, out);
      return out;
    });
    assert(countDifferences(a, b).most <= 4, name);
    assertEquals(a[7], (Math[name] as (x: number, y: number) => number)(x[7], y[7]));
  }
  libm.close();
});

Deno.test("arguments are drawn from the range of a function, and the same each time", () => {
  for (const name of Object.keys(shared) as Name[]) {
    const [low, high] = shared[name], { x, y } = drawArguments(name, 500);
    for (const value of [...x, ...y]) assert(value >= low && value < high);
    assertEquals(drawArguments(name, 500), { x, y });
  }
});

Deno.test("differences are counted in representable numbers", () => {
  const a = Float64Array.of(1, 1, -1, 5, 0.5), b = a.slice();
  assertEquals(countDifferences(a, b), { count: 0, most: 0 });
  b[1] = 1 + Number.EPSILON;
  b[2] = -1 - 3 * Number.EPSILON;
  assertEquals(countDifferences(a, b), { count: 2, most: 3 });
});

const views: [string, unknown, new (message: string) => Error, string][] = [
  ["null", null, TypeError, "u must be a Float64Array, not null"],
  ["undefined", undefined, TypeError, "not undefined"],
  ["a number", 5, TypeError, "not a number"],
  ["an array", [1, 2, 3, 4], TypeError, "not Array"],
  ["an ArrayBuffer", new ArrayBuffer(32), TypeError, "not ArrayBuffer"],
  ["a DataView", new DataView(new ArrayBuffer(32)), TypeError, "not DataView"],
  ["floats", new Float32Array(8), TypeError, "not Float32Array"],
  ["bytes", new Uint8Array(32), TypeError, "not Uint8Array"],
  ["something dressed up", Object.create(Float64Array.prototype), TypeError, "u must be a Float64Array"],
  ["too short", new Float64Array(3), RangeError, "u must hold 4 numbers, not 3"],
  ["a short part of a longer one", new Float64Array(8).subarray(5), RangeError, "u must hold 4 numbers, not 3"],
  ["shared memory", new Float64Array(new SharedArrayBuffer(32)), TypeError, "u is shared with other threads"],
  ["resizable memory", new Float64Array(new ArrayBuffer(32, { maxByteLength: 64 })), TypeError, "u is resizable"],
];

for (const [name, value, kind, message] of views) {
  Deno.test(`where doubles are wanted, ${name} is refused`, () => {
    assertThrows(() => checkDoubles("u", value, 4), kind, message);
  });
}

Deno.test("doubles that were transferred away are refused, and so is memory that was", () => {
  const doubles = new Float64Array(4), bytes = new Uint8Array(32);
  structuredClone([doubles, bytes], { transfer: [doubles.buffer, bytes.buffer] });
  assertThrows(() => checkDoubles("u", doubles, 0), TypeError, "u has lost its memory");
  assertThrows(() => doublesIn("u", bytes, 0), TypeError, "u has lost its memory");
});

Deno.test("doubles long enough are accepted, whole or part of a longer array", () => {
  checkDoubles("u", new Float64Array(4), 4);
  checkDoubles("u", new Float64Array(9).subarray(3), 4);
  checkDoubles("u", new Float64Array(0), 0);
  checkDoubles("u", new (class Doubles extends Float64Array {})(4), 4);
});

Deno.test("doubles in bytes are found at multiples of 8 and refused elsewhere", () => {
  const buffer = new ArrayBuffer(64);
  new Float64Array(buffer).set([0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals([...doublesIn("b", new Uint8Array(buffer, 16, 24), 3)], [2, 3, 4]);
  assertEquals([...doublesIn("b", new DataView(buffer, 8), 2)], [1, 2]);
  assert(doublesIn("b", new Uint8Array(buffer), 8).buffer === buffer);
  for (let offset = 1; offset < 8; offset++) {
    const message = `b must begin at a multiple of 8 bytes, not at ${offset}`;
    assertThrows(() => doublesIn("b", new Uint8Array(buffer, offset), 2), RangeError, message);
    assertThrows(() => doublesIn("b", new DataView(buffer, offset), 2), RangeError, message);
  }
  assertThrows(() => doublesIn("b", new Uint8Array(buffer, 0, 23), 3), RangeError, "b must hold 24 bytes, not 23");
  assertThrows(() => doublesIn("b", new Float32Array(8), 2), TypeError, "b must be a Uint8Array or DataView");
  assertThrows(() => doublesIn("b", new Uint8Array(new SharedArrayBuffer(64)), 2), TypeError, "shared");
});

Deno.test("whole numbers within bounds are accepted, and nothing else", () => {
  for (const value of [0, 1, 10, -0]) checkInteger("n", value, 0, 10);
  for (const value of [-1, 11, 0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => checkInteger("n", value, 0, 10),
      RangeError,
      `n must be a whole number from 0 to 10, not ${value}`,
    );
  }
  for (const value of ["5", 5n, null, undefined, [5]]) {
    assertThrows(() => checkInteger("n", value, 0, 10), TypeError, "n must be a number");
  }
});

Deno.test("arrays that share a number overlap, neighbours and other memory do not", () => {
  const a = new Float64Array(8);
  checkApart("a and b", a.subarray(0, 4), a.subarray(4), 4);
  checkApart("a and b", a.subarray(4), a.subarray(0, 4), 4);
  checkApart("a and b", a, new Float64Array(8), 8);
  checkApart("a and b", a, a, 0);
  assertThrows(() => checkApart("a and b", a.subarray(0, 5), a.subarray(4), 5), RangeError, "a and b overlap");
  assertThrows(() => checkApart("a and b", a.subarray(4), a.subarray(3), 4), RangeError, "a and b overlap");
  assertThrows(() => checkApart("a and b", a, a, 1), RangeError, "a and b overlap");
});

Deno.test("a function declared with wrong types is found out by a known answer", () => {
  const libc = openLibc();
  assert(libc);
  checkDeclaration("abs", libc.raw.abs(-7), 7);
  const nonsense = libc.raw.abs_misdeclared(-7);
  assertThrows(() => checkDeclaration("abs", nonsense, 7), Error, "abs is declared wrongly");
  libc.close();
});

Deno.test("the checked copy copies just what it is asked to, and a refused one nothing", () => {
  const libc = openLibc();
  assert(libc);
  const memory = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), before = memory.slice();
  const { copy } = libc;
  assertThrows(
    () => copy(memory.subarray(0, 2), Float64Array.of(9, 9, 9), 3),
    RangeError,
    "to must hold 3 numbers, not 2",
  );
  assertThrows(() => copy(memory, Float64Array.of(9, 9), 3), RangeError, "from must hold 3 numbers, not 2");
  assertThrows(() => copy(memory, memory.subarray(1), 2), RangeError, "to and from overlap");
  assertThrows(() => copy(memory, Float64Array.of(9, 9), -1), RangeError, "count must be a whole number");
  assertThrows(
    () => copy(null as unknown as Float64Array, memory, 1),
    TypeError,
    "to must be a Float64Array, not null",
  );
  assertEquals(memory, before);
  copy(memory.subarray(2, 5), Float64Array.of(9, 10), 2);
  assertEquals([...memory], [1, 2, 9, 10, 5, 6, 7, 8]);
  libc.close();
});

Deno.test({
  name: "without the check a null ends the whole process, with it there is a TypeError to catch",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const attempt = async (call: string) => {
      const source = `
        import { openLibc } from ${JSON.stringify(import.meta.resolve("./checked_call.ts"))};
        const { raw, copy } = openLibc(), from = new Float64Array(4);
        try { ${call} } catch (error) { console.log(error.name); }`;
      const args = ["eval", "--no-config", "--no-lock", "--ext=js", source];
      const { code, signal, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
      return { code, signal, printed: new TextDecoder().decode(stdout).trim() };
    };
    assertEquals(await attempt("copy(null, from, 4)"), { code: 0, signal: null, printed: "TypeError" });
    const { signal, printed } = await attempt("raw.memcpy(null, from, 32n)");
    assertEquals({ signal, printed }, { signal: "SIGSEGV", printed: "" });
  },
});

Deno.test("the compares refuse sizes and names that are none", async () => {
  const cases: [string, string[], RegExp][] = [
    ["compare", ["--size=0"], /^error: --size 0: must be a whole number from 1 to 4096\n$/],
    ["compare", ["--size=1.5"], /^error: --size 1.5: must be a whole number from 1 to 4096\n$/],
    ["compare", ["--only=pascal"], /^error: --only pascal: must be one of typescript, c, .*\n$/],
    ["compare_calls", ["--only=sums"], /^error: --only sums: must be one of calls, break_even, libm\n$/],
    ["compare_calls", ["--size=5"], /^error: --size=5 is not a flag of this script/],
  ];
  await Promise.all(cases.map(async ([name, more, expected]) => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, expected);
  }));
});

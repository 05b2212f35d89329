/**
 * What one call of C costs, by what it passes.
 *
 * What to notice: where V8 has compiled the loop, Deno's bridge for a call of plain numbers is a few instructions, no
 * dearer than a call of JavaScript that was not inlined. It must know there which function is called: where one place
 * in the code calls eight of them in turn, V8 leaves the bridge for the general way, at many times the cost. A buffer,
 * whose address must be looked up, takes a few times as long. A structure goes the general way too; a string must first
 * be encoded, which takes longer than the call. Node-API is slower: every argument and result is one more call into the
 * engine. `nonblocking` hands the call to another thread and waits for its answer, which costs thousands of plain calls:
 * it is for C that works for milliseconds.
 *
 * With leave to use all of --allow-ffi, and not only what is built here, two more lines appear: a pointer taken by
 * Deno.UnsafePointer.of, and C that calls back into JavaScript by UnsafeCallback. Under a narrow permission Deno
 * refuses to make either, since with an address one may read all of the process. Node-API has a callback without it.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C compiler.
 *
 * @original none (the book compares ways of calling C by their effort, not by the cost of a call)
 * @run deno run --allow-run=cc --allow-write=. --allow-ffi=. ch08/ffi/call_cost.ts
 * @takes 2 s
 */

import { resolve } from "node:path";
import process from "node:process";

const source = `
#include <stdint.h>
#include <string.h>

void nothing(void) {}
double add_f64(double a, double b) { return a + b; }
int32_t add_i32(int32_t a, int32_t b) { return a + b; }
int64_t add_i64(int64_t a, int64_t b) { return a + b; }
uint64_t add_u64(uint64_t a, uint64_t b) { return a + b; }
double first(const double *values) { return values[0]; }
struct pair { double a, b; };
double add_pair(struct pair p) { return p.a + p.b; }
int32_t length(const char *text) { return strlen(text); }
double call_back(double (*f)(double), double x) { return f(x); }

static const double one = 1;
const void *address_of_one(void) { return &one; }

// Node-API, of which these few declarations are all that is needed here.
typedef struct env *napi_env;
typedef struct value *napi_value;
typedef struct info *napi_info;
int napi_get_cb_info(napi_env, napi_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_value_double(napi_env, napi_value, double *);
int napi_create_double(napi_env, double, napi_value *);
int napi_call_function(napi_env, napi_value, napi_value, size_t, const napi_value *, napi_value *);
int napi_create_function(napi_env, const char *, size_t, napi_value (*)(napi_env, napi_info), void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

static napi_value addon_add(napi_env env, napi_info info) {
  napi_value args[2], result;
  size_t count = 2;
  double a = 0, b = 0;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_get_value_double(env, args[0], &a);
  napi_get_value_double(env, args[1], &b);
  napi_create_double(env, a + b, &result);
  return result;
}
static napi_value addon_call_back(napi_env env, napi_info info) {
  napi_value args[2], self, result;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, args, &self, NULL);
  napi_call_function(env, self, args[0], 1, &args[1], &result);
  return result;
}
int32_t node_api_module_get_api_version_v1(void) { return 8; }
napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "add", 3, addon_add, NULL, &function);
  napi_set_named_property(env, exports, "add", function);
  napi_create_function(env, "callBack", 8, addon_call_back, NULL, &function);
  napi_set_named_property(env, exports, "callBack", function);
  return exports;
}
`;

const add = { name: "add_f64", parameters: ["f64", "f64"], result: "f64" } as const;
const symbols = {
  nothing: { parameters: [], result: "void" },
  add_f64: { parameters: ["f64", "f64"], result: "f64" },
  ...{ add_0: add, add_1: add, add_2: add, add_3: add, add_4: add, add_5: add, add_6: add, add_7: add },
  add_i32: { parameters: ["i32", "i32"], result: "i32" },
  add_i64: { parameters: ["i64", "i64"], result: "i64" },
  add_u64: { parameters: ["u64", "u64"], result: "u64" },
  first: { parameters: ["buffer"], result: "f64" },
  first_at: { name: "first", parameters: ["pointer"], result: "f64" },
  add_pair: { parameters: [{ struct: ["f64", "f64"] }], result: "f64" },
  length: { parameters: ["buffer"], result: "i32" },
  call_back: { parameters: ["function", "f64"], result: "f64" },
  add_elsewhere: { name: "add_f64", parameters: ["f64", "f64"], result: "f64", nonblocking: true },
  address_of_one: { parameters: [], result: "pointer" },
} as const;

interface Addon {
  add(a: number, b: number): number;
  callBack(f: (x: number) => number, x: number): number;
}

/** (module (func (export "add") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))), assembled. */
const wasm = Uint8Array.fromHex(
  "0061736d0100000001070160027c7c017c030201000707010361646400000a09010700200020" + "01a00b",
);

/** Compiles and opens the library in a folder that is gone afterwards, also after an error or Ctrl-C. Null without a compiler. */
async function build(folder: string) {
  const stop = new AbortController();
  const interrupt = () => {
    stop.abort();
    Deno.removeSync(temporary, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const temporary = Deno.makeTempDirSync({ dir: folder });
  try {
    const file = `${temporary}/calls.c`, library = resolve(temporary, "calls.so");
    Deno.writeTextFileSync(file, source);
    const flags = ["-O3", "-march=native", "-fopenmp-simd", "-shared", "-fPIC"];
    // The functions of Node-API are in the program that loads the library; the linker of macOS must be told.
    if (Deno.build.os === "darwin") flags.push("-undefined", "dynamic_lookup");
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("cc", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`cc:\n${new TextDecoder().decode(stderr)}`);
    const module = { exports: {} as Addon };
    process.dlopen(module, library);
    return { library: Deno.dlopen(library, symbols), addon: module.exports };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSync(temporary, { recursive: true });
  }
}

/** Calls something `count` times, so that the result is `count`. */
export type Repeat = (count: number) => number | Promise<number>;

/**
 * Loops of calls by what they pass. Each is written out, so that V8 compiles each call for the one function it calls.
 *
 * @returns null where there is no C compiler
 */
export async function openCalls({ folder = "." } = {}) {
  const built = await build(folder);
  if (!built) return null;
  const { library, addon } = built, c = library.symbols;
  const inWasm = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.add as (a: number, b: number) => number;
  // Too long to be inlined, for the sake of what is never executed.
  const inJavaScript = new Function("a", "b", `if (a !== a) { ${"a = Math.sin(a * b);".repeat(100)} } return a + b;`);
  const ones = Float64Array.of(1, 1), pair = new Float64Array(2), pairBytes = new Uint8Array(pair.buffer);
  const text = "sixteen letters.", bytes = new Uint8Array(32), encoder = new TextEncoder();
  const atOne = c.address_of_one();
  const eight = [c.add_0, c.add_1, c.add_2, c.add_3, c.add_4, c.add_5, c.add_6, c.add_7];

  const calls: Record<string, Repeat> = {
    "JavaScript, not inlined": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = inJavaScript(x, 1);
      return x;
    },
    "WebAssembly": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = inWasm(x, 1);
      return x;
    },
    "FFI: nothing": (count) => {
      let i = 0;
      for (; i < count; i++) c.nothing();
      return i;
    },
    "FFI: i32": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = c.add_i32(x, 1);
      return x;
    },
    "FFI: f64": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = c.add_f64(x, 1);
      return x;
    },
    "FFI: f64, eight functions": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = eight[i & 7](x, 1);
      return x;
    },
    "FFI: i64 (BigInt)": (count) => {
      let x = 0n;
      for (let i = 0; i < count; i++) x = c.add_i64(x, 1n);
      return Number(x);
    },
    "FFI: u64 (BigInt)": (count) => {
      let x = 0n;
      for (let i = 0; i < count; i++) x = c.add_u64(x, 1n);
      return Number(x);
    },
    "FFI: buffer": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += c.first(ones);
      return x;
    },
    "FFI: pointer": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += c.first_at(atOne);
      return x;
    },
    "FFI: structure": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) {
        pair[0] = x;
        pair[1] = 1;
        x = c.add_pair(pairBytes);
      }
      return x;
    },
    "FFI: string of 16": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) {
        bytes[encoder.encodeInto(text, bytes).written] = 0;
        x += c.length(bytes) - 15;
      }
      return x;
    },
    "FFI: f64, nonblocking": async (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = await c.add_elsewhere(x, 1);
      return x;
    },
    "Node-API: f64": (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = addon.add(x, 1);
      return x;
    },
    "Node-API: C calls back": (count) => {
      let x = 0;
      const increment = (x: number) => x + 1;
      for (let i = 0; i < count; i++) x = addon.callBack(increment, x);
      return x;
    },
  };

  let callback: Deno.UnsafeCallback<{ parameters: ["f64"]; result: "f64" }> | undefined;
  if ((await Deno.permissions.query({ name: "ffi" })).state === "granted") {
    const { pointer } = callback = new Deno.UnsafeCallback({ parameters: ["f64"], result: "f64" }, (x) => x + 1);
    calls["FFI: pointer taken anew"] = (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += c.first_at(Deno.UnsafePointer.of(ones));
      return x;
    };
    calls["FFI: C calls back"] = (count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x = c.call_back(pointer, x);
      return x;
    };
  }

  return {
    calls,
    close() {
      callback?.close();
      library.close();
    },
  };
}

/** The shortest of several times of `repeat`, in ns a call. Throws if the result is not the number of calls. */
async function cost(repeat: Repeat): Promise<number> {
  let count = 100, shortest = Infinity;
  const time = async () => {
    const start = performance.now(), result = await repeat(count);
    if (result !== count) throw new Error(`${count} calls came to ${result}`);
    return (performance.now() - start) * 1e6;
  };
  // As many calls as take some milliseconds, counted anew as the compiler makes them faster.
  for (let ns = 0; ns < 4e6; count *= 2) ns = await time();
  for (let i = 0; i < 5; i++) shortest = Math.min(shortest, await time() / count);
  return shortest;
}

if (import.meta.main) {
  const opened = await openCalls();
  if (!opened) {
    console.error(
      "error: no C compiler, whose functions were to be called from here; install one: apt-get install gcc libc6-dev",
    );
    Deno.exit(2);
  }
  const { calls, close } = opened;
  console.log("ns a call");
  for (const [name, repeat] of Object.entries(calls)) {
    console.log(`${name.padEnd(26)}${(await cost(repeat)).toFixed(1).padStart(9)}`);
  }
  close();
}

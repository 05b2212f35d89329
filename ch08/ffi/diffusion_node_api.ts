/**
 * Diffusion as a Node-API addon in C: the other border between JavaScript and native code, with checks.
 *
 * What to notice: a foreign function is told addresses and believes them. An addon is handed JavaScript's own values and
 * must ask what they are: that makes it longer, and a call of it dearer, but here a wrong type or length is an
 * exception and no crash. Node-API is stable and binary: the same file runs in Node, Deno and Bun, and its headers come
 * by npm. For one call a step neither border is felt.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C compiler.
 *
 * @original 08_compiling/cpython_module/cdiffusion/python_interface.c
 * @run deno run --allow-run=cc --allow-write=. --allow-ffi=. ch08/ffi/diffusion_node_api.ts
 * @takes 1 s
 */

import { resolve } from "node:path";
import process from "node:process";
import headers from "npm:node-api-headers@1.9.0";

const source = `
#include <node_api.h>
#include <stdint.h>

static void step(const double *restrict u, double *restrict next, int32_t n, double dt) {
  const int32_t last = n - 1;
  for (int32_t i = 0; i < n; i++) {
    const double *row = u + (int64_t)i * n;
    const double *above = u + (int64_t)(i == 0 ? last : i - 1) * n;
    const double *below = u + (int64_t)(i == last ? 0 : i + 1) * n;
    double *out = next + (int64_t)i * n;
    for (int32_t j = 1; j < last; j++) {
      out[j] = row[j] + dt * (above[j] + below[j] + row[j - 1] + row[j + 1] - 4 * row[j]);
    }
    out[0] = row[0] + dt * (above[0] + below[0] + row[last] + row[1 % n] - 4 * row[0]);
    out[last] = row[last] + dt * (above[last] + below[last] + row[(last + last) % n] + row[0] - 4 * row[last]);
  }
}

// The n x n numbers of a Float64Array, or NULL where the value is none or holds fewer.
static double *grid_of(napi_env env, napi_value value, int32_t n) {
  bool typed = false;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return NULL;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_float64_array && length >= (size_t)n * n ? data : NULL;
}

static bool is_number(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_number;
}

static napi_value diffusion_step(napi_env env, napi_callback_info info) {
  napi_value args[4];
  size_t count = 4;
  int32_t n;
  double dt;
  // Asked first, because not every runtime refuses to read a number out of a string.
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count < 4 ||
      !is_number(env, args[2]) || napi_get_value_int32(env, args[2], &n) != napi_ok ||
      !is_number(env, args[3]) || napi_get_value_double(env, args[3], &dt) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected (u, next, n, dt)");
    return NULL;
  }
  if (n < 1) {
    napi_throw_range_error(env, NULL, "n must be at least 1");
    return NULL;
  }
  const double *u = grid_of(env, args[0], n);
  double *next = grid_of(env, args[1], n);
  if (!u || !next || (u < next + (size_t)n * n && next < u + (size_t)n * n)) {
    napi_throw_type_error(env, NULL, "u and next must be two Float64Arrays of n x n values that do not overlap");
    return NULL;
  }
  step(u, next, n, dt);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "diffusion_step", NAPI_AUTO_LENGTH, diffusion_step, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "diffusion_step", function) != napi_ok) return NULL;
  return exports;
}
`;

export interface Addon {
  /** One step on n x n values. Throws TypeError or RangeError, from C, where the arguments are no such grids. */
  diffusion_step(u: Float64Array, next: Float64Array, n: number, dt: number): void;
}

// Nothing is added in another order, and nothing fused, so that the result is that of TypeScript to the bit.
const flags = ["-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC", `-I${headers.include_dir}`];
// The functions of Node-API are in the program that loads the addon; the linker of macOS must be told.
if (Deno.build.os === "darwin") flags.push("-undefined", "dynamic_lookup");

/** Compiles the addon in a folder of its own below `folder`, loads it, and removes the folder: also after an error or Ctrl-C. */
export async function build(folder = "."): Promise<Addon | null> {
  const stop = new AbortController();
  const interrupt = () => {
    stop.abort();
    Deno.removeSync(temporary, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const temporary = Deno.makeTempDirSync({ dir: folder });
  try {
    const file = `${temporary}/diffusion.c`, library = resolve(temporary, "diffusion.node");
    Deno.writeTextFileSync(file, source);
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("cc", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`cc:\n${new TextDecoder().decode(stderr)}`);
    const module = { exports: {} as Addon };
    process.dlopen(module, library);
    return module.exports;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSync(temporary, { recursive: true });
  }
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @returns null where there is no C compiler
 */
export async function experiment(size: number, { folder = "." } = {}) {
  const addon = await build(folder);
  if (!addon) return null;
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float64Array(size * size), next = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        addon.diffusion_step(u, next, size, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => u,
    /** An addon stays loaded until the process ends. */
    close() {},
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const prepared = await experiment(size);
  if (!prepared) {
    console.error(
      "error: no C compiler, whose loop was to be called from here; install one: apt-get install gcc libc6-dev",
    );
    Deno.exit(2);
  }
  const { run, grid, close } = prepared;
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const spread = () => grid().reduce((sum, u, k) => sum + u * ((k % size) ** 2 + Math.floor(k / size) ** 2), 0);
  const before = mass(), wide = spread() / before, start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  // Nothing is lost, and the mean square distance grows by 4 dt a step as long as nothing comes round the edge.
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  const growth = spread() / mass() - wide;
  if (Math.abs(growth / (0.4 * steps) - 1) > 1e-6) throw new Error(`spread by ${growth}, not by ${0.4 * steps}`);
  close();
}

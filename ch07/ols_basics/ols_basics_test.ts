import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { DAYS, fromCsv, fromParquet, generate, toCsv, toParquet } from "./generate_data.ts";
import * as closedForm from "./ols_closed_form.ts";
import * as estimator from "./ols_estimator.ts";
import * as householder from "./ols_householder.ts";
import * as library from "./ols_library.ts";
import * as normalEquations from "./ols_normal_equations.ts";
import * as pseudoInverse from "./ols_pseudo_inverse.ts";
import { extremes } from "./plot_min_max_slopes.ts";
import { byPurpose, profileEstimator } from "./profile_estimator.ts";

const root = new URL("../../", import.meta.url);
const routes = { closedForm, estimator, householder, library, normalEquations, pseudoInverse };

/** The slope in fractions of whole numbers: a double is one, and only the last division rounds. */
function rationalSlope(y: ArrayLike<number>): number {
  const scale = 2n ** 60n, n = BigInt(y.length);
  let sum = 0n;
  for (let x = 0; x < y.length; x++) {
    const whole = BigInt(Math.round(y[x] * 2 ** 30)) * 2n ** 30n;
    sum += (2n * BigInt(x) - n + 1n) * whole;
  }
  // In units of 2^-60, with twenty digits more for the division.
  return Number(sum * 6n * 10n ** 20n / (n * (n * n - 1n))) / 1e20 / Number(scale);
}

Deno.test("every route finds the slope that exact fractions give, for 2 to 40 days", () => {
  const hours = generate(60, 7);
  for (let n = 2; n <= 40; n++) {
    // Rounded to 30 binary digits, so that the fractions hold the very same numbers.
    const y = Float64Array.from(hours.subarray(n * 11, n * 12), (value) => Math.round(value * 2 ** 30) / 2 ** 30);
    const row = Float64Array.from({ length: n }, (_, i) => y[i % y.length] + (i % 3) / 4);
    const expected = rationalSlope(row);
    for (const [name, { slope }] of Object.entries(routes)) {
      const error = Math.abs(slope(row) - expected);
      assert(error <= 1e-9, `${name}, ${n} days: off by ${error}`);
    }
  }
});

Deno.test("the routes that take any x find the slope that NIST certifies for its data set Norris", () => {
  // NIST, Statistical Reference Datasets, Linear Regression, Norris: slope 1.00211681802045.
  const norris: [y: number, x: number][] = [
    [0.1, 0.2],
    [338.8, 337.4],
    [118.1, 118.2],
    [888.0, 884.6],
    [9.2, 10.1],
    [228.1, 226.5],
    [668.5, 666.3],
    [998.5, 996.3],
    [449.1, 448.6],
    [778.9, 777.0],
    [559.2, 558.2],
    [0.3, 0.4],
    [0.1, 0.6],
    [778.1, 775.5],
    [668.8, 666.9],
    [339.3, 338.0],
    [448.9, 447.5],
    [10.8, 11.6],
    [557.7, 556.0],
    [228.3, 228.1],
    [998.0, 995.8],
    [888.8, 887.6],
    [119.6, 120.2],
    [0.3, 0.3],
    [0.6, 0.3],
    [557.6, 556.8],
    [339.3, 339.1],
    [888.0, 887.2],
    [998.5, 999.0],
    [778.9, 779.0],
    [10.2, 11.1],
    [117.6, 118.3],
    [228.9, 229.2],
    [668.4, 669.1],
    [449.2, 448.9],
    [0.2, 0.5],
  ];
  const y = norris.map(([y]) => y), at = (i: number) => norris[i][1];
  for (const { slope } of [normalEquations, householder]) {
    assert(Math.abs(slope(y, at) - 1.00211681802045) < 1e-13);
  }
});

Deno.test("far from zero the normal equations lose the slope and Householder's reflections keep it", () => {
  const seconds = (i: number) => 1.7e9 + i, y = Array.from({ length: 14 }, (_, i) => 3 + i / 8);
  assert(Math.abs(householder.slope(y, seconds) - 0.125) < 1e-6);
  assert(!(Math.abs(normalEquations.slope(y, seconds) - 0.125) < 0.01));
});

Deno.test("a NaN among the days makes every route's slope NaN", () => {
  const row = Float64Array.from({ length: DAYS }, (_, i) => i === 5 ? NaN : i);
  for (const [name, { slope }] of Object.entries(routes)) assertEquals(slope(row), NaN, name);
});

Deno.test("one day and none have no slope, and every route says so", () => {
  for (const { slope } of Object.values(routes)) {
    assertThrows(() => slope([1]), RangeError, "a slope needs two days or more, not 1");
    assertThrows(() => slope([]), RangeError, "a slope needs two days or more, not 0");
  }
});

Deno.test("rows of different lengths may follow each other", () => {
  for (const [name, { slope }] of Object.entries(routes)) {
    for (const n of [14, 3, 14, 2, 30]) {
      const row = Float64Array.from({ length: n }, (_, i) => 2 - i / 16);
      assert(Math.abs(slope(row) + 1 / 16) < 1e-12, `${name}, ${n} days`);
    }
  }
});

Deno.test("the estimator's slope does not depend on its statistics", () => {
  const row = generate(1);
  assertEquals(estimator.slope(row, { statistics: false }), estimator.slope(row));
});

Deno.test("the minutes are whole, the same for a seed, and spread as Poisson(60) says", () => {
  const hours = generate(5000), minutes = hours.map((value) => value * 60), n = minutes.length;
  assertEquals(hours, generate(5000));
  assert(minutes.every((value) => Math.abs(value - Math.round(value)) < 1e-9));
  const mean = minutes.reduce((sum, value) => sum + value, 0) / n;
  const moment = (power: number) => minutes.reduce((sum, value) => sum + (value - mean) ** power, 0) / n;
  assert(Math.abs(mean - 60) < 0.15, `mean ${mean}`);
  assert(Math.abs(moment(2) - 60) < 1.5, `variance ${moment(2)}`);
  // The third central moment of a Poisson distribution is its mean, too.
  assert(Math.abs(moment(3) - 60) < 60, `third moment ${moment(3)}`);
});

Deno.test("Parquet and CSV hold what was written, to the last bit", async () => {
  const hours = generate(300);
  assertEquals(await fromParquet(toParquet(hours)), hours);
  assertEquals(fromCsv(toCsv(hours)), hours);
  assertMatch(toCsv(hours), /^day0,day1,.*,day13\n/);
});

Deno.test("a Parquet file that is cut off is refused", async () => {
  const file = toParquet(generate(50));
  for (const length of [0, 3, file.byteLength - 20]) {
    let message = "";
    await fromParquet(file.slice(0, length)).catch((error: Error) => message = error.message);
    assertMatch(message, /parquet/i, `${length} bytes`);
  }
});

Deno.test("the extremes are those of a sort, and who has a NaN is passed over", () => {
  const hours = generate(1000);
  const slopes = Array.from({ length: 1000 }, (_, i) => rationalSlope(hours.subarray(i * DAYS, (i + 1) * DAYS)));
  const order = slopes.map((_, i) => i).sort((a, b) => slopes[a] - slopes[b]);
  const found = extremes(hours);
  assertEquals([found.min.person, found.max.person], [order[0], order.at(-1)]);
  hours[order[0] * DAYS + 3] = NaN;
  assertEquals(extremes(hours).min.person, order[1]);
});

Deno.test("no people, people without a slope, and a last one with days missing are refused", () => {
  assertThrows(() => extremes(new Float64Array(0)), RangeError, "there is nobody with a slope");
  assertThrows(() => extremes(new Float64Array(DAYS).fill(NaN)), RangeError, "there is nobody with a slope");
  assertThrows(() => extremes(new Float64Array(DAYS + 1)), RangeError, "15 values are not 14 for each person");
});

Deno.test("the profile of the estimator accounts for all of its time, and its statistics for some of its memory", async () => {
  const whole = await profileEstimator(800), plain = await profileEstimator(800, { statistics: false });
  const shares = byPurpose(whole.functions).reduce((sum, { share }) => sum + share, 0);
  assert(Math.abs(shares - 1) < 1e-9);
  assertEquals(whole.functions.find(({ name }) => name === "SingularValueDecomposition")?.purpose, "decomposition");
  // 28 numbers of X alone are 224 bytes.
  assert(plain.bytes > 1000 && whole.bytes > plain.bytes, `${whole.bytes} and ${plain.bytes} bytes`);
});

Deno.test("generate_data refuses bad flags with code 2 and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/file`, "");
    const script = new URL("generate_data.ts", import.meta.url).href;
    const { run } = parseHeader(await Deno.readTextFile(new URL(script)));
    const command = run.replace("ch07/ols_basics/generate_data.ts", script);
    const refused: [string[], RegExp][] = [
      [["--people=0"], /^error: --people 0: must be a whole number from 1 to 1000000\n$/],
      [["--people=1.5"], /^error: --people 1\.5: must be/],
      [["--people=1e9"], /^error: --people 1e9: must be/],
      [["--out"], /^error: --out: needs a folder\n$/],
      [["--people=5", "--out=file"], /^error: .*file/],
      [["--people=5", "--out=/nowhere/at/all"], /^error: --out \/nowhere\/at\/all: run this with --allow-read and/],
      [["--seed=5"], /^error: --seed=5 is not a flag of this script/],
      [["people"], /^error: people is not a flag of this script/],
    ];
    for (const [more, message] of refused) {
      const { code, stderr, stdout } = await runScript(command, { cwd: folder, more });
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, message);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
    const kept = await runScript(command, { cwd: folder, more: ["--people=3", "--out=a/b"] });
    assertEquals(kept.code, 0, kept.stderr);
    assertEquals((await Deno.readTextFile(`${folder}/a/b/people.csv`)).trim().split("\n").length, 4);
    assertEquals(await fromParquet((await Deno.readFile(`${folder}/a/b/people.parquet`)).buffer), generate(3));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the compare refuses sections that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  const { code, stderr } = await runScript(run, { cwd: root, more: ["--only=route"] });
  assertEquals(code, 2);
  assertMatch(stderr, /^error: --only route: must be one of data, routes, profile, extremes\n$/);
});

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { decode } from "fast-png";
import { runScript } from "../../bench/lib/script.ts";
import {
  abs,
  absBySquares,
  calculateZSerial,
  drawFalseColour,
  drawGreyscale,
  experiment,
  makeInputs,
} from "./julia.ts";
import { emptyMeasurements, juliaSum, parseConsoleTime, repeat, resolution, timeAllWays } from "./timing.ts";

const root = new URL("../../", import.meta.url);
const julia = "deno run ch02/cpu_profiling/julia.ts";

/** The counts by the formula in real numbers, point by point. */
function escapeTimes(width: number): number[] {
  const counts: number[] = [];
  for (let row = 0, y = 1.8; row < width; row++, y -= 3.6 / width) {
    for (let column = 0, x = -1.8; column < width; column++, x += 3.6 / width) {
      let re = x, im = y, n = 0;
      for (; n < 300 && re * re + im * im < 4; n++) [re, im] = [re * re - im * im - 0.62772, 2 * re * im - 0.42193];
      counts.push(n);
    }
  }
  return counts;
}

Deno.test("the counts agree with the formula in real numbers, by either way of |z|", () => {
  for (const width of [1, 2, 37, 120]) {
    for (const magnitude of [abs, absBySquares]) {
      const { run, counts } = experiment(width, magnitude);
      run();
      assertEquals(counts(), escapeTimes(width));
    }
  }
});

// That the sum for 1000 x 1000 is the book's, the scripts check whenever they are run.
Deno.test("the sum that is timed is that of the counts", () => {
  assertEquals(juliaSum(150), escapeTimes(150).reduce((sum, n) => sum + n));
});

Deno.test("inputs go row by row from the top left, with the same c for each", () => {
  const { xs, zs, cs } = makeInputs(4);
  assertEquals(xs.length, 4);
  assertEquals([zs.length, cs.length], [16, 16]);
  assertEquals(zs[0], { re: -1.8, im: 1.8 });
  assertAlmostEquals(zs[15].re, 0.9, 1e-12);
  assertAlmostEquals(zs[15].im, -0.9, 1e-12);
  assert(cs.every(({ re, im }) => re === -0.62772 && im === -0.42193));
});

Deno.test("no more is counted than the limit, and nothing of what is outside at once", () => {
  const inside = { re: 0, im: 0 }, outside = { re: 2, im: 0 }, none = { re: 0, im: 0 };
  assertEquals(calculateZSerial(7, [inside, outside], [none, none]), [7, 0]);
  assertEquals(calculateZSerial(7, [], []), []);
});

Deno.test("the pictures have the right size, and their colours say the counts", async () => {
  const counts = [0, 150, 300, 1];
  const grey = decode(await drawGreyscale(counts, 2, 300));
  assertEquals([grey.width, grey.height, grey.channels], [2, 2, 1]);
  assertEquals([...grey.data], [0, 128, 255, 1]);
  const colour = decode(await drawFalseColour(counts, 2, 300));
  assertEquals([colour.width, colour.height, colour.channels], [2, 2, 3]);
  assertEquals([...colour.data.slice(6, 9)], [0, 0, 0]);
  // 0 and 1 look alike in grey.
  const [first, last] = [colour.data.slice(0, 3), colour.data.slice(9, 12)];
  assert(Math.hypot(...[0, 1, 2].map((k) => first[k] - last[k])) > 50, `${first} and ${last}`);
});

Deno.test("--draw writes two pictures where it may, and says so where it may not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const run = julia.replace("run", `run --allow-write=${folder}`), more = ["--width=20"];
    const drawn = await runScript(run, { cwd: root, more: [...more, `--draw=${folder}/set`] });
    assertEquals(drawn.code, 0, drawn.stderr);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["set_false_colour.png", "set_greyscale.png"]);
    assertEquals(decode(await Deno.readFile(`${folder}/set_greyscale.png`)).width, 20);
    for (const refused of [`--draw=${folder}/none/set`, "--draw"]) {
      const { code, stderr } = await runScript(run, { cwd: root, more: [...more, refused] });
      assertEquals(code, 2);
      assertMatch(stderr, /^error: --draw: cannot write .*greyscale\.png: .*\n$/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("bad flags of the Julia set are refused with one line and exit code 2", async () => {
  for (const flag of ["--width=0", "--width=4001", "--width=ten", "--width", "--colour"]) {
    const { code, stdout, stderr } = await runScript(julia, { cwd: root, more: [flag] });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^error: --(width=.*: must be a whole number from 1 to 4000|colour is not a flag.*)\n$/);
  }
});

Deno.test("what console.timeEnd prints is read in all its units", () => {
  assertEquals(parseConsoleTime("call: 12.345ms"), 12.345);
  assertEquals(parseConsoleTime("call: 7ms"), 7);
  assertEquals(parseConsoleTime("call: 1.234s"), 1234);
  assertEquals(parseConsoleTime("call: 2:03.500 (m:ss.mmm)"), 123_500);
  assertThrows(() => parseConsoleTime("call"), Error, "console.timeEnd printed call");
});

Deno.test("every clock sees a pause of known length, and none leaves its marks behind", () => {
  const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  const times = timeAllWays(pause);
  assertEquals(Object.keys(times).length, 5);
  // Date.now may be a millisecond short.
  for (const [clock, time] of Object.entries(times)) assert(time >= 58 && time < 600, `${clock}: ${time} ms`);
  assertEquals(performance.getEntries().length, 0);
});

Deno.test("a clock's resolution is its smallest step, and an empty measurement costs something", () => {
  const steps = [3, 0, 0, 0.5, 2, 0, 0.25, 7];
  let now = 0, calls = 0;
  assertEquals(resolution(() => now += steps[calls++ % steps.length], 50), 0.25);
  for (const [clock, cost] of Object.entries(emptyMeasurements(50))) assert(cost > 0 && cost < 50, `${clock}: ${cost}`);
});

Deno.test("of repeated runs the best is not above the median, nor that above the worst", () => {
  let calls = 0;
  const { best, median, worst } = repeat(() => calls++, 7);
  assertEquals(calls, 7);
  assert(0 <= best && best <= median && median <= worst);
  assertThrows(() => repeat(() => {}, 0), RangeError);
});

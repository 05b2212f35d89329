import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Julia, type Report, timed, timeFunction, wrapperCost } from "./julia_decorator.ts";

/** A report that keeps what it hears. */
function listen(): { heard: [string, number][]; report: Report } {
  const heard: [string, number][] = [];
  return { heard, report: (name, milliseconds) => void heard.push([name, milliseconds]) };
}

/** What is printed while a function runs. */
async function printed(call: () => unknown): Promise<string[]> {
  const lines: string[] = [], log = console.log;
  console.log = (line: string) => void lines.push(line);
  try {
    await call();
  } finally {
    console.log = log;
  }
  return lines;
}

const pause = (milliseconds: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

Deno.test("a timed function keeps its name, its number of arguments, its this and its result", () => {
  const { heard, report } = listen();
  function scale(this: { factor: number }, a: number, b: number) {
    return this.factor * (a + b);
  }
  const timedScale = timeFunction(scale, report);
  assertEquals([timedScale.name, timedScale.length], ["scale", 2]);
  assertEquals(timedScale.call({ factor: 3 }, 1, 2), 9);
  assertEquals(heard.map(([name]) => name), ["scale"]);
});

Deno.test("what is reported is the time of the call, also of one that throws, and the error is the same", () => {
  const { heard, report } = listen(), error = new RangeError("no");
  timeFunction(() => pause(40), report, "pauses")();
  const caught = assertThrows(() =>
    timeFunction(
      () => {
        pause(40);
        throw error;
      },
      report,
      "throws",
    )()
  );
  assertStrictEquals(caught, error);
  assertEquals(heard.map(([name]) => name), ["pauses", "throws"]);
  for (const [name, time] of heard) assert(time >= 39 && time < 400, `${name}: ${time} ms`);
});

Deno.test("of a promise the time until it settles is reported, and the promise is handed on", async () => {
  const { heard, report } = listen(), { promise, resolve } = Promise.withResolvers<number>();
  const same = timeFunction(() => promise, report, "later")();
  assertStrictEquals(same, promise);
  assertEquals(heard, []);
  setTimeout(() => resolve(7), 40);
  assertEquals(await same, 7);
  assertEquals(heard.length, 1);
  assert(heard[0][1] >= 39, `${heard[0][1]} ms`);
  await assertRejects(
    () => timeFunction(() => Promise.reject(new TypeError("no")), report, "rejects")(),
    TypeError,
    "no",
  );
  assertEquals(heard.map(([name]) => name), ["later", "rejects"]);
});

Deno.test("the decorator works on methods that are static, inherited or asynchronous", async () => {
  class Base {
    factor = 2;
    @timed
    twice(x: number) {
      return this.factor * x;
    }
    @timed
    static make() {
      return new this();
    }
    @timed
    async later(x: number) {
      return await Promise.resolve(this.factor * x);
    }
  }
  class Derived extends Base {
    override factor = 5;
  }
  const lines = await printed(async () => {
    const derived = Derived.make();
    assert(derived instanceof Derived);
    assertEquals([derived.twice(3), await derived.later(3)], [15, 15]);
    assertEquals(derived.twice.name, "twice");
  });
  const names = ["make", "twice", "later"];
  assertEquals(lines.map((line) => line.replace(/[\d.]+ seconds/, "")), names.map((name) => `@timed: ${name} took `));
});

Deno.test("the timed Julia set counts as the formula does, and reports the inner call before the outer", async () => {
  const lines = await printed(() => {
    let expected = 0;
    for (let row = 0, y = 1.8; row < 50; row++, y -= 3.6 / 50) {
      for (let column = 0, x = -1.8; column < 50; column++, x += 3.6 / 50) {
        let re = x, im = y;
        for (let n = 0; n < 300 && re * re + im * im < 4; n++, expected++) {
          [re, im] = [re * re - im * im - 0.62772, 2 * re * im - 0.42193];
        }
      }
    }
    assertEquals(new Julia(50, 300).calcPure(), expected);
  });
  assertEquals(lines.map((line) => line.split(" ")[1]), ["calculateZSerial", "calcPure"]);
});

Deno.test("the wrapper costs something at each call", () => {
  const { plain, wrapped } = wrapperCost(20_000);
  assert(plain > 0 && wrapped > plain && wrapped < 1e6, `${plain} and ${wrapped} ns`);
});

/**
 * What stands in the way of fast TypeScript: a function that meets another type, a garbage collector that stops the
 * program, and one thread for everything.
 *
 * What to notice: a function that has only seen numbers is compiled for numbers. The first text throws that code away, and
 * what V8 compiles then allows for both, so that it stays slower when only numbers come again. A collection costs little
 * where everything is dropped soon; where much is kept for a while, it has to be copied, and the one step in which that
 * happens takes many times as long as the others. And while a function computes nothing else happens in its thread:
 * no timer, no request. Cut into pieces with a pause between them the same work lets others in; in a worker it does not
 * even delay them (chapter 10).
 *
 * @original none, chapter 1's question on hurdles to performant code
 * @run deno run ch01/hurdles.ts
 * @takes 2 s
 */

/** Adds up something that `+` knows. */
// deno-lint-ignore no-explicit-any
const addUp = (values: readonly any[]) => {
  let sum = values[0];
  for (let i = 1; i < values.length; i++) sum += values[i];
  return sum;
};

let copies = 0;
/** A copy that has seen nothing yet: V8 keeps what it learns by the text of a function, so each gets a text of its own. */
function freshCopy(): typeof addUp {
  return new Function(`return ${addUp} // copy ${++copies}`)();
}

/** ns an element: numbers alone, then the one call with texts, then numbers again. All results are checked. */
export function meetAnotherType(count = 1000, calls = 10_000): { before: number; meeting: number; after: number } {
  const sum = freshCopy(), expected = count * (count - 1) / 2;
  const numbers = Array.from({ length: count }, (_, i) => i), texts = numbers.map(() => "a");
  const typical = () => {
    const times: number[] = [];
    for (let call = 0; call < calls; call++) {
      const start = performance.now(), result = sum(numbers);
      times.push(performance.now() - start);
      if (result !== expected) throw new Error(`the sum is ${expected}, not ${result}`);
    }
    // The last half: by then V8 has compiled what it will compile.
    return times.slice(calls / 2).sort((a, b) => a - b)[calls / 4] / count * 1e6;
  };
  const before = typical(), start = performance.now(), text = sum(texts);
  const meeting = (performance.now() - start) / count * 1e6;
  if (text !== "a".repeat(count)) throw new Error("the texts were not joined");
  return { before, meeting, after: typical() };
}

/**
 * Many equal steps, each of which makes some thousand small objects, of which the last `kept` steps' are kept; or writes
 * the same numbers over those of an earlier step in a typed array. Milliseconds: the median step and the longest.
 */
export function longestPause(how: "objects" | "typed array", steps = 400, each = 5000, kept = 100) {
  const times: number[] = [], ring: { x: number; y: number }[][] = [];
  const flat = new Float64Array(2 * each * kept);
  const objects = (step: number) => {
    ring[step % kept] = Array.from({ length: each }, (_, i) => ({ x: step, y: i }));
  };
  const numbers = (step: number) => {
    for (let i = 0, at = step % kept * 2 * each; i < each; i++) flat[at++] = step, flat[at++] = i;
  };
  const work = how === "objects" ? objects : numbers;
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    work(step);
    times.push(performance.now() - start);
  }
  const sum = how === "objects"
    ? ring.flat().reduce((sum, { x, y }) => sum + x + y, 0)
    : flat.reduce((sum, value) => sum + value, 0);
  const expected = each * kept * ((each - 1) / 2 + steps - (kept + 1) / 2);
  if (sum !== expected) throw new Error(`${how}: what is kept adds up to ${sum}, not ${expected}`);
  // The first steps are not yet compiled.
  const sorted = times.slice(steps / 4).sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], longest: sorted.at(-1)! };
}

/**
 * Work of about `milliseconds` beside a timer that wants to fire every millisecond: in one piece, or in pieces with a look
 * at the event loop after each. Returns how often the timer fired during the work, and the longest time it had to wait (ms).
 */
export async function timerBesideWork(
  milliseconds: number,
  piece: number,
): Promise<{ fired: number; longest: number }> {
  let fired = 0, longest = 0, last = performance.now();
  const tick = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(() => (tick(), fired++), 1);
  try {
    for (let left = milliseconds; left > 0; left -= piece) {
      for (const end = performance.now() + Math.min(piece, left); performance.now() < end;);
      // What waits gets its turn: a timer of zero joins the queue behind it.
      if (left > piece) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    tick();
    return { fired, longest };
  } finally {
    clearInterval(timer);
  }
}

if (import.meta.main) {
  const { before, meeting, after } = meetAnotherType();
  console.log("one function, ns an element");
  console.log(`  numbers only        ${before.toFixed(2)}`);
  console.log(`  the call with texts ${meeting.toFixed(2)}`);
  console.log(`  numbers again       ${after.toFixed(2)}, ${(after / before).toFixed(1)}x`);

  console.log("400 equal steps, ms     median   longest");
  for (const how of ["objects", "typed array"] as const) {
    const { median, longest } = longestPause(how);
    const cells = [median, longest].map((time) => time.toFixed(3).padStart(9));
    console.log(`  ${how.padEnd(18)}`, ...cells, `${(longest / median).toFixed(0)}x`.padStart(6));
  }

  console.log("a timer of 1 ms beside work of 100 ms");
  for (const piece of [100, 10, 2]) {
    const { fired, longest } = await timerBesideWork(100, piece);
    console.log(
      `  in pieces of ${`${piece}`.padStart(3)} ms   fired ${fired} times, once after ${longest.toFixed(1)} ms`,
    );
    if (piece === 100 ? fired !== 0 : fired === 0) throw new Error(`in pieces of ${piece} ms it fired ${fired} times`);
  }
}

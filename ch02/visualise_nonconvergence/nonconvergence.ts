/**
 * Two points of the Julia set's plane, one that escapes and one that does not: |z| after each step.
 *
 * What to notice: -0.82 leaves the circle of radius 2 in its tenth step. 0 comes into a round of seven steps below it,
 * and the loop, which does not know that, goes on to the limit of 300. So one point costs 30 times as much as another,
 * and nothing about the two tells beforehand; a profile of the whole picture is a mixture of both.
 *
 * @original 02_profiling/visualise_nonconvergence/
 * @run deno run ch02/visualise_nonconvergence/nonconvergence.ts
 * @takes 1 s
 */

export interface Complex {
  re: number;
  im: number;
}

export const limit = 300, radius = 2, c: Complex = { re: -0.62772, im: -0.42193 };

/** The points that the book shows, and after how many steps they have left the circle; the limit if they have not. */
export const points: { name: string; z: Complex; steps: number }[] = [
  { name: "z = 0", z: { re: 0, im: 0 }, steps: limit },
  { name: "z = -0.82", z: { re: -0.82, im: 0 }, steps: 10 },
];

/**
 * |z| at the start and after each step of z = z * z + c, up to the first that is not below the radius, or to the limit.
 *
 * @returns one number more than there were steps
 */
export function magnitudes(z: Complex, most: number = limit): number[] {
  let { re, im } = z;
  const found = [Math.hypot(re, im)];
  while (found.length <= most && found.at(-1)! < radius) {
    [re, im] = [re * re - im * im + c.re, 2 * re * im + c.im];
    found.push(Math.hypot(re, im));
  }
  return found;
}

/** A row of marks as long as a number is large, with the radius marked as well. */
function bar(value: number | undefined, width = 28): string {
  if (value === undefined) return "".padEnd(width);
  const scale = width / 3.2, edge = Math.round(radius * scale), length = Math.min(width, Math.round(value * scale));
  return Array.from({ length: width }, (_, i) => i < length ? "█" : i === edge ? "|" : " ").join("");
}

if (import.meta.main) {
  const found = points.map(({ z }) => magnitudes(z));
  console.log("step", ...points.map(({ name }) => `   |z| from ${name}`.padEnd(37)));
  for (let step = 0; step < 24; step++) {
    const cells = found.map((values) => `${values[step]?.toFixed(3) ?? ""}`.padStart(8) + ` ${bar(values[step])}`);
    console.log(`${step}`.padStart(4), ...cells);
  }
  points.forEach(({ name, steps }, i) => {
    const taken = found[i].length - 1;
    if (taken !== steps) throw new Error(`${name} took ${taken} steps, not ${steps}`);
    const escaped = found[i].at(-1)! >= radius;
    console.log(`${name} ${escaped ? `leaves the circle in step ${taken}` : `is still inside after ${taken} steps`}`);
  });
}

/**
 * Why one point of the Julia set costs 30 times as much as another: |z| along the way of two points, as a chart.
 *
 * @original 02_profiling/visualise_nonconvergence/
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/visualise_nonconvergence/compare.ts
 * @takes 1 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { table } from "../../bench/lib/table.ts";
import { c, type Complex, limit, magnitudes, points, radius } from "./nonconvergence.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch02",
      topic: "visualise_nonconvergence",
      question: "Why does one point of the Julia set cost more than another?",
      answer: "A point costs the steps until |z| reaches 2",
    },
    { orbits },
    args,
  );
}

function orbits(): Section {
  const found = points.map(({ z }) => magnitudes(z)), steps = found.map((values) => values.length - 1);
  const inside = found.map((values) => values.at(-1)! < radius), shown = 50;
  const differences = points.map(({ z }, i) => {
    const polar = magnitudesInPolar(z, steps[i]);
    return Math.max(...found[i].map((value, n) => Math.abs(value - polar[n])));
  });
  return {
    tables: [table(
      ["from", "steps", "|z| at the end", "largest |z| below 2"],
      points.map(({ name }, i) => [
        name,
        inside[i] ? `${steps[i]}, still inside` : `${steps[i]}`,
        found[i].at(-1)!.toFixed(3),
        Math.max(...found[i].filter((value) => value < radius)).toFixed(3),
      ]),
    )],
    charts: {
      visualise_nonconvergence: lineChart({
        title: "Two points of the Julia set: one escapes, one does not",
        x: { title: `step of z = z² + c, the first ${shown} of at most ${limit}` },
        y: { title: "|z|" },
        lines: [
          ...points.map(({ name }, i) => ({ name, points: found[i].slice(0, shown + 1).map((y, x) => ({ x, y })) })),
          { name: "escaped", color: "#888888", dash: true, points: [0, shown].map((x) => ({ x, y: radius })) },
        ],
      }),
    },
    figures: points.map(({ name }, i) => figure(`steps: ${name}`, limit, steps[i], "steps")),
    checks: [
      {
        claim: "one point is inside after all steps, the other has left in its tenth",
        passed: points.every((point, i) => steps[i] === point.steps && inside[i] === (point.steps === limit)),
        evidence: points.map(({ name }, i) => `${name}: ${steps[i]}`).join(", "),
      },
      {
        claim: "each |z| agrees with one computed in polar coordinates (within 1e-9)",
        passed: differences.every((difference) => difference < 1e-9),
        evidence: differences.join(", "),
      },
    ],
    claims: [],
    finding: points.map(({ name }, i) => `${name} takes ${steps[i]}${inside[i] ? ", the limit" : ""}`).join("; "),
  };
}

/** The same in another way: squaring squares the radius and doubles the angle, and the cosine rule adds c. */
export function magnitudesInPolar(z: Complex, steps: number): number[] {
  const cRadius = Math.hypot(c.re, c.im), cAngle = Math.atan2(c.im, c.re);
  let r = Math.hypot(z.re, z.im), angle = Math.atan2(z.im, z.re);
  const found = [r];
  for (let n = 0; n < steps; n++) {
    const square = r * r, twice = 2 * angle;
    r = Math.sqrt(square * square + cRadius * cRadius + 2 * square * cRadius * Math.cos(twice - cAngle));
    angle = Math.atan2(
      square * Math.sin(twice) + cRadius * Math.sin(cAngle),
      square * Math.cos(twice) + cRadius * Math.cos(cAngle),
    );
    found.push(r);
  }
  return found;
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}

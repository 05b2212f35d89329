/**
 * One line through 14 days: what a general solver costs against the formula, why, and what the table looks like.
 *
 * Profiles itself, for which Deno has no narrower permission than --allow-sys.
 *
 * @original 07_pandas/ols_basics/compare_sklearn_lstsq_timing.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys ch07/ols_basics/compare.ts
 * @takes 6 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { DAYS, fromCsv, fromParquet, generate, toCsv, toParquet } from "./generate_data.ts";
import * as closedForm from "./ols_closed_form.ts";
import * as estimator from "./ols_estimator.ts";
import * as householder from "./ols_householder.ts";
import * as library from "./ols_library.ts";
import * as normalEquations from "./ols_normal_equations.ts";
import * as pseudoInverse from "./ols_pseudo_inverse.ts";
import { extremes, type Fit } from "./plot_min_max_slopes.ts";
import { byPurpose, profileEstimator } from "./profile_estimator.ts";

const routes: Record<string, (y: Float64Array) => number> = {
  estimator: (y) => estimator.slope(y),
  estimator_no_statistics: (y) => estimator.slope(y, { statistics: false }),
  library: (y) => library.slope(y),
  householder: (y) => householder.slope(y),
  normal_equations: (y) => normalEquations.slope(y),
  pseudo_inverse: (y) => pseudoInverse.slope(y),
  closed_form: (y) => closedForm.slope(y),
};

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "ols_basics",
      question: "What does a general least-squares solver cost where a formula would do?",
      answer: "A slope for each row",
    },
    { data: dataSection, routes: routesSection, profile: profileSection, extremes: extremesSection },
    args,
  );
}

/** The table that the chapter works on, and three rows of it. */
async function dataSection(full: boolean): Promise<Section> {
  const people = full ? 100_000 : 20_000, hours = generate(people);
  const parquet = toParquet(hours), csv = toCsv(hours);
  const same = (read: Float64Array) => read.length === hours.length && read.every((value, i) => value === hours[i]);
  const mean = hours.reduce((sum, value) => sum + value, 0) / hours.length;
  const variance = hours.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hours.length;
  const size = formatRatio(csv.length / parquet.byteLength);
  return {
    tables: [table(
      [`${people} people x ${DAYS} days`, "in all", "a value"],
      [
        ["in a Float64Array", formatBytes(hours.byteLength), formatBytes(8)],
        ["as CSV", formatBytes(csv.length), formatBytes(csv.length / hours.length)],
        ["as Parquet", formatBytes(parquet.byteLength), formatBytes(parquet.byteLength / hours.length)],
      ],
    )],
    charts: {
      ols_people: lineChart({
        title: "Hours a day at the computer: three people of the table",
        x: { title: "day" },
        y: { title: "hours" },
        lines: [0, 1, 2].map((person) => ({
          name: `person ${person}`,
          points: [...hours.subarray(person * DAYS, (person + 1) * DAYS)].map((y, x) => ({ x, y })),
        })),
      }),
    },
    figures: [figure("csv", people, csv.length, "B"), figure("parquet", people, parquet.byteLength, "B")],
    checks: [
      {
        claim: "Parquet and CSV read back as the very numbers that were written",
        passed: same(await fromParquet(parquet)) && same(fromCsv(csv)),
        evidence: `${hours.length} values`,
      },
      {
        claim: "the minutes have the mean and the variance of Poisson(60), within 1 % and 2 %",
        passed: Math.abs(mean - 1) < 0.01 && Math.abs(variance * 60 - 1) < 0.02,
        evidence: `mean ${formatNumber(mean * 60)}, variance ${formatNumber(variance * 3600)}`,
      },
    ],
    claims: [],
    finding: `the table takes ${size} as much room as CSV as it does as Parquet`,
  };
}

/** Microseconds a row, route by route. */
async function routesSection(full: boolean): Promise<Section> {
  const people = full ? 2000 : 200, hours = generate(people), names = Object.keys(routes);
  const rows = Array.from({ length: people }, (_, person) => hours.subarray(person * DAYS, (person + 1) * DAYS));
  const errors = names.map((name) => Math.max(...rows.map((row) => Math.abs(routes[name](row) - exactSlope(row)))));
  const calls = Object.fromEntries(names.map((name) => {
    const slope = routes[name];
    return [name, () => rows.reduce((sum, row) => sum + slope(row), 0)];
  }));
  const readings = await measureInTurns(calls, { budget: full ? 2 : 0.25 });
  const time = (name: string) => readings[name].median / people;
  const ratio = (slower: string, faster: string) => time(slower) / time(faster);
  return {
    tables: [table(
      ["route", "a row", "±", "vs estimator", "vs closed_form", "off by"],
      names.map((name, i) => [
        name,
        formatTime(time(name)),
        `${Math.round(readings[name].spread * 100)}%`,
        formatRatio(ratio("estimator", name)),
        formatRatio(ratio(name, "closed_form")),
        formatNumber(errors[i]),
      ]),
    )],
    charts: {
      ols_routes: barChart({
        title: "The slope of one row of 14 days, by route",
        x: { title: "µs a row (orange: a library does it for every row)", log: true },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e6,
          color: palette[/estimator|library/.test(name) ? 1 : 0],
        })),
        text: (value) => `${formatNumber(value)} µs`,
      }),
    },
    figures: names.map((name) => ({
      name,
      size: people,
      value: time(name),
      unit: "s per row",
      samples: readings[name].samples,
      spread: readings[name].spread,
    })),
    checks: [{
      claim: "all routes lie within 1e-9 of the slope in whole minutes, which is exact up to the last division",
      passed: errors.every((error) => error <= 1e-9),
      evidence: names.map((name, i) => `${name} ${formatNumber(errors[i])}`).join(", "),
    }],
    claims: [
      {
        claim:
          "the friendly estimator is slower than the plain solver, and that much slower than the formula (2 times, 10)",
        held: ratio("estimator", "library") >= 2 && ratio("library", "closed_form") >= 10,
        evidence: `${formatRatio(ratio("estimator", "library"))} and ${formatRatio(ratio("library", "closed_form"))}`,
      },
      {
        claim: "asked once instead of for each row, the library is as fast as the formula (within 30 %)",
        held: ratio("pseudo_inverse", "closed_form") <= 1.3,
        evidence: formatRatio(ratio("pseudo_inverse", "closed_form")),
      },
    ],
    finding: `the estimator takes ${formatTime(time("estimator"))} a row, the general solver ${
      formatTime(time("library"))
    }, the formula ${formatTime(time("closed_form"))}, and the solver asked once for all rows ${
      formatTime(time("pseudo_inverse"))
    }`,
  };
}

/** The slope from whole numbers of minutes, in which nothing is rounded before the one division at the end. */
function exactSlope(row: Float64Array): number {
  let sum = 0;
  for (let day = 0; day < DAYS; day++) sum += (2 * day - (DAYS - 1)) * Math.round(row[day] * 60);
  return sum * 6 / (DAYS * (DAYS * DAYS - 1)) / 60;
}

/** Where the estimator's time and memory go. */
async function profileSection(full: boolean): Promise<Section> {
  const fits = full ? 40_000 : isBrief() ? 1500 : 6000;
  const profile = await profileEstimator(fits), plain = await profileEstimator(fits / 3, { statistics: false });
  const purposes = byPurpose(profile.functions);
  const share = (name: string) => purposes.find((purpose) => purpose.name === name)!.share;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const making = share("making and copying matrices") + share("garbage collection");
  const top = profile.functions.filter(({ name }) => name !== "other").slice(0, 8);
  return {
    tables: [
      table(
        ["the estimator's time goes into", "share", "bytes a row"],
        purposes.map(({ name, share, bytes }) => [name, percent(share), formatBytes(bytes)]),
      ),
      table(
        ["function", { head: "for", align: "left" }, "share", "bytes a row"],
        top.map(({ name, purpose, share, bytes }) => [name, purpose, percent(share), formatBytes(bytes)]),
      ),
    ],
    charts: {
      ols_profile: barChart({
        title: "Where the time of the friendly estimator goes",
        x: { title: "% of the time, by V8's profiler" },
        bars: purposes.map(({ name, share }) => ({ name, value: 100 * share })),
        text: (value) => `${value.toFixed(1)} %`,
      }),
    },
    figures: [
      ...purposes.map(({ name, share }) => figure(`profile: ${name}`, fits, share, "of the time")),
      figure("profile: allocated", fits, profile.bytes, "B per row"),
      figure("profile: allocated, no statistics", fits, plain.bytes, "B per row"),
    ],
    checks: [{
      claim: "the shares add up to all of the time, and the profile saw the library's product and its decomposition",
      passed: Math.abs(purposes.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9 &&
        ["mmul", "SingularValueDecomposition"].every((name) => profile.functions.some((one) => one.name === name)),
      evidence: `${profile.samples} looks at the stack`,
    }],
    claims: [
      {
        claim: "most of the time goes into checking the input, as the book finds for scikit-learn",
        held: share("validation") > 0.5,
        evidence: `${
          percent(share("validation"))
        }: this estimator hardly checks, it copies; what V8 inlined counts for its caller`,
      },
      {
        claim: "making, copying and throwing away matrices takes more than half",
        held: making > 0.5,
        evidence: `${percent(making)}, ${formatBytes(profile.bytes)} a row for a result of 8 B`,
      },
      {
        claim: "without the statistics that nobody asked for, half of the memory and more is not needed",
        held: plain.bytes <= profile.bytes / 2,
        evidence: `${formatBytes(plain.bytes)} a row`,
      },
    ],
    finding: `the estimator spends ${percent(making)} of its time on making, copying and collecting matrices, ${
      percent(share("decomposition"))
    } on decomposing and ${percent(share("validation"))} on checking`,
  };
}

/** The two people at the ends, with their lines. */
function extremesSection(full: boolean): Section {
  const people = full ? 100_000 : 20_000, hours = generate(people), { min, max, deviation } = extremes(hours);
  const slopes = Array.from({ length: people }, (_, i) => exactSlope(hours.subarray(i * DAYS, (i + 1) * DAYS)));
  const least = slopes.reduce((a, b) => Math.min(a, b)), most = slopes.reduce((a, b) => Math.max(a, b));
  const minutes = (one: Fit) => `${(one.slope * 60).toFixed(2)} min`;
  const lines = ([["rises", max], ["falls", min]] as const).flatMap(([word, one], i) => [
    { name: `person ${one.person} ${word}`, color: palette[i], points: [...one.hours].map((y, x) => ({ x, y })) },
    {
      name: `${minutes(one)} a day`,
      color: palette[i],
      dash: true,
      points: [...one.hours].map((_, x) => ({ x, y: one.intercept + one.slope * x })),
    },
  ]);
  return {
    tables: [],
    charts: {
      ols_min_max_slopes: lineChart({
        title: `The largest and the smallest of ${people.toLocaleString("en-US")} slopes`,
        x: { title: "day" },
        y: { title: "hours (dashed: the fitted line)" },
        lines,
      }),
    },
    figures: [
      figure("largest slope", people, max.slope, "hours per day"),
      figure("smallest slope", people, min.slope, "hours per day"),
    ],
    checks: [{
      claim: "the two are the ends of all slopes in exact minutes",
      passed: Math.abs(min.slope - least) < 1e-9 && Math.abs(max.slope - most) < 1e-9,
      evidence: `${min.slope} and ${max.slope}, against ${least} and ${most}`,
    }],
    claims: [],
    finding: `of ${people.toLocaleString("en-US")} people with no trend at all one seems to work ${
      minutes(max)
    } more every day, ${formatNumber(max.slope / deviation)} standard deviations from nothing`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}

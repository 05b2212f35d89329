/**
 * Sparse against dense over the density: time of both products, bytes, and where the lines cross.
 *
 * @original 12_less_ram/sparse/benchmark_sparse.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/sparse/compare.ts
 * @takes 8 s
 */

import { type Chart, lineChart } from "../../bench/lib/chart.ts";
import { relativeError } from "../../bench/lib/compare.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, type Table, table } from "../../bench/lib/table.ts";
import { type Dense, times as timesDense, timesVector as denseTimesVector } from "./dense.ts";
import { Coo } from "./sparse_coo.ts";
import { fromDense, timesVector as cscTimesVector } from "./sparse_csc.ts";
import { byteLength, type Csr, fromCoordinates, times, timesVector, toDense } from "./sparse_csr.ts";

const densities = [0.0005, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1];
const within = 1e-12;

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "sparse",
      question: "When is a sparse matrix smaller, and when is it faster?",
      answer: "Over the density",
    },
    { bytes, vector, matrix },
    args,
  );
}

const sideOf = (full: boolean) => full ? 2048 : isBrief() ? 200 : 400;
const percent = (share: number) => `${formatNumber(100 * share)} %`;
const belowOr = (share: number) => Number.isNaN(share) ? "at every density" : `below ${percent(share)}`;

/** The same random numbers in every form. They come column by column, so that rows have to be sorted. */
function makeMatrices(n: number, density: number) {
  const dense: Dense = { rows: n, columns: n, values: new Float64Array(n * n) }, coo = new Coo(n, n);
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let column = 0; column < n; column++) {
    for (let row = 0; row < n; row++) {
      if (random() >= density) continue;
      const value = random() - 0.5;
      coo.add(row, column, dense.values[row * n + column] = value);
    }
  }
  return { dense, coo, csr: fromCoordinates(n, n, coo.coordinates()), csc: fromDense(n, n, dense.values) };
}

type Matrices = ReturnType<typeof makeMatrices>;

/**
 * The density at which what rises goes over a level, between two measured ones by a power law; NaN if it never does.
 */
function crossing(values: number[], level: number): number {
  const i = values.findIndex((value) => value > level);
  if (i < 0) return NaN;
  if (i === 0) return densities[0];
  const share = Math.log(level / values[i - 1]) / Math.log(values[i] / values[i - 1]);
  return densities[i - 1] * (densities[i] / densities[i - 1]) ** share;
}

function chart(title: string, unit: string, series: Record<string, number[]>, scale = 1): Chart {
  return lineChart({
    title,
    x: { title: "density, %", log: true, ticks: [0.05, 0.1, 0.5, 1, 5, 10, 50, 100] },
    y: { title: unit, log: true },
    lines: Object.entries(series).map(([name, values]) => ({
      name,
      dash: name === "dense",
      points: values.map((y, i) => ({ x: 100 * densities[i], y: scale * y })),
    })),
  });
}

function printed(head: string, series: Record<string, number[]>, format: (value: number) => string): Table {
  return table(
    [head, ...Object.keys(series)],
    densities.map((density, i) => [percent(density), ...Object.values(series).map((values) => format(values[i]))]),
  );
}

function bytes(full: boolean): Section {
  const n = sideOf(full), series: Record<string, number[]> = { COO: [], CSR: [], CSC: [], dense: [] };
  for (const density of densities) {
    const { coo, csr, csc, dense } = makeMatrices(n, density);
    series.COO.push(coo.byteLength);
    series.CSR.push(byteLength(csr));
    series.CSC.push(csc.starts.byteLength + csc.indices.byteLength + csc.values.byteLength);
    series.dense.push(dense.values.byteLength);
  }
  const dense = 8 * n * n, from = { COO: crossing(series.COO, dense), CSR: crossing(series.CSR, dense) };
  const off = (found: number, expected: number) => Math.abs(found / expected - 1);
  // By rows: 12 bytes a number and 4 a row, against 8 a place.
  const theory = { COO: 1 / 2, CSR: 2 / 3 - 1 / (3 * n) };
  return {
    tables: [printed(`bytes, ${n} x ${n}`, series, formatBytes)],
    charts: {
      sparse_bytes: chart(`Bytes of a matrix, ${n} x ${n}`, "bytes", {
        COO: series.COO,
        "CSR, CSC": series.CSR,
        dense: series.dense,
      }),
    },
    figures: Object.entries(series).flatMap(([name, values]) =>
      values.map((value, i) => figure(`bytes at ${percent(densities[i])}: ${name}`, n, value, "bytes"))
    ),
    checks: [{
      claim: "the lines cross where 16 and 12 bytes a number come to 8 a place (within 5 %)",
      passed: off(from.COO, theory.COO) < 0.05 && off(from.CSR, theory.CSR) < 0.05,
      evidence: `COO at ${percent(from.COO)}, expected ${percent(theory.COO)}; CSR at ${percent(from.CSR)}, expected ${
        percent(theory.CSR)
      }`,
    }],
    claims: [],
    finding: `CSR is smaller than dense below ${percent(from.CSR)}, coordinates below ${percent(from.COO)}`,
  };
}

type Call = () => ArrayLike<number> | Dense | Csr;

/** The numbers of a vector or a matrix, dense. */
function numbersOf(result: ReturnType<Call>): ArrayLike<number> {
  if (!("values" in result) || typeof result.values === "function") return result as ArrayLike<number>;
  return "starts" in result ? toDense(result) : (result as Dense).values;
}

/** Times calls at each density, checks them against the dense one, and finds where that becomes the fastest. */
async function overDensities(n: number, budget: number, calls: (matrices: Matrices) => Record<string, Call>) {
  // Compiled before the first of them is timed, which are the shortest.
  await measureInTurns(calls(makeMatrices(n, 0.1)), { budget: 0.1, rounds: 1 });
  const series: Record<string, number[]> = {}, errors: Record<string, number> = {}, figures: Figure[] = [];
  for (const density of densities) {
    const variants = calls(makeMatrices(n, density)), names = Object.keys(variants);
    const reference = numbersOf(variants.dense());
    for (const name of names.filter((name) => name !== "dense")) {
      const error = relativeError(numbersOf(variants[name]()), reference);
      errors[name] = Math.max(errors[name] ?? 0, Number.isNaN(error) ? Infinity : error);
    }
    const readings = await measureInTurns(variants, { budget, rounds: 1 });
    for (const name of names) {
      const { median, samples, spread } = readings[name];
      (series[name] ??= []).push(median);
      figures.push({ ...figure(`at ${percent(density)}: ${name}`, n, median, "s"), samples, spread });
    }
  }
  // The dense product takes as long at every density; what differs is noise.
  series.dense.fill(median(series.dense));
  const check = {
    claim: `at every density all agree with the dense product within ${within}`,
    passed: Object.values(errors).every((error) => error <= within),
    evidence: Object.entries(errors).map(([name, error]) => `${name} ${formatNumber(error)}`).join(", "),
  };
  const against = (name: string) => crossing(series[name].map((time, i) => time / series.dense[i]), 1);
  const at = (name: string, density: number) => series[name][densities.indexOf(density)];
  return { series, figures, check, against, at };
}

async function vector(full: boolean): Promise<Section> {
  const n = sideOf(full), x = Float64Array.from({ length: n }, (_, i) => Math.sin(i));
  const { series, figures, check, against, at } = await overDensities(
    n,
    full ? 0.2 : 0.03,
    ({ dense, coo, csr, csc }) => ({
      COO: () => coo.timesVector(x),
      CSC: () => cscTimesVector(csc, x),
      CSR: () => timesVector(csr, x),
      dense: () => denseTimesVector(dense, x),
    }),
  );
  const slower = densities.filter((density) => density >= 0.01 && at("CSR", density) > 1.1 * at("COO", density));
  return {
    tables: [printed(`matrix by vector, ${n} x ${n}`, series, formatTime)],
    charts: { sparse_vector: chart(`Matrix by vector, ${n} x ${n}`, "µs", series, 1e6) },
    figures: figures.map((figure) => ({ ...figure, name: `vector ${figure.name}` })),
    checks: [check],
    claims: [
      {
        claim: "by rows the product is no slower than by coordinates, at 1 % and above (within 10 %)",
        held: slower.length === 0,
        evidence: slower.length > 0
          ? `slower at ${slower.map(percent).join(", ")}`
          : `at 10 %: ${["CSR", "CSC", "COO"].map((name) => formatTime(at(name, 0.1))).join(", ")}`,
      },
      {
        claim: "a matrix that is smaller as a sparse one is also faster as one",
        held: !(against("CSR") < 2 / 3),
        evidence: `CSR is smaller below ${percent(2 / 3)}, and faster ${belowOr(against("CSR"))}`,
      },
    ],
    finding: `CSR by a vector is faster ${belowOr(against("CSR"))}, at 1 % ${
      formatRatio(series.dense[0] / at("CSR", 0.01))
    } as fast`,
  };
}

async function matrix(full: boolean): Promise<Section> {
  const n = sideOf(full);
  const { series, figures, check, against, at } = await overDensities(
    n,
    full ? 0.2 : 0.03,
    ({ dense, csr }) => ({ CSR: () => times(csr, csr), dense: () => timesDense(dense, dense) }),
  );
  const growth = at("CSR", 0.4) / at("CSR", 0.1);
  return {
    tables: [printed(`matrix by itself, ${n} x ${n}`, series, formatTime)],
    charts: { sparse_matrix: chart(`Matrix by itself, ${n} x ${n}`, "ms", series, 1000) },
    figures: figures.map((figure) => ({ ...figure, name: `matrix ${figure.name}` })),
    checks: [check],
    claims: [
      {
        claim: "the time of the sparse product grows with the square of the density (from 10 % to 40 %: 8 to 32 times)",
        held: growth >= 8 && growth <= 32,
        evidence: `${formatNumber(growth)} times; in a row that is full already, a product takes less`,
      },
      {
        claim: "at 1 % the sparse product is a hundred times as fast as the dense one, or more",
        held: series.dense[0] >= 100 * at("CSR", 0.01),
        evidence: formatRatio(series.dense[0] / at("CSR", 0.01)),
      },
    ],
    finding: `CSR by CSR is faster ${belowOr(against("CSR"))}, at 1 % ${
      formatRatio(series.dense[0] / at("CSR", 0.01))
    } as fast`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}

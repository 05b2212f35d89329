/** Charts: Vega-Lite specifications in one house style, drawn to SVG without a browser. */

import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** A Vega-Lite specification without style; `drawChart` adds that. */
export type Chart = Omit<TopLevelSpec, "config" | "background"> & { title: string };

export interface Axis {
  title: string;
  log?: boolean;
  /** Ticks in place of the automatic ones. */
  ticks?: number[];
}

export interface Line {
  name: string;
  points: { x: number; y: number }[];
  color?: string;
  dash?: boolean;
}

const width = 560;
const height = 360;

/** From a point to its label, in pixels. */
const offsetOfLabels = 9;

/** Ten colours that stay apart for colour-blind readers and on paper. */
export const palette = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#8c6d00",
  "#56b4e9",
  "#a01c1c",
  "#5b4bb0",
  "#6b8e23",
  "#444444",
];

/** Lines over x, each labelled at its right end; labels that would overlap are moved apart. */
export function lineChart({ title, x, y, lines }: { title: string; x: Axis; y: Axis; lines: Line[] }): Chart {
  const drawn = lines
    .map((line, i) => ({
      color: palette[i % palette.length],
      ...line,
      points: line.points.filter((p) => Number.isFinite(p.y)),
    }))
    .filter(({ points }) => points.length > 0);
  const values = drawn.flatMap(({ points }) => points.map((p) => p.y));
  const [low, high] = y.log
    ? [Math.min(...values) / 1.15, Math.max(...values) * 1.15]
    : [Math.min(0, ...values), Math.max(...values) * 1.05];
  const pixel = y.log
    ? (v: number) => height * (1 - Math.log(v / low) / Math.log(high / low))
    : (v: number) => height * (1 - (v - low) / (high - low));
  const labels = spread(drawn.map(({ name, color, points }) => ({ name, color, top: pixel(points.at(-1)!.y) })), 13);

  const color = { field: "color", type: "nominal" as const, scale: null };
  return {
    title,
    width,
    height,
    layer: [
      {
        data: {
          values: drawn.flatMap(({ name, color, dash, points }) =>
            points.map((p) => ({ ...p, name, color, dash: !!dash }))
          ),
        },
        mark: { type: "line", point: { size: 22 }, strokeWidth: 2 },
        encoding: {
          x: quantitative("x", x),
          y: quantitative("y", y, [low, high]),
          color,
          detail: { field: "name" },
          strokeDash: { condition: { test: "datum.dash", value: [5, 4] }, value: [] },
        },
      },
      {
        data: { values: labels },
        mark: { type: "text", align: "left", baseline: "middle", fontSize: 11 },
        encoding: {
          x: { value: width + 8 },
          y: { field: "top", type: "quantitative", scale: null, axis: null },
          text: { field: "name" },
          color,
        },
      },
    ],
    resolve: { scale: { y: "independent" }, axis: { y: "independent" } },
  } as Chart;
}

/** One horizontal bar for each name, with its value written at the end. `text` formats the value. */
export function barChart(
  { title, x, bars, text }: {
    title: string;
    x: Axis;
    bars: { name: string; value: number; color?: string }[];
    text: (value: number) => string;
  },
): Chart {
  const values = bars
    .filter(({ value }) => Number.isFinite(value))
    .map((bar) => ({ color: palette[0], ...bar, text: text(bar.value) }));
  const start = x.log ? Math.min(...values.map(({ value }) => value)) / 2 : 0;
  return {
    title,
    width,
    height: { step: 22 },
    data: { values: values.map((bar) => ({ ...bar, start })) },
    encoding: { y: { field: "name", type: "nominal", sort: null, title: null, axis: { labelLimit: 0 } } },
    layer: [
      {
        mark: { type: "bar", height: 15 },
        encoding: {
          x: {
            field: "value",
            type: "quantitative",
            title: x.title,
            scale: { type: x.log ? "log" : "linear", nice: !x.log, domainMin: start },
          },
          x2: { field: "start" },
          color: { field: "color", type: "nominal", scale: null },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 5, fontSize: 11 },
        encoding: { x: { field: "value", type: "quantitative" }, text: { field: "text" } },
      },
    ],
  } as Chart;
}

/** One labelled point for each name, and a stepped line through those that are higher than all further left. */
export function scatterChart(
  { title, x, y, points }: {
    title: string;
    x: Axis;
    y: Axis;
    points: { name: string; x: number; y: number; color?: string }[];
  },
): Chart {
  const drawn = points
    .filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y))
    .map((p) => ({ color: palette[0], ...p }));
  const xs = drawn.map((p) => p.x), ys = drawn.map((p) => p.y);
  // Room for the labels of the points at the right.
  const across = domain(x, xs, 1.3), up = domain(y, ys, 1.1);
  const labels = dodge(drawn.map(({ name, color, x: px, y: py }) => ({
    name,
    color,
    left: width * across.share(px) + offsetOfLabels,
    top: height * (1 - up.share(py)),
  })));
  const position = {
    x: quantitative("x", x, across.ends),
    y: quantitative("y", y, up.ends),
  };
  const color = { field: "color", type: "nominal" as const, scale: null };
  const label = { type: "text", align: "left", baseline: "middle", fontSize: 11 } as const;
  return {
    title,
    width,
    height,
    layer: [
      {
        encoding: position,
        layer: [
          {
            data: { values: frontierOf(drawn) },
            mark: { type: "line", interpolate: "step-after", color: "#cccccc", strokeWidth: 2 },
          },
          {
            data: { values: drawn },
            mark: { type: "circle", size: 70, opacity: 1 },
            encoding: { color },
          },
        ],
      },
      {
        data: { values: labels },
        encoding: {
          x: { field: "left", type: "quantitative", scale: null, axis: null },
          y: { field: "top", type: "quantitative", scale: null, axis: null },
          text: { field: "name" },
        },
        layer: [
          // Lines end where a label begins.
          { mark: { ...label, stroke: "white", strokeWidth: 4 } },
          { mark: label, encoding: { color } },
        ],
      },
    ],
    resolve: { scale: { x: "independent", y: "independent" }, axis: { x: "independent", y: "independent" } },
  } as Chart;
}

function quantitative(field: string, axis: Axis, domain?: [number, number]) {
  return {
    field,
    type: "quantitative" as const,
    title: axis.title,
    scale: { nice: false, domain, ...axis.log ? { type: "log" as const } : { zero: false } },
    axis: { values: axis.ticks, grid: true },
  };
}

/** The ends of an axis that goes `room` beyond the largest value, and where between them a value lies, from 0 to 1. */
function domain({ log }: Axis, values: number[], room: number) {
  const largest = Math.max(...values), smallest = Math.min(...values);
  const ends: [number, number] = log
    ? [smallest / 1.3, largest * 1.3]
    : [Math.min(0, smallest) - 0.03 * largest, largest * room];
  const place = log ? Math.log : (value: number) => value;
  return { ends, share: (value: number) => (place(value) - place(ends[0])) / (place(ends[1]) - place(ends[0])) };
}

/** Moves labels up or down, no further than needed, so that none lies on another or on the point of another. */
function dodge<T extends { name: string; left: number; top: number }>(labels: T[]): T[] {
  const letter = 6.5, line = 12, radius = 5, placed: T[] = [];
  const free = ({ name, left, top }: T) =>
    placed.every((other) =>
      Math.abs(top - other.top) >= line || left > other.left + letter * other.name.length ||
      other.left > left + letter * name.length
    ) &&
    labels.every((other) => {
      const x = other.left - offsetOfLabels;
      return other.name === name || Math.abs(top - other.top) >= line / 2 + radius || x + radius < left ||
        x - radius > left + letter * name.length;
    });
  for (const label of labels) {
    const offsets = Array.from({ length: 2 * labels.length }, (_, i) => Math.ceil(i / 2) * (i % 2 ? -line : line));
    const moved = offsets.map((offset) => ({ ...label, top: label.top + offset }));
    placed.push(moved.find(free) ?? label);
  }
  return placed;
}

/** From left to right the points that are higher, by the factor `least` or more, than all further left; y is above 0. */
export function frontierOf<Point extends { x: number; y: number }>(points: readonly Point[], least = 1): Point[] {
  let best = 0;
  return points
    .toSorted((a, b) => a.x - b.x || b.y - a.y)
    .filter(({ y }) => y > best * least && ((best = y), true));
}

/** Draws a chart to a self-contained SVG; `source` (machine and date) becomes its subtitle. */
export async function drawChart(chart: Chart, source: string): Promise<string> {
  const spec = {
    ...chart,
    title: { text: chart.title, subtitle: source, anchor: "start", offset: 14 },
    background: "white",
    padding: 16,
    config: {
      font: "Helvetica, Arial, sans-serif",
      title: { fontSize: 16, subtitleFontSize: 11, subtitleColor: "#666", subtitlePadding: 5 },
      axis: {
        labelFontSize: 11,
        titleFontSize: 12,
        titleFontWeight: "normal",
        titlePadding: 10,
        gridColor: "#e6e6e6",
        domainColor: "#888",
        tickColor: "#888",
      },
      view: { stroke: null },
    },
  } as unknown as TopLevelSpec;
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Moves labels apart, from the top down, so that none is nearer than `gap` pixels to the next. */
function spread<T extends { top: number }>(labels: T[], gap: number): T[] {
  const sorted = labels.toSorted((a, b) => a.top - b.top);
  let last = -Infinity;
  const moved = sorted.map((label) => ({ ...label, top: last = Math.max(label.top, last + gap) }));
  // What overshoots the bottom pushes the others back up.
  let limit = height;
  for (let i = moved.length - 1; i >= 0 && moved[i].top > limit; i--, limit -= gap) moved[i].top = limit;
  return moved;
}

/** Tables, and the one way in which this project writes numbers. */

import TextTable from "cli-table3";
import { styleText } from "node:util";

export interface Column {
  head: string;
  align?: "left" | "right";
}

export interface Table {
  columns: Required<Column>[];
  rows: string[][];
}

/** A table; columns are right-aligned, as numbers are, unless they say otherwise, the first column left. */
export function table(columns: (string | Column)[], rows: string[][]): Table {
  const heads: Column[] = columns.map((column) => typeof column === "string" ? { head: column } : column);
  return { columns: heads.map(({ head, align }, i) => ({ head, align: align ?? (i === 0 ? "left" : "right") })), rows };
}

/** A table for the terminal, with plain rules. */
export function renderTable({ columns, rows }: Table): string {
  const result = new TextTable({
    head: columns.map(({ head }) => styleText("bold", head)),
    colAligns: columns.map(({ align }) => align),
    style: { head: [], border: [], compact: true },
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: " ",
    },
  });
  result.push(...rows);
  return result.toString();
}

/** Three significant digits, without an exponent between 0.001 and a million. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001 || size >= 1e6) return value.toExponential(1);
  return size >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

/** A duration given in seconds, in the unit that reads best. */
export function formatTime(seconds: number): string {
  const units: [number, string][] = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
  const [scale, unit] = units.find(([scale]) => seconds >= scale) ?? units.at(-1)!;
  return `${formatNumber(seconds / scale)} ${unit}`;
}

/** A ratio, as in «3.2x». */
export function formatRatio(ratio: number): string {
  return `${formatNumber(Number(ratio.toPrecision(ratio >= 10 ? 3 : 2)))}x`;
}

/** A number of bytes in binary units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${formatNumber(bytes / 1024 ** power)} ${units[power]}`;
}

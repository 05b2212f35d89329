// Stands in for `@std/csv/parse`.
import { type ParseOptions, type ParseResult, RowReader, withoutReturn } from "./_rows.ts";

export type { ParseOptions, ParseResult, RecordWithColumn } from "./_rows.ts";

/**
 * Reads a text of comma-separated values (RFC 4180). Empty lines are skipped.
 *
 * @param input The text; a byte-order mark at its beginning is dropped.
 * @returns The rows as lists of fields.
 * @throws {SyntaxError} On a misplaced quote; the message tells line and column.
 */
export function parse(input: string): string[][];
/**
 * Reads a text of comma-separated values (RFC 4180). Empty lines are skipped.
 *
 * @param input The text; a byte-order mark at its beginning is dropped.
 * @param options How to read it.
 * @returns The rows: objects if `columns` or `skipFirstRow` name the columns, lists of fields otherwise.
 * @throws {SyntaxError} On a misplaced quote or a wrong number of fields; the message tells the line.
 * @throws {TypeError} If there is no first row to skip.
 * @throws {Error} If a row has not as many fields as there are columns, or on a separator that cannot work.
 */
export function parse<const T extends ParseOptions>(input: string, options: T): ParseResult<ParseOptions, T>;
export function parse(input: string, options: ParseOptions = {}): unknown[] {
  const { separator = ",", comment } = options;
  if (/^[\r\n"]$/.test(separator) || /^[\r\n"]$/.test(comment ?? "") || separator === comment) {
    throw new Error("Cannot parse input: invalid delimiter");
  }
  const lines = input.replace(/^\ufeff/, "").split("\n");
  // A newline at the end begins no further line.
  if (lines.at(-1) === "") lines.pop();
  const reader = new RowReader(options);
  const rows = lines.map((line) => reader.push(withoutReturn(line)));
  rows.push(reader.end());
  if (options.skipFirstRow && !reader.headers) throw new TypeError("Cannot parse input: headers must be defined");
  return rows.filter((row) => row !== undefined);
}

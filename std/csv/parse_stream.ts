// Stands in for `@std/csv/parse-stream`.
import { type ParseOptions, type ParseResult, RowReader, withoutReturn } from "./_rows.ts";

/** Options of {@linkcode CsvParseStream}, the same as those of `parse`. */
export type CsvParseStreamOptions = ParseOptions;

/** A row as options of type `T` make it. */
export type RowType<T> = T extends undefined ? string[] : ParseResult<CsvParseStreamOptions, T>[number];

/** Turns a stream of text into a stream of rows, which are as `parse` gives them; so are the errors. */
export class CsvParseStream<const T extends CsvParseStreamOptions | undefined = undefined>
  implements TransformStream<string, RowType<T>> {
  /** Where the rows come out. */
  readonly readable: ReadableStream<RowType<T>>;
  /** Where the text goes in, in pieces of any size. */
  readonly writable: WritableStream<string>;

  /** @param options How to read the text. */
  constructor(options?: T) {
    const text = new TransformStream<string, string>();
    this.writable = text.writable;
    // Rows are made as they are asked for, so that those before an error are not lost with it.
    this.readable = ReadableStream.from(rows(text.readable, options ?? {})) as ReadableStream<RowType<T>>;
  }
}

async function* rows(text: ReadableStream<string>, options: CsvParseStreamOptions) {
  const reader = new RowReader(options);
  for await (const line of lines(text)) {
    const row = reader.push(withoutReturn(line));
    if (row) yield row;
  }
  const last = reader.end();
  if (last) yield last;
}

async function* lines(text: ReadableStream<string>) {
  let rest = "";
  for await (const piece of text) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  yield rest;
}

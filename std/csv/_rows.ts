// Reads rows of CSV line by line, for `parse` and `CsvParseStream` alike.

/** Options of `parse` and of `CsvParseStream`. */
export interface ParseOptions {
  /** What stands between fields, `,` by default. */
  separator?: string;
  /** A character that makes a line beginning with it a comment. */
  comment?: string;
  /** Drops white space at the beginning of fields. */
  trimLeadingSpace?: boolean;
  /** Takes quotes in unexpected places for text. */
  lazyQuotes?: boolean;
  /** The number of fields every row must have; 0 means as many as the first, a negative number any. */
  fieldsPerRecord?: number;
  /** Takes the first row for the names of the columns, unless `columns` names them. */
  skipFirstRow?: boolean;
  /** Names of the columns, which makes objects of the rows. */
  columns?: readonly string[];
}

/** An object with the named columns. */
export type RecordWithColumn<C extends string> = string extends C ? Record<string, string> : Record<C, string>;

/** Rows as options of type `T` make them: objects if the columns have names. */
export type ParseResult<O, T> = T extends O & { columns: readonly (infer C extends string)[] } ? RecordWithColumn<C>[]
  : T extends O & { skipFirstRow: true } ? Record<string, string>[]
  : T extends O & { columns?: undefined; skipFirstRow?: false | undefined } ? string[][]
  : Record<string, string>[] | string[][];

type Row = string[] | Record<string, string>;

/** Puts rows together from lines, as a quoted field may span several of them. */
export class RowReader {
  /** Names of the columns, once known. */
  headers?: readonly string[];
  #options: ParseOptions;
  #separator: string;
  #fieldCount?: number;
  #fields: string[] = [];
  /** The text so far of a quoted field that the line did not end. */
  #quoted?: string;
  #recordLine = 0;
  #line = 0;
  #rows = 0;

  constructor(options: ParseOptions) {
    this.#options = options;
    this.#separator = options.separator ?? ",";
    if (options.fieldsPerRecord && options.fieldsPerRecord > 0) this.#fieldCount = options.fieldsPerRecord;
  }

  /**
   * Takes the next line.
   *
   * @param line The line without its end.
   * @returns The row that ends with this line, if one does.
   * @throws {SyntaxError} On a misplaced quote or a wrong number of fields.
   * @throws {Error} If there are not as many fields as columns.
   */
  push(line: string): Row | undefined {
    if (this.#quoted === undefined) {
      this.#line = ++this.#recordLine;
      if (line === "" || line[0] === this.#options.comment) return;
    } else {
      this.#line++;
      this.#quoted += "\n";
    }
    return this.#readFields(line) ? this.#endRow() : undefined;
  }

  /**
   * Takes the end of the text.
   *
   * @returns The last row, if it lacks its closing quote and quotes are lazy.
   * @throws {SyntaxError} If a quote is not closed and quotes are not lazy.
   */
  end(): Row | undefined {
    if (this.#quoted === undefined) return;
    if (!this.#options.lazyQuotes) throw this.#misplaced("", 'extraneous or missing " in quoted-field');
    this.#fields.push(this.#quoted);
    return this.#endRow();
  }

  /** Adds the fields of a line; tells whether the row ends with the line. */
  #readFields(line: string): boolean {
    const { lazyQuotes, trimLeadingSpace } = this.#options;
    const separator = this.#separator;
    let at = 0;
    while (true) {
      if (this.#quoted === undefined) {
        if (trimLeadingSpace) at += /^\s*/.exec(line.slice(at))![0].length;
        if (line[at] !== '"') {
          const end = line.indexOf(separator, at);
          const field = line.slice(at, end < 0 ? undefined : end);
          if (!lazyQuotes && field.includes('"')) {
            throw this.#misplaced(line.slice(0, at + field.indexOf('"')), 'bare " in non-quoted-field');
          }
          this.#fields.push(field);
          if (end < 0) return true;
          at = end + separator.length;
          continue;
        }
        this.#quoted = "";
        at++;
      }
      const quote = line.indexOf('"', at);
      this.#quoted += line.slice(at, quote < 0 ? undefined : quote);
      if (quote < 0) return false;
      at = quote + 1;
      if (line[at] === '"') {
        this.#quoted += '"';
        at++;
      } else if (at === line.length || line.startsWith(separator, at)) {
        this.#fields.push(this.#quoted);
        this.#quoted = undefined;
        if (at === line.length) return true;
        at += separator.length;
      } else if (lazyQuotes) {
        this.#quoted += '"';
      } else {
        throw this.#misplaced(line.slice(0, quote), 'extraneous or missing " in quoted-field');
      }
    }
  }

  #endRow(): Row | undefined {
    const fields = this.#fields;
    this.#fields = [];
    this.#quoted = undefined;
    const { columns, fieldsPerRecord, skipFirstRow } = this.#options;
    if (fieldsPerRecord === 0) this.#fieldCount ??= fields.length;
    if (this.#fieldCount !== undefined && fields.length !== this.#fieldCount) {
      throw new SyntaxError(
        `Syntax error on line ${this.#recordLine}: expected ${this.#fieldCount} fields but got ${fields.length}`,
      );
    }
    this.#rows++;
    if (!skipFirstRow && !columns) return fields;
    this.headers ??= columns ?? fields;
    if (skipFirstRow && this.#rows === 1) return;
    return this.#named(fields, this.headers);
  }

  #named(fields: string[], headers: readonly string[]): Record<string, string> {
    if (fields.length !== headers.length) {
      throw new Error(
        `Syntax error on line ${this.#rows}: ` +
          `The record has ${fields.length} fields, but the header has ${headers.length} fields`,
      );
    }
    return Object.fromEntries(headers.map((header, i) => [header, fields[i]]));
  }

  /** Columns are counted in characters, not in UTF-16 units. */
  #misplaced(before: string, what: string): SyntaxError {
    const column = [...before].length + 1;
    return new SyntaxError(
      `Syntax error on line ${this.#recordLine}; parse error on line ${this.#line}, column ${column}: ${what}`,
    );
  }
}

/** Drops one carriage return, which belongs to the end of the line. */
export function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

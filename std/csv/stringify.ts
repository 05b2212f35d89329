// Stands in for `@std/csv/stringify`.

/** The key of a property or the index of an item. */
export type PropertyAccessor = number | string;

/** A column whose header is not its key. */
export type ColumnDetails = {
  /** The header; by default the last key. */
  header?: string;
  /** The key, or the keys that lead to a nested value. */
  prop: PropertyAccessor | PropertyAccessor[];
};

/** What to put into a column: a key, the keys that lead to a nested value, or these with a header. */
export type Column = ColumnDetails | PropertyAccessor | PropertyAccessor[];

/** A row: an object or an array. */
export type DataItem = Readonly<Record<string, unknown> | unknown[]>;

/** Options of {@linkcode stringify}. */
export type StringifyOptions = {
  /** Whether to begin with the headers of the columns, which is the default. */
  headers?: boolean;
  /** What to put between fields, `,` by default. */
  separator?: string;
  /** The columns; needed for objects. */
  columns?: readonly Column[];
  /** Whether to begin with a byte-order mark, which some spreadsheets need. */
  bom?: boolean;
};

/**
 * Writes rows as comma-separated values (RFC 4180), every line ending in `\r\n`.
 *
 * Missing values become empty fields, and objects are written as JSON. A field with a separator, a quote or a newline
 * is put in quotes.
 *
 * @param data The rows.
 * @param options How to write them.
 * @throws {TypeError} If rows are objects and there are no columns, if a row is an array and a column is no number, or
 * on a separator that cannot work.
 */
export function stringify(data: readonly DataItem[], options: StringifyOptions = {}): string {
  const { headers = true, separator = ",", bom = false } = options;
  if (separator.includes('"') || separator.includes("\r\n")) {
    throw new TypeError(
      "Separator cannot include the following strings:\n" +
        '  - U+0022: Quotation mark (")\n' +
        "  - U+000D U+000A: Carriage Return + Line Feed (\\r\\n)",
    );
  }
  const columns = (options.columns ?? []).map(withHeader);
  const table: unknown[][] = data.map((item) => columns.length ? columns.map(({ path }) => at(item, path)) : all(item));
  if (headers && columns.length) table.unshift(columns.map(({ header }) => header));
  const lines = table.map((fields) => fields.map((field) => quoted(field, separator)).join(separator) + "\r\n");
  return (bom ? "\ufeff" : "") + lines.join("");
}

function withHeader(column: Column): { header: string; path: PropertyAccessor[] } {
  const details: ColumnDetails = typeof column === "object" && !Array.isArray(column) ? column : { prop: column };
  const path = [details.prop].flat();
  return { header: details.header ?? String(path.at(-1)), path };
}

/** Follows a path into an item, as far as there are objects. */
function at(item: DataItem, path: PropertyAccessor[]): unknown {
  let value: unknown = item;
  for (const key of path) {
    if (typeof value !== "object" || value === null) break;
    if (Array.isArray(value) && typeof key !== "number") {
      throw new TypeError('Property accessor is not of type "number"');
    }
    value = (value as Record<PropertyAccessor, unknown>)[key];
  }
  return value;
}

/** The fields of an array; an object has no order to rely on. */
function all(item: DataItem): unknown[] {
  if (Array.isArray(item)) return [...item];
  throw new TypeError("No property accessor function was provided for object");
}

function quoted(value: unknown, separator: string): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const plain = ![separator, "\n", '"'].some((mark) => text.includes(mark));
  return plain ? text : `"${text.replaceAll('"', '""')}"`;
}

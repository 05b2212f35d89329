// Stands in for `@std/cli/parse-args`, which descends from minimist.

type Names = string | undefined;
type Switches = boolean | Names;
type Aliases = Record<string, string | readonly string[]>;
type Untyped = Record<string, unknown>;

/** Makes one object type of an intersection, which reads better in an editor. */
type Flat<T> = { [K in keyof T]: T[K] };

/** Whether an option is surely there. */
type Given<T> = undefined extends T ? false : false extends T ? false : true;

/** The names of flags that can be told. Those with dots make nested objects, whose types are left open. */
type Plain<T> = string extends T ? never : Exclude<Extract<T, string>, `${string}.${string}` | "_">;

/** Flags always there, as `false` or `[]` if need be, and flags that may be missing. */
type Flags<B, S, C, N> =
  & { [K in Plain<B | C>]: Value<K, B, S, C, N> }
  & { [K in Exclude<Plain<S>, B | C>]?: Value<K, B, S, C, N> };

type Value<K, B, S, C, N, One = K extends B ? boolean : K extends S ? string : unknown> =
  | (K extends C ? One[] : One)
  | (K extends N ? false : never);

/** A flag with a default is never missing and may have the type of the default. */
type WithDefaults<T, D> = D extends Untyped
  ? Omit<T, keyof D> & { [K in keyof T & keyof D]-?: NonNullable<T[K]> | D[K] }
  : T;

type WithAliases<T, A> = { [K in keyof T as K | AliasOf<K, A>]: T[K] };
type AliasOf<K, A> = K extends keyof A ? Plain<A[K] extends readonly (infer Name)[] ? Name : A[K]> : never;

/** Without named flags anything goes; otherwise the flags that were not named are of type `unknown`. */
type Values<B, S, C, N, D, A> = true extends Given<B> | Given<S> | Given<C>
  ? Untyped & WithAliases<WithDefaults<Flags<B, S, C, N>, D>, A>
  // deno-lint-ignore no-explicit-any
  : Record<string, any>;

type DoubleDash<T> = boolean extends T ? { "--"?: string[] } : true extends T ? { "--": string[] } : unknown;

/** What {@linkcode parseArgs} returns: the flags, everything else in `_`, and on demand what follows `--`. */
export type Args<
  // deno-lint-ignore no-explicit-any
  TArgs extends Untyped = Record<string, any>,
  TDoubleDash extends boolean | undefined = undefined,
> = Flat<TArgs & { _: Array<string | number> } & DoubleDash<TDoubleDash>>;

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  TBooleans extends Switches = Switches,
  TStrings extends Names = Names,
  TCollectable extends Names = Names,
  TNegatable extends Names = Names,
  TDefault extends Untyped | undefined = Untyped | undefined,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Puts what follows `--` into a list of its own instead of `_`. */
  "--"?: TDoubleDash;
  /** Further names of flags. */
  alias?: TAliases;
  /** Flags that take no value and are `false` unless given; `true` means all flags with two dashes. */
  boolean?: TBooleans | ReadonlyArray<Extract<TBooleans, string>>;
  /** Values of flags that are not given. */
  default?: TDefault;
  /** Leaves everything after the first argument that is no flag as it is. */
  stopEarly?: boolean;
  /** Flags whose values stay text even if they look like numbers; `_` means the arguments that are no flags. */
  string?: TStrings | ReadonlyArray<Extract<TStrings, string>>;
  /** Flags that may be repeated and gather their values in a list. */
  collect?: TCollectable | ReadonlyArray<Extract<TCollectable, string>>;
  /** Flags that `--no-name` sets to `false`. */
  negatable?: TNegatable | ReadonlyArray<Extract<TNegatable, string>>;
  /** Called for arguments without mention in `boolean`, `string` or `alias`; `false` drops the argument. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

interface Nested {
  [key: string]: unknown;
}

/**
 * Reads command line arguments.
 *
 * Values that look like numbers become numbers, unless the flag is listed in `string`. A flag without a value is
 * `true`. Nothing after `--` is taken for a flag.
 *
 * @param args The arguments, such as `Deno.args`.
 * @param options What to expect among them; the type of the result follows from it.
 * @returns The flags by name, with everything else in `_`.
 * @throws {TypeError} If an alias is `undefined`.
 */
export function parseArgs<
  TArgs extends Values<TBooleans, TStrings, TCollectable, TNegatable, TDefaults, TAliases>,
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends Switches = undefined,
  TStrings extends Names = undefined,
  TCollectable extends Names = undefined,
  TNegatable extends Names = undefined,
  TDefaults extends Untyped | undefined = undefined,
  const TAliases extends Aliases | undefined = undefined,
>(
  args: string[],
  options: ParseOptions<TBooleans, TStrings, TCollectable, TNegatable, TDefaults, TAliases, TDoubleDash> = {},
): Args<TArgs, TDoubleDash> {
  const aliases = aliasesByName(options.alias);
  const allNames = (name: string) => [name, ...(aliases.get(name) ?? [])];
  const namesIn = (option: unknown) =>
    new Set([option].flat().flatMap((name) => typeof name === "string" && name ? allNames(name) : []));
  const booleans = namesIn(options.boolean);
  const strings = namesIn(options.string);
  const collected = namesIn(options.collect);
  const negatable = namesIn(options.negatable);
  const allBoolean = options.boolean === true;

  const positional: (string | number)[] = [];
  const result: Nested = { _: positional };

  function set(name: string, value: string | boolean, arg: string, mayCollect = true) {
    const known = booleans.has(name) || strings.has(name) || aliases.has(name) ||
      (allBoolean && /^--[^=]+$/.test(arg));
    if (!known && options.unknown?.(arg, name, value) === false) return;
    const typed = typeof value === "string" && !strings.has(name) ? numberOrText(value) : value;
    for (const each of allNames(name)) put(result, each, typed, mayCollect && collected.has(name));
  }

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const afterDashes = args.slice(end + 1);
  const queue = args.slice(0, end);

  /** The value of a flag that has none attached: the next argument if that will do. */
  function nextValue(name: string, isFlag: RegExp, isBoolean = booleans.has(name)): string | boolean {
    const next = queue[0];
    if (next && !isBoolean && !isFlag.test(next)) return queue.shift()!;
    if (next === "true" || next === "false") return queue.shift() === "true";
    return strings.has(name) ? "" : true;
  }

  function readLong(arg: string) {
    const negated = /^--no-./s.test(arg);
    const text = arg.slice(negated ? "--no-".length : "--".length);
    const [, name, value] = /^(.[^=]*)=(.+)$/s.exec(text) ?? [];
    if (name) return set(name, booleans.has(name) ? value !== "false" : value, arg);
    if (negated && negatable.has(text)) return set(text, false, arg, false);
    const whole = negated ? `no-${text}` : text;
    set(whole, nextValue(whole, /^-/, allBoolean || booleans.has(whole)), arg);
  }

  function readShort(arg: string) {
    for (let at = 1; at < arg.length - 1; at++) {
      const [letter, rest] = [arg[at], arg.slice(at + 1)];
      const value = attachedValue(letter, rest);
      set(letter, value ?? (strings.has(letter) ? "" : true), arg);
      if (value !== undefined) return;
    }
    const last = arg.slice(-1);
    set(last, nextValue(last, /^--?[^-]/), arg);
  }

  while (queue.length > 0) {
    const arg = queue.shift()!;
    if (/^--./s.test(arg)) readLong(arg);
    else if (/^-./s.test(arg)) readShort(arg);
    else {
      if (options.unknown?.(arg) !== false) positional.push(strings.has("_") ? arg : numberOrText(arg));
      if (options.stopEarly) positional.push(...queue.splice(0));
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    if (!has(result, name)) allNames(name).forEach((each) => put(result, each, value));
  }
  for (const name of [...booleans, ...strings]) {
    if (has(result, name)) continue;
    if (collected.has(name)) put(result, name, []);
    else if (booleans.has(name)) put(result, name, false);
  }
  if (options["--"]) result["--"] = afterDashes;
  else positional.push(...afterDashes);
  return result as Args<TArgs, TDoubleDash>;
}

/** Maps every name that has others to those others. */
function aliasesByName(alias: Aliases = {}): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const [key, value] of Object.entries(alias)) {
    if (value === undefined) throw new TypeError("Alias value must be defined");
    const group = [key, value].flat();
    for (const name of group) byName.set(name, group.filter((other) => other !== name));
  }
  return byName;
}

/** The value written right behind a letter in one argument: `-n5`, `-n=5`, `-I/usr/include`, `-f-`. */
function attachedValue(letter: string, rest: string): string | undefined {
  if (rest === "-") return rest;
  if (/[A-Za-z]/.test(letter)) {
    const afterSign = /=(.+)/s.exec(rest)?.[1];
    if (afterSign !== undefined) return afterSign;
    if (/\d\.?$/.test(rest)) return rest;
  }
  return /^\W./s.test(rest) ? rest : undefined;
}

function numberOrText(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Sets a value, in nested objects if the name has dots. */
function put(target: Nested, name: string, value: unknown, collect = false) {
  const path = name.split(".");
  const last = path.pop()!;
  for (const key of path) {
    if (!Object.hasOwn(target, key)) target[key] = {};
    target = target[key] as Nested;
  }
  const before = Object.hasOwn(target, last) ? target[last] : undefined;
  if (!collect) target[last] = value;
  else if (Array.isArray(before)) before.push(value);
  else target[last] = before ? [before, value] : [value];
}

function has(target: Nested, name: string): boolean {
  return name.split(".").every((key) => {
    const found = Object.hasOwn(target, key);
    target = target[key] as Nested;
    return found;
  });
}

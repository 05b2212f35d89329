/**
 * A job queue in one SQLite file: no server, several processes, and no job is lost when one of them is killed.
 *
 * What to notice: whoever claims a job gets a lease on it, which it has to renew while it works. If it dies, the lease
 * runs out and the job is handed to somebody else; so a job may run twice, and therefore its result is stored under its
 * id, once, in the same transaction that finishes it. A transaction costs about as much as a job is small: claims and
 * acks of many jobs at once are ten times as cheap. All processes must be on one machine, since SQLite's write-ahead log
 * is shared memory; for several machines there are the platforms of ch11/platforms.
 *
 * @original none, the second edition's chapter on clusters (NSQ)
 * @run deno run --allow-read=. --allow-write=. ch11/queue/embedded_queue.ts
 * @takes 1 s
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Work to be done: what it is, and for which worker. `id` is up to 128 letters, digits, `_` and `-`. */
export interface Job {
  id: string;
  type: string;
  data: Json;
}

/** A job handed to one worker until `until` (ms, by the queue's clock); `attempt` counts deliveries from 1. */
export interface Lease extends Job {
  attempt: number;
  until: number;
  token: string;
}

/** How many jobs are in which state. Those that wait for another attempt are waiting. */
export interface Counts {
  waiting: number;
  active: number;
  done: number;
  dead: number;
}

export interface Finished {
  lease: Lease;
  result?: Json;
  /** Where the result is stored: "results" unless given. Written like an id. */
  topic?: string;
}

export interface Queue extends AsyncDisposable {
  /** Puts jobs, all or none. One whose id was put before is not put again. Returns how many were new. */
  put(jobs: readonly Job[]): Promise<number>;
  /** Claims up to `count` jobs for `leaseMs` (30 000); waits up to `waitMs` (0) for the first. May be empty. */
  claim(options?: { count?: number; leaseMs?: number; waitMs?: number }): Promise<Lease[]>;
  /** The heartbeat: holds a job for `ms` from now, by default as long as it was claimed for. False if it was lost. */
  extend(lease: Lease, ms?: number): Promise<boolean>;
  /** Stores results under the jobs' ids, once, and finishes the jobs. For each, whether its lease was still held. */
  ack(finished: readonly Finished[]): Promise<boolean[]>;
  /** Gives a job back after a failure: it is delivered again after `delayMs` (0), or is dead after its last attempt. */
  retry(lease: Lease, error: string, delayMs?: number): Promise<"again" | "dead" | "lost">;
  /** Gives a job up, whatever attempts are left: it is a dead letter. False if the lease was lost. */
  bury(lease: Lease, error: string): Promise<boolean>;
  counts(): Promise<Counts>;
  /** The stored results of a topic ("results"). */
  results(topic?: string): AsyncIterable<{ id: string; result: Json }>;
  deadLetters(): AsyncIterable<{ job: Job; error: string; attempts: number }>;
  /** Jobs still held are delivered again when their leases end. */
  close(): Promise<void>;
}

export interface QueueOptions {
  /** Several queues may share a file or a server. Written like an id. */
  name?: string;
  /** After how many deliveries a job is dead: 3. */
  maxAttempts?: number;
  /** How long a write may wait for another process's, in ms: 5000. */
  patienceMs?: number;
  /** Whether each transaction is on the disk before it returns, which takes as long as the disk does. */
  durable?: boolean;
}

/** What the caller or the machine is at fault for: the message says what, and where. */
export class QueueError extends Error {
  override name = "QueueError";
}

/** The largest job or result in bytes of JSON: NATS's limit, so that jobs can move to a server. */
const largest = 2 ** 20;

/**
 * Opens the queue in a file, and makes that if it is not there. ":memory:" is a queue of this process only.
 *
 * @throws QueueError if the file is damaged, locked, or cannot be made
 */
export function open(where: string, options: QueueOptions = {}): Promise<Queue> {
  // Not `async`: an error is to reject, and nothing here waits.
  return Promise.resolve().then(() => new EmbeddedQueue(where, options));
}

class EmbeddedQueue implements Queue {
  #db: DatabaseSync;
  #sql: ReturnType<typeof prepare>;
  #maxAttempts: number;
  #open = true;
  /** The queue's time is `performance.now() + #base`, and also the clock on the wall plus `#offset`. */
  #base: number;
  #offset: number;

  constructor(readonly where: string, options: QueueOptions) {
    const { name = "queue", maxAttempts = 3, patienceMs = 5000, durable = false } = options;
    checkName("name", name);
    this.#maxAttempts = maxAttempts;
    [this.#db, this.#sql] = this.#explain(() => {
      const db = new DatabaseSync(where, { timeout: patienceMs });
      try {
        // A transaction writes whole pages, and few bytes of each are new: small pages make it cheaper. In WAL mode
        // readers do not wait for the writer. With NORMAL the log is only forced to the disk when it is copied back into
        // the file, every 4 MiB: what was committed survives the process, kill -9 included, but the last moments before
        // a power cut may be missing, and jobs then run again. FULL forces each transaction, and survives that too.
        db.exec(`
          pragma page_size = 1024; pragma journal_mode = wal; pragma wal_autocheckpoint = 4096;
          pragma synchronous = ${durable ? "full" : "normal"}`);
        db.exec(schema(name));
        return [db, prepare(db, name)];
      } catch (error) {
        db.close();
        throw error;
      }
    });
    const { offset, last } = this.#sql.clock.get() as unknown as { offset: number; last: number };
    this.#offset = offset;
    this.#base = Math.max(Date.now() + offset, last) - performance.now();
  }

  async put(jobs: readonly Job[]): Promise<number> {
    const rows = jobs.map(({ id, type, data }) => {
      checkName("id", id);
      return [id, type, encode(data, `job ${id}`)] as const;
    });
    return await this.#transaction(() => {
      const now = this.#now();
      let added = 0;
      for (const [id, type, data] of rows) added += Number(this.#sql.put.run(id, type, data, now).changes);
      return added;
    });
  }

  async claim({ count = 1, leaseMs = 30_000, waitMs = 0 } = {}): Promise<Lease[]> {
    if (!(leaseMs > 0)) throw new QueueError(`a lease of ${leaseMs} ms: must be longer than 0`);
    const end = performance.now() + waitMs;
    // A process cannot be told what another one wrote, it has to look: at first each millisecond, later every 25.
    for (let pause = 1;;) {
      const leases = this.#take(count, leaseMs);
      if (leases.length > 0) return leases;
      // Who waits only reads, and keeps nobody from writing.
      do {
        const left = end - performance.now();
        if (left <= 0) return [];
        await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
        if (!this.#open) return [];
        pause = Math.min(2 * pause, 25);
      } while (this.#read(() => !this.#sql.anyDue.get(this.#base + performance.now())));
    }
  }

  #take(count: number, leaseMs: number): Lease[] {
    return this.#transaction(() => {
      const now = this.#now(), until = now + leaseMs, token = crypto.randomUUID(), leases: Lease[] = [];
      // Leases that ran out come first, then what has waited longest. Many rows by one statement: one for each would take
      // five times as long. A single row is looked for and marked: with a list SQLite would make a table of it first.
      for (const state of ["active", "waiting"] as const) {
        while (leases.length < count) {
          const left = count - leases.length;
          const rows = left === 1
            ? this.#takeOne(state, now, until, token)
            : this.#sql.claim.all(until, token, state, now, left) as unknown as Row[];
          for (const { seq, id, type, data, attempt } of rows.sort((a, b) => a.seq - b.seq)) {
            if (attempt > this.#maxAttempts) {
              this.#sql.giveUp.run(`the lease ended ${this.#maxAttempts} times without a result`, seq);
              continue;
            }
            const lease = { id, type, data: JSON.parse(data), attempt, until, token };
            leaseTimes.set(lease, leaseMs);
            leases.push(lease);
          }
          // Behind those that have used up their attempts there may be more.
          if (rows.length < left) break;
        }
      }
      return leases;
    });
  }

  #takeOne(state: "active" | "waiting", now: number, until: number, token: string): Row[] {
    const row = this.#sql[state === "active" ? "ended" : "waiting"].get(now) as unknown as Row | undefined;
    if (!row) return [];
    this.#sql.claimOne.run(until, token, row.seq);
    return [{ ...row, attempt: row.attempt + 1 }];
  }

  async extend(lease: Lease, ms = leaseTimes.get(lease) ?? 30_000): Promise<boolean> {
    return await this.#transaction(() => {
      const until = this.#now() + ms;
      const held = this.#sql.extend.run(until, lease.id, lease.token).changes > 0;
      if (held) lease.until = until;
      return held;
    });
  }

  async ack(finished: readonly Finished[]): Promise<boolean[]> {
    const texts = finished.map(({ lease, result, topic = "results" }) => {
      checkName("topic", topic);
      return result === undefined ? undefined : encode(result, `the result of job ${lease.id}`);
    });
    return await this.#transaction(() => {
      // A lease that has run out still counts while nobody else has claimed the job. What was claimed together has one
      // token; all of a token go to the database as one list.
      const held = new Set<string>();
      for (const [token, group] of Map.groupBy(finished, ({ lease }) => lease.token)) {
        const ids = group.map(({ lease }) => lease.id);
        const rows = (ids.length === 1
          ? this.#sql.finishOne.all(token, ids[0])
          : this.#sql.finishAll.all(token, JSON.stringify(ids))) as { id: string }[];
        for (const { id } of rows) {
          held.add(`${token} ${id}`);
        }
      }
      const acked = finished.map(({ lease }) => held.delete(`${lease.token} ${lease.id}`));
      const stored = finished.flatMap(({ lease, topic = "results" }, i) => {
        const text = texts[i];
        return acked[i] && text !== undefined ? [[topic, lease.id, text] as const] : [];
      });
      if (stored.length === 1) this.#sql.storeOne.run(...stored[0]);
      else if (stored.length > 1) this.#sql.store.run(JSON.stringify(stored));
      return acked;
    });
  }

  async retry(lease: Lease, error: string, delayMs = 0): Promise<"again" | "dead" | "lost"> {
    return await this.#transaction(() => {
      if (lease.attempt >= this.#maxAttempts) {
        return this.#sql.bury.run(error, lease.id, lease.token).changes > 0 ? "dead" : "lost";
      }
      const { changes } = this.#sql.retry.run(this.#now() + delayMs, error, lease.id, lease.token);
      return changes > 0 ? "again" : "lost";
    });
  }

  async bury(lease: Lease, error: string): Promise<boolean> {
    return await this.#transaction(() => this.#sql.bury.run(error, lease.id, lease.token).changes > 0);
  }

  async counts(): Promise<Counts> {
    return await this.#read(() => this.#sql.counts.get()) as unknown as Counts;
  }

  async *results(topic = "results") {
    // Page by page: a statement left open would keep the log from being copied back, and it would grow.
    for (let last = "";;) {
      const rows = this.#read(() => this.#sql.results.all(topic, last)) as { id: string; result: string }[];
      for (const { id, result } of rows) yield { id, result: JSON.parse(result) as Json };
      if (rows.length === 0) return;
      last = rows.at(-1)!.id;
    }
  }

  async *deadLetters() {
    for (let last = 0;;) {
      const rows = this.#read(() => this.#sql.dead.all(last)) as unknown as (Row & { error: string })[];
      for (const { id, type, data, error, attempt } of rows) {
        yield { job: { id, type, data: JSON.parse(data) as Json }, error, attempts: attempt };
      }
      if (rows.length === 0) return;
      last = rows.at(-1)!.seq;
    }
  }

  close(): Promise<void> {
    if (this.#open) this.#db.close();
    this.#open = false;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The queue's clock, in ms: the same in all processes, and one that does not jump when the clock on the wall is set.
   *
   * A process's own monotonic clock never jumps, but no two processes count from the same moment. Each starts from the
   * clock on the wall, and goes on by itself. Whoever sees the wall jump stores by how much, for those that start later;
   * one that started between the jump and that correction follows the others. `last` keeps time from running backwards
   * if the wall was set back while no process was there.
   */
  #now(): number {
    const stored = this.#sql.clock.get() as unknown as { offset: number; last: number };
    const monotonic = performance.now(), wall = Date.now();
    const apart = (offset: number) => Math.abs(this.#base + monotonic - wall - offset) > 200;
    if (stored.offset !== this.#offset && apart(stored.offset)) this.#base = wall + stored.offset - monotonic;
    this.#offset = stored.offset;
    const now = this.#base + monotonic, jumped = apart(this.#offset);
    if (jumped) this.#offset = now - wall;
    if (jumped || now > stored.last + 1000) this.#sql.setClock.run(this.#offset, Math.max(now, stored.last));
    return now;
  }

  #read<T>(read: () => T): T {
    if (!this.#open) throw new QueueError(`the queue in ${this.where} is closed`);
    return this.#explain(read);
  }

  /** Does all or nothing. It takes the right to write at once: one that reads first may find its view outdated. */
  #transaction<T>(change: () => T): T {
    return this.#read(() => {
      this.#sql.begin.run();
      try {
        const result = change();
        this.#sql.commit.run();
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec("rollback");
        throw error;
      }
    });
  }

  /** Says of SQLite's errors which file they are about, and what there is to do. */
  #explain<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      if (code !== "ERR_SQLITE_ERROR") throw error;
      const meanings: [RegExp, string][] = [
        [/locked/, "is locked: another process has kept it from writing for too long"],
        [/not a database|malformed/, "is damaged, or is no SQLite file"],
        [/disk is full/, "cannot grow: the disk is full"],
      ];
      const meaning = meanings.find(([pattern]) => pattern.test(message))?.[1] ?? "cannot be used";
      throw new QueueError(`${this.where} ${meaning} (${message})`, { cause: error });
    }
  }
}

interface Row {
  seq: number;
  id: string;
  type: string;
  data: string;
  attempt: number;
}

/** For how long a job was claimed. */
const leaseTimes = new WeakMap<Lease, number>();

function schema(name: string): string {
  return `
    create table if not exists "${name}_jobs" (
      seq integer primary key,
      id text not null unique,
      type text not null,
      data text,                -- null once it is done
      state text not null,      -- waiting, active, done, dead
      due real,                 -- from when on it may be claimed: the end of a lease, or of a delay
      attempt integer not null default 0,
      token text,
      error text
    ) strict;
    create index if not exists "${name}_due" on "${name}_jobs" (state, due) where due is not null;
    create index if not exists "${name}_dead" on "${name}_jobs" (seq) where state = 'dead';
    create table if not exists "${name}_results" (
      topic text not null, id text not null, result text not null, primary key (topic, id)
    ) strict, without rowid;
    create table if not exists "${name}_clock" (offset real not null, last real not null) strict;
    insert into "${name}_clock" select 0, 0 where not exists (select * FROM "${name}_clock")`;
}

function prepare(db: DatabaseSync, name: string) {
  const jobs = `"${name}_jobs"`, held = "where id = ? and token = ?";
  const statements = {
    put: `insert into ${jobs} (id, type, data, state, due) values (?, ?, ?, 'waiting', ?) on conflict do nothing`,
    anyDue: `select 1 from ${jobs} where state in ('active', 'waiting') and due <= ? limit 1`,
    claim: `
      update ${jobs} set state = 'active', attempt = attempt + 1, due = ?1, token = ?2
      where seq in (select seq from ${jobs} where state = ?3 and due <= ?4 order by due limit ?5)
      returning seq, id, type, data, attempt`,
    // With the state as a parameter SQLite would choose its indices anew whenever that changes, four times as slow.
    ended: `select seq, id, type, data, attempt from ${jobs} where state = 'active' and due <= ? order by due limit 1`,
    waiting: `
      select seq, id, type, data, attempt from ${jobs} where state = 'waiting' and due <= ? order by due limit 1`,
    claimOne: `update ${jobs} set state = 'active', attempt = attempt + 1, due = ?, token = ? where seq = ?`,
    giveUp: `
      update ${jobs} set state = 'dead', attempt = attempt - 1, error = ?, due = null, token = null where seq = ?`,
    extend: `update ${jobs} set due = ? ${held}`,
    bury: `update ${jobs} set state = 'dead', error = ?, due = null, token = null ${held}`,
    finishAll: `
      update ${jobs} set state = 'done', error = null, due = null, token = null, data = null
      where token = ? and id in (select value from json_each(?)) returning id`,
    finishOne: `
      update ${jobs} set state = 'done', error = null, due = null, token = null, data = null
      where token = ? and id = ? returning id`,
    storeOne: `insert into "${name}_results" (topic, id, result) values (?, ?, ?) on conflict do nothing`,
    store: `
      insert into "${name}_results" (topic, id, result)
      select value ->> 0, value ->> 1, value ->> 2 from json_each(?) where true on conflict do nothing`,
    retry: `update ${jobs} set state = 'waiting', due = ?, error = ?, token = null ${held}`,
    // Those that are done are in no index: they are the others.
    counts: `
      select waiting, active, total - waiting - active - dead as done, dead from
        (select count(*) as waiting from ${jobs} where state = 'waiting' and due is not null),
        (select count(*) as active from ${jobs} where state = 'active' and due is not null),
        (select count(*) as dead from ${jobs} where state = 'dead'),
        (select count(*) as total from ${jobs})`,
    results: `select id, result FROM "${name}_results" where topic = ? and id > ? order by id limit 1000`,
    dead: `select * from ${jobs} where state = 'dead' and seq > ? order by seq limit 1000`,
    begin: "begin immediate",
    commit: "commit",
    clock: `select offset, last FROM "${name}_clock"`,
    setClock: `update "${name}_clock" set offset = ?, last = ?`,
  };
  const prepared = Object.entries(statements).map(([key, text]) => [key, db.prepare(text)]);
  return Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
}

function checkName(what: string, name: string): void {
  if (!/^[\w-]{1,128}$/.test(name)) throw new QueueError(`${what} "${name}": must be 1 to 128 letters, digits, _ or -`);
}

/** The text of a value. What JSON.stringify would drop or change without a word is refused. */
function encode(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    if (isJson(value)) text = JSON.stringify(value);
  } catch (error) {
    // A cycle, which never ends.
    if (!(error instanceof RangeError)) throw error;
  }
  if (text === undefined) throw new QueueError(`${what} is not JSON`);
  if (3 * text.length > largest && new TextEncoder().encode(text).length > largest) {
    throw new QueueError(`${what} is larger than ${largest} bytes; store it elsewhere and put where it is`);
  }
  return text;
}

function isJson(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
  }
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every(isJson);
}

if (import.meta.main) {
  const file = await Deno.makeTempFile({ dir: ".", suffix: ".db" });
  const remove = () =>
    ["", "-wal", "-shm"].forEach((end) => {
      try {
        Deno.removeSync(file + end);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    });
  const interrupted = () => (remove(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    await using queue = await open(file);
    for (const batch of [1, 100]) {
      const jobs = Array.from({ length: 100 * batch }, (_, i) => ({ id: `${batch}-${i}`, type: "square", data: i }));
      await queue.put(jobs);
      const start = performance.now();
      for (;;) {
        const leases = await queue.claim({ count: batch });
        if (leases.length === 0) break;
        await queue.ack(leases.map((lease) => ({ lease, result: (lease.data as number) ** 2 })));
      }
      const rate = jobs.length / (performance.now() - start) * 1000;
      console.log(`${jobs.length} jobs claimed and acked, ${batch} at a time: ${rate.toFixed(0)} a second`);
    }
    const { done, ...others } = await queue.counts();
    let sum = 0;
    for await (const { result } of queue.results()) sum += result as number;
    const squares = (n: number) => (n - 1) * n * (2 * n - 1) / 6, expected = squares(100) + squares(10_000);
    console.log(`${done} jobs done, results that sum to ${sum}, left over:`, others);
    if (sum !== expected || done !== 10_100) throw new Error(`expected 10100 results that sum to ${expected}`);
  } finally {
    remove();
    Deno.removeSignalListener("SIGINT", interrupted);
  }
}

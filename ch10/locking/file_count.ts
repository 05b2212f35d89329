/**
 * A count in a file by several processes: without a lock, with one around each access, and with one around all of it.
 *
 * What to notice: an increment is read, add, write. Without a lock two processes read the same number and write the same
 * number, and one increment is gone; worse, who reads while another has just emptied the file begins again at 0. With a
 * lock around each read and each write nobody reads half a file, and increments are still lost: between the two locks
 * another gets its turn. Only around all three is it right, and costs no more. The lock belongs to the open file and goes
 * with its process, even by kill -9: no dead lock is left. With one process all three are right, and so is a test with one.
 *
 * @original 10_multiprocessing/locking/ex1_nolock1.py, …/ex1_nolock4.py, …/ex1_lock.py
 * @run deno run --allow-run=deno --allow-read=. --allow-write=. ch10/locking/file_count.ts
 * @takes 1 s
 */

/** The number in a file; 0 if it is empty. */
function read(file: Deno.FsFile): number {
  const bytes = new Uint8Array(32);
  file.seekSync(0, Deno.SeekMode.Start);
  return Number(new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0)));
}

function write(file: Deno.FsFile, number: number): void {
  file.truncateSync(0);
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${number}\n`));
}

/** How to add one to the number in a file, `each` times. */
export const counts = {
  /** Wrong. */
  none(path: string, each: number): void {
    for (let i = 0; i < each; i++) {
      const number = Number(Deno.readTextFileSync(path));
      Deno.writeTextFileSync(path, `${number + 1}\n`);
    }
  },
  /** Wrong, too: readers share a lock, a writer has it alone, and between them it is free. */
  access(path: string, each: number): void {
    using file = Deno.openSync(path, { read: true, write: true });
    for (let i = 0; i < each; i++) {
      file.lockSync(false);
      const number = read(file);
      file.unlockSync();
      // Here another process may read the same number.
      file.lockSync(true);
      write(file, number + 1);
      file.unlockSync();
    }
  },
  /** Right. */
  whole(path: string, each: number): void {
    using file = Deno.openSync(path, { read: true, write: true });
    for (let i = 0; i < each; i++) {
      file.lockSync(true);
      try {
        write(file, read(file) + 1);
      } finally {
        file.unlockSync();
      }
    }
  },
};

export type Lock = keyof typeof counts;

/**
 * Starts processes that count in one file, which begins empty.
 *
 * @param lock what the lock is held around
 * @param folder where a temporary folder is made, and removed by `close` and after Ctrl-C
 */
export async function experiment(workers: number, folder = ".", lock: Lock = "whole") {
  const place = await Deno.makeTempDir({ dir: folder }), path = `${place}/count.txt`;
  const processes: Deno.ChildProcess[] = [];
  const stop = () => {
    Deno.removeSignalListener("SIGINT", interrupted);
    for (const process of processes) kill(process);
    Deno.removeSync(place, { recursive: true });
  };
  const interrupted = () => (stop(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  // Each may touch the count and nothing else. The end of its input is its end, also where this process was killed.
  const args = [
    "run",
    "--no-prompt",
    `--allow-read=${path}`,
    `--allow-write=${path}`,
    import.meta.url,
    "--in",
    path,
    lock,
  ];
  const start = () => {
    const process = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped" }).spawn();
    processes.push(process);
    return { to: process.stdin.getWriter(), from: process.stdout.getReader() };
  };
  const hear = async ({ from }: ReturnType<typeof start>) => {
    const { done } = await from.read();
    if (done) throw new Error("a process ended before it had counted");
  };
  let ends: ReturnType<typeof start>[];
  try {
    await Deno.writeTextFile(path, "");
    ends = Array.from({ length: workers }, start);
    await Promise.all(ends.map(hear));
  } catch (error) {
    stop();
    throw error;
  }
  return {
    /**
     * Has every process add one `each` times, all at once. Returns what the file then says. After an error only
     * `close` is left.
     */
    async run(each: number): Promise<number> {
      await Deno.writeTextFile(path, "");
      await Promise.all(ends.map(async (end) => {
        // If it is not there any more, there is nothing to hear either.
        await end.to.write(new TextEncoder().encode(`${each}`)).catch(() => {});
        await hear(end);
      }));
      return Number(await Deno.readTextFile(path));
    },
    async close() {
      for (const { to } of ends) await to.close().catch(() => {});
      await Promise.all(processes.map(({ status }) => status));
      await Promise.all(ends.map(({ from }) => from.cancel()));
      stop();
    },
    /** The processes' ids. */
    pids: processes.map(({ pid }) => pid),
  };
}

/** Ends a process, if it has not ended yet. */
function kill(process: Deno.ChildProcess) {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The other side: a process that says «ready», and then counts as often as each line says. */
function serve(path: string, lock: Lock) {
  const line = new Uint8Array(32), ready = new TextEncoder().encode("ready\n");
  for (;;) {
    Deno.stdout.writeSync(ready);
    const length = Deno.stdin.readSync(line);
    if (!length) return;
    counts[lock](path, Number(new TextDecoder().decode(line.subarray(0, length))));
  }
}

/**
 * Starts a process that takes the lock and keeps it, kills it with SIGKILL, and waits for the lock.
 *
 * @returns whether the lock could not be had before, and seconds from the kill until it could
 */
export async function killHolder(folder = "."): Promise<{ held: boolean; waited: number }> {
  const path = await Deno.makeTempFile({ dir: folder });
  let holder: Deno.ChildProcess | undefined;
  const stop = () => {
    if (holder) kill(holder);
    Deno.removeSync(path);
  };
  const interrupted = () => (stop(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const flags = ["run", "--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`];
    const args = [...flags, import.meta.url, "--hold", path];
    holder = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped" }).spawn();
    for await (const _ of holder.stdout) break;
    using file = await Deno.open(path, { read: true, write: true });
    const held = !file.tryLockSync(true);
    const start = performance.now();
    holder.kill("SIGKILL");
    await file.lock(true);
    const waited = (performance.now() - start) / 1000;
    await holder.stdin.abort().catch(() => {});
    await holder.status;
    return { held, waited };
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    stop();
  }
}

/** The other side of that: takes the lock, says so, and keeps it until it is killed or nobody is left to say so to. */
function hold(path: string) {
  using file = Deno.openSync(path, { read: true, write: true });
  file.lockSync(true);
  Deno.stdout.writeSync(new TextEncoder().encode("held\n"));
  Deno.stdin.readSync(new Uint8Array(1));
}

if (import.meta.main && Deno.args[0] === "--in") {
  serve(Deno.args[1], Deno.args[2] as Lock);
} else if (import.meta.main && Deno.args[0] === "--hold") {
  hold(Deno.args[1]);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each", "lock"],
    boolean: "help",
    default: { workers: "4", each: "1000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --each, --lock and --help`),
  });
  if (flags.help) {
    console.log(
      "Processes count in one file.\n  --workers N  1 to 64\n  --each N     how often each adds one, 1 to 1000000",
    );
    console.log("  --lock AT    none, access or whole; all three if not given");
    Deno.exit(0);
  }
  if (flags.lock !== undefined && !(flags.lock in counts)) {
    refuse(`--lock ${flags.lock}: must be ${Object.keys(counts).join(", ")}`);
  }
  const number = (name: "workers" | "each", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), each = number("each", 1000000);

  for (const lock of (flags.lock ? [flags.lock] : Object.keys(counts)) as Lock[]) {
    const { run, close } = await experiment(workers, ".", lock);
    try {
      // Emptying the file each time takes long; that is not for want of a lock.
      const times = lock === "none" && !flags.lock ? Math.ceil(each / 10) : each, expected = workers * times;
      await run(100);
      const start = performance.now(), counted = await run(times);
      const time = (performance.now() - start) / expected * 1000, lost = (100 * (1 - counted / expected)).toFixed(1);
      console.log(`lock ${lock}: ${workers} processes added one ${times} times each, the file says ${counted}`);
      console.log(`  ${lost}% lost, ${time.toFixed(1)} µs an increment`);
      if (!(counted >= 1 && counted <= expected)) throw new Error(`nobody wrote ${counted}`);
      if ((workers === 1 || lock === "whole") && counted !== expected) {
        throw new Error(`${counted} and not ${expected}`);
      }
    } finally {
      await close();
    }
  }
  const { waited, held } = await killHolder();
  if (!held) throw new Error("the other process did not hold the lock");
  console.log(`a process that held the lock was killed: ${(waited * 1000).toFixed(1)} ms later the lock was free`);
}

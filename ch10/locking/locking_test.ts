import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import * as fileCount from "./file_count.ts";
import * as integerCount from "./integer_count.ts";
import * as integerMutex from "./integer_mutex.ts";
import { Mutex, recover } from "./integer_mutex.ts";
import * as integerRedis from "./integer_redis.ts";

const root = new URL("../../", import.meta.url);
const isHere = (command: string) =>
  new Deno.Command(command, { args: ["--version"] }).output().then(() => true, () => false);
const redis = await isHere("redis-server");

/** A temporary folder of one's own, which must be empty again at the end. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [], "it left something behind");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Experiment {
  run(each: number): Promise<number>;
  close(): Promise<unknown>;
}

const right: Record<
  string,
  { open(workers: number, folder: string): Promise<Experiment>; each: number; runs: number }
> = {
  file_locked: { open: fileCount.experiment, each: 50, runs: 20 },
  integer_atomic: { open: (workers) => integerCount.experiment(workers), each: 10_007, runs: 50 },
  integer_own: { open: (workers) => integerCount.experiment(workers, "own"), each: 10_007, runs: 50 },
  integer_mutex: { open: (workers) => integerMutex.experiment(workers), each: 5003, runs: 50 },
  integer_mutex_using: { open: (workers) => integerMutex.experiment(workers, "using"), each: 1009, runs: 50 },
  ...redis ? { integer_redis: { open: integerRedis.experiment, each: 20, runs: 20 } } : {},
};

for (const [name, { open, each, runs }] of Object.entries(right)) {
  Deno.test(`${name} is exact in every one of ${runs} runs, with 1, 2, 3 and 5 workers`, async () => {
    await inFolder(async (folder) => {
      for (const workers of [1, 2, 3, 5]) {
        const { run, close } = await open(workers, folder);
        try {
          for (let i = 0; i < runs; i++) assertEquals(await run(each), workers * each);
        } finally {
          await close();
        }
      }
    });
  });
}

const fileUnlocked = (workers: number, folder: string) => fileCount.experiment(workers, folder, "none");
const fileLockedEachAccess = (workers: number, folder: string) => fileCount.experiment(workers, folder, "access");

const wrong = {
  fileUnlocked,
  fileLockedEachAccess,
  integerUnlocked: (workers: number, _folder: string) => integerCount.experiment(workers, "plain"),
};
for (const [name, experiment] of Object.entries(wrong)) {
  Deno.test(`${name} is exact with one worker and never counts too much with three`, async () => {
    await inFolder(async (folder) => {
      for (const workers of [1, 3]) {
        const { run, close } = await experiment(workers, folder);
        try {
          for (let i = 0; i < 5; i++) {
            const counted = await run(100);
            if (workers === 1) assertEquals(counted, 100);
            // The last one to write had read at least 0.
            assert(counted >= 1 && counted <= 300, `counted ${counted}`);
          }
        } finally {
          await close();
        }
      }
    });
  });
}

Deno.test("two processes without a lock lose increments, and so do two that lock each access", async () => {
  for (const experiment of [fileUnlocked, fileLockedEachAccess]) {
    await inFolder(async (folder) => {
      const { run, close } = await experiment(2, folder);
      try {
        // One run may be lucky, but not many in a row.
        let lost = 0;
        for (let i = 0; i < 50 && lost === 0; i++) lost += 600 - await run(300);
        assert(lost > 0, "50 runs have lost nothing");
      } finally {
        await close();
      }
    });
  }
});

Deno.test("a holder of a file's lock that is killed with SIGKILL leaves no dead lock", async () => {
  await inFolder(async (folder) => {
    for (let i = 0; i < 3; i++) assert((await fileCount.killHolder(folder)).held);
  });
});

Deno.test("a process that is killed while it counts is reported, and the others and the folder go away", async () => {
  const experiments = [fileUnlocked, fileCount.experiment, ...redis ? [integerRedis.experiment] : []];
  for (const experiment of experiments) {
    await inFolder(async (folder) => {
      const { run, close, pids } = await experiment(3, folder);
      const counting = assertRejects(() => run(2000), Error, "a process ended before it had counted");
      Deno.kill(pids.at(-1)!, "SIGKILL");
      await counting;
      await close();
      for (const pid of pids) assertThrows(() => Deno.kill(pid, "SIGCONT"), `process ${pid} is still there`);
    });
  }
});

Deno.test("a count survives that one of the processes was killed: the rest go on with the lock", async () => {
  await inFolder(async (folder) => {
    const { run, close, pids } = await fileCount.experiment(3, folder);
    const counting = assertRejects(() => run(5000), Error, "a process ended before it had counted");
    await new Promise((later) => setTimeout(later, 20));
    Deno.kill(pids[0], "SIGKILL");
    await counting;
    // The other two come to their ends, which they would not with a lock that nobody gives back.
    await close();
  });
});

Deno.test("no redis-server is named, and leaves nothing behind", async () => {
  await inFolder(async (folder) => {
    const deno = Deno.execPath();
    const { code, stderr } = await new Deno.Command(deno, {
      args: [
        ...["run", "--no-prompt", `--allow-run=deno,redis-server`, `--allow-read=.`, `--allow-write=.`],
        new URL("integer_redis.ts", import.meta.url).href,
      ],
      cwd: folder,
      env: { PATH: folder },
    }).output();
    assertEquals(code, 2);
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
    assertEquals(
      said,
      "error: there is no redis-server to show what a count in a server costs; apt-get install redis-server",
    );
  });
});

Deno.test("a mutex is free after its holder threw, and what was half done stays half done", () => {
  const words = new Int32Array(new SharedArrayBuffer(8)), pair = [0, 0];
  const one = new Mutex(words, 1), other = new Mutex(words, 2);
  assertThrows(() => {
    using _ = one.acquire();
    pair[0]++;
    throw new Error("in the middle");
  }, "in the middle");
  using _ = other.acquire(0);
  assertEquals([...words], [1, 2]);
  assertEquals(pair, [1, 0]);
});

Deno.test("a mutex that is taken times out, is not reentrant, and is free again after its holder gave it back", () => {
  const words = new Int32Array(new SharedArrayBuffer(8)), mutex = new Mutex(words, 1);
  {
    using _ = mutex.acquire();
    assertThrows(() => mutex.acquire(10), DOMException, "not free after 10 ms");
  }
  assertEquals([...words], [0, 0]);
  mutex.acquire(10)[Symbol.dispose]();
  assertEquals([...words], [0, 0]);
});

Deno.test("a mutex is not given back in the name of who does not hold it", () => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  assertEquals(recover(words, 1), false);
  using _ = new Mutex(words, 2).acquire();
  assertEquals(recover(words, 1), false);
  assertEquals([...words], [1, 2]);
});

Deno.test("a mutex whose holder is terminated stays taken until it is given back in that one's name", async () => {
  assertEquals(await integerMutex.terminateHolder(20), {
    before: "TimeoutError",
    refused: true,
    recovered: true,
    after: "had it",
  });
});

Deno.test("a worker that waits for a mutex is woken when it is given back in a dead holder's name", async () => {
  const words = new Int32Array(new SharedArrayBuffer(8)), counter = new Int32Array(new SharedArrayBuffer(4));
  // As a worker that is no more has left it.
  new Mutex(words, 7).acquire();
  const worker = new Worker(import.meta.resolve("./integer_mutex.ts"), { type: "module" });
  const hear = () => new Promise((heard) => worker.onmessage = heard);
  let heard = hear();
  worker.postMessage({ counter, words, name: 1 });
  await heard;
  heard = hear();
  worker.postMessage({ each: 100, guard: "finally" });
  // State 2 says that somebody waits.
  while (Atomics.load(words, 0) !== 2) await new Promise((later) => setTimeout(later, 1));
  assertEquals(counter[0], 0);
  assert(recover(words, 7));
  await heard;
  assertEquals(counter[0], 100);
  heard = hear();
  worker.postMessage("close");
  await heard;
});

const techniques = [
  "file_count",
  "integer_count",
  "integer_mutex",
  "integer_redis",
];

for (const name of techniques) {
  Deno.test(`${name} refuses what is no number of workers or increments, with one line and code 2`, async () => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
    const bad = [["--workers", "0"], ["--workers", "-1"], ["--workers", "1000"], ["--workers", "two"], ["--each", "0"]];
    await Promise.all(bad.map(async ([flag, value]) => {
      const { code, stderr, stdout } = await runScript(run, { cwd: root, more: [`${flag}=${value}`] });
      assertEquals(code, 2, stderr);
      assertEquals(stdout, "");
      assert(stderr.startsWith(`error: ${flag} ${value}: must be a whole number from 1 to `), stderr);
      assertEquals(stderr.trim().split("\n").length, 1);
    }));
  });
}

Deno.test({
  name: "after Ctrl-C no process, no server and no file is left",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const name of ["file_count", "integer_count", "integer_mutex", ...redis ? ["integer_redis"] : []]) {
      await inFolder(async (folder) => {
        const child = new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--no-prompt", "--allow-run=deno,redis-server", "--allow-read", `--allow-write=${folder}`],
            ...[new URL(`${name}.ts`, import.meta.url).href, "--workers=3"],
            `--each=${name.startsWith("file") || name.endsWith("redis") ? 1_000_000 : 100_000_000}`,
          ],
          cwd: folder,
          stderr: "null",
          stdout: "null",
        }).spawn();
        // Long enough that it counts; it would go on for many seconds.
        await new Promise((later) => setTimeout(later, 700));
        const descendants = await childrenOf(child.pid);
        if (!/integer_(count|mutex)/.test(name)) assert(descendants.length >= 3, `${descendants}`);
        child.kill("SIGINT");
        const { success } = await child.status;
        assertEquals(success, false);
        for (const pid of descendants) await mustEnd(pid);
      });
    }
  },
});

/**
 * The capacity of an array as elements are pushed, read off the heap of an unpatched V8.
 *
 * What to notice: most pushes cost no memory at all. When the backing store is full, V8 makes a new one of
 * n + n/2 + 16 slots, n being the length it must hold, and copies. Since each is half as large again, copies add up to a
 * constant number a push, and up to a third of a pushed array is unused. A slot has 8 bytes, a store a header of 16:
 * Deno's V8 does not compress pointers. CPython grows its lists by an eighth and copies more often.
 *
 * Found in a process of its own: with a single thread and without the optimising compilers nothing else allocates, so
 * what the heap grows by at a push is the new store, to the byte.
 *
 * @original 03_lists_tuples/allocations/list_allocation_graph.py
 * @run deno run --allow-run=deno ch03/allocations/array_allocation_graph.ts
 * @takes 1 s
 */

/** A push that made the array grow: its length after the push, and the slots that its new backing store has. */
export interface Growth {
  length: number;
  capacity: number;
}

/** How many bytes a backing store has beside its slots, and how many each slot has, on 64 bits without compression. */
export const headerBytes = 16, slotBytes = 8;

/** The growth steps of an array to which whole numbers are pushed. Throws if deno is not on the PATH. */
export async function findGrowth(pushes: number): Promise<Growth[]> {
  const bytes: number[] = JSON.parse(
    await runAlone(`
      import v8 from "node:v8";
      const used = () => v8.getHeapStatistics().used_heap_size;
      const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
      const trials = Array.from({ length: 6 }, () => {
        const array = [], grown = new Float64Array(${pushes});
        let before = used();
        // The first turns only ask: the first answers allocate more than later ones.
        for (let i = -4; i < ${pushes}; i++) {
          if (i >= 0) array.push(i);
          const after = used();
          grown[i] = after - before;
          before = after;
        }
        return grown;
      });
      // What asking itself allocates is there at nearly every push.
      const asking = median([...trials.at(-1)]);
      // The least over trials: the end of a page that stayed empty counts too, but not at the same push in all of them.
      // Less than asking itself was a collection.
      const least = (values) => Math.min(...values.filter((value) => value >= asking));
      console.log(JSON.stringify(
        Array.from({ length: ${pushes} }, (_, i) => least(trials.map((grown) => grown[i])) - asking),
      ));
    `),
  );
  return bytes.flatMap((value, i) =>
    value === 0 ? [] : [{ length: i + 1, capacity: (value - headerBytes) / slotBytes }]
  );
}

/** V8's rule: the slots of the store that is made when an array must hold `length` elements and the old store is full. */
export function predictGrowth(pushes: number): Growth[] {
  const steps: Growth[] = [];
  let capacity = 0;
  for (let length = 1; length <= pushes; length = capacity + 1) {
    capacity = length + (length >> 1) + 16;
    steps.push({ length, capacity });
  }
  return steps;
}

/** Elements copied from store to store, in the mean, for each of the pushes. */
export function copiesPerPush(steps: readonly Growth[], pushes: number): number {
  return steps.reduce((sum, { length }) => sum + length - 1, 0) / pushes;
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it prints. */
async function runAlone(program: string): Promise<string> {
  // Room for all that asking allocates, so that no collection falls between two pushes.
  const room = "--min-semi-space-size=64,--max-semi-space-size=64";
  const flags = `--v8-flags=--single-threaded,--no-opt,--no-maglev,--no-sparkplug,${room}`;
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", flags, "--ext=js", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feed = new Response(program).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) throw new Error(`deno ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const pushes = 20_000;
  let steps: Growth[];
  try {
    steps = await findGrowth(pushes);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to measure the heap in; install it: npm install -g deno");
    Deno.exit(2);
  }
  const predicted = predictGrowth(pushes);
  console.log("at push   new capacity    unused");
  for (const [i, { length, capacity }] of steps.entries()) {
    const bar = "#".repeat(Math.round(4 * Math.log2(capacity)));
    const unused = `${Math.round(100 * (1 - length / capacity))}%`;
    console.log(`${length}`.padStart(7), `${capacity}`.padStart(14), unused.padStart(9), bar);
    if (length !== predicted[i]?.length || capacity !== predicted[i].capacity) {
      throw new Error(`n + n/2 + 16 foretells ${JSON.stringify(predicted[i])}`);
    }
  }
  console.log(
    `\n${steps.length} growths in ${pushes} pushes, ${copiesPerPush(steps, pushes).toFixed(2)} copies a push`,
  );
}

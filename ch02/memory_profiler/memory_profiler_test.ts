import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { analyse, compareHeaps, dominators, nowhere, parseSnapshot } from "./heap_snapshot.ts";
import { julia as juliaKeepsInputs } from "./julia_keeps_inputs.ts";
import { julia as juliaLean } from "./julia_lean.ts";
import { serve, takeSnapshots } from "./leak.ts";
import { format, peak, type Profile, profileMemory } from "./memory_profiler.ts";

const root = new URL("../../", import.meta.url), tool = "ch02/memory_profiler/memory_profiler.ts";
const ignore = !await hasCommand("deno");
const inline = (source: string) => `data:application/typescript,${encodeURIComponent(source)}`;
const busyFor = (ms: number) => `for (const end = performance.now() + ${ms}; performance.now() < end;);`;

// Snapshots

/** What dominates by definition: a dominates b if b cannot be reached any more once a is taken out. */
function dominatorsByRemoval(edges: [number, number][], size: number): number[] {
  const reached = (without: number) => {
    const seen = new Set<number>(without === 0 ? [] : [0]);
    for (const node of seen) for (const [from, to] of edges) if (from === node && to !== without) seen.add(to);
    return seen;
  };
  const all = reached(-1);
  const strict = (node: number) => [...all].filter((a) => a !== node && !reached(a).has(node));
  return Array.from({ length: size }, (_, node) => {
    if (!all.has(node)) return nowhere;
    // The immediate one is dominated by all the others, and so has the most dominators itself.
    return strict(node).toSorted((a, b) => strict(b).length - strict(a).length)[0] ?? 0;
  });
}

function random(seed: number) {
  return () => (seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0, (seed >>> 8) / 2 ** 24);
}

function flat(edges: [number, number][], size: number) {
  const sorted = edges.toSorted(([a], [b]) => a - b);
  const firstEdge = Uint32Array.from({ length: size + 1 }, (_, node) => sorted.filter(([from]) => from < node).length);
  return { firstEdge, to: Uint32Array.from(sorted, ([, to]) => to), sorted };
}

Deno.test("dominators agree with those found by taking out one node after the other, also where edges are weak", () => {
  const next = random(7);
  for (let round = 0; round < 60; round++) {
    const size = 2 + Math.floor(14 * next());
    const edges = Array.from({ length: Math.floor(3 * size * next()) }, (): [number, number] => [
      Math.floor(size * next()),
      Math.floor(size * next()),
    ]);
    const { firstEdge, to, sorted } = flat(edges, size);
    const strong = Uint8Array.from(sorted, () => next() < 0.8 ? 1 : 0);
    const { dominator } = dominators(firstEdge, to, strong);
    const expected = dominatorsByRemoval(sorted.filter((_, e) => strong[e]), size);
    assertEquals([...dominator], expected, JSON.stringify(sorted));
  }
});

Deno.test("a chain of 300,000 nodes is no deeper than any other graph", () => {
  const size = 300_000, firstEdge = Uint32Array.from({ length: size + 1 }, (_, i) => Math.min(i, size - 1));
  const to = Uint32Array.from({ length: size - 1 }, (_, i) => i + 1);
  const { dominator } = dominators(firstEdge, to, new Uint8Array(size - 1).fill(1));
  assert(dominator.every((parent, node) => parent === Math.max(0, node - 1)));
});

const kinds = ["hidden", "array", "string", "object", "code", "closure", "synthetic"];
const edgeKinds = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"];

/** A snapshot in V8's format: nodes as [type, name, id, bytes], edges as [from, type, name, to]. */
function snapshot(nodes: [string, string, number, number][], edges: [number, string, string | number, number][]) {
  const strings: string[] = [],
    text = (name: string) => {
      if (!strings.includes(name)) strings.push(name);
      return strings.indexOf(name);
    };
  const sorted = edges.toSorted(([a], [b]) => a - b);
  const meta = {
    node_fields: ["type", "name", "id", "self_size", "edge_count", "detachedness"],
    node_types: [kinds, "string", "number", "number", "number", "number"],
    edge_fields: ["type", "name_or_index", "to_node"],
    edge_types: [edgeKinds, "string_or_number", "node"],
  };
  return new TextEncoder().encode(JSON.stringify({
    snapshot: { meta, node_count: nodes.length, edge_count: edges.length },
    nodes: nodes.flatMap(([type, name, id, bytes], i) => [
      kinds.indexOf(type),
      text(name),
      id,
      bytes,
      edges.filter(([from]) => from === i).length,
      0,
    ]),
    edges: sorted.flatMap(([, type, name, to]) => [
      edgeKinds.indexOf(type),
      typeof name === "number" ? name : text(name),
      to * 6,
    ]),
    strings,
  }));
}

const pair = "1 / part of key (Key @7) -> value (Value @9) pair in WeakMap (table @5)";
const handMade = snapshot([
  ["synthetic", "", 1, 0],
  ["object", "Window", 3, 10],
  ["object", "Table", 5, 20],
  ["object", "Key", 7, 30],
  ["object", "Value", 9, 40],
  ["object", "List", 11, 50],
  ["object", "Item", 13, 60],
  ["object", "Item", 15, 70],
  ["object", "Lost", 17, 5],
], [
  [0, "property", "window", 1],
  [1, "property", "table", 2],
  [1, "property", "some key", 3],
  [1, "context", "list", 5],
  [2, "internal", pair, 4],
  [3, "internal", pair, 4],
  [5, "element", 3, 6],
  [6, "property", "next", 7],
  [5, "weak", "gone", 8],
]);

Deno.test("retained sizes: a value in a WeakMap goes with its key, weak edges hold nothing, a group counts nothing twice", () => {
  const heap = parseSnapshot(handMade), { retained, groups, total, path } = analyse(heap);
  assertEquals([...retained], [280, 280, 20, 70, 40, 180, 130, 70, 5]);
  assertEquals(total, 285);
  const group = (name: string) => groups.find((group) => group.name === name)!;
  assertEquals(group("Item"), { name: "Item", count: 2, shallow: 130, retained: 130 });
  assertEquals(group("List").retained, 180);
  assertEquals(path(7), "root > Window > variable list List[3]: Item.next: Item");
  assertMatch(path(4), /^root > Window\["some key"\]: Key > \{1 \/ part of key .*\} Value$/);
  assertEquals(path(8), "nothing holds it any more");
});

Deno.test("two snapshots compare by V8's numbers: as many others in their place are all new", () => {
  const heap = (ids: number[], bytes: number) =>
    parseSnapshot(snapshot(
      [["synthetic", "", 1, 0], ...ids.map((id): [string, string, number, number] => ["object", "Item", id, bytes])],
      ids.map((_, i) => [0, "property", `item${i}`, i + 1]),
    ));
  const [change] = compareHeaps(heap([3, 5, 7], 8), heap([7, 9, 11], 10));
  const expected = { name: "Item", added: 2, removed: 2, addedBytes: 20, removedBytes: 16, grownBytes: 2, newest: 3 };
  assertEquals(change, expected);
});

Deno.test("what is no whole snapshot is refused, saying why", () => {
  const text = new TextEncoder();
  const refused: [Uint8Array, string][] = [
    [text.encode(""), "it begins with something else"],
    [text.encode('{"nodes":[1]}'), "it begins with something else"],
    [handMade.subarray(0, 100), "there is no end to it, or no «nodes» in it"],
    [handMade.subarray(0, -3), "it ends too early"],
  ];
  for (const [bytes, message] of refused) {
    assertThrows(() => parseSnapshot(bytes), SyntaxError, `not a heap snapshot: ${message}`);
  }
  const cut = new TextDecoder().decode(handMade);
  const within = cut.slice(0, cut.indexOf('"nodes":[') + 40);
  assertThrows(() => parseSnapshot(text.encode(within)), SyntaxError, "54 numbers were announced");
});

Deno.test("heap_snapshot.ts refuses bad files and flags with one line and exit code 2", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/other.json`, '{"a": 1}');
    await Deno.writeFile(`${folder}/cut.heapsnapshot`, handMade.subarray(0, -20));
    const refused: [string[], RegExp][] = [
      [[`${folder}/other.json`], /other\.json: not a heap snapshot: it begins with something else/],
      [[`${folder}/cut.heapsnapshot`], /cut\.heapsnapshot: not a heap snapshot: it ends too early/],
      [[`${folder}/none`], /none: No such file/],
      [["--top=0", "x"], /--top=0: must be a whole number from 1/],
      [["--tops=1", "x"], /--tops=1 is not a flag of this script/],
      [["--top=3"], /a snapshot is missing/],
      [["x", "y"], /y: one file at a time/],
    ];
    await Promise.all(refused.map(async ([more, message]) => {
      const run = `deno run --allow-read=${folder} ch02/memory_profiler/heap_snapshot.ts`;
      const { code, stderr } = await runScript(run, { cwd: root, more });
      assertEquals(code, 2);
      assertMatch(stderr, message);
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
    }));
  }));

// The profiler

Deno.test({
  name: "labels become spans in the order of the program, with exact growth, and a busy loop is sampled inside them",
  ignore,
  async fn() {
    const { spans, samples, code } = await profileMemory(
      inline(`console.time("outer");
        console.time("inner");
        ${busyFor(300)}
        console.timeEnd("inner");
        performance.mark("a");
        const bytes = new Uint8Array(2 ** 25).fill(1);
        performance.mark("b");
        performance.measure("array", "a", "b");
        console.timeEnd("outer");
        console.timeEnd("never begun");
        console.time();
        if (bytes.length === 0) throw new Error();`),
      { quiet: true },
    );
    assertEquals(code, 0);
    assertEquals(spans.map(({ label, closed }) => [label, closed]), [
      ["outer", true],
      ["inner", true],
      ["array", true],
      ["default", false],
    ]);
    const [outer, inner, array] = spans;
    assert(outer.start.time <= inner.start.time && inner.end.time <= array.start.time);
    assert(array.end.time <= outer.end.time && inner.end.time - inner.start.time >= 300);
    const grown = array.end.external - array.start.external;
    assert(grown >= 2 ** 25 && grown < 2 ** 25 + 2 ** 20, `${grown} bytes`);
    const within = samples.filter(({ time }) => time > inner.start.time && time < inner.end.time).length;
    assert(within >= 5, `${within} samples`);
    assertEquals(samples, samples.toSorted((a, b) => a.time - b.time));
  },
});

Deno.test({
  name: "a function that allocates a known amount leads the table with that, found at its line of TypeScript",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const source = `interface Made {\n  number: number;\n}\n\n// Types and comments take lines.\nlet last: Made;\n` +
        `function churn(count: number): void {\n  for (let i = 0; i < count; i++) last = { number: i };\n}\n` +
        `churn(2 ** 22);\nconsole.log(last!.number);\n`;
      await Deno.writeTextFile(`${folder}/churn.ts`, source);
      const { allocations } = await profileMemory(`${folder}/churn.ts`, { allocations: true, quiet: true });
      const [{ name, place, bytes }] = allocations!;
      assertEquals([name, place], ["churn", "churn.ts:7"]);
      assert(Math.abs(bytes / 2 ** 27 - 1) < 0.15, `${bytes} bytes, of ${2 ** 27}`);
    }),
});

Deno.test({
  name: "a worker's heap is seen",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const source = `if ("WorkerGlobalScope" in globalThis) {
          const kept: object[] = [];
          for (const end = Date.now() + 300; Date.now() < end || kept.length < 1e6;) kept.push({});
          postMessage(kept.length);
          close();
        } else new Worker(import.meta.url, { type: "module" }).onmessage = ({ data }) => console.log(data >= 1e6);`;
      await Deno.writeTextFile(`${folder}/worker.ts`, source);
      const flags = [`--allow-read=${folder}`];
      const { workers, code } = await profileMemory(`${folder}/worker.ts`, { flags, quiet: true });
      assertEquals([code, workers.length], [0, 1]);
      assert(workers[0].peak > 2 ** 23, `${workers[0].peak} bytes`);
    }),
});

const programs: Record<string, { source: string; code: number; stdout: string; stderr: RegExp }> = {
  ends: {
    source: "console.log(JSON.stringify(Deno.args));",
    code: 0,
    stdout: '["x","--y","--","--out=z"]\n',
    stderr: /^/,
  },
  exits: { source: "console.log(1); Deno.exit(3);", code: 3, stdout: "1\n", stderr: /^/ },
  "exits later": { source: "setTimeout(() => Deno.exit(4), 50);", code: 4, stdout: "", stderr: /^/ },
  "sets a code": { source: "Deno.exitCode = 5;", code: 5, stdout: "", stderr: /^/ },
  throws: { source: "throw new Error('one');", code: 1, stdout: "", stderr: /Uncaught.* Error: one/ },
  "throws later": {
    source: "setTimeout(() => { throw new Error('two'); });",
    code: 1,
    stdout: "",
    stderr: /Error: two/,
  },
  rejects: { source: "await Promise.reject(new Error('three'));", code: 1, stdout: "", stderr: /Error: three/ },
  "catches all": {
    source: "onunhandledrejection = (e) => { e.preventDefault(); console.log('seen'); }; Promise.reject(1);",
    code: 0,
    stdout: "seen\n",
    stderr: /^/,
  },
  "is asked": {
    source: "console.log(prompt === undefined, Deno.stdin.isTerminal());",
    code: 0,
    stdout: "false false\n",
    stderr: /^/,
  },
};

Deno.test({
  name:
    "output, arguments and exit code are the program's own however it ends, and the report and the files are written",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Promise.all(
        Object.entries(programs).map(async ([name, { source, code, stdout, stderr }]) => {
          const script = `${folder}/${name.replace(" ", "_")}`;
          await Deno.writeTextFile(`${script}.ts`, source);
          const flags = name.startsWith("throws") || name === "exits"
            ? ["--allocations", `--snapshot=${script}.heapsnapshot`]
            : [];
          const more = [...flags, `--out=${script}.json`, `${script}.ts`, "x", "--y", "--", "--out=z"];
          const run = `deno run --allow-run=deno --allow-net=127.0.0.1 --allow-write=${folder} ${tool}`;
          const ended = await runScript(run, { cwd: root, more });
          assertEquals([ended.code, ended.stdout], [code, stdout], `${name}: ${ended.stderr}`);
          assertMatch(ended.stderr, stderr, name);
          assertMatch(ended.stderr, /\nheap used +[▁-█]{60} peak .* MiB at .* ms\n/, name);
          const { samples } = JSON.parse(await Deno.readTextFile(`${script}.json`));
          assert(samples.length > 0 && samples[0].rss > samples[0].heapUsed);
          if (flags.length === 0) return;
          assertMatch(ended.stderr, /MiB allocated on V8's heap, by function:/, name);
          assert(parseSnapshot(await Deno.readFile(`${script}.heapsnapshot`)).size > 10_000);
        }),
      );
    }),
});

Deno.test({
  name: "Ctrl-C ends a program that never would, asleep or busy, after the report and a snapshot, and nothing is left",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const sources: [string, string, number][] = [
        ["asleep", 'console.log("begun"); setInterval(() => {}, 1000);', 130],
        ["busy", 'console.log("begun"); let n = 0; for (;;) n++;', 130],
        [
          "handles",
          'Deno.addSignalListener("SIGINT", () => Deno.exit(7)); console.log("begun"); setInterval(() => {}, 1000);',
          7,
        ],
      ];
      await Promise.all(sources.map(async ([name, source, expected]) => {
        await Deno.writeTextFile(`${folder}/${name}.ts`, source);
        const flags = ["--no-prompt", "--allow-run=deno", "--allow-net=127.0.0.1", `--allow-write=${folder}`];
        const own = [`--snapshot=${folder}/${name}.heapsnapshot`, `${folder}/${name}.ts`];
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", ...flags, tool, ...own],
          cwd: root,
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        const reader = child.stdout.getReader();
        assertEquals(new TextDecoder().decode((await reader.read()).value), "begun\n");
        const [program] = await childrenOf(child.pid);
        child.kill("SIGINT");
        const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
        await reader.cancel();
        assertEquals(code, expected, stderr);
        assertMatch(stderr, /peak .* MiB at/, name);
        assert(parseSnapshot(await Deno.readFile(`${folder}/${name}.heapsnapshot`)).size > 10_000, name);
        await mustEnd(program);
      }));
    }),
});

Deno.test({
  name: "what cannot be run is said by Deno or in one line, with exit code 2 and no report",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/broken.ts`, "const x: = 1;");
      const refused: [string[], RegExp][] = [
        [[`${folder}/none.ts`], /^error: Module not found/],
        [[`${folder}/broken.ts`], /^error: .*Unexpected token/],
        [["--allow-everything", `${folder}/broken.ts`], /unexpected argument '--allow-everything'/],
        [["--interval=0", "x.ts"], /^error: --interval=0: must be from 1 to 100 milliseconds\n$/],
        [["--interval", "x.ts"], /^error: --interval: needs a value, as in --interval=10\n$/],
        [["--allocations=yes", "x.ts"], /^error: --allocations=yes: takes no value\n$/],
        [["--out=/none/x.json", "x.ts"], /^error: .*--allow-write/],
        [[`--out=${folder}/none/x.json`, "x.ts"], /^error: .*none\/x\.json.*\n$/],
        [["--allocations"], /^error: --allocations: a script is missing \(see --help\)\n$/],
      ];
      await Promise.all(refused.map(async ([more, message]) => {
        const run = `deno run --allow-run=deno --allow-net=127.0.0.1 --allow-write=${folder} ${tool}`;
        const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
        assertEquals([code, stdout], [2, ""], more.join(" "));
        assertMatch(stderr, message);
        assert(!stderr.includes("heap used"), stderr);
      }));
    }),
});

Deno.test("without deno on the PATH the scripts that need it end with code 2 and say how to get it", () =>
  inFolder(async (folder) => {
    for (const name of ["memory_profiler", "leak"]) {
      const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
      const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: folder } });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
    }
  }));

Deno.test("the report names the innermost span of the peak, draws unfinished spans, and the peak is the largest sample", () => {
  const sample = (time: number, heapUsed: number) => ({ time, heapUsed, rss: 2 * heapUsed, heapTotal: 0, external: 0 });
  const samples = [sample(0, 2 ** 20), sample(50, 2 ** 23), sample(100, 2 ** 21)];
  const profile: Profile = {
    samples,
    spans: [
      { label: "outer", start: samples[0], end: samples[2], closed: false },
      { label: "inner", start: samples[1], end: samples[1], closed: true },
    ],
    workers: [{ url: "file:///a/w.ts", peak: 2 ** 20 }],
    code: 0,
  };
  assertEquals(peak(samples, "heapUsed"), samples[1]);
  assertEquals(peak(samples, "rss", 60), samples[2]);
  const text = format(profile);
  assertMatch(text, /^heap used {2}▂{30}█{29}▃ peak 8\.0 MiB at 50 ms, in «inner»$/m);
  assertMatch(text, /^outer {6}━{60}…$/m);
  assertMatch(text, /^inner {36}━$/m);
  assertMatch(text, /^outer +0\.0 +100\.0 +\+1\.0 +\+2\.0 +8\.0 +16\.0$/m);
  assertMatch(text, /^worker w\.ts: heap up to 1\.0 MiB$/m);
  assertMatch(text, /^3 samples in 100 ms, the longest gap 50 ms$/m);
});

// The programs that are looked at

Deno.test("both Julia sets agree with the textbook's iteration, and keep what they say", () => {
  const width = 60;
  let expected = 0;
  for (let row = 0, y = 1.8; row < width; row++, y -= 3.6 / width) {
    for (let column = 0, x = -1.8; column < width; column++, x += 3.6 / width) {
      for (let n = 0, z = { x, y }; n < 300 && Math.hypot(z.x, z.y) < 2; n++, expected++) {
        z = { x: z.x * z.x - z.y * z.y - 0.62772, y: 2 * z.x * z.y - 0.42193 };
      }
    }
  }
  const keeps = juliaKeepsInputs(width), lean = juliaLean(width);
  assertEquals([keeps.sum, lean.sum], [expected, expected]);
  assertEquals(Object.keys(keeps.after), ["lists of x and y", "lists of z and c", "calculate"]);
});

Deno.test("the leaky cache makes a page for every request, the mended one for every address", () => {
  assertEquals(serve(new Map(), "leaky", 100), 100);
  assertEquals(serve(new Map(), "mended", 100), 20);
});

Deno.test({
  name: "two snapshots of a leaky server show the pages and who holds them; of the mended one none",
  ignore,
  async fn() {
    const [leaky, mended] = await Promise.all((["leaky", "mended"] as const).map(async (version) => {
      const [before, after] = (await takeSnapshots(version)).map(({ bytes }) => parseSnapshot(bytes));
      return { after, changes: compareHeaps(before, after) };
    }));
    const [first] = leaky.changes;
    assertEquals([first.name, first.added, first.removed], ["Page", 1000, 0]);
    assertMatch(analyse(leaky.after).path(first.newest), /\.cache: Map > \{table\} .*Page$/);
    assertEquals(mended.changes.find(({ name }) => name === "Page")?.added, 0);
  },
});

Deno.test("the compare refuses sections that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  const { code, stderr } = await runScript(run, { cwd: root, more: ["--only=leaks"] });
  assertEquals(code, 2);
  assertMatch(stderr, /^error: --only leaks: must be one of timeline, allocations, busy, leak, cost\n$/);
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * What would become free if a value went away: its retained size, read off a snapshot of the heap.
 *
 * What to notice: this takes the value that exists, with all that hangs on it, closures and spare room included, and
 * needs no flag and no permission. What something else holds too does not count, which is what one wants to know before
 * a value is dropped. But the snapshot writes out the whole heap, so it takes a third of a second even for a number,
 * and megabytes. `v8.writeHeapSnapshot` writes the same to a file, for the Memory panel of a browser's DevTools
 * (`--allow-write`). An expression can be given:
 *
 *     deno run ch12/getsizeof/size_by_snapshot.ts "new Map([[1, { x: 1.5 }]])"
 *
 * @original 12_less_ram/getsizeof/asizeof.py
 * @run deno run ch12/getsizeof/size_by_snapshot.ts
 * @takes 1 s
 */

import v8 from "node:v8";

interface Snapshot {
  snapshot: {
    meta: {
      node_fields: string[];
      node_types: [string[], ...unknown[]];
      edge_fields: string[];
      edge_types: [string[], ...unknown[]];
    };
  };
  nodes: number[];
  edges: number[];
  strings: string[];
}

/** The heap as a graph. Node n leads to `targets[first[n]]` up to, not including, `targets[first[n + 1]]`. */
interface Graph {
  /** What a node takes by itself. Shapes and code are left out: they belong to all objects made in the same place. */
  bytes: Float64Array;
  first: Int32Array;
  /** Where each edge leads to, or -1 where it keeps nothing alive. */
  targets: Int32Array;
  /** The nodes that properties lead to, by the name of the property, for names that begin as asked for. */
  named: Map<string, number>;
}

async function takeSnapshot(): Promise<Snapshot> {
  const text = new TextDecoder(), chunks: string[] = [];
  for await (const chunk of v8.getHeapSnapshot()) {
    chunks.push(typeof chunk === "string" ? chunk : text.decode(chunk, { stream: true }));
  }
  return JSON.parse(chunks.join(""));
}

function toGraph({ snapshot: { meta }, nodes, edges, strings }: Snapshot, prefix: string): Graph {
  const nodeWidth = meta.node_fields.length, edgeWidth = meta.edge_fields.length;
  const [type, size, edgeCount] = ["type", "self_size", "edge_count"].map((field) => meta.node_fields.indexOf(field));
  const [kind, name, to] = ["type", "name_or_index", "to_node"].map((field) => meta.edge_fields.indexOf(field));
  const shared = ["object shape", "code"].map((name) => meta.node_types[0].indexOf(name));
  const weak = meta.edge_types[0].indexOf("weak"), property = meta.edge_types[0].indexOf("property");
  const count = nodes.length / nodeWidth;
  const bytes = new Float64Array(count), first = new Int32Array(count + 1);
  for (let node = 0; node < count; node++) {
    const at = node * nodeWidth;
    bytes[node] = shared.includes(nodes[at + type]) ? 0 : nodes[at + size];
    first[node + 1] = first[node] + nodes[at + edgeCount];
  }
  const targets = new Int32Array(edges.length / edgeWidth), named = new Map<string, number>();
  for (let edge = 0; edge < targets.length; edge++) {
    const at = edge * edgeWidth, target = edges[at + to] / nodeWidth;
    targets[edge] = edges[at + kind] === weak ? -1 : target;
    if (edges[at + kind] === property && strings[edges[at + name]].startsWith(prefix)) {
      named.set(strings[edges[at + name]], target);
    }
  }
  return { bytes, first, targets, named };
}

/** Marks the nodes that can be reached from the root, the first node, without passing through `without`. */
function reach({ first, targets }: Graph, without: number): Uint8Array {
  const reached = new Uint8Array(first.length - 1), waiting = [0];
  reached[0] = 1;
  while (waiting.length > 0) {
    const node = waiting.pop()!;
    for (let edge = first[node]; edge < first[node + 1]; edge++) {
      const target = targets[edge];
      if (target < 0 || target === without || reached[target]) continue;
      reached[target] = 1;
      waiting.push(target);
    }
  }
  return reached;
}

let snapshots = 0;

/** For each value the bytes that only it keeps alive, its own among them; all from one snapshot. */
export async function retainedSizes(values: readonly unknown[]): Promise<number[]> {
  // Found again by the names of the properties that hold them.
  const prefix = `held for snapshot ${snapshots++}: `;
  const holder = Object.fromEntries(values.map((value, i) => [prefix + i, value]));
  const graph = toGraph(await takeSnapshot(), prefix);
  if (Object.keys(holder).length !== graph.named.size) throw new Error("a value is not in the snapshot");
  const { bytes } = graph, all = reach(graph, -1);
  return values.map((_, i) => {
    const node = graph.named.get(prefix + i)!, others = reach(graph, node);
    return bytes.reduce((sum, size, node) => all[node] && !others[node] ? sum + size : sum, 0);
  });
}

const demonstrations = [
  "i",
  "i + 0.5",
  "{ x: i, y: 0.5 }",
  "[0.5, i, i]",
  "new Map([[i, i]])",
  "new Uint8Array(1000)",
  "() => i",
];

if (import.meta.main) {
  const [expression, ...more] = Deno.args;
  try {
    if (more.length > 0) throw new SyntaxError(`one expression, not ${Deno.args.length}; put it into quotes`);
    const chosen = expression === undefined ? demonstrations : [expression];
    const sizes = await retainedSizes(chosen.map((each) => new Function("i", `return (${each}\n)`)(1)));
    chosen.forEach((each, n) => console.log(`${each.padEnd(24)} ${`${sizes[n]}`.padStart(6)} bytes`));
  } catch (error) {
    console.error(`error: ${expression}: ${(error as Error).message}`);
    Deno.exit(2);
  }
  const shared = new Uint8Array(1000), [own, others] = await retainedSizes([[new Uint8Array(1000)], [shared]]);
  console.log(`an array that holds 1000 bytes: ${own}; one of several that do: ${others}`);
  if (!(own > 1000 && others < 100 && shared.length === 1000)) throw new Error("only what nobody else holds counts");
}

/**
 * Reads a heap snapshot: what keeps how much memory alive, by which path, and what is new since an earlier snapshot.
 *
 *     deno run --allow-read=. heap_snapshot.ts FILE [--top=N] [--compare=EARLIER]
 *
 * FILE comes from memory_profiler.ts, from `writeHeapSnapshot` of node:v8 or from Chrome's developer tools.
 *
 * What to notice: an object's own size says little, as most objects are small. What counts is its retained size: all that
 * would be freed if it went. That is the sum over its subtree in the dominator tree, where a's parent is the last object
 * that every path from the root to a passes. The algorithm is that of Cooper, Harvey and Kennedy (2001) on flat typed
 * arrays: no objects are made for the objects. Two snapshots of one process compare by the numbers that V8 gives to
 * objects, so that what was replaced by as many others is seen as well. Without a file, this takes a snapshot of itself.
 *
 * @original 02_profiling/memory_profiler/ (which says where memory grew, not what holds it)
 * @run deno run ch02/memory_profiler/heap_snapshot.ts
 * @takes 2 s
 */

import { getHeapSnapshot } from "node:v8";

/** A heap as a graph: node i has the edges from `firstEdge[i]` to before `firstEdge[i + 1]`; node 0 is the root. */
export interface Heap {
  size: number;
  types: string[];
  type: Uint8Array;
  /** Index in `strings`. */
  name: Uint32Array;
  /** V8's number for the object, the same in every snapshot of one process. */
  id: Uint32Array;
  /** Bytes of the object itself. */
  self: Uint32Array;
  firstEdge: Uint32Array;
  edgeTypes: string[];
  edgeType: Uint8Array;
  /** Index in `strings`, or of an element. */
  edgeName: Uint32Array;
  edgeTo: Uint32Array;
  strings: string[];
}

/** Reads a snapshot, number by number, since as text or as JavaScript arrays a large one would not fit. Throws SyntaxError. */
export function parseSnapshot(bytes: Uint8Array): Heap {
  const decoder = new TextDecoder(), wrong = (what: string) => new SyntaxError(`not a heap snapshot: ${what}`);
  let at = 0;
  const skipTo = (key: string) => {
    const mark = new TextEncoder().encode(`"${key}":[`);
    search: for (let from = at; from <= bytes.length - mark.length; from++) {
      for (let i = 0; i < mark.length; i++) if (bytes[from + i] !== mark[i]) continue search;
      at = from + mark.length;
      return from;
    }
    throw wrong(`there is no end to it, or no «${key}» in it`);
  };
  if (!decoder.decode(bytes.subarray(0, 100)).startsWith('{"snapshot":{')) throw wrong("it begins with something else");
  const numbers = (count: number): Uint32Array => {
    const found = new Uint32Array(count);
    let index = 0, value = 0, digits = false;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte >= 48 && byte <= 57) value = 10 * value + byte - 48, digits = true;
      else {
        if (digits) found[index++] = value;
        value = 0;
        digits = false;
        if (byte === 93) break;
      }
    }
    if (index !== count || at === bytes.length) throw wrong(`${count} numbers were announced, ${index} are there`);
    return found;
  };

  const headEnd = skipTo("nodes");
  const head = decoder.decode(bytes.subarray('{"snapshot":'.length, headEnd)).trimEnd().replace(/,$/, "");
  const { meta, node_count: size, edge_count: edgeCount } = JSON.parse(head);
  const nodeFields: string[] = meta.node_fields, edgeFields: string[] = meta.edge_fields;
  const nodes = numbers(size * nodeFields.length);
  skipTo("edges");
  const edges = numbers(edgeCount * edgeFields.length);
  skipTo("strings");
  const text = decoder.decode(bytes.subarray(at - 1)).trimEnd();
  if (!text.endsWith("]}")) throw wrong("it ends too early");
  const strings: string[] = JSON.parse(text.slice(0, -1));

  const column = <T extends Uint8Array | Uint32Array>(into: T, from: Uint32Array, fields: string[], name: string) => {
    const offset = fields.indexOf(name);
    if (offset < 0) throw wrong(`it has no field «${name}»`);
    for (let i = 0; i < into.length; i++) into[i] = from[i * fields.length + offset];
    return into;
  };
  const edgeTo = column(new Uint32Array(edgeCount), edges, edgeFields, "to_node");
  for (let e = 0; e < edgeCount; e++) edgeTo[e] /= nodeFields.length;
  const firstEdge = new Uint32Array(size + 1);
  firstEdge.set(column(new Uint32Array(size), nodes, nodeFields, "edge_count"), 1);
  for (let i = 0; i < size; i++) firstEdge[i + 1] += firstEdge[i];
  if (firstEdge[size] !== edgeCount) throw wrong("the edges of the nodes do not add up");
  return {
    size,
    types: meta.node_types[0],
    type: column(new Uint8Array(size), nodes, nodeFields, "type"),
    name: column(new Uint32Array(size), nodes, nodeFields, "name"),
    id: column(new Uint32Array(size), nodes, nodeFields, "id"),
    self: column(new Uint32Array(size), nodes, nodeFields, "self_size"),
    firstEdge,
    edgeTypes: meta.edge_types[0],
    edgeType: column(new Uint8Array(edgeCount), edges, edgeFields, "type"),
    edgeName: column(new Uint32Array(edgeCount), edges, edgeFields, "name_or_index"),
    edgeTo,
    strings,
  };
}

/**
 * Which edges keep alive what they lead to: not the weak ones, nor the root's short cuts met elsewhere. A value in a
 * WeakMap hangs on its key and on the table; it goes with the key, so that of the two edges only the key's counts.
 */
function strongEdges({ size, firstEdge, edgeTypes, edgeType, edgeName, id, strings }: Heap): Uint8Array {
  const strong = new Uint8Array(edgeType.length), kind = (name: string) => edgeTypes.indexOf(name);
  const weak = kind("weak"), shortcut = kind("shortcut"), internal = kind("internal");
  const tables = new Map<number, number>();
  strings.forEach((text, i) => {
    const table = text.match(/ part of key .* pair in WeakMap \(table @(\d+)\)$/)?.[1];
    if (table) tables.set(i, Number(table));
  });
  for (let node = 0; node < size; node++) {
    for (let e = firstEdge[node]; e < firstEdge[node + 1]; e++) {
      const type = edgeType[e];
      strong[e] = type === weak || type === shortcut && node !== 0 ||
          type === internal && tables.get(edgeName[e]) === id[node]
        ? 0
        : 1;
    }
  }
  return strong;
}

export const nowhere = 0xffffffff;

/**
 * For each node its immediate dominator; the root's is itself, and that of what cannot be reached is `nowhere`.
 *
 * @param firstEdge N + 1 offsets into `to`
 * @param strong for each edge, whether it counts
 */
export function dominators(firstEdge: Uint32Array, to: Uint32Array, strong: Uint8Array) {
  const size = firstEdge.length - 1, rank = new Uint32Array(size).fill(nowhere), order = new Uint32Array(size);
  // A depth-first walk without recursion; `rank` is a node's place in postorder, so that the root's is the last.
  const stack = new Uint32Array(size), next = firstEdge.slice(0, size), seen = new Uint8Array(size);
  let depth = 1, reached = 0;
  seen[0] = 1;
  while (depth > 0) {
    const node = stack[depth - 1];
    if (next[node] < firstEdge[node + 1]) {
      const e = next[node]++, child = to[e];
      if (strong[e] && !seen[child]) seen[child] = 1, stack[depth++] = child;
    } else {
      rank[node] = reached;
      order[reached++] = node;
      depth--;
    }
  }
  // Who leads to a node, in the same flat form.
  const firstSource = new Uint32Array(size + 1), sources = new Uint32Array(to.length);
  const counts = (node: number, e: number) => strong[e] && rank[node] !== nowhere;
  for (let node = 0; node < size; node++) {
    for (let e = firstEdge[node]; e < firstEdge[node + 1]; e++) if (counts(node, e)) firstSource[to[e] + 1]++;
  }
  for (let node = 0; node < size; node++) firstSource[node + 1] += firstSource[node];
  const place = firstSource.slice(0, size);
  for (let node = 0; node < size; node++) {
    for (let e = firstEdge[node]; e < firstEdge[node + 1]; e++) if (counts(node, e)) sources[place[to[e]]++] = node;
  }
  // In terms of ranks: from two nodes up the tree until the ways meet, over and over until nothing changes.
  const idom = new Uint32Array(reached).fill(nowhere), root = reached - 1;
  idom[root] = root;
  for (let changed = true; changed;) {
    changed = false;
    for (let i = root - 1; i >= 0; i--) {
      let best = nowhere;
      for (let s = firstSource[order[i]]; s < firstSource[order[i] + 1]; s++) {
        let other = rank[sources[s]];
        if (idom[other] === nowhere) continue;
        if (best === nowhere) best = other;
        while (best !== other) {
          while (best < other) best = idom[best];
          while (other < best) other = idom[other];
        }
      }
      if (idom[i] !== best) idom[i] = best, changed = true;
    }
  }
  const dominator = new Uint32Array(size).fill(nowhere);
  for (let i = 0; i < reached; i++) dominator[order[i]] = order[idom[i]];
  return { dominator, postorder: order.subarray(0, reached) };
}

export interface Group {
  name: string;
  count: number;
  /** Bytes of the objects themselves, and of all that goes with them. */
  shallow: number;
  retained: number;
}

/** What a heap holds: totals in bytes, retained sizes by node, groups by constructor, and the path to a node. */
export function analyse(heap: Heap) {
  const { size, self, firstEdge, edgeTo } = heap, strong = strongEdges(heap);
  const { dominator, postorder } = dominators(firstEdge, edgeTo, strong);
  const retained = Float64Array.from(self);
  // What is dominated comes before its dominator.
  for (const node of postorder) if (node !== 0) retained[dominator[node]] += retained[node];

  // The shortest path, breadth first: `way[node]` is the edge by which it was first met, from `parent[node]`. What only
  // the stack or a handle leads to comes last: they hold things too, but only for now.
  const way = new Uint32Array(size), parent = new Uint32Array(size).fill(nowhere), queue = new Uint32Array(size);
  const passing: number[] = [], synthetic = heap.types.indexOf("synthetic");
  const isPassing = (node: number) =>
    heap.type[node] === synthetic && /^\((Stack roots|Handle scope)/.test(heap.strings[heap.name[node]]);
  parent[0] = 0;
  for (let head = 0, tail = 1; head < tail || passing.length > 0;) {
    const last = head === tail, node = last ? passing.pop()! : queue[head++];
    if (!last && isPassing(node)) {
      passing.push(node);
      continue;
    }
    for (let e = firstEdge[node]; e < firstEdge[node + 1]; e++) {
      const child = edgeTo[e];
      if (!strong[e] || parent[child] !== nowhere) continue;
      parent[child] = node;
      way[child] = e;
      queue[tail++] = child;
    }
  }

  // A constructor retains what its objects retain, but for those below another of its own.
  const groups = new Map<string, Group>(), names = new Map<number, string>();
  const groupOf = (node: number) => {
    const key = heap.name[node] * 256 + heap.type[node];
    if (!names.has(key)) names.set(key, constructorName(heap, node));
    const name = names.get(key)!;
    if (!groups.has(name)) groups.set(name, { name, count: 0, shallow: 0, retained: 0 });
    return groups.get(name)!;
  };
  for (let node = 0; node < size; node++) {
    const group = groupOf(node);
    group.count++;
    group.shallow += self[node];
  }
  const above = new Map<Group, number>(), { first, child } = children(dominator);
  const walk: number[] = [0];
  while (walk.length > 0) {
    const node = walk.pop()!;
    if (node < 0) {
      const group = groupOf(~node);
      above.set(group, above.get(group)! - 1);
      continue;
    }
    const group = groupOf(node), within = above.get(group) ?? 0;
    if (within === 0) group.retained += retained[node];
    above.set(group, within + 1);
    walk.push(~node);
    for (let i = first[node]; i < first[node + 1]; i++) walk.push(child[i]);
  }
  return {
    total: self.reduce((sum, bytes) => sum + bytes, 0),
    retained,
    dominator,
    groups: [...groups.values()].sort((a, b) => b.retained - a.retained),
    path: (node: number) => pathTo(heap, node, parent, way),
  };
}

/** The tree that is given by parents, turned round. */
function children(parent: Uint32Array) {
  const size = parent.length, first = new Uint32Array(size + 1);
  for (let node = 1; node < size; node++) if (parent[node] !== nowhere) first[parent[node] + 1]++;
  for (let node = 0; node < size; node++) first[node + 1] += first[node];
  const child = new Uint32Array(first[size]), place = first.slice(0, size);
  for (let node = 1; node < size; node++) if (parent[node] !== nowhere) child[place[parent[node]]++] = node;
  return { first, child };
}

function constructorName({ types, type, name, strings }: Heap, node: number): string {
  const kind = types[type[node]], text = strings[name[node]];
  if (kind === "object" || kind === "native") return text.replace(/( \/ scope)? @\d+.*$/s, "") || `(${kind})`;
  return kind === "code" ? "(compiled code)" : kind === "hidden" ? "(system)" : `(${kind})`;
}

/** What a node is called in a path: a constructor, or the name of a function. */
function nodeName(heap: Heap, node: number): string {
  const kind = heap.types[heap.type[node]], text = heap.strings[heap.name[node]];
  if (kind === "closure") return `${text || "function"}()`;
  return kind === "synthetic" ? text : constructorName(heap, node);
}

function pathTo(heap: Heap, node: number, parent: Uint32Array, way: Uint32Array): string {
  if (parent[node] === nowhere) return "nothing holds it any more";
  const steps: string[] = [];
  for (; node !== 0; node = parent[node]) {
    const type = heap.edgeTypes[heap.edgeType[way[node]]], number = heap.edgeName[way[node]];
    const text = heap.strings[number];
    // Where the root and hidden edges have a number, it means nothing to a reader.
    const nameless = type === "hidden" || heap.types[heap.type[parent[node]]] === "synthetic" || /^\d+$/.test(text);
    const step = type === "element" && !nameless
      ? `[${number}]`
      : nameless
      ? " > "
      : type === "context"
      ? ` > variable ${text} `
      : type === "internal"
      ? ` > {${text}} `
      : /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text)
      ? `.${text}`
      : `["${text.slice(0, 40)}"]`;
    steps.push(`${step}${step.endsWith(" ") ? "" : ": "}${nodeName(heap, node)}`);
  }
  return `root${steps.reverse().join("")}`;
}

export interface Change {
  name: string;
  /** Objects that are new, and that are gone; bytes of both, and by how much the others grew. */
  added: number;
  removed: number;
  addedBytes: number;
  removedBytes: number;
  grownBytes: number;
  /** A node of the later heap: the newest of those that were added. */
  newest: number;
}

/** What changed from one snapshot of a process to a later one, by constructor; what grew most comes first. */
export function compareHeaps(earlier: Heap, later: Heap): Change[] {
  const nodeOf = new Map<number, number>(), changes = new Map<string, Change>();
  const change = (heap: Heap, node: number) => {
    const name = constructorName(heap, node);
    const empty = { name, added: 0, removed: 0, addedBytes: 0, removedBytes: 0, grownBytes: 0, newest: nowhere };
    if (!changes.has(name)) changes.set(name, empty);
    return changes.get(name)!;
  };
  for (let node = 0; node < earlier.size; node++) nodeOf.set(earlier.id[node], node);
  for (let node = 0; node < later.size; node++) {
    const before = nodeOf.get(later.id[node]), found = change(later, node);
    if (before !== undefined) {
      found.grownBytes += later.self[node] - earlier.self[before];
      nodeOf.delete(later.id[node]);
      continue;
    }
    found.added++;
    found.addedBytes += later.self[node];
    if (found.newest === nowhere || later.id[node] > later.id[found.newest]) found.newest = node;
  }
  for (const node of nodeOf.values()) {
    const found = change(earlier, node);
    found.removed++;
    found.removedBytes += earlier.self[node];
  }
  const growth = ({ addedBytes, removedBytes, grownBytes }: Change) => addedBytes - removedBytes + grownBytes;
  return [...changes.values()].sort((a, b) => growth(b) - growth(a));
}

const kibibytes = (bytes: number) => (bytes / 1024).toFixed(1);

function printHeap(heap: Heap, top: number): void {
  const { total, retained, dominator, groups, path } = analyse(heap);
  console.log(
    `${heap.size} objects, ${kibibytes(total)} KiB\n\n${
      "by constructor".padEnd(28)
    }    count     own, KiB  retained, KiB`,
  );
  for (const { name, count, shallow, retained } of groups.filter(({ name }) => name !== "(synthetic)").slice(0, top)) {
    console.log(
      name.slice(0, 28).padEnd(28),
      `${count}`.padStart(8),
      ...[shallow, retained].map((bytes) => kibibytes(bytes).padStart(bytes === shallow ? 12 : 14)),
    );
  }
  console.log("\nretained, KiB   object, and the shortest path that holds it");
  const real = Array.from({ length: heap.size }, (_, node) => node)
    .filter((node) => heap.types[heap.type[node]] !== "synthetic" && dominator[node] !== nowhere);
  for (const node of real.sort((a, b) => retained[b] - retained[a]).slice(0, top)) {
    console.log(kibibytes(retained[node]).padStart(13), ` ${nodeName(heap, node)} @${heap.id[node]}: ${path(node)}`);
  }
}

function printChanges(earlier: Heap, later: Heap, top: number): void {
  const changes = compareHeaps(earlier, later), { path } = analyse(later);
  console.log(`${"constructor".padEnd(28)}       new     gone   net, KiB`);
  for (const change of changes.slice(0, top)) {
    const net = change.addedBytes - change.removedBytes + change.grownBytes;
    console.log(
      change.name.slice(0, 28).padEnd(28),
      `${change.added}`.padStart(9),
      `${change.removed}`.padStart(8),
      kibibytes(net).padStart(10),
    );
    if (change.newest !== nowhere) console.log(`  the newest: ${path(change.newest)}`);
  }
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

function read(path: string): Heap {
  try {
    return parseSnapshot(Deno.readFileSync(path));
  } catch (error) {
    fail(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** What this looks at where it is given no file: 1000 tickets that only a box holds, in a list. */
class Ticket {
  constructor(readonly number: number) {}
}
class Box {
  tickets = Array.from({ length: 1000 }, (_, number) => new Ticket(number));
}

function demonstrate(): void {
  (globalThis as { box?: Box }).box = new Box();
  const heap = parseSnapshot(getHeapSnapshot().read());
  printHeap(heap, 8);
  const { groups, path, total } = analyse(heap), find = (name: string) => groups.find((group) => group.name === name)!;
  const tickets = find("Ticket"), boxes = find("Box");
  if (tickets.count !== 1000 || boxes.retained <= tickets.shallow || total <= boxes.retained) {
    throw new Error(`the box retains ${boxes.retained} bytes of ${total}, the tickets alone take ${tickets.shallow}`);
  }
  const ticket = heap.strings.indexOf("Ticket"), object = heap.types.indexOf("object");
  const held = path(heap.name.findIndex((name, node) => name === ticket && heap.type[node] === object));
  console.log(`\nThe first ticket: ${held}`);
  if (!/\.box: Box\.tickets: Array.*: Ticket$/.test(held)) throw new Error("that is not how it is held");
}

if (import.meta.main) {
  const files = Deno.args.filter((arg) => !arg.startsWith("-"));
  let top = 10, earlier: string | undefined;
  for (const flag of Deno.args.filter((arg) => arg.startsWith("-"))) {
    const [, name, value] = flag.match(/^--(top|compare)=(.+)$/) ?? [];
    if (flag === "--help") {
      console.log("heap_snapshot.ts FILE [--top=N] [--compare=EARLIER]");
      Deno.exit();
    } else if (name === "top") top = Number(value);
    else if (name === "compare") earlier = value;
    else fail(`${flag} is not a flag of this script (see --help)`);
    if (!(top >= 1 && Number.isInteger(top))) fail(`${flag}: must be a whole number from 1`);
  }
  if (files.length > 1) fail(`${files[1]}: one file at a time (an earlier one after --compare=)`);
  if (files.length === 0 && Deno.args.length > 0) fail("a snapshot is missing (see --help)");
  if (files.length === 0) demonstrate();
  else if (earlier) printChanges(read(earlier), read(files[0]), top);
  else printHeap(read(files[0]), top);
}

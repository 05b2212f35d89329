import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { cases, type Chains, experiment, strew, walk } from "./branching_task.ts";

const adapter = await navigator.gpu?.requestAdapter() ?? undefined;

/** Both sides, so that a test of one is a test of the other. */
const sides: Record<string, (chains: Chains) => Promise<Uint32Array>> = {
  "the processor": (chains) => Promise.resolve(walk(chains)),
  "the GPU": async (chains) => {
    const { run, steps, close } = await experiment(chains);
    await run(1);
    const counts = await steps();
    close();
    return counts;
  },
};

for (const [side, count] of Object.entries(sides)) {
  const ignore = side === "the GPU" && !adapter;
  const needs = side === "the GPU" ? " (needs a GPU)" : "";

  Deno.test({
    name: `${side} finds the known lengths of Collatz sequences${needs}`,
    ignore,
    async fn() {
      // 3n + 1 if odd, n / 2 if even; 2 ends the chain, since the next number would be 1. The largest on the way from
      // 6171 is 975,400.
      const table = new Uint32Array(975_401);
      for (let n = 3; n < table.length; n++) table[n] = n % 2 === 1 ? 3 * n + 1 : n / 2;
      const starts = Uint32Array.of(2, 3, 7, 27, 97, 871, 6171);
      assertEquals([...await count({ table, starts })], [1, 7, 16, 111, 118, 178, 261]);
    },
  });

  Deno.test({
    name: `${side} counts the steps that the chains were made of${needs}`,
    ignore,
    async fn() {
      const lengths = Array.from({ length: 1000 }, (_, walker) => walker * walker % 97);
      assertEquals([...await count(strew(lengths))], lengths);
      for (const { chains, lengths } of Object.values(cases(2 ** 12))) {
        assertEquals([...await count(chains)], lengths);
      }
    },
  });

  Deno.test({
    name: `${side} takes no step where a chain is over before it begins${needs}`,
    ignore,
    async fn() {
      assertEquals([...await count(strew([0]))], [0]);
      assertEquals([...await count(strew([0, 1, 0]))], [0, 1, 0]);
    },
  });
}

Deno.test("chains visit every place of the table once, in an order that depends on the seed alone", () => {
  const { table, starts } = strew([5, 0, 1, 94]);
  const visited: number[] = [];
  for (const start of starts) for (let place = start; place !== 0; place = table[place]) visited.push(place);
  assertEquals(visited.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, k) => k + 1));
  assertEquals(strew([100], 7), strew([100], 7));
  assertNotEquals(strew([100], 7), strew([100], 8));
});

Deno.test("even and uneven walkers take as many steps in all", () => {
  const total = (lengths: number[]) => lengths.reduce((sum, length) => sum + length, 0);
  const sets = cases(2 ** 14);
  assertEquals(total(sets["many, even"].lengths), 2 ** 14);
  assertEquals(total(sets["many, uneven"].lengths), 2 ** 14);
  assert(Math.max(...sets["many, uneven"].lengths) > 30 * 64);
});

Deno.test("more walkers than a dispatch holds are refused", async () => {
  const chains = { table: new Uint32Array(1), starts: new Uint32Array(64 * 65535 + 1) };
  await assertRejects(() => experiment(chains), RangeError, "one dispatch");
});

Deno.test({
  name: "a table beyond the adapter's limits is refused by the limit's name (needs a GPU)",
  ignore: !adapter || adapter.limits.maxStorageBufferBindingSize > 2 ** 28,
  async fn() {
    const chains = { table: new Uint32Array(2 ** 26 + 1), starts: new Uint32Array(1) };
    await assertRejects(() => experiment(chains), Deno.errors.NotSupported, "maxStorageBufferBindingSize");
  },
});

Deno.test({
  name: "the script ends with one line and exit code 2 where no driver is found",
  // Elsewhere drivers are not found through these variables.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", new URL("./branching_task.ts", import.meta.url).href],
      env: { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" },
    }).output();
    assertEquals([code, stdout.length], [2, 0]);
    const lines = new TextDecoder().decode(stderr).trim().split("\n").filter((line) =>
      !line.includes("XDG_RUNTIME_DIR")
    );
    assertEquals(lines.length, 1);
    assertMatch(lines[0], /^error: no GPU adapter: install .*mesa-vulkan-drivers and libvulkan1$/);
  },
});

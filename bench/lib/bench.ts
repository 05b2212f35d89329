/** What the files for `deno bench` share. */

/** Registers a group of benches, of which one is the baseline. Each is called once, to see whether it is to be awaited. */
export async function group(name: string, benches: Record<string, () => unknown>, baseline: string): Promise<void> {
  for (const [bench, fn] of Object.entries(benches)) {
    const result = fn();
    await result;
    Deno.bench({
      name: bench,
      group: name,
      baseline: bench === baseline,
      // `deno bench` waits only for functions that are declared to be asynchronous.
      fn: result instanceof Promise ? async () => void await fn() : () => void fn(),
    });
  }
}

async function granted(...descriptors: Deno.PermissionDescriptor[]): Promise<boolean> {
  const statuses = await Promise.all(descriptors.map((descriptor) => Deno.permissions.query(descriptor)));
  return statuses.every(({ state }) => state === "granted");
}

/** What this run may do without being asked; says on stderr what is left out if it may not do all. */
export async function permissions(): Promise<{ workers: boolean; assemblyscript: boolean; c: boolean }> {
  const workers = await granted({ name: "read", path: "." });
  const assemblyscript = await granted({ name: "env", variable: "CI" });
  const c = workers && await granted(
    { name: "run", command: "cc" },
    { name: "write", path: "results" },
    { name: "ffi", path: "results" },
  );
  if (!c || !assemblyscript) console.error("without C, AssemblyScript and workers; `deno task bench` has them");
  return { workers, assemblyscript, c };
}

/** The parts outside npm that the suite can use: how to see whether one is here, what it unlocks, how to get it. */

import { hasCommand, runCommand } from "./lib/command.ts";
import { requestAdapter } from "./lib/machine.ts";

export interface Part {
  name: string;
  unlocks: string;
  /** Debian's and Ubuntu's packages. */
  packages: string[];
  /** What scripts run of it: the part is here if all of these are, or else as `present` says. */
  commands: string[];
  present?(): Promise<boolean>;
}

export const parts: Part[] = [
  {
    name: "C compiler",
    unlocks: "the native kernels that say how fast this machine could go, and C called from ch08/ffi",
    packages: ["gcc", "libc6-dev"],
    commands: ["cc"],
  },
  {
    name: "Vulkan driver",
    unlocks: "WebGPU in ch06, on the processor where there is no graphics card",
    packages: ["libvulkan1", "mesa-vulkan-drivers"],
    commands: [],
    // OpenGL will do for most scripts, but only Vulkan has half-precision floats.
    present: async () => (await requestAdapter())?.features.has("shader-f16") ?? false,
  },
  {
    name: "valgrind",
    unlocks: "instructions and cache misses counted in ch02/counters and ch06/counters",
    packages: ["valgrind"],
    commands: ["valgrind"],
  },
  {
    name: "Linux perf",
    unlocks: "hardware counters in ch02/counters",
    packages: ["linux-perf"],
    commands: ["perf"],
  },
  {
    name: "clang",
    unlocks: "C compiled to WebAssembly in ch08/julia",
    packages: ["clang", "lld"],
    commands: ["clang", "wasm-ld"],
  },
  {
    name: "C++ compiler",
    unlocks: "C++ called from ch08/ffi",
    packages: ["g++"],
    commands: ["c++"],
  },
  {
    name: "Fortran compiler",
    unlocks: "Fortran called from ch08/ffi",
    packages: ["gfortran"],
    commands: ["gfortran"],
  },
  {
    name: "Rust compiler",
    unlocks: "Rust called from ch08/ffi",
    packages: ["rustc"],
    commands: ["rustc"],
  },
  {
    name: "Chromium",
    unlocks: "the test of the lab notebook in a browser",
    packages: ["chromium"],
    commands: ["chromium"],
  },
  {
    name: "NATS server",
    unlocks: "JetStream as a queue, and engines on several machines, in ch11",
    packages: ["nats-server"],
    commands: ["nats-server"],
  },
  {
    name: "Redis",
    unlocks: "workers and processes that share a flag or a count through a server, in ch10, and BullMQ in ch11",
    packages: ["redis-server"],
    commands: ["redis-server"],
  },
  {
    name: "Python",
    unlocks: "TypeScript beside Python: deno task peers",
    packages: ["python3"],
    commands: ["python3"],
  },
  {
    name: "wrk",
    unlocks: "load from outside in ch09/servers",
    packages: ["wrk"],
    commands: ["wrk"],
    // It says its version and ends with code 1.
    present: async () => await runCommand("wrk", ["--version"]) !== null,
  },
];

/** Python's modules for `deno task peers`, as Debian packs them; `deno task setup --peers` installs them. */
export const peerPackages = [
  ...["python3", "python3-aiohttp", "python3-marisa", "python3-numba", "python3-numexpr", "python3-numpy"],
  "python3-pandas",
];

/** What scripts need that start Deno by its name; with its path instead, they would need the permission to run anything. */
export const denoOnPath = {
  command: "deno",
  name: "deno on the PATH",
  remedy: "npm install -g deno (starts each run afresh)",
};

async function isPresent({ commands, present }: Part): Promise<boolean> {
  if (present) return await present();
  return (await Promise.all(commands.map(hasCommand))).every(Boolean);
}

/** The parts that are not here. */
export async function missingParts(): Promise<Part[]> {
  const present = await Promise.all(parts.map(isPresent));
  return parts.filter((_, i) => !present[i]);
}

/** The one line that installs them. */
export function installCommand(missing: Pick<Part, "packages">[]): string {
  return `apt-get install -y --no-install-recommends ${missing.flatMap(({ packages }) => packages).join(" ")}`;
}

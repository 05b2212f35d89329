/** What this machine is, so that every table, chart and result can name it. */

import os from "node:os";

export interface Machine {
  cpu: string;
  cores: number;
  /** GiB */
  memory: number;
  os: string;
  deno: string;
  v8: string;
  /** The adapter's name, "… (software)" where it is no real GPU, or null without one. */
  gpu: string | null;
}

let described: Promise<Machine> | undefined;

/** Describes this machine, once a process. Needs `--allow-sys=cpus,systemMemoryInfo,osRelease`. */
export function describeMachine(): Promise<Machine> {
  return described ??= describe();
}

async function describe(): Promise<Machine> {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown processor",
    cores: navigator.hardwareConcurrency,
    memory: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    os: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    gpu: await describeGpu(),
  };
}

async function describeGpu(): Promise<string | null> {
  const adapter = await requestAdapter();
  if (!adapter) return null;
  const name = adapter.info.description || adapter.info.device || adapter.info.vendor || "unnamed adapter";
  return adapter.info.isFallbackAdapter ? `${name} (software)` : name;
}

/** The WebGPU adapter or null, without the driver's complaint about a missing desktop session where it may be spared. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  const variable = "XDG_RUNTIME_DIR";
  const { state } = await Deno.permissions.query({ name: "env", variable });
  if (Deno.build.os === "linux" && state === "granted" && !Deno.env.has(variable)) Deno.env.set(variable, "/");
  return await navigator.gpu?.requestAdapter() ?? null;
}

/** The oldest Deno that the suite is written for. */
export const oldestDeno = [2, 9] as const;

/** Whether a version such as "2.9.6" is at least `oldestDeno`. */
export function isRecent(version: string): boolean {
  const [major, minor] = version.split(".").map(Number);
  return major > oldestDeno[0] || major === oldestDeno[0] && minor >= oldestDeno[1];
}

/** One line for the foot of a table or the subtitle of a chart. */
export function machineLine(machine: Machine): string {
  return `${machine.cpu}, ${machine.cores} core${machine.cores === 1 ? "" : "s"}, Deno ${machine.deno}`;
}

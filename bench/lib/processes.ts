/** What tests and compares ask about other processes, on Linux. /proc may not be read with less than all permissions; `sh` may be run. */

import { runCommand } from "./command.ts";

async function read(pattern: string): Promise<string> {
  // What is not there any more while it is read says nothing.
  const child = await runCommand("sh", ["-c", `cat ${pattern} 2>/dev/null`]);
  if (!child) throw new Error("there is no sh");
  return new TextDecoder().decode(child.stdout);
}

/** The ids of the processes that a process has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  return (await read(`/proc/${pid}/task/*/children`)).split(/\s+/).filter(Boolean).map(Number);
}

/** Whether a process runs. One that has ended but was not waited for, a zombie, does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const state = (await read(`/proc/${pid}/stat`)).match(/\) (\w)/)?.[1];
  return state !== undefined && state !== "Z";
}

/** The bytes of memory that a process has just now; NaN if it is not there. */
export async function residentOf(pid: number): Promise<number> {
  return Number((await read(`/proc/${pid}/status`)).match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? NaN) * 1024;
}

/** Waits until a process has ended. Throws if it runs on for ten seconds. */
export async function mustEnd(pid: number): Promise<void> {
  const end = Date.now() + 10_000;
  while (await isRunning(pid)) {
    if (Date.now() > end) throw new Error(`process ${pid} is still there`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

/**
 * The first touch of fresh memory: a page fault for every page, which the second touch does not pay.
 *
 * What to notice: `new Float64Array(n)` only reserves addresses, however large n is. The system finds, clears and
 * maps a page when it is first written to; the processor stops the program for that, and each time counts as one minor
 * page fault. Benchmarks that time the first pass over an array time the kernel. Where the system hands out huge pages
 * (2 MiB), a fault brings more at once and there are fewer of them: the last column shows what each brought.
 *
 * Linux and macOS. On Windows the counter that this reads stays at zero.
 *
 * @original 06_matrix/Makefile (perf stat: page-faults, minor-faults)
 * @run deno run ch06/memory/touch_pages.ts
 * @takes 1 s
 */

import process from "node:process";

/** The commonest page, in bytes. Where pages are larger, a write to each of these still touches them all. */
export const pageBytes = 4096;

export interface Cost {
  /** Minor page faults of the whole process. */
  faults: number;
  seconds: number;
}

/**
 * Allocates `bytes` bytes and writes to each page twice.
 *
 * @param bytes a multiple of 4096
 * @returns what the allocation, the first and the second pass over the pages cost
 */
export function touchPages(bytes: number): { allocation: Cost; first: Cost; second: Cost } {
  if (!(bytes > 0 && bytes % pageBytes === 0)) throw new RangeError(`${bytes} is no multiple of ${pageBytes} bytes`);
  let values = new Float64Array(0);
  return {
    allocation: cost(() => values = new Float64Array(bytes / 8)),
    first: cost(() => touch(values)),
    second: cost(() => touch(values)),
  };
}

/** Writes one number to each page. */
export function touch(values: Float64Array): void {
  for (let i = 0; i < values.length; i += pageBytes / 8) values[i] = 1;
}

function cost(call: () => unknown): Cost {
  const faults = process.resourceUsage().minorPageFault, start = performance.now();
  call();
  const seconds = (performance.now() - start) / 1000;
  return { faults: process.resourceUsage().minorPageFault - faults, seconds };
}

if (import.meta.main) {
  if (Deno.build.os === "windows") {
    console.error("error: page faults are not counted on Windows; run this on Linux or macOS");
    Deno.exit(2);
  }
  // The loop is compiled first, so that the compiler's own faults fall outside the count.
  touchPages(2 ** 24);
  console.log("           allocation       first touch          second touch");
  console.log("             faults     faults   ns a page    faults   ns a page   brought by a fault");
  // Blocks of 32 MiB or less may be ones that the C library was given back and kept, which are no longer fresh.
  for (const mebibytes of [64, 128, 256]) {
    const bytes = mebibytes * 2 ** 20, pages = bytes / pageBytes;
    const { allocation, first, second } = touchPages(bytes);
    // With huge pages a fault brings at most 2 MiB.
    if (first.faults < bytes / 2 ** 21) throw new Error(`${first.faults} faults cannot have brought ${bytes} bytes`);
    const each = ({ seconds }: Cost) => (seconds / pages * 1e9).toFixed(0);
    const cells = [allocation.faults, first.faults, each(first), second.faults, each(second)];
    console.log(
      `${mebibytes} MiB`.padEnd(8),
      ...cells.map((cell) => `${cell}`.padStart(10)),
      `${(bytes / first.faults / 1024).toFixed(1)} KiB`.padStart(15),
    );
  }
}

/** Progress on stderr while something long runs; silent where stderr is no terminal. */

import process from "node:process";
import progress from "cli-progress";

export interface Progress {
  /** Says what runs now and moves on by one. */
  step(label: string): void;
  stop(): void;
}

export function startProgress(title: string, total: number): Progress {
  const bar = new progress.SingleBar({
    format: `${title} {bar} {percentage}%  {label}`,
    barsize: 24,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(total, 0, { label: "" });
  return {
    step: (label) => bar.increment(1, { label }),
    stop: () => bar.stop(),
  };
}

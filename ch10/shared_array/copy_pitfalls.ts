/**
 * What a worker does not see: six surprises of sending to a worker in place of sharing with it.
 *
 * What to notice: a worker is not a fork. It starts with nothing, reads the module again, and gets its own variables;
 * what is sent to it arrives as a copy, without its methods. The costly surprise is the fourth: a view of one row
 * brings the whole array behind it along. `slice` copies the row alone.
 *
 * @original 10_multiprocessing/np_shared_example/np_shared.py (whose processes are forks and share by default)
 * @run deno run --allow-read=ch10/shared_array/copy_pitfalls.ts ch10/shared_array/copy_pitfalls.ts
 * @takes 1 s
 */

// A variable of the module, which the main side changes before the worker starts.
let setting = "as written";

class Point {
  constructor(readonly x: number, readonly y: number) {}
  length() {
    return Math.hypot(this.x, this.y);
  }
}

/** What the worker says about what it got. */
interface Seen {
  setting: string;
  isPoint: boolean;
  bytes: number;
}

/** Tries each, and returns sentences with whether they are so. */
export async function demonstrate(): Promise<[sentence: string, holds: boolean][]> {
  setting = "changed";
  const worker = new Worker(import.meta.url, { type: "module" });
  const send = (value: unknown, transfer: Transferable[] = []) =>
    new Promise<Seen>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      worker.postMessage(value, transfer);
    });
  try {
    const plain = [0], typed = new Float64Array(1), shared = new Float64Array(new SharedArrayBuffer(8));
    const { setting: there } = await send(plain);
    await send(typed);
    await send(shared);
    const rows = new Float64Array(1000 * 1000), row = rows.subarray(0, 1000);
    const whole = await send(row), alone = await send(row.slice());
    const given = new Float64Array(1000);
    await send(given, [given.buffer]);
    const { isPoint } = await send(new Point(3, 4));
    let refusal = "";
    await send(() => 1).catch((error) => refusal = error.name);
    return [
      [`a variable that was changed before the worker started is «${there}» there`, there === "as written"],
      [`an array that the worker wrote to is unchanged here: ${plain[0]}, typed ${typed[0]}`, !plain[0] && !typed[0]],
      [`a shared one is changed: ${shared[0]}`, shared[0] === 1],
      [
        `a row of 8,000 bytes as a view brings ${whole.bytes}, as a slice ${alone.bytes}`,
        whole.bytes === rows.byteLength && alone.bytes === 8000,
      ],
      [`an array that was transferred has length ${given.length} here`, given.length === 0],
      [
        `an object of a class has lost its class, and a function is refused: ${refusal}`,
        !isPoint && refusal === "DataCloneError",
      ],
    ];
  } finally {
    await send("close");
  }
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }) => {
    // What came is written to: whether it is the sender's own will show there.
    if (Array.isArray(data) || ArrayBuffer.isView(data)) (data as Float64Array)[0] = 1;
    const bytes = ArrayBuffer.isView(data) ? data.buffer.byteLength : 0;
    toCaller.postMessage({ setting, isPoint: data instanceof Point, bytes } satisfies Seen);
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  for (const [sentence, holds] of await demonstrate()) {
    if (!holds) throw new Error(`it is not so that ${sentence}`);
    console.log(sentence);
  }
}

/**
 * Telling listeners: by calling a function, functions in a Set, Node's EventEmitter, and the web's EventTarget.
 *
 * What to notice: all of them call the listeners at once, in their order, before the next line: events are no concurrency.
 * An EventTarget makes an Event object each time and guards each listener, which costs many times a call. In return an
 * error in one listener does not keep the others from hearing: it goes to `reportError`. In the other three the first
 * error ends the round, and the one who tells gets it.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run ch09/paradigms/events.ts
 * @takes 1 s
 */

import { EventEmitter } from "node:events";

export type Listener = (value: number) => void;
/** Tells a value to all listeners. */
export type Tell = (value: number) => void;

/** Each takes the listeners and gives what tells them. */
export const ways = {
  direct_calls(listeners) {
    return (value) => {
      for (let i = 0; i < listeners.length; i++) listeners[i](value);
    };
  },

  set_of_functions(listeners) {
    const all = new Set(listeners);
    return (value) => {
      for (const listener of all) listener(value);
    };
  },

  event_emitter(listeners) {
    const emitter = new EventEmitter();
    emitter.setMaxListeners(0);
    for (const listener of listeners) emitter.on("value", listener);
    return (value) => void emitter.emit("value", value);
  },

  event_target(listeners) {
    const target = new EventTarget();
    for (const listener of listeners) {
      target.addEventListener("value", (event) => listener((event as CustomEvent<number>).detail));
    }
    return (value) => void target.dispatchEvent(new CustomEvent("value", { detail: value }));
  },
} satisfies Record<string, (listeners: Listener[]) => Tell>;

/** Listeners, each of which counts what it hears; `heard` adds up over all. */
export function experiment(way: keyof typeof ways, listeners: number): { tell: Tell; heard: () => number } {
  let heard = 0;
  const tell = ways[way](Array.from({ length: listeners }, () => (value: number) => void (heard += value)));
  return { tell, heard: () => heard };
}

if (import.meta.main) {
  const times = 200_000;
  for (const listeners of [1, 10]) {
    console.log(`${listeners} listener${listeners > 1 ? "s" : ""}`);
    for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
      const { tell, heard } = experiment(way, listeners);
      for (let i = 0; i < times / 2; i++) tell(1);
      const start = performance.now();
      for (let i = 0; i < times / 2; i++) tell(1);
      const ns = (performance.now() - start) * 1e6 / (times / 2);
      if (heard() !== times * listeners) throw new Error(`${way}: ${heard()} heard of ${times * listeners}`);
      console.log(`  ${way.padEnd(18)}${ns.toFixed(0).padStart(6)} ns an event`);
    }
  }
}

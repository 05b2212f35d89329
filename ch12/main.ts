/**
 * The tour of chapter 12: using less RAM.
 *
 * @run deno task ch12
 * @takes 100 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as compressingText } from "./compressing_text/compare.ts";
import { run as savingText } from "./compressing_text/compare_save.ts";
import { run as getsizeof } from "./getsizeof/compare.ts";
import { run as hashingTrick } from "./hashing_trick/compare.ts";
import { run as morrisCounter } from "./morris_counter_example/compare.ts";
import { run as numbers } from "./numbers/compare.ts";
import { run as numexpr } from "./numexpr/compare.ts";
import { run as cardinality } from "./probabilistic_datastructures/compare_cardinality.ts";
import { run as filters } from "./probabilistic_datastructures/compare_filters.ts";
import { run as sparse } from "./sparse/compare.ts";

if (import.meta.main) {
  await tour("ch12", "Using less RAM", {
    getsizeof,
    numbers,
    numexpr,
    compressing_text: compressingText,
    saving_text: savingText,
    hashing_trick: hashingTrick,
    sparse,
    morris_counter: morrisCounter,
    cardinality,
    filters,
  });
}

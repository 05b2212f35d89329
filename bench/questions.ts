/**
 * Every question of the book, chapters 1 to 12, and what answers it here: the compares whose results hold the answer,
 * and the figures of each that show it best. The notebook (`deno task report`) is made from this.
 *
 * The questions are the book's, in the words of this suite: an array where it says list, V8 where it says CPython.
 */

export interface Answer {
  /** The path of a compare. */
  compare: string;
  /** Names of figures in its results. Of one measured at several sizes, the largest is shown. */
  figures: string[];
}

export interface Question {
  question: string;
  answers: Answer[];
}

export interface Chapter {
  /** As in `deno task ch06`. */
  name: string;
  title: string;
  questions: Question[];
}

export const chapters: Chapter[] = [
  {
    name: "ch01",
    title: "Understanding performant programming",
    questions: [
      {
        question: "What are the elements of a computer's architecture?",
        answers: [{
          compare: "ch01/compare_architecture.ts",
          figures: [
            "latency TypeScript",
            "triad TypeScript",
            "order in order",
            "order at random, each after the other",
          ],
        }],
      },
      {
        question: "What are some common alternate computer architectures?",
        answers: [{
          compare: "ch01/compare_alternate_architectures.ts",
          figures: ["one by one", "four at a time", "vectors of 2 doubles", "vectors of 4 singles"],
        }],
      },
      {
        question: "How does the runtime abstract the underlying computer architecture?",
        answers: [{
          compare: "ch01/compare_abstraction.ts",
          figures: [
            "bytes of doubles",
            "bytes of boxed doubles",
            "bytes of BigInts",
            "sum of doubles",
            "sum of BigInts",
          ],
        }],
      },
      {
        question: "What are some of the hurdles to making performant code?",
        answers: [{
          compare: "ch01/compare_hurdles.ts",
          figures: ["types: before", "types: after", "pauses objects: longest", "thread: longest wait"],
        }],
      },
      {
        question: "What strategies can help you become a highly performant programmer?",
        answers: [
          { compare: "ch01/compare_strategies.ts", figures: ["asPut", "noArrays", "sorted", "buckets"] },
          {
            compare: "ch01/compare_operations.ts",
            figures: ["prime oneAtATime", "prime eightAtOnce", "search searchFast", "search searchSlow"],
          },
        ],
      },
    ],
  },
  {
    name: "ch02",
    title: "Profiling",
    questions: [
      {
        question: "How can I identify speed and RAM bottlenecks in my code?",
        answers: [
          {
            compare: "ch02/cpu_profiling/compare.ts",
            figures: ["samples of heavy, 0.7 by construction", "abs, before", "abs, after"],
          },
          { compare: "ch02/line_profiler/compare.ts", figures: ["order: written", "order: split", "order: squared"] },
          { compare: "ch02/gc/compare.ts", figures: ["garbage: paused", "garbage: longest", "reused: paused"] },
        ],
      },
      {
        question: "How do I profile CPU and memory usage?",
        answers: [
          {
            compare: "ch02/memory_profiler/compare.ts",
            figures: [
              "keeps inputs: most rss above the start",
              "lean: most rss above the start",
              "leaky: retained by Page",
            ],
          },
        ],
      },
      {
        question: "What depth of profiling should I use?",
        answers: [{
          compare: "ch02/compare_costs.ts",
          figures: [
            "loop under nothing",
            "loop under profile_table",
            "loop under line_profiler --hits",
            "loop under memory_profiler --allocations",
          ],
        }],
      },
      {
        question: "How can I profile a long-running application?",
        answers: [{
          compare: "ch02/attach/compare.ts",
          figures: ["work, no inspector", "work, attached, every 1000 µs", "work, attached, every 100 µs"],
        }],
      },
      {
        question: "What is happening under the hood with V8?",
        answers: [
          {
            compare: "ch02/bytecode/compare.ts",
            figures: [
              "bytecode, good",
              "deoptimisations, good",
              "deoptimisations, bad",
              "good, phase 3",
              "bad, phase 3",
            ],
          },
          {
            compare: "ch02/counters/compare.ts",
            figures: ["instructions, in order", "D1 misses, in order", "D1 misses, by leaps"],
          },
        ],
      },
      {
        question: "How do I keep my code correct while tuning performance?",
        answers: [
          {
            compare: "ch02/correctness/compare.ts",
            figures: ["caught: one example", "caught: property, ordinary numbers", "caught: property, edges too"],
          },
          {
            compare: "ch02/visualise_nonconvergence/compare.ts",
            figures: ["steps: z = 0", "steps: z = -0.82"],
          },
        ],
      },
    ],
  },
  {
    name: "ch03",
    title: "Arrays and tuples",
    questions: [
      {
        question: "What are arrays and tuples good for?",
        answers: [{
          compare: "ch03/compare_search.ts",
          figures: ["search linear", "search binary", "sorted insort", "sorted once"],
        }],
      },
      {
        question: "What is the complexity of a lookup in an array or tuple?",
        answers: [{
          compare: "ch03/compare_access.ts",
          figures: ["lookup the same 32", "lookup any", "lookup by value"],
        }],
      },
      {
        question: "How is that complexity achieved?",
        answers: [{
          compare: "ch03/compare_access.ts",
          figures: ["kind packed doubles", "kind holey small integers", "kind dictionary", "kind Float64Array"],
        }],
      },
      {
        question: "What are the differences between arrays and tuples?",
        answers: [{
          compare: "ch03/compare_access.ts",
          figures: ["return two calls", "return tuple, indexed", "return frozen tuple", "kind frozen"],
        }],
      },
      {
        question: "How does appending to an array work?",
        answers: [{
          compare: "ch03/compare_growth.ts",
          figures: ["append push", "append presized", "append spread", "append concat"],
        }],
      },
      {
        question: "When should I use arrays and tuples?",
        answers: [{
          compare: "ch03/compare_growth.ts",
          figures: ["memory literal", "memory pushed", "memory pushed, slice()", "memory share of one Int32Array"],
        }],
      },
    ],
  },
  {
    name: "ch04",
    title: "Maps and sets",
    questions: [
      {
        question: "What are dictionaries and sets good for?",
        answers: [{ compare: "ch04/compare.ts", figures: ["unique array", "unique set"] }],
      },
      {
        question: "How are dictionaries and sets the same?",
        answers: [{
          compare: "ch04/compare_operations.ts",
          figures: ["map: insertion", "set: insertion", "map: lookup", "set: lookup"],
        }],
      },
      {
        question: "What is the overhead when using a dictionary?",
        answers: [{
          compare: "ch04/compare_memory.ts",
          figures: ["overhead: Float64Array", "overhead: Set of integers", "overhead: Map, integers", "growth of Map"],
        }],
      },
      {
        question: "How can I optimize the performance of a dictionary?",
        answers: [
          {
            compare: "ch04/compare.ts",
            figures: ["keys: a string", "keys: one number", "keys: nested maps", "hash function: constant"],
          },
          {
            compare: "ch04/compare_operations.ts",
            figures: ["inline cache: field, one shape", "inline cache: field, after delete", "presizing: Map, growing"],
          },
        ],
      },
      {
        question: "How does the runtime use dictionaries to keep track of namespaces?",
        answers: [{
          compare: "ch04/compare_namespace.ts",
          figures: ["compiled: local_lookup", "compiled: global_lookup", "compiled: with_lookup"],
        }],
      },
    ],
  },
  {
    name: "ch05",
    title: "Iterators and generators",
    questions: [
      {
        question: "How do generators save memory?",
        answers: [{
          compare: "ch05/compare_memory.ts",
          figures: ["fibonacciList: held", "fibonacciGenerator: held", "numberGenerator: held"],
        }],
      },
      {
        question: "When is the best time to use a generator?",
        answers: [{
          compare: "ch05/compare_lazy_or_eager.ts",
          figures: ["loop, 4 stages", "array_methods, 4 stages", "generators, 4 stages"],
        }],
      },
      {
        question: "How can I use itertools to create complex generator workflows?",
        answers: [{
          compare: "ch05/compare_itertools.ts",
          figures: ["endless: stages", "endless: loop", "file: first five anomalies", "file: everything first"],
        }],
      },
      {
        question: "When is lazy evaluation beneficial, and when is it not?",
        answers: [{
          compare: "ch05/compare_lazy_or_eager.ts",
          figures: [
            "array_methods, first hit at 10",
            "iterator_helpers, first hit at 10",
            "array_methods, 4 passes",
            "iterator_helpers, 4 passes",
          ],
        }],
      },
    ],
  },
  {
    name: "ch06",
    title: "Matrix and vector computation",
    questions: [
      {
        question: "What are the bottlenecks in vector calculations?",
        answers: [
          {
            compare: "ch06/diffusion_2d/compare_blocking.ts",
            figures: ["fused", "workers", "wasm_threads_blocked", "c_openmp"],
          },
          { compare: "ch06/memory/compare.ts", figures: ["order rows", "order columns"] },
        ],
      },
      {
        question: "What tools can I use to see how efficiently the CPU is doing my calculations?",
        answers: [{
          compare: "ch06/counters/compare.ts",
          figures: ["D1 misses, rows", "D1 misses, columns", "minor page faults, touching 64 MiB"],
        }],
      },
      {
        question: "Why is a typed array better at numerical calculations than an array?",
        answers: [
          { compare: "ch06/norm/compare.ts", figures: ["reduce", "loop", "typed_array", "wasm_simd", "c"] },
          {
            compare: "ch06/diffusion_2d/compare.ts",
            figures: ["nested", "flat", "fused", "wasm_simd", "wasm_threads", "c", "c_openmp"],
          },
        ],
      },
      {
        question: "What are cache misses and page faults?",
        answers: [{
          compare: "ch06/memory/compare.ts",
          figures: ["order rows", "order columns", "pages first touch", "pages second touch"],
        }],
      },
      {
        question: "How can I track the memory allocations in my code?",
        answers: [{
          compare: "ch06/memory/compare.ts",
          figures: ["allocations temporaries", "allocations in place", "allocations one loop"],
        }],
      },
      {
        question: "How can I use a GPU to speed up my computation?",
        answers: [{
          compare: "ch06/diffusion_2d/compare_gpu.ts",
          figures: ["fused", "webgpu_fused", "webgpu_transfer"],
        }],
      },
      {
        question: "What are the subtleties when using GPUs for numerical code?",
        answers: [
          {
            compare: "ch06/diffusion_2d/compare_precision.ts",
            figures: ["float64", "float32", "GPU float32", "GPU float16, stored"],
          },
          { compare: "ch06/branching_task/compare.ts", figures: ["many, even, gpu", "many, uneven, gpu"] },
        ],
      },
    ],
  },
  {
    name: "ch07",
    title: "Data frames",
    questions: [
      {
        question: "What is the fastest way to apply a function to a data frame?",
        answers: [
          {
            compare: "ch07/time_iteration_methods/compare.ts",
            figures: ["row_objects: time", "arquero_expression: time", "polars_expression: time", "flat_rows: time"],
          },
          { compare: "ch07/ols_basics/compare.ts", figures: ["estimator", "library", "closed_form"] },
          {
            compare: "ch07/str_operation/compare.ts",
            figures: ["split, then find", "find from the point on", "one buffer", "polars, one pattern"],
          },
        ],
      },
      {
        question: "What is the quickest way to build a data frame from partial results?",
        answers: [{
          compare: "ch07/concat_cost/compare.ts",
          figures: ["push", "new array each row", "growth: new array each row", "growth: push"],
        }],
      },
      {
        question: "Can code be compiled for more performance inside a data frame?",
        answers: [{
          compare: "ch07/time_iteration_methods/compare.ts",
          figures: ["flat_columns_fused: time", "wasm_simd_rows: time", "wasm_simd_columns: time", "c_columns: time"],
        }],
      },
      {
        question: "Can the work be distributed among machines?",
        answers: [{
          compare: "ch07/beyond_one_machine/compare.ts",
          figures: ["local", "shards", "rows_fetched"],
        }],
      },
      {
        question: "How can Polars execute similar queries faster?",
        answers: [
          {
            compare: "ch07/polars_lazy/compare.ts",
            figures: [
              "row_objects, from the file",
              "arquero, from the file",
              "polars_eager, from the file",
              "polars_lazy, from the file",
              "duckdb, from the file",
            ],
          },
          {
            compare: "ch07/polars_lazy/compare_larger_than_ram.ts",
            figures: [
              "polars_in_memory: own memory",
              "polars_streaming: own memory",
              "duckdb_table: own memory",
              "duckdb_limited: own memory",
            ],
          },
          {
            compare: "ch07/categories/compare.ts",
            figures: ["strings, each its own", "dictionary by hand", "Polars, strings", "Polars, Categorical"],
          },
        ],
      },
      {
        question: "How can I parallelize a data frame's work?",
        answers: [{
          compare: "ch07/time_iteration_methods_parallel/compare.ts",
          figures: ["one_thread", "shared_2", "wasm_2", "copied_2", "duckdb_1", "duckdb_2"],
        }],
      },
    ],
  },
  {
    name: "ch08",
    title: "Compiling",
    questions: [
      {
        question: "How can I have my code run as lower-level code?",
        answers: [{
          compare: "ch08/julia/compare.ts",
          figures: ["objects_hypot", "typed_arrays", "assemblyscript_simd", "wasm_threads", "c", "c_vectors"],
        }],
      },
      {
        question: "What is the difference between a JIT compiler and an AOT compiler?",
        answers: [
          {
            compare: "ch08/jit/compare_start_up.ts",
            figures: ["TypeScript, JIT: first image", "TypeScript, JIT: best image", "C, cc -O3: first image"],
          },
          {
            compare: "ch08/jit/compare_tiers.ts",
            figures: ["tier Ignition", "tier Sparkplug", "tier Maglev", "tier Turbofan"],
          },
        ],
      },
      {
        question: "What tasks can be compiled to be faster?",
        answers: [
          {
            compare: "ch08/diminishing_returns/compare.ts",
            figures: ["objects_hypot", "typed_arrays", "assemblyscript_simd"],
          },
          { compare: "ch08/julia/compare_precision.ts", figures: ["float64", "float32"] },
          { compare: "ch08/julia/compare_split.ts", figures: ["static", "dynamic"] },
          {
            compare: "ch08/ffi/compare_calls.ts",
            figures: ["sum TypeScript", "sum C, in lanes", "Math.sin", "libm sin"],
          },
        ],
      },
      {
        question: "Why do type annotations help?",
        answers: [{
          compare: "ch08/jit/compare_types.ts",
          figures: ["shapes: 1 shape", "shapes: 5 shapes", "deoptimisation text: before", "deoptimisation text: after"],
        }],
      },
      {
        question: "How can I write modules in C or Fortran?",
        answers: [{ compare: "ch08/ffi/compare.ts", figures: ["typescript", "c", "fortran", "rust", "node_api"] }],
      },
      {
        question: "How can I use libraries from C or Fortran?",
        answers: [{
          compare: "ch08/ffi/compare_calls.ts",
          figures: ["JavaScript, not inlined", "FFI: f64", "FFI: buffer", "FFI: f64, nonblocking", "Node-API: f64"],
        }],
      },
    ],
  },
  {
    name: "ch09",
    title: "Asynchronous I/O",
    questions: [
      {
        question: "What is concurrency, and how is it helpful?",
        answers: [{
          compare: "ch09/crawler/compare.ts",
          figures: ["timeline, one at a time", "timeline, 10 at once", "timeline, all at once"],
        }],
      },
      {
        question: "What is the difference between concurrency and parallelism?",
        answers: [{
          compare: "ch09/paradigms/compare.ts",
          figures: ["computing, concurrent", "computing, parallel", "waiting, concurrent", "waiting, parallel"],
        }],
      },
      {
        question: "Which tasks can be done concurrently, and which can't?",
        answers: [{
          compare: "ch09/paradigms/compare.ts",
          figures: ["computing, serial", "computing, concurrent", "waiting, serial", "waiting, concurrent"],
        }],
      },
      {
        question: "What are the various paradigms for concurrency?",
        answers: [{
          compare: "ch09/paradigms/compare.ts",
          figures: [
            "request over a socket callbacks",
            "request over a socket promises",
            "request over a socket async_await",
            "lag, in_one_go",
            "lag, in_worker",
          ],
        }],
      },
      {
        question: "When is the right time to take advantage of concurrency?",
        answers: [
          { compare: "ch09/workload/compare.ts", figures: ["no_io", "serial", "async", "off_thread"] },
          { compare: "ch09/servers/compare.ts", figures: ["trivial: throughput", "computing: p99", "waiting: p99"] },
        ],
      },
      {
        question: "How can concurrency speed up my programs?",
        answers: [
          { compare: "ch09/crawler/compare.ts", figures: ["timeline, one at a time", "timeline, all at once"] },
          { compare: "ch09/workload/compare.ts", figures: ["serial, lost", "batches, lost", "async, lost"] },
        ],
      },
    ],
  },
  {
    name: "ch10",
    title: "Multiprocessing with workers",
    questions: [
      {
        question: "What do workers offer?",
        answers: [{
          compare: "ch10/pi_estimation/compare.ts",
          figures: ["loop", "workers", "processes", "wasm_workers", "c_vectors_openmp"],
        }],
      },
      {
        question: "What is the difference between processes and threads?",
        answers: [
          {
            compare: "ch10/pi_estimation/compare_workers.ts",
            figures: ["promises", "workers", "processes", "workers, started", "processes, started"],
          },
          { compare: "ch10/pool/compare_costs.ts", figures: ["memory worker", "memory process"] },
        ],
      },
      {
        question: "How do I choose the right size for a pool?",
        answers: [{
          compare: "ch10/pool/compare_costs.ts",
          figures: ["pool size computing", "pool size mixed", "pool size waiting"],
        }],
      },
      {
        question: "How do I use nonpersistent queues for work processing?",
        answers: [
          {
            compare: "ch10/prime_generation/compare.ts",
            figures: ["serial", "pool", "queue", "queue_less_work", "atomic_counter"],
          },
          { compare: "ch10/prime_generation/compare_chunks.ts", figures: ["pool", "pool_shuffled", "counter"] },
        ],
      },
      {
        question: "What are the costs and benefits of communication between processes?",
        answers: [
          {
            compare: "ch10/prime_validation/compare.ts",
            figures: [
              "serial, 100109100129162907",
              "pool, 100109100129162907",
              "messages, 100109100129162907",
              "shared_byte, 100109100129162907",
            ],
          },
          { compare: "ch10/prime_validation/compare_looks.ts", figures: ["atomics", "messages", "redis"] },
          { compare: "ch10/pool/compare.ts", figures: ["cost pool, one at a time", "cost pool, batches of 100"] },
        ],
      },
      {
        question: "How can I process numerical data with many cores?",
        answers: [{
          compare: "ch10/shared_array/compare.ts",
          figures: ["rows, 1", "rows, 2", "message, copy", "message, transfer", "message, share"],
        }],
      },
      {
        question: "How is parallel and cached scientific work made simple?",
        answers: [{
          compare: "ch10/pool/compare.ts",
          figures: ["work none", "work pool", "work pool, batches", "work tinypool"],
        }],
      },
      {
        question: "Why do I need locking to avoid data loss?",
        answers: [{
          compare: "ch10/locking/compare.ts",
          figures: ["file, no lock, lost", "file, locked, lost", "integer, ++, lost", "integer, Atomics.add"],
        }],
      },
    ],
  },
  {
    name: "ch11",
    title: "Clusters and job queues",
    questions: [
      {
        question: "Why are clusters useful?",
        answers: [{
          compare: "ch11/scale_simulation/compare.ts",
          figures: [
            "jobs of 10 ms: measured",
            "jobs of 10 ms: predicted",
            "throughput, batch 1",
            "throughput, batch 100",
          ],
        }],
      },
      {
        question: "What are the costs of clustering?",
        answers: [{
          compare: "ch11/queue/compare.ts",
          figures: ["1 at a time, one process", "1 at a time, two processes", "100 at a time, one process"],
        }],
      },
      {
        question: "How can I convert a multiprocessing solution into a clustered solution?",
        answers: [{
          compare: "ch11/from_workers_to_cluster/compare.ts",
          figures: ["pool: lines", "queue: lines", "engines: lines", "queue: kept of the pool"],
        }],
      },
      {
        question: "How does a cluster of engines work?",
        answers: [{
          compare: "ch11/from_workers_to_cluster/compare.ts",
          figures: ["pool, 2 workers", "engines, 1 workers", "engines, 2 workers"],
        }],
      },
      {
        question: "What considerations should I take when picking a messaging platform?",
        answers: [{
          compare: "ch11/platforms/compare.ts",
          figures: ["SQLite: end to end", "Redis stream: end to end", "NATS: end to end", "JetStream: end to end"],
        }],
      },
    ],
  },
  {
    name: "ch12",
    title: "Using less RAM",
    questions: [
      {
        question: "Why should I use less RAM?",
        answers: [
          {
            compare: "ch12/numexpr/compare.ts",
            figures: ["temporaries: time", "fused: time", "temporaries: peak", "fused: peak"],
          },
          { compare: "ch12/getsizeof/compare.ts", figures: ["heap difference: Map of 100", "walking: Map of 100"] },
          { compare: "ch12/sparse/compare.ts", figures: ["bytes at 1 %: CSR", "bytes at 1 %: dense"] },
        ],
      },
      {
        question: "Why are typed arrays better for storing lots of numbers?",
        answers: [{
          compare: "ch12/numbers/compare.ts",
          figures: ["objects: size", "array, small integers: size", "Uint32Array: size", "delta, Rice: size"],
        }],
      },
      {
        question: "How can lots of text be efficiently stored in RAM?",
        answers: [
          {
            compare: "ch12/compressing_text/compare.ts",
            figures: ["set: held", "sorted_array: held", "one_buffer: held", "front_coded: held", "set: found"],
          },
          { compare: "ch12/compressing_text/compare_save.ts", figures: ["set: build", "louds: build", "louds: load"] },
          { compare: "ch12/hashing_trick/compare.ts", figures: ["error: dictionary", "error: hashed, 2^16"] },
        ],
      },
      {
        question: "How could I count (approximately!) to 10^76 with one byte?",
        answers: [{
          compare: "ch12/morris_counter_example/compare.ts",
          figures: ["base 2: standard error", "base 1.1: standard error", "Morris, base 2"],
        }],
      },
      {
        question: "What are Bloom filters, and why might I need them?",
        answers: [
          {
            compare: "ch12/probabilistic_datastructures/compare_filters.ts",
            figures: ["bits of Bloom, promised 0.01", "false positives of Bloom, promised 0.01"],
          },
          {
            compare: "ch12/probabilistic_datastructures/compare_cardinality.ts",
            figures: ["bytes of HyperLogLog, 2^16 registers", "error of HyperLogLog, 2^16 registers"],
          },
        ],
      },
    ],
  },
];

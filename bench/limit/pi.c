// The limit for ch10/pi_estimation: the plain loop, and sixteen streams side by side on vectors. Compiled with OpenMP, blocks
// are shared out among all cores.

#include <stdint.h>
#include <stdlib.h>

// A product and a sum in one instruction would round once and not twice, and a dart at the edge would count otherwise.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

enum { BLOCK = 65536 };

typedef struct {
  uint32_t a, b, c, d;
} State;

static inline uint32_t next(State *s) {
  uint32_t sum = s->a + s->d, result = (sum << 7 | sum >> 25) + s->a, shifted = s->b << 9;
  s->c ^= s->a, s->d ^= s->b, s->b ^= s->c, s->a ^= s->d, s->c ^= shifted, s->d = s->d << 11 | s->d >> 21;
  return result;
}

/** 2^64 steps at once: from one stream to the next. */
static State jump(State s) {
  static const uint32_t polynomial[] = {0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b};
  State sum = {0, 0, 0, 0};
  for (int i = 0; i < 128; i++, next(&s)) {
    if (polynomial[i / 32] >> i % 32 & 1) sum.a ^= s.a, sum.b ^= s.b, sum.c ^= s.c, sum.d ^= s.d;
  }
  return sum;
}

/** Where the stream of each block begins, and copies of the last for what is missing to a whole group. To be freed. */
static State *streams(uint32_t seed, int32_t blocks, int32_t group) {
  int32_t whole = (blocks + group - 1) / group * group;
  State *states = malloc(sizeof(State) * whole);
  State s = jump((State){seed, 0x243f6a88, 0x85a308d3, 0x13198a2e});
  for (int32_t i = 0; i < whole; i++) {
    states[i] = s;
    if (i < blocks - 1) s = jump(s);
  }
  return states;
}

/** Of the darts of so many blocks, `last` in the last and BLOCK in the others, how many hit. */
double pi(uint32_t seed, int32_t blocks, int32_t last) {
  State *states = streams(seed, blocks, 1);
  int64_t inside = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : inside)
  for (int32_t k = 0; k < blocks; k++) {
    State s = states[k];
    int32_t darts = k == blocks - 1 ? last : BLOCK, hits = 0;
    for (int32_t i = 0; i < darts; i++) {
      double x = next(&s) >> 1, y = next(&s) >> 1;
      hits += x * x + y * y <= 0x1p62;
    }
    inside += hits;
  }
  free(states);
  return inside;
}

// Eight streams in a vector of 32-bit words, whose coordinates fill a vector of eight doubles: one register with AVX-512.
enum { LANES = 8, VECTORS = 2, GROUP = LANES * VECTORS };
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef double Doubles __attribute__((vector_size(8 * LANES)));
typedef int64_t Counts __attribute__((vector_size(8 * LANES)));

static inline Doubles draw(Words *a, Words *b, Words *c, Words *d) {
  Words sum = *a + *d, result = ((sum << 7 | sum >> 25) + *a) >> 1, shifted = *b << 9;
  *c ^= *a, *d ^= *b, *b ^= *c, *a ^= *d, *c ^= shifted, *d = *d << 11 | *d >> 21;
  return __builtin_convertvector((Integers)result, Doubles);
}

/** The same with as many blocks at the same time as there are lanes. */
double pi_vectors(uint32_t seed, int32_t blocks, int32_t last) {
  State *states = streams(seed, blocks, GROUP);
  int64_t inside = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : inside)
  for (int32_t first = 0; first < blocks; first += GROUP) {
    Words a[VECTORS], b[VECTORS], c[VECTORS], d[VECTORS];
    for (int i = 0; i < GROUP; i++) {
      State s = states[first + i];
      a[i / LANES][i % LANES] = s.a, b[i / LANES][i % LANES] = s.b;
      c[i / LANES][i % LANES] = s.c, d[i / LANES][i % LANES] = s.d;
    }
    // In the last group all throw as many as the last block, then all but that one the rest.
    int32_t left = blocks - first, parts[] = {left > GROUP ? BLOCK : last, left > GROUP ? 0 : BLOCK - last};
    for (int part = 0; part < 2; part++) {
      Counts hits[VECTORS] = {0};
      for (int32_t i = 0; i < parts[part]; i++) {
        for (int v = 0; v < VECTORS; v++) {
          Doubles x = draw(&a[v], &b[v], &c[v], &d[v]), y = draw(&a[v], &b[v], &c[v], &d[v]);
          hits[v] -= x * x + y * y <= 0x1p62;
        }
      }
      for (int i = 0; i < GROUP && i < left - part; i++) inside += hits[i / LANES][i % LANES];
    }
  }
  free(states);
  return inside;
}

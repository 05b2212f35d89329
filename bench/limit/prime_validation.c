// The limit for ch10/prime_validation: trial division by the processor's own remainder, by a quotient in floating point,
// and by that on vectors. Compiled with OpenMP, blocks of candidates are shared out among all cores.

#include <stdint.h>

enum { BLOCK = 1 << 18 };

// 1.5 times 2^52: the sum with a quotient below 2^51 is rounded to a whole number. ch10/prime_validation/check_imul.ts
// explains why that decides. Smaller candidates than this have larger quotients.
static const double rounding = 6755399441055744.0;
enum { FIRST_ESTIMATED = 8193 };

/** The smallest odd number from `from` (odd, from 3) up to `to` that divides n, or 0. */
uint64_t find_remainder(uint64_t n, uint64_t from, uint64_t to) {
  for (uint64_t d = from; d < to; d += 2) {
    if (n % d == 0) return d;
  }
  return 0;
}

uint64_t find_quotient(uint64_t n, uint64_t from, uint64_t to) {
  uint64_t d = from;
  for (; d < to && d < FIRST_ESTIMATED; d += 2) {
    if (n % d == 0) return d;
  }
  double approximate = (double)n;
  for (; d < to; d += 2) {
    union { double number; uint64_t bits; } quotient = {approximate / (double)(int64_t)d + rounding};
    if ((uint32_t)quotient.bits * (uint32_t)d == (uint32_t)n) return d;
  }
  return 0;
}

// Eight numbers: one instruction with AVX-512, two with AVX, four with SSE or Neon.
enum { LANES = 8, VECTORS = 4, GROUP = LANES * VECTORS };
typedef double Vector __attribute__((vector_size(8 * LANES)));
typedef uint64_t Words __attribute__((vector_size(8 * LANES)));

/** Several vectors in flight, and one branch for all. */
uint64_t find_vectors(uint64_t n, uint64_t from, uint64_t to) {
  uint64_t d = from;
  for (; d < to && d < FIRST_ESTIMATED; d += 2) {
    if (n % d == 0) return d;
  }
  Vector ds[VECTORS];
  Words divisors[VECTORS];
  for (int v = 0; v < VECTORS; v++) {
    for (int lane = 0; lane < LANES; lane++) {
      divisors[v][lane] = d + 2 * (v * LANES + lane);
      ds[v][lane] = (double)divisors[v][lane];
    }
  }
  double approximate = (double)n;
  uint64_t last32 = (uint32_t)n;
  for (; d + 2 * GROUP <= to; d += 2 * GROUP) {
    Words found = {0};
    for (int v = 0; v < VECTORS; v++) {
      Words quotient = (Words)(approximate / ds[v] + rounding);
      // Both factors below 2^32: that is the processor's multiplication of 32 bits to 64, which all have.
      Words product = (quotient & 0xffffffff) * divisors[v];
      found |= (Words)((product & 0xffffffff) == last32);
      ds[v] += 2 * GROUP;
      divisors[v] += 2 * GROUP;
    }
    uint64_t some = 0;
    for (int lane = 0; lane < LANES; lane++) some |= found[lane];
    if (some) break;
  }
  // Which of a group it was, and the candidates that do not fill one, one by one.
  return find_remainder(n, d, to);
}

/** The same by all cores; of several factors it is the smallest. */
uint64_t find_parallel(uint64_t n, uint64_t from, uint64_t to) {
  uint64_t factor = 0, found = 0;
  int64_t blocks = to > from ? (int64_t)((to - from + 2 * BLOCK - 1) / (2 * BLOCK)) : 0;
#pragma omp parallel for schedule(dynamic)
  for (int64_t block = 0; block < blocks; block++) {
    uint64_t stop, first = from + 2 * BLOCK * (uint64_t)block, end = first + 2 * BLOCK < to ? first + 2 * BLOCK : to;
#pragma omp atomic read
    stop = found;
    if (stop) continue;
    uint64_t here = find_vectors(n, first, end);
    if (!here) continue;
#pragma omp atomic write
    found = 1;
#pragma omp critical
    if (!factor || here < factor) factor = here;
  }
  return factor;
}

// The limit for ch10/prime_generation: trial division as written, and by inverses as in primes_wasm.ts. Compiled with OpenMP,
// the numbers are shared out in small chunks among all cores.

#include <math.h>
#include <stdint.h>

/** For each of the numbers from `from` to `from + count`, all below 2^31, whether it is prime: 1 or 0. */
void primes(uint32_t from, int32_t count, uint8_t *prime) {
#pragma omp parallel for schedule(dynamic, 100)
  for (int32_t i = 0; i < count; i++) {
    uint32_t n = from + i, root = sqrt(n);
    int is_prime = n == 2 || (n > 2 && n % 2);
    for (uint32_t d = 3; is_prime && d <= root; d += 2) is_prime = n % d != 0;
    prime[i] = is_prime;
  }
}

// Divisors are looked at together in groups, few at first; primes_wasm.ts explains it.
enum { LARGEST = 46341, ALWAYS = 128, FIRST = 5 };
static const int32_t first_groups[FIRST] = {4, 4, 8, 16, 32};

/** Whether one of `size` divisors divides n: then the product with its inverse is the quotient, at most `limit`. */
static inline int any_divides(uint32_t n, const uint32_t *inverse, int32_t size, uint32_t limit) {
  uint32_t least = UINT32_MAX;
  for (int32_t i = 0; i < size; i++) {
    uint32_t product = n * inverse[i];
    least = product < least ? product : least;
  }
  return least <= limit;
}

// Inlined into a loop without OpenMP, GCC 12 would leave it to one number at a time.
__attribute__((noinline)) static int check_prime(uint32_t n, const uint32_t *inverse, const uint32_t *limit) {
  uint32_t root = sqrt(n), d = 3;
  if (n < 1000) {
    for (; d <= root; d += 2) {
      if (n % d == 0) return 0;
    }
    return 1;
  }
  // A size that the compiler knows is unrolled.
  if (any_divides(n, inverse, 4, *limit++)) return 0;
  if (any_divides(n, inverse += 4, 4, *limit++)) return 0;
  if (any_divides(n, inverse += 4, 8, *limit++)) return 0;
  if (any_divides(n, inverse += 8, 16, *limit++)) return 0;
  if (any_divides(n, inverse += 16, 32, *limit++)) return 0;
  inverse += 32;
  for (d += 2 * 64; d <= root; d += 2 * ALWAYS, inverse += ALWAYS) {
    if (any_divides(n, inverse, ALWAYS, *limit++)) return 0;
  }
  return 1;
}

/** The same by inverses, for numbers below 2^32 / 3. */
void primes_by_inverses(uint32_t from, int32_t count, uint8_t *prime) {
  uint32_t inverse[LARGEST / 2 + 2 * ALWAYS], limit[LARGEST / 2 / ALWAYS + 2 * FIRST], to = from + count;
  int32_t divisors = 0, groups = 0;
  for (uint32_t d = 3; groups < FIRST || d * d <= to; groups++) {
    limit[groups] = to / d;
    for (int32_t size = groups < FIRST ? first_groups[groups] : ALWAYS; size > 0; size--, d += 2) {
      uint32_t x = d;
      for (int bits = 3; bits < 32; bits *= 2) x *= 2 - d * x;
      inverse[divisors++] = x;
    }
  }
#pragma omp parallel for schedule(dynamic, 1000)
  for (int32_t i = 0; i < count; i++) {
    uint32_t n = from + i;
    prime[i] = n == 2 || (n > 2 && n % 2 && check_prime(n, inverse, limit));
  }
}

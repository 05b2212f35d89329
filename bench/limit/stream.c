// How fast memory is: reading and copying, the two bounds that a kernel beyond the caches is measured against.

#include <stdint.h>

// Sums n doubles in 32 partial sums.
double stream_read(const double *from, int64_t n) {
  double sums[32] = {0};
#pragma omp parallel for schedule(static) reduction(+ : sums[:32])
  for (int64_t i = 0; i < n / 32; i++) {
    for (int32_t lane = 0; lane < 32; lane++) sums[lane] += from[32 * i + lane];
  }
  double total = 0;
  for (int32_t lane = 0; lane < 32; lane++) total += sums[lane];
  return total;
}

// Adds one to n doubles in place: each is read once and written once, and nothing else moves.
void stream_update(double *values, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) values[i] += 1;
}

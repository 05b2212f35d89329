// The limit for ch06/norm: a sum of squares in 32 partial sums, enough to fill the pipelines of any vector unit.

#include <stdint.h>

double norm(const double *vector, int32_t n) {
  double sums[32] = {0};
  int32_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (int32_t lane = 0; lane < 32; lane++) sums[lane] += vector[i + lane] * vector[i + lane];
  }
  for (; i < n; i++) sums[0] += vector[i] * vector[i];
  double total = 0;
  for (int32_t lane = 0; lane < 32; lane++) total += sums[lane];
  return total;
}

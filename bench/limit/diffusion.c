// The limit for ch06/diffusion_2d: one streaming step after the other, as a C programmer would write it and as the
// compiler makes it fast. Built once without and once with OpenMP.

#include <stdint.h>

// u' = u + dt (up + down + left + right - 4u) with periodic edges, n x n doubles, `steps` steps between u and next.
// The result is in u if the number of steps is even, else in next.
void diffusion(double *u, double *next, int32_t n, int32_t steps, double dt) {
  for (int32_t step = 0; step < steps; step++) {
#pragma omp parallel for schedule(static)
    for (int32_t i = 0; i < n; i++) {
      const double *restrict row = u + (int64_t)i * n;
      const double *restrict above = u + (int64_t)(i == 0 ? n - 1 : i - 1) * n;
      const double *restrict below = u + (int64_t)(i == n - 1 ? 0 : i + 1) * n;
      double *restrict out = next + (int64_t)i * n;
      for (int32_t j = 1; j < n - 1; j++) {
        out[j] = row[j] + dt * (above[j] + below[j] + row[j - 1] + row[j + 1] - 4 * row[j]);
      }
      const int32_t last = n - 1;
      out[0] = row[0] + dt * (above[0] + below[0] + row[last] + row[1 % n] - 4 * row[0]);
      out[last] = row[last] + dt * (above[last] + below[last] + row[(last + n - 1) % n] + row[0] - 4 * row[last]);
    }
    double *swapped = u;
    u = next;
    next = swapped;
  }
}

// One step of the diffusion u' = u + dt (up + down + left + right - 4u) with periodic edges: n x n doubles, row by row,
// from u to next, which must not overlap. The additions come in the order of diffusion_typescript.ts.
//
// The name is long because all libraries of a process share their names: the C library of Linux has a function called
// `step`, and another function of this file that called its own `step` would reach that one, and crash.

#include <stdint.h>

void diffusion_step(const double *restrict u, double *restrict next, int32_t n, double dt) {
  const int32_t last = n - 1;
  for (int32_t i = 0; i < n; i++) {
    const double *row = u + (int64_t)i * n;
    const double *above = u + (int64_t)(i == 0 ? last : i - 1) * n;
    const double *below = u + (int64_t)(i == last ? 0 : i + 1) * n;
    double *out = next + (int64_t)i * n;
    // The first and the last column have their neighbours at the other end of the row; without them in the loop it has
    // no branch, and the compiler computes several cells with each instruction.
    for (int32_t j = 1; j < last; j++) {
      out[j] = row[j] + dt * (above[j] + below[j] + row[j - 1] + row[j + 1] - 4 * row[j]);
    }
    out[0] = row[0] + dt * (above[0] + below[0] + row[last] + row[1 % n] - 4 * row[0]);
    out[last] = row[last] + dt * (above[last] + below[last] + row[(last + last) % n] + row[0] - 4 * row[last]);
  }
}

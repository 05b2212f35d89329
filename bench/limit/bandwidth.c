// STREAM's four kernels on n doubles, by all cores where it is built with OpenMP.

#include <stdint.h>

// GCC would make copy a call of memcpy, which writes past the cache where the other three do not.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void copy(double *restrict a, double *restrict b, double *restrict c, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) c[i] = a[i];
}

void scale(double *restrict a, double *restrict b, double *restrict c, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) b[i] = 3 * c[i];
}

void add(double *restrict a, double *restrict b, double *restrict c, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) c[i] = a[i] + b[i];
}

void triad(double *restrict a, double *restrict b, double *restrict c, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) a[i] = b[i] + 3 * c[i];
}

// The limit for ch07/time_iteration_methods: a slope for each of n people by the line of least squares through 14 days.
// The loops are plain; the compiler makes vectors of them. Compiled with OpenMP, people are shared out among all cores.

#include <stdint.h>

enum { DAYS = 14 };

// Of rows of 14 numbers, one row after the other.
void ols_rows(const double *restrict hours, double *restrict slopes, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) {
    double slope = 0;
    for (int32_t day = 0; day < DAYS; day++) slope += (day - 6.5) * hours[DAYS * i + day];
    slopes[i] = slope / 227.5;
  }
}

// Of 14 columns of n numbers, one column after the other: neighbours in a vector are people.
void ols_columns(const double *restrict hours, double *restrict slopes, int64_t n) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) {
    double slope = 0;
    for (int64_t day = 0; day < DAYS; day++) slope += (day - 6.5) * hours[n * day + i];
    slopes[i] = slope / 227.5;
  }
}

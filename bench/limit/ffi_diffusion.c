// The limit for ch08/ffi: the same step of diffusion, called from C on grids that C allocated, and timed by C's own
// clock. Built by the compare with the flags of diffusion_c.ts, so that nothing differs but the side the call comes from.

#define _POSIX_C_SOURCE 200809L
#include "../../ch08/ffi/diffusion.c"
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  double *u, *next;
  int32_t n;
} Limit;

void limit_close(Limit *limit) {
  if (!limit) return;
  free(limit->u);
  free(limit->next);
  free(limit);
}

// Two grids of n x n zeros, the first with 0.005 in rows and columns from `low` up to `high`; NULL without memory.
Limit *limit_open(int32_t n, int32_t low, int32_t high) {
  Limit *limit = calloc(1, sizeof(Limit));
  if (!limit) return NULL;
  limit->n = n;
  limit->u = calloc((size_t)n * n, sizeof(double));
  limit->next = calloc((size_t)n * n, sizeof(double));
  if (!limit->u || !limit->next) {
    limit_close(limit);
    return NULL;
  }
  for (int32_t i = low; i < high; i++) {
    for (int32_t j = low; j < high; j++) limit->u[(size_t)i * n + j] = 0.005;
  }
  return limit;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

// Takes so many steps and returns the seconds they took.
double limit_run(Limit *limit, int32_t steps, double dt) {
  const double start = now();
  for (int32_t step = 0; step < steps; step++) {
    diffusion_step(limit->u, limit->next, limit->n, dt);
    double *swapped = limit->u;
    limit->u = limit->next;
    limit->next = swapped;
  }
  return now() - start;
}

// Copies the n x n values to `grid`.
void limit_grid(const Limit *limit, double *grid) {
  memcpy(grid, limit->u, sizeof(double) * limit->n * limit->n);
}

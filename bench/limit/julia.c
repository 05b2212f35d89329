// The limit for ch08/julia: the plain loop, the loop on vectors, and the loop on several vectors in flight. Compiled with
// OpenMP, rows are shared out one at a time among all cores.

#include <stdint.h>
#include <string.h>

// A product and a sum in one instruction would round once and not twice, and some points would escape at another step.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

/**
 * For each of width x width points z, how often z = z * z + c can be taken before |z| reaches 2, at most `limit` times.
 * xs and ys are the coordinates of the columns and of the rows; xs has room for 64 more behind its end.
 */
void julia(int32_t limit, const double *xs, const double *ys, double c_re, double c_im, int32_t *counts, int32_t width) {
#pragma omp parallel for schedule(dynamic)
  for (int32_t row = 0; row < width; row++) {
    for (int32_t column = 0; column < width; column++) {
      double re = xs[column], im = ys[row];
      int32_t n = 0;
      while (n < limit && re * re + im * im < 4) {
        double next = re * re - im * im + c_re;
        im = 2 * re * im + c_im;
        re = next;
        n++;
      }
      counts[row * width + column] = n;
    }
  }
}

// Eight numbers: one instruction with AVX-512, two with AVX, four with SSE or Neon.
enum { LANES = 8 };
typedef double Vector __attribute__((vector_size(8 * LANES)));
typedef int64_t Mask __attribute__((vector_size(8 * LANES)));

static inline int any(Mask mask) {
  int64_t some = 0;
  for (int lane = 0; lane < LANES; lane++) some |= mask[lane];
  return some != 0;
}

/** Eight points at a time, until the last of them has escaped. */
void julia_vectors(int32_t limit, const double *xs, const double *ys, double c_re, double c_im, int32_t *counts,
                   int32_t width) {
#pragma omp parallel for schedule(dynamic)
  for (int32_t row = 0; row < width; row++) {
    for (int32_t column = 0; column < width; column += LANES) {
      Vector re, im = ys[row] - (Vector){0};
      memcpy(&re, xs + column, sizeof re);
      Mask count = {0};
      for (int32_t n = 0; n < limit; n++) {
        Vector re2 = re * re, im2 = im * im, product = re * im;
        Mask inside = re2 + im2 < 4;
        if (!any(inside)) break;
        count -= inside;
        re = re2 - im2 + c_re;
        im = product + product + c_im;
      }
      for (int lane = 0; lane < LANES && column + lane < width; lane++) counts[row * width + column + lane] = count[lane];
    }
  }
}

// Several vectors in flight, and rows in stages between which the points that have escaped are dropped: as in
// ch08/julia/julia_wasm_threads.ts, which explains it.
enum { VECTORS = 4, GROUP = LANES * VECTORS, BLOCK = 10, LONGEST = 16384 };

typedef struct {
  double re[LONGEST + GROUP], im[LONGEST + GROUP];
  int32_t column[LONGEST];
} Points;

static inline void step(Vector *re, Vector *im, double c_re, double c_im) {
  Vector re2 = *re * *re, im2 = *im * *im, product = *re * *im;
  *re = re2 - im2 + c_re;
  *im = product + product + c_im;
}

static int32_t stage(Points *points, int32_t n, int32_t from, int32_t to, double c_re, double c_im, int32_t *counts) {
  for (int32_t i = n; n > 0 && i < n + GROUP; i++) points->re[i] = points->re[n - 1], points->im[i] = points->im[n - 1];
  int32_t kept = 0;
  for (int32_t first = 0; first < n; first += GROUP) {
    Vector re[VECTORS], im[VECTORS];
    memcpy(re, points->re + first, sizeof re);
    memcpy(im, points->im + first, sizeof im);
    int32_t done = from;
    for (; done + BLOCK <= to; done += BLOCK) {
      Vector old_re[VECTORS], old_im[VECTORS];
      memcpy(old_re, re, sizeof re);
      memcpy(old_im, im, sizeof im);
      for (int b = 0; b < BLOCK; b++) {
        for (int v = 0; v < VECTORS; v++) step(&re[v], &im[v], c_re, c_im);
      }
      Mask outside = {0};
      for (int v = 0; v < VECTORS; v++) outside |= ~(re[v] * re[v] + im[v] * im[v] < 4);
      if (any(outside)) {
        memcpy(re, old_re, sizeof re);
        memcpy(im, old_im, sizeof im);
        break;
      }
    }
    Mask count[VECTORS];
    memset(count, 0, sizeof count);
    for (int32_t n = done; n < to; n++) {
      Mask inside = {0};
      for (int v = 0; v < VECTORS; v++) {
        Mask here = re[v] * re[v] + im[v] * im[v] < 4;
        count[v] -= here;
        inside |= here;
        step(&re[v], &im[v], c_re, c_im);
      }
      if (!any(inside)) break;
    }
    for (int32_t i = 0; i < GROUP && first + i < n; i++) {
      int32_t column = points->column[first + i], reached = done + (int32_t)count[i / LANES][i % LANES];
      counts[column] = reached;
      points->re[kept] = re[i / LANES][i % LANES];
      points->im[kept] = im[i / LANES][i % LANES];
      points->column[kept] = column;
      kept += reached == to;
    }
  }
  return kept;
}

/** Rows of up to 16384 points. */
void julia_in_flight(int32_t limit, const double *xs, const double *ys, double c_re, double c_im, int32_t *counts,
                     int32_t width) {
  static const int32_t stages[] = {6, 30, 100};
#pragma omp parallel for schedule(dynamic)
  for (int32_t row = 0; row < width; row++) {
    Points points;
    for (int32_t i = 0; i < width; i++) points.re[i] = xs[i], points.im[i] = ys[row], points.column[i] = i;
    int32_t n = width, from = 0;
    for (int s = 0; s < 3 && stages[s] < limit; s++) {
      n = stage(&points, n, from, stages[s], c_re, c_im, counts + row * width);
      from = stages[s];
    }
    stage(&points, n, from, limit, c_re, c_im, counts + row * width);
  }
}

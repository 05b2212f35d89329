// The sum over the Julia set of -0.62772 - 0.42193i, as in jit_or_aot.ts: julia WIDTH IMAGES
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int row(double y, double step) {
  int sum = 0;
  for (double x = -1.8; x < 1.8; x += step) {
    double zr = x, zi = y;
    int n = 0;
    while (n < 300 && zr * zr + zi * zi < 4) {
      double next = zr * zr - zi * zi - 0.62772;
      zi = 2 * zr * zi - 0.42193;
      zr = next;
      n++;
    }
    sum += n;
  }
  return sum;
}

static int julia(int width) {
  double step = 3.6 / width;
  int sum = 0;
  for (double y = 1.8; y > -1.8; y -= step) sum += row(y, step);
  return sum;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  printf("{\"images\":[");
  int sum = 0;
  for (int image = 0; image < atoi(arguments[2]); image++) {
    double start = now();
    sum = julia(atoi(arguments[1]));
    printf("%s%.9f", image ? "," : "", now() - start);
  }
  printf("],\"compiling\":0,\"sum\":%d}", sum);
}

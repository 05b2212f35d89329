// The limit for ch12/numexpr: cross entropy in one loop, with a logarithm that the compiler can put into vectors.

#include <stdint.h>
#include <string.h>

static inline uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  return bits;
}

static inline double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, 8);
  return x;
}

// The logarithm of a normal number above 0, as in cross_entropy_wasm_simd.ts, with the coefficients computed there.
static inline double logarithm(double x) {
  // 1024 is added to k and taken away again: few processors shift vectors of signed 64-bit integers.
  const uint64_t above = bits_of(x) - 0x3fe6a09e667f3bcd + 0x4000000000000000;
  const double k = double_of((above >> 52) + 0x4338000000000000) - (0x1.8p52 + 1024);
  const double m = double_of(bits_of(x) - ((above & 0xfff0000000000000) - 0x4000000000000000));
  const double f = m - 1, s = f / (m + 1), z = s * s, square = 0.5 * f * f;
  const double h = 0.66666666666666685
      + z * (0.39999999999905295
      + z * (0.28571428623869621
      + z * (0.22222211429047348
      + z * (0.18182870682678864
      + z * (0.15332253497508189
      + z * 0.14610688486228995)))));
  return k * 0.69314718055920821 - ((square - (s * (square + z * h) + k * 7.371002565167798e-13)) - f);
}

double cross_entropy(const double *y, const double *p, int64_t n) {
  double sums[16] = {0};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int lane = 0; lane < 16; lane++) {
      const double label = y[i + lane], chance = p[i + lane];
      sums[lane] += label * logarithm(chance) + (1 - label) * logarithm(1 - chance);
    }
  }
  for (; i < n; i++) sums[0] += y[i] * logarithm(p[i]) + (1 - y[i]) * logarithm(1 - p[i]);
  double total = 0;
  for (int lane = 0; lane < 16; lane++) total += sums[lane];
  return -total / n;
}

// The Bloom filter and HyperLogLog of ch12/probabilistic_datastructures over the numbers from 0 on, with the same hash.

#include <stdint.h>
#include <string.h>

static inline uint32_t murmur(uint32_t key, uint32_t seed) {
  uint32_t k = key * 0xcc9e2d51u;
  k = (k << 15 | k >> 17) * 0x1b873593u;
  uint32_t h = seed ^ k;
  h = (h << 13 | h >> 19) * 5 + 0xe6546b64u;
  h ^= 4;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return ~(h ^ h >> 16);
}

// Adds `keys` numbers to the filter, whose words are all 0, and returns how many of twice as many it says it knows.
int32_t bloom(uint32_t *words, uint32_t bits, int32_t hashes, uint32_t keys) {
  for (uint32_t key = 0; key < keys; key++) {
    uint32_t a = murmur(key, 0x9747b28cu), b = murmur(key, 0x3c6ef372u);
    for (int32_t i = 0; i < hashes; i++, a += b, b += 0x9e3779b1u) {
      uint32_t p = (uint64_t)a * bits >> 32;
      words[p >> 5] |= 1u << (p & 31);
    }
  }
  int32_t known = 0;
  for (uint32_t key = 0; key < 2 * keys; key++) {
    uint32_t a = murmur(key, 0x9747b28cu), b = murmur(key, 0x3c6ef372u), all = 1;
    for (int32_t i = 0; i < hashes && all; i++, a += b, b += 0x9e3779b1u) {
      uint32_t p = (uint64_t)a * bits >> 32;
      all = words[p >> 5] >> (p & 31) & 1;
    }
    known += all;
  }
  return known;
}

// Fills 2^p registers from `keys` numbers.
void hyper_log_log(uint8_t *registers, int32_t p, uint32_t keys) {
  memset(registers, 0, (size_t)1 << p);
  for (uint32_t key = 0; key < keys; key++) {
    uint32_t h = murmur(key, 0x9747b28cu), rest = h << p | 1u << (p - 1);
    uint8_t rank = __builtin_clz(rest) + 1;
    uint32_t index = h >> (32 - p);
    if (rank > registers[index]) registers[index] = rank;
  }
}

// Follows a chain of places, each of which holds the index of the next: how long the nearest memory that holds the
// chain takes to answer.

#include <stdint.h>

int32_t follow(const int32_t *chain, int64_t steps, int32_t at) {
  for (int64_t step = 0; step < steps; step++) at = chain[at];
  return at;
}

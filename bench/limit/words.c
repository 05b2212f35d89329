// A trie of the letters a to z in one array: 26 numbers a node, the next node or 0; the last bit of the first says «a word ends».
// What a lookup in memory costs at least is one miss a letter; there is nothing smaller to compare with.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int32_t (*nodes)[27];

// Builds the trie of words that are separated by line feeds. Returns the number of its nodes, or 0 without memory.
int32_t build_trie(const uint8_t *text, int32_t length) {
  int32_t room = 1 << 20, used = 1, node = 0;
  free(nodes);
  nodes = calloc(room, sizeof *nodes);
  for (int32_t i = 0; nodes && i <= length; i++) {
    if (i == length || text[i] == '\n') {
      nodes[node][26] = 1;
      node = 0;
      continue;
    }
    int32_t *next = &nodes[node][text[i] - 'a'];
    if (!*next) {
      if (used == room) {
        void *larger = realloc(nodes, 2 * (size_t)room * sizeof *nodes);
        if (!larger) return 0;
        nodes = larger;
        memset(nodes[room], 0, room * sizeof *nodes);
        room *= 2;
        next = &nodes[node][text[i] - 'a'];
      }
      *next = used++;
    }
    node = *next;
  }
  return nodes ? used : 0;
}

// How many of the words in a text are in the trie.
int32_t count_words(const uint8_t *text, int32_t length) {
  int32_t count = 0, node = 0, known = 1;
  for (int32_t i = 0; i <= length; i++) {
    if (i == length || text[i] == '\n') {
      count += known && nodes[node][26];
      node = 0;
      known = 1;
    } else if (known) {
      node = nodes[node][text[i] - 'a'];
      known = node != 0;
    }
  }
  return count;
}

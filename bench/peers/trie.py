"""274,136 words in a trie, as in ch12/compressing_text: how many of them, and of as many that are none, it knows.

Takes the file of the words as its argument. Building is not timed.
"""

import sys

from peer import serve

with open(sys.argv[1], encoding="utf-8") as file:
    WORDS = file.read().split("\n")
ASKED = [word for word in WORDS[::10]] + [word + "q" for word in WORDS[::10]]


def nested():
    root = {}
    for word in WORDS:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = True

    def known(word):
        node = root
        for letter in word:
            node = node.get(letter)
            if node is None:
                return False
        return "" in node

    return lambda: sum(map(known, ASKED))


def hashed():
    words = set(WORDS)
    return lambda: sum(word in words for word in ASKED)


def compressed():
    import marisa

    keys, trie, agent = marisa.Keyset(), marisa.Trie(), marisa.Agent()
    for word in WORDS:
        keys.push_back(word)
    trie.build(keys)

    def known(word):
        agent.set_query(word)
        return trie.lookup(agent)

    return lambda: sum(map(known, ASKED))


serve({
    "Python, nested dicts": ([], nested),
    "Python, a set": ([], hashed),
    "MARISA trie": (["marisa"], compressed),
})

"""A Bloom filter of 100,000 numbers at 1 %, asked for 200,000 of which half are in it, as in ch12: how many it says it knows."""

import math

from murmur import M, murmur, murmur_array
from peer import serve

KEYS, RATE, SEEDS, SPREAD = 100_000, 0.01, (0x9747B28C, 0x3C6EF372), 0x9E3779B1
HASHES = round(-math.log2(RATE))
BITS = math.ceil(-KEYS * HASHES / math.log1p(-RATE ** (1 / HASHES)))


def positions(key):
    a, b = murmur(key, SEEDS[0]), murmur(key, SEEDS[1])
    for _ in range(HASHES):
        yield a * BITS >> 32
        a, b = a + b & M, b + SPREAD & M


def plain():
    def run():
        bits = bytearray(BITS + 7 >> 3)
        for key in range(KEYS):
            for p in positions(key):
                bits[p >> 3] |= 1 << (p & 7)
        return sum(all(bits[p >> 3] >> (p & 7) & 1 for p in positions(key)) for key in range(2 * KEYS))

    return run


def arrays():
    import numpy as np

    def each(keys):
        a, b = murmur_array(np, keys, SEEDS[0]), murmur_array(np, keys, SEEDS[1])
        for _ in range(HASHES):
            yield (a.astype(np.uint64) * np.uint64(BITS) >> np.uint64(32)).astype(np.int64)
            a, b = a + b, b + np.uint32(SPREAD)

    def run():
        # A byte for each bit: NumPy has no fast way to set single bits.
        bits = np.zeros(BITS, np.bool_)
        for p in each(np.arange(KEYS, dtype=np.uint32)):
            bits[p] = True
        known = np.ones(2 * KEYS, np.bool_)
        for p in each(np.arange(2 * KEYS, dtype=np.uint32)):
            known &= bits[p]
        return int(known.sum())

    return run


serve({"Python": ([], plain), "NumPy": (["numpy"], arrays)})

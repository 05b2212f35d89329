"""HyperLogLog with 2^12 registers of 1,000,000 numbers, as in ch12: the estimate."""

from murmur import murmur, murmur_array
from peer import serve

KEYS, P, SEED = 1_000_000, 12, 0x9747B28C


def estimate(registers):
    """In the range in which nothing is corrected."""
    m = 1 << P
    return 0.7213 / (1 + 1.079 / m) * m * m / sum(2.0 ** -int(rank) for rank in registers)


def plain():
    def run():
        registers = bytearray(1 << P)
        for key in range(KEYS):
            h = murmur(key, SEED)
            rest = (h << P & 0xFFFFFFFF) | 1 << P - 1
            rank = 33 - rest.bit_length()
            index = h >> 32 - P
            if rank > registers[index]:
                registers[index] = rank
        return estimate(registers)

    return run


def arrays():
    import numpy as np

    def run():
        h = murmur_array(np, np.arange(KEYS, dtype=np.uint32), SEED)
        rest = h << np.uint32(P) | np.uint32(1 << P - 1)
        # The exponent of a double is the place of its first bit.
        rank = 33 - np.frexp(rest.astype(np.float64))[1]
        registers = np.zeros(1 << P, np.int32)
        np.maximum.at(registers, h >> np.uint32(32 - P), rank)
        return estimate(registers)

    return run


serve({"Python": ([], plain), "NumPy": (["numpy"], arrays)})

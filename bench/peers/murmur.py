"""The hash of ch12/probabilistic_datastructures: MurmurHash3 (x86, 32 bits) of the 4 bytes of a whole number, inverted."""

M = 0xFFFFFFFF


def murmur(key, seed):
    k = key * 0xCC9E2D51 & M
    k = (k << 15 | k >> 17) * 0x1B873593 & M
    h = seed ^ k
    h = ((h << 13 | h >> 19) & M) * 5 + 0xE6546B64 & M
    h ^= 4
    h = (h ^ h >> 16) * 0x85EBCA6B & M
    h = (h ^ h >> 13) * 0xC2B2AE35 & M
    return ~(h ^ h >> 16) & M


def murmur_array(np, keys, seed):
    """The same of an array of uint32, whose products NumPy cuts off by itself."""
    k = keys * np.uint32(0xCC9E2D51)
    k = (k << np.uint32(15) | k >> np.uint32(17)) * np.uint32(0x1B873593)
    h = np.uint32(seed) ^ k
    h = (h << np.uint32(13) | h >> np.uint32(19)) * np.uint32(5) + np.uint32(0xE6546B64)
    h ^= np.uint32(4)
    h = (h ^ h >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    h = (h ^ h >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return ~(h ^ h >> np.uint32(16))

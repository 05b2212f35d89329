"""The primes among 10,000 numbers from 100,000,000 by trial division, as in ch10/prime_generation: their number and sum."""

import math
import multiprocessing

from peer import serve

FROM, COUNT = 100_000_000, 10_000


def is_prime(n):
    if n % 2 == 0:
        return False
    for divisor in range(3, math.isqrt(n) + 1, 2):
        if n % divisor == 0:
            return False
    return True


def summary(flags):
    primes = [FROM + i for i, prime in enumerate(flags) if prime]
    return [len(primes), sum(primes)]


def plain():
    return lambda _: list(map(is_prime, range(FROM, FROM + COUNT))), lambda: None, summary


def pool():
    workers = multiprocessing.Pool()
    workers.map(is_prime, range(100))
    return lambda _: workers.map(is_prime, range(FROM, FROM + COUNT), chunksize=500), lambda: None, summary


def compiled():
    import numba
    import numpy as np

    check = numba.njit(is_prime_by_root)

    @numba.njit(parallel=True)
    def run(flags):
        for i in numba.prange(len(flags)):
            flags[i] = check(FROM + i)

    def timed(flags):
        run(flags)
        return flags

    timed(np.zeros(2, np.bool_))
    return timed, lambda: np.zeros(COUNT, np.bool_), lambda flags: summary(flags.tolist())


def is_prime_by_root(n):
    """Numba knows no isqrt."""
    if n % 2 == 0:
        return False
    divisor = 3
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 2
    return True


if __name__ == "__main__":
    serve({
        "Python": ([], plain),
        "Python, a process a core": ([], pool),
        "Numba, all cores": (["numba"], compiled),
    })

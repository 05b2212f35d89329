"""The primes of ch10/prime_generation in plain Python, for a look at both on the same machine: serial, and in a pool.

Run: python3 bench/peers/ch10_primes.py [COUNT]   (COUNT numbers from 100,000,000 on; by default 50,000)
"""

import math
import multiprocessing
import os
import platform
import sys
import time

FROM = 100_000_000


def check_prime(n):
    if n % 2 == 0:
        return False
    for divisor in range(3, math.isqrt(n) + 1, 2):
        if n % divisor == 0:
            return False
    return True


def serial(numbers):
    return [check_prime(n) for n in numbers]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    if count < 1:
        sys.exit(f"error: COUNT {count}: must be 1 or more")
    numbers = range(FROM, FROM + count)
    cores = os.cpu_count()
    with multiprocessing.Pool(cores) as pool:
        ways = {"serial": serial, f"pool of {cores}": lambda numbers: pool.map(check_prime, numbers, chunksize=1000)}
        pool.map(check_prime, range(FROM, FROM + 100))
        samples = {name: [] for name in ways}
        found = set()
        for _ in range(5):
            for name, way in ways.items():
                begin = time.perf_counter()
                flags = way(numbers)
                samples[name].append(time.perf_counter() - begin)
                found.add(tuple(n for n, prime in zip(numbers, flags) if prime))
    if len(found) != 1:
        sys.exit("error: the two ways disagree")
    for name, seconds in samples.items():
        median = sorted(seconds)[len(seconds) // 2]
        print(f"CPython {platform.python_version()}, {name}: {median * 1e3:.0f} ms for {count:,} numbers")
    print(f"{len(found.pop()):,} primes")


if __name__ == "__main__":
    main()

"""Pi by darts as in ch10/pi_estimation, in Python and NumPy, for a look at both on the same machine.

Serial NumPy, whole arrays and in blocks that stay in the cache; as many processes as cores; and, on a hundredth of the
darts, a plain Python loop.

Run: python3 bench/peers/ch10_pi.py [DARTS]   (needs numpy)
"""

import math
import multiprocessing
import os
import random
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit("error: no numpy; apt-get install python3-numpy, or pip install numpy")

BLOCK = 2**16


def whole(darts, rng):
    """All darts at once: 16 bytes a dart and as much again for what is in between."""
    xs, ys = rng.random(darts), rng.random(darts)
    return int(np.count_nonzero(xs * xs + ys * ys <= 1))


def blocks(darts, rng):
    inside = 0
    for start in range(0, darts, BLOCK):
        inside += whole(min(BLOCK, darts - start), rng)
    return inside


def share(task):
    """What a process of the pool does: its darts, from a stream of its own."""
    darts, sequence = task
    return blocks(darts, np.random.default_rng(sequence))


def loop(darts, rng):
    inside = 0
    for _ in range(darts):
        x, y = rng.random(), rng.random()
        inside += x * x + y * y <= 1
    return inside


def report(name, darts, estimate, repeats=5):
    """Times it, prints the median, and looks whether it is pi within five standard deviations."""
    samples = []
    for _ in range(repeats):
        begin = time.perf_counter()
        inside = estimate()
        samples.append(time.perf_counter() - begin)
        if abs(4 * inside / darts - math.pi) > 5 * 1.65 / math.sqrt(darts):
            sys.exit(f"error: {name} finds pi to be {4 * inside / darts}")
    median = sorted(samples)[repeats // 2]
    print(f"{name}: {median * 1e3:.0f} ms for {darts} darts, {median / darts * 1e9:.2f} ns a dart")


def main():
    try:
        darts = int(sys.argv[1]) if len(sys.argv) > 1 else 4 * 10**7
        if darts < 100:
            raise ValueError
    except ValueError:
        sys.exit(f"error: {sys.argv[1]}: must be a whole number of darts from 100 up")
    rng = np.random.default_rng(10)
    version = f"numpy {np.__version__}"
    report(f"{version}, whole arrays", darts, lambda: whole(darts, rng))
    report(f"{version}, blocks", darts, lambda: blocks(darts, rng))
    cores = os.cpu_count()
    parts = [darts * (i + 1) // cores - darts * i // cores for i in range(cores)]
    with multiprocessing.Pool(cores) as pool:
        tasks = list(zip(parts, np.random.SeedSequence(10).spawn(cores)))
        report(f"{version}, blocks in {cores} processes", darts, lambda: sum(pool.map(share, tasks)))
    few = darts // 100
    report(f"python {sys.version.split()[0]}, a loop", few, lambda: loop(few, random.Random(10)))


if __name__ == "__main__":
    main()

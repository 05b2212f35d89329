"""The Julia set of ch08/julia in Python, for a look at both on the same machine.

Plain Python once, and Numba where it is installed: one thread, and all with prange.

Run: python3 bench/peers/ch08_julia.py   (Debian's packages: python3-numba, python3-numpy)
"""

import time

WIDTH, LIMIT, C = 1000, 300, complex(-0.62772, -0.42193)


def coordinates():
    """Both axes by repeated addition: the rounding is part of the answer."""
    xs, ys, x, y = [], [], -1.8, 1.8
    for _ in range(WIDTH):
        xs.append(x)
        ys.append(y)
        x += 3.6 / WIDTH
        y -= 3.6 / WIDTH
    return xs, ys


def julia_python(zs):
    counts = [0] * len(zs)
    for i, z in enumerate(zs):
        n = 0
        while n < LIMIT and abs(z) < 2:
            z = z * z + C
            n += 1
        counts[i] = n
    return counts


def report(name, julia, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        counts = julia()
        best = min(best, time.perf_counter() - start)
    total = int(sum(counts)) if isinstance(counts, list) else int(counts.sum())
    assert total == 33219980, f"{name} counts {total}"
    print(f"{name}: {1000 * best:.1f} ms")


xs, ys = coordinates()
zs = [complex(x, y) for y in ys for x in xs]
report("plain Python", lambda: julia_python(zs), 1)

try:
    import numba
    import numpy as np
except ImportError:
    print("without Numba: apt-get install python3-numba python3-numpy")
else:

    def kernel(re, im, counts):
        for i in numba.prange(len(re)):
            a, b, n = re[i], im[i], 0
            while n < LIMIT and a * a + b * b < 4:
                a, b = a * a - b * b + C.real, 2 * a * b + C.imag
                n += 1
            counts[i] = n

    re, im = np.array([z.real for z in zs]), np.array([z.imag for z in zs])
    counts = np.zeros(len(zs), np.int32)
    for name, options in {"Numba": {}, "Numba, parallel": {"parallel": True}}.items():
        compiled = numba.njit(**options)(kernel)

        def julia():
            compiled(re, im, counts)
            return counts

        report(name, julia, 10)

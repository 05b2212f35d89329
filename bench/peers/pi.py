"""Pi by 2,000,000 darts, as in ch10/pi_estimation. Each way has its own random numbers: they agree within their error."""

import random

from peer import serve

DARTS = 2_000_000


def plain():
    def run():
        rng, inside = random.Random(10), 0
        for _ in range(DARTS):
            x, y = rng.random(), rng.random()
            inside += x * x + y * y <= 1
        return 4 * inside / DARTS

    return run


def blocks():
    import numpy as np

    def run():
        rng, inside, block = np.random.default_rng(10), 0, 2**16
        for start in range(0, DARTS, block):
            count = min(block, DARTS - start)
            x, y = rng.random(count), rng.random(count)
            inside += int(np.count_nonzero(x * x + y * y <= 1))
        return 4 * inside / DARTS

    return run


def compiled():
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def run(darts):
        inside = 0
        for _ in numba.prange(darts):
            inside += np.random.random() ** 2 + np.random.random() ** 2 <= 1
        return inside

    run(10)
    return lambda: 4 * run(DARTS) / DARTS


serve({
    "Python": ([], plain),
    "NumPy": (["numpy"], blocks),
    "Numba, all cores": (["numba"], compiled),
})

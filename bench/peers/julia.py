"""The Julia set of 1000 x 1000 points, as in ch08/julia: the sum of all counts of steps."""

from peer import serve

WIDTH, LIMIT, C = 1000, 300, complex(-0.62772, -0.42193)


def axes():
    """Both by repeated addition: the rounding is part of the answer."""
    xs, ys, x, y = [], [], -1.8, 1.8
    for _ in range(WIDTH):
        xs.append(x)
        ys.append(y)
        x += 3.6 / WIDTH
        y -= 3.6 / WIDTH
    return xs, ys


def plain():
    xs, ys = axes()
    points = [complex(x, y) for y in ys for x in xs]

    def run():
        total = 0
        for z in points:
            n = 0
            while n < LIMIT and abs(z) < 2:
                z = z * z + C
                n += 1
            total += n
        return total

    return run


def compiled(parallel):
    import numba
    import numpy as np

    xs, ys = (np.array(axis) for axis in axes())

    @numba.njit(parallel=parallel)
    def kernel(xs, ys):
        total = 0
        for row in numba.prange(len(ys)):
            count = 0
            for column in range(len(xs)):
                a, b, n = xs[column], ys[row], 0
                while n < LIMIT and a * a + b * b < 4:
                    a, b = a * a - b * b + C.real, 2 * a * b + C.imag
                    n += 1
                count += n
            total += count
        return total

    kernel(xs[:2], ys[:2])
    return lambda: int(kernel(xs, ys))


serve({
    "Python": ([], plain),
    "Numba": (["numba"], lambda: compiled(False)),
    "Numba, all cores": (["numba"], lambda: compiled(True)),
})

"""The diffusion of ch06/diffusion_2d on 512 x 512 cells: 8 steps from the start; the grid in a few sums."""

from peer import serve

SIZE, STEPS, DT = 512, 8, 0.1
LOW, HIGH = int(0.4 * SIZE), int(0.5 * SIZE)


def start_lists():
    return [[0.005 if LOW <= r < HIGH and LOW <= c < HIGH else 0.0 for c in range(SIZE)] for r in range(SIZE)]


def summary(grid):
    """The centre, a corner of the drop, just outside it, and the mass: equal in all ways but for rounding."""
    middle = (LOW + HIGH) // 2
    points = [grid[middle][middle], grid[LOW][LOW], grid[LOW - 1][middle]]
    return [float(value) for value in [*points, sum(float(sum(row)) for row in grid)]]


def plain():
    def run(grid):
        for _ in range(STEPS):
            new = []
            for r in range(SIZE):
                up, row, down = grid[r - 1], grid[r], grid[(r + 1) % SIZE]
                new.append([
                    row[c] + DT * (up[c] + down[c] + row[c - 1] + row[(c + 1) % SIZE] - 4 * row[c])
                    for c in range(SIZE)
                ])
            grid = new
        return grid

    return run, start_lists, summary


def arrays(run):
    import numpy as np

    return run, lambda: np.array(start_lists()), summary


def rolled():
    import numpy as np

    def run(u):
        for _ in range(STEPS):
            u = u + DT * (np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u)
        return u

    return arrays(run)


def in_place():
    import numpy as np

    spare = np.empty((SIZE, SIZE))

    def run(u):
        other = spare
        for _ in range(STEPS):
            np.multiply(u, -4, other)
            other[1:, :] += u[:-1, :]
            other[0, :] += u[-1, :]
            other[:-1, :] += u[1:, :]
            other[-1, :] += u[0, :]
            other[:, 1:] += u[:, :-1]
            other[:, 0] += u[:, -1]
            other[:, :-1] += u[:, 1:]
            other[:, -1] += u[:, 0]
            other *= DT
            other += u
            u, other = other, u
        return u

    return arrays(run)


def fused():
    import numexpr
    import numpy as np

    def run(u):
        for _ in range(STEPS):
            up, down, left, right = np.roll(u, 1, 0), np.roll(u, -1, 0), np.roll(u, 1, 1), np.roll(u, -1, 1)
            u = numexpr.evaluate("u + 0.1 * (up + down + left + right - 4 * u)")
        return u

    return arrays(run)


def compiled():
    import numba
    import numpy as np

    @numba.njit
    def step(u, out):
        for r in range(SIZE):
            up, down = r - 1 if r > 0 else SIZE - 1, r + 1 if r < SIZE - 1 else 0
            for c in range(SIZE):
                left, right = c - 1 if c > 0 else SIZE - 1, c + 1 if c < SIZE - 1 else 0
                out[r, c] = u[r, c] + DT * (u[up, c] + u[down, c] + u[r, left] + u[r, right] - 4 * u[r, c])

    spare = np.empty((SIZE, SIZE))
    step(np.empty((SIZE, SIZE)), spare)

    def run(u):
        other = spare
        for _ in range(STEPS):
            step(u, other)
            u, other = other, u
        return u

    return arrays(run)


serve({
    "Python": ([], plain),
    "NumPy, roll": (["numpy"], rolled),
    "NumPy, in place": (["numpy"], in_place),
    "numexpr": (["numexpr"], fused),
    "Numba": (["numba"], compiled),
})

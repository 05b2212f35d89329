"""The diffusion step of ch06/diffusion_2d in NumPy, for a look at both on the same machine.

Two ways: whole arrays with np.roll, and in place on shifted slices, the fastest that plain NumPy has.

Run: python3 bench/peers/ch06_diffusion.py [SIZE]   (needs numpy)
"""

import sys
import time

import numpy as np


def start(size):
    """The book's experiment: zero, but 0.005 in a square off the middle."""
    grid = np.zeros((size, size))
    low, high = int(0.4 * size), int(0.5 * size)
    grid[low:high, low:high] = 0.005
    return grid


def step_roll(u, dt):
    around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
    return u + dt * (around - 4 * u)


def step_slices(u, out, dt):
    np.multiply(u, -4, out)
    out[1:, :] += u[:-1, :]
    out[0, :] += u[-1, :]
    out[:-1, :] += u[1:, :]
    out[-1, :] += u[0, :]
    out[:, 1:] += u[:, :-1]
    out[:, 0] += u[:, -1]
    out[:, :-1] += u[:, 1:]
    out[:, -1] += u[:, 0]
    out *= dt
    out += u


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    steps = max(4, 2**24 // size**2)
    u = start(size)
    other = np.empty_like(u)
    expected = start(size)

    samples = {"roll": [], "slices": []}
    for _ in range(9):
        begin = time.perf_counter()
        for _ in range(steps):
            expected = step_roll(expected, 0.1)
        samples["roll"].append((time.perf_counter() - begin) / steps)
        begin = time.perf_counter()
        for _ in range(steps):
            step_slices(u, other, 0.1)
            u, other = other, u
        samples["slices"].append((time.perf_counter() - begin) / steps)
    if not np.allclose(u, expected, rtol=0, atol=1e-15):
        sys.exit("error: the two ways disagree")
    for name, seconds in samples.items():
        print(f"numpy {np.__version__} {name}: {sorted(seconds)[len(seconds) // 2] * 1e3:.3f} ms a step at {size} x {size}")


if __name__ == "__main__":
    main()

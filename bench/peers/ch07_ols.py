"""The slopes of ch07/time_iteration_methods in Python, for a look at both on the same machine; one thread.

NumPy's product of matrix and vector, with the table by row and by column; np.linalg.lstsq for each row; and, where they
are installed, pandas' apply (with lstsq, and with the product on raw rows) and Numba. What takes long for each row is
timed on a thousand rows.

Run: python3 bench/peers/ch07_ols.py [PEOPLE] [--json]   (needs numpy; Debian's packages: python3-numpy, python3-pandas,
python3-numba)
"""

import os

# NumPy's library of linear algebra counts the processors when it is loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit("error: no numpy; apt-get install python3-numpy, or pip install numpy")

DAYS = 14
FEW = 1000


def generate(people):
    """People x 14 hours a day, Poisson(60) minutes each."""
    return np.random.default_rng(1).poisson(60, (people, DAYS)) / 60


def seconds_of(call, repeats):
    """The median time of a call after a first, which may have to compile, and what it came to."""
    result = call()
    samples = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = call()
        samples.append(time.perf_counter() - begin)
    return sorted(samples)[repeats // 2], np.asarray(result, dtype=float)


def ways(hours):
    """Name to a call that gives a slope for each row, on how many rows, and how often it is repeated."""
    days = np.arange(DAYS)
    weights = (days - days.mean()) / ((days - days.mean()) ** 2).sum()
    by_column, few = np.asfortranarray(hours), hours[:FEW]
    design = np.vstack([days, np.ones(DAYS)]).T

    def lstsq(row):
        return np.linalg.lstsq(design, row, rcond=None)[0][0]

    yield "numpy_rows", lambda: hours @ weights, len(hours), 101
    yield "numpy_columns", lambda: by_column @ weights, len(hours), 101
    yield "lstsq a row", lambda: [lstsq(row) for row in few], len(few), 3

    try:
        import pandas as pd
    except ImportError:
        pass
    else:
        frame = pd.DataFrame(few, columns=[f"day{day}" for day in days])
        yield "pandas apply, lstsq", lambda: frame.apply(lstsq, axis=1), len(few), 3
        yield "pandas apply raw, product", lambda: frame.apply(lambda row: row @ weights, axis=1, raw=True), len(few), 3

    try:
        import numba
    except ImportError:
        pass
    else:

        @numba.njit
        def slopes(hours):
            result = np.empty(len(hours))
            for i in range(len(hours)):
                slope = 0.0
                for day in range(DAYS):
                    slope += weights[day] * hours[i, day]
                result[i] = slope
            return result

        yield "numba", lambda: slopes(hours), len(hours), 101


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    try:
        people = int(arguments[0]) if arguments else 100_000
        if people < 1:
            raise ValueError
    except ValueError:
        sys.exit(f"error: {arguments[0]}: must be a whole number of people from 1 up")
    hours = generate(people)
    # Whole minutes and whole weights: but for one division the answer is exact.
    minutes = np.rint(hours * 60).astype(np.int64)
    expected = minutes @ (2 * np.arange(DAYS) - DAYS + 1) / (60 * 455)

    found = {}
    for name, call, rows, repeats in ways(hours):
        seconds, slopes = seconds_of(call, repeats)
        if not np.allclose(slopes, expected[:rows], rtol=0, atol=1e-12):
            sys.exit(f"error: {name} is wrong")
        found[name] = seconds / rows
    if "--json" in sys.argv:
        print(json.dumps({"version": np.__version__, "seconds_a_row": found}))
        return
    print(f"numpy {np.__version__}, {people:,} people x {DAYS} days")
    for name, seconds in found.items():
        print(f"{name}: {seconds * people * 1e3:.3f} ms, {seconds * 1e9:.1f} ns a row")


if __name__ == "__main__":
    main()

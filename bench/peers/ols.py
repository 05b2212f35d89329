"""The slopes of 100,000 people over 14 days by least squares, as in ch07: the first two, the last, and the sum of all sizes."""

import os

# NumPy's library of linear algebra counts the processors when it is loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

from peer import serve

PEOPLE, DAYS = 100_000, 14
WEIGHTS = [(day - 6.5) / 227.5 for day in range(DAYS)]


def summary(slopes):
    return [float(slopes[0]), float(slopes[1]), float(slopes[-1]), float(sum(abs(float(slope)) for slope in slopes))]


def rows():
    return [[((DAYS * i + day) * 7919 % 121) / 60 for day in range(DAYS)] for i in range(PEOPLE)]


def slope(row):
    return sum(weight * hours for weight, hours in zip(WEIGHTS, row))


def plain():
    table = rows()
    return lambda _: [slope(row) for row in table], lambda: None, summary


def product():
    import numpy as np

    # Column by column, as the fastest of ours has it.
    table, weights = np.asfortranarray(rows()), np.array(WEIGHTS)
    return lambda _: table @ weights, lambda: None, summary


def applied():
    import numpy as np
    import pandas

    frame, weights = pandas.DataFrame(rows()), np.array(WEIGHTS)
    return lambda _: frame.apply(lambda row: row @ weights, axis=1, raw=True).to_numpy(), lambda: None, summary


def compiled():
    import numba
    import numpy as np

    table, weights = np.array(rows()), np.array(WEIGHTS)

    @numba.njit
    def run(table, weights):
        slopes = np.zeros(len(table))
        for i in range(len(table)):
            for day in range(len(weights)):
                slopes[i] += weights[day] * table[i, day]
        return slopes

    run(table[:2], weights)
    return lambda _: run(table, weights), lambda: None, summary


serve({
    "Python": ([], plain),
    "pandas, apply": (["pandas", "numpy"], applied),
    "NumPy": (["numpy"], product),
    "Numba": (["numba"], compiled),
})

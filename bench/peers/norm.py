"""The sum of squares of 2^20 numbers, as in ch06/norm."""

from peer import serve

LENGTH = 2**20


def plain():
    vector = [float(i) for i in range(LENGTH)]
    return lambda: sum(x * x for x in vector)


def dot():
    import numpy as np

    vector = np.arange(LENGTH, dtype=np.float64)
    return lambda: float(np.dot(vector, vector))


def square():
    import numpy as np

    vector = np.arange(LENGTH, dtype=np.float64)
    return lambda: float(np.sum(vector * vector))


serve({"Python": ([], plain), "NumPy, v * v": (["numpy"], square), "NumPy, dot": (["numpy"], dot)})

"""The spaces' attributes, as Gymnasium names them; bounds and shapes are plain lists and tuples."""


class Discrete:
    shape, dtype = (), "int64"

    def __init__(self, n, start=0):
        self.n, self.start = n, start


class MultiDiscrete:
    dtype = "int64"

    def __init__(self, nvec, start=None):
        self.nvec, self.shape, self.start = nvec, (len(nvec),), start


class MultiBinary:
    dtype = "int8"

    def __init__(self, n):
        self.n, self.shape = n, (n,)


class Box:
    def __init__(self, low, high, shape, dtype="float32"):
        self.shape, self.dtype = shape, dtype
        self.low, self.high = (bound if isinstance(bound, list) else fill(bound, shape) for bound in (low, high))


class Dict:
    def __str__(self):
        return "Dict('a': Discrete(2))"


def fill(number, shape):
    return [fill(number, shape[1:]) for _ in range(shape[0])] if shape else number

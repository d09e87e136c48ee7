"""Environments that do nothing, for what the way to Python costs: observations of 4 floats, and of 4 frames of 84 x 84 bytes.

    PYTHONPATH=tests/RlWn.Envs.Tests/Gymnasium/python python3 benchmarks/python/still_envs.py Bytes-v0 8

steps as many of them in a loop and prints the microseconds that a round takes.
"""
import array
import math
import sys
import time

import gymnasium
from gymnasium import spaces


class Still:
    action_space = spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        return self.observation, {}

    def step(self, action):
        return self.observation, 0.0, False, False, {}

    def close(self):
        pass


@gymnasium.register("Floats-v0")
class Floats(Still):
    observation_space = spaces.Box(-math.inf, math.inf, (4,))

    def __init__(self):
        self.observation = array.array("f", [0.0] * 4)


@gymnasium.register("Bytes-v0")
class Bytes(Still):
    observation_space = spaces.Box(0, 255, (4, 84, 84), "uint8")

    def __init__(self):
        self.observation = memoryview(bytearray(4 * 84 * 84)).cast("B", (4, 84, 84))


def microseconds(id, count, rounds=5_000, repeats=5):
    """The least of the repeats."""
    envs = [gymnasium.make(id) for _ in range(count)]
    for env in envs:
        env.reset()
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(rounds):
            for env in envs:
                env.step(1)
        best = min(best, time.perf_counter() - start)
    return best / rounds * 1e6


if __name__ == "__main__":
    print(microseconds(sys.argv[1], int(sys.argv[2])))

"""A stand-in for Gymnasium: make() and environments that do one thing each. It needs nothing but Python."""
import array
import math
import os
import random
import signal
import sys
import time

from . import spaces

Env = object
registered = {}


def make(id, **kwargs):
    if id not in registered:
        raise ValueError(f"Environment `{id}` doesn't exist.")
    return registered[id](**kwargs)


def register(id):
    def add(env):
        registered[id] = env
        return env
    return add


@register("Count-v0")
class Count:
    """Observes [steps of this episode, the action as it came, draws of this life]; ends after as many steps as it is told."""
    observation_space = spaces.Box(-math.inf, math.inf, (3,))
    action_space = spaces.Discrete(3, start=5)
    metadata = {"render_fps": 25}

    def __init__(self, ends=3, truncates=False, render_mode=None, label=""):
        self.ends, self.truncates, self.render_mode, self.label = ends, truncates, render_mode, label
        self.random = random.Random()

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.random.seed(seed)
        self.steps, self.drawn = 0, self.random.random()
        return [0, float(len(self.label)), self.drawn], {}

    def step(self, action):
        self.steps += 1
        ended = self.steps == self.ends
        return [self.steps, action, self.drawn], self.steps / 4, ended and not self.truncates, ended and self.truncates, {}

    def render(self):
        return [[[row, column, self.steps] for column in range(3)] for row in range(2)]

    def close(self):
        print("closed")


@register("CartPole-v1")
class CartPole:
    """Barto, Sutton and Anderson's cart, roughly; truncated after 200 steps."""
    observation_space = spaces.Box([-4.8, -math.inf, -0.42, -math.inf], [4.8, math.inf, 0.42, math.inf], (4,))
    action_space = spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "random"):
            self.random = random.Random(seed)
        self.steps, self.state = 0, [self.random.uniform(-0.05, 0.05) for _ in range(4)]
        return self.state, {}

    def step(self, action):
        x, v, angle, spin = self.state
        force = 10 if action == 1 else -10
        pull = (force + 0.05 * spin ** 2 * math.sin(angle)) / 1.1
        turn = (9.8 * math.sin(angle) - math.cos(angle) * pull) / (0.5 * (4 / 3 - 0.1 * math.cos(angle) ** 2 / 1.1))
        push = pull - 0.05 * turn * math.cos(angle) / 1.1
        self.state = [x + 0.02 * v, v + 0.02 * push, angle + 0.02 * spin, spin + 0.02 * turn]
        self.steps += 1
        fell = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.2095
        return self.state, 1.0, fell, self.steps >= 200, {}

    def close(self):
        pass


class Still:
    """Observes zeros and ignores its action; others change one thing."""
    observation_space = spaces.Box(-1, 1, (2,))
    action_space = spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        return [0.0, 0.0], {}

    def step(self, action):
        return [0.0, 0.0], 0.0, False, False, {}

    def close(self):
        pass


register("Still-v0")(Still)


@register("Raises-v0")
class Raises(Still):
    def __init__(self, where="step", text="the pole is broken"):
        self.where, self.text = where, text
        if where == "make":
            raise RuntimeError(text)

    def reset(self, seed=None, options=None):
        if self.where == "reset":
            raise RuntimeError(self.text)
        return super().reset(seed, options)

    def step(self, action):
        if action == 1:
            raise RuntimeError(self.text)
        return super().step(action)


@register("Exits-v0")
class Exits(Still):
    def step(self, action):
        sys.exit(3)


@register("EndOfFile-v0")
class EndOfFile(Still):
    def step(self, action):
        return input()


@register("Dies-v0")
class Dies(Still):
    def __init__(self, how="exit"):
        self.how = how

    def step(self, action):
        print("about to die: ä", file=sys.stderr, flush=True)
        if self.how == "exit":
            os._exit(7)
        os.kill(os.getpid(), signal.SIGKILL)


@register("Hangs-v0")
class Hangs(Still):
    def __init__(self, where="step"):
        if where == "make":
            time.sleep(600)

    def step(self, action):
        time.sleep(600)


@register("Prints-v0")
class Prints(Still):
    def step(self, action):
        print("kkkkkkkk" * 100)
        os.write(1, b"e\0\0\0\0")
        return super().step(action)


@register("Garbage-v0")
class Garbage(Still):
    """Finds the way past the redirection, as a native library that kept the old descriptor might."""

    def step(self, action):
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b"garbage\n")
            except OSError:
                pass
        return super().step(action)


@register("Doubles-v0")
class Doubles(Still):
    """Observes its action."""
    observation_space = spaces.Box([[-1e300, -2.0], [-3.0, 0.1]], [[1e300, 2.0], [3.0, 0.1]], (2, 2), "float64")
    action_space = spaces.Box(-2, 2, (2, 2))

    def reset(self, seed=None, options=None):
        return [[0.1, 0.2], [0.3, 0.1]], {}

    def step(self, action):
        return action, 0.0, False, False, {}


@register("Pixels-v0")
class Pixels(Still):
    """Six rows of two pixels of three channels: 100 * channel + 10 * row + column."""
    observation_space = spaces.Box(0, 255, (6, 2, 3), "uint8")

    def reset(self, seed=None, options=None):
        return [[[100 * channel + 10 * row + column for channel in range(3)] for column in range(2)] for row in range(6)], {}


@register("Ram-v0")
class Ram(Still):
    observation_space = spaces.Box(0, 7, (4,), "uint8")

    def reset(self, seed=None, options=None):
        return (1, 2, 3, 7), {}


@register("Buffer-v0")
class Buffer(Still):
    """Observes an array of two floats, after a step of three where it is told to."""
    def __init__(self, grows=False):
        self.grows = grows

    def reset(self, seed=None, options=None):
        return array.array("f", [0.5, -0.5]), {}

    def step(self, action):
        return array.array("f", [0.25, action] + [0.0] * self.grows), 0.0, False, False, {}


@register("Choices-v0")
class Choices(Still):
    """Observes its action."""
    observation_space = spaces.MultiDiscrete([3, 4])
    action_space = spaces.MultiDiscrete([3, 4], start=[10, 20])

    def reset(self, seed=None, options=None):
        return [2, 3], {}

    def step(self, action):
        return [action[0] - 10, action[1] - 20], float(action[0]), False, False, {}


@register("Bits-v0")
class Bits(Still):
    observation_space = spaces.Discrete(4, start=-1)
    action_space = spaces.MultiBinary(2)

    def reset(self, seed=None, options=None):
        return -1, {}

    def step(self, action):
        return 2 * action[0] + action[1] - 1, 0.0, False, False, {}


@register("Nested-v0")
class Nested(Still):
    observation_space = spaces.Dict()


@register("WrongSize-v0")
class WrongSize(Still):
    def reset(self, seed=None, options=None):
        return [0.0], {}

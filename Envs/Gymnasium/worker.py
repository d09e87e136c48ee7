"""The Python side of RlWn's bridge: makes Gymnasium environments and steps them as the process that started it asks.

Requests come on standard input, a letter each; every answer is b"k" and what was asked for, or b"e" and an error as JSON:

    r  seeds (int64 each, -1 for none)    resets every environment
    s                                     does the action that stands in every environment's row
    d                                     answers with the frame of the first environment

Actions, observations, rewards and flags lie in one block of memory, a row for each environment. Where the block is shared nothing else
travels; where it is not, actions follow the letter s, and the rows written follow the answer.
"""
import json
import math
import os
import signal
import struct
import sys
import traceback


class ParentGone(BaseException):
    """Standard input has ended."""


class Channel:
    """Standard input and output, out of the environments' reach: what they print goes to standard error."""

    def __init__(self):
        self.source, self.sink = os.dup(0), os.dup(1)
        if os.name == "nt":
            import msvcrt
            for end in (self.source, self.sink):
                msvcrt.setmode(end, os.O_BINARY)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

    def read(self, count):
        data = bytearray(count)
        self.read_into(memoryview(data))
        return bytes(data)

    def read_into(self, view):
        while view:
            part = os.read(self.source, min(len(view), 1 << 20))
            if not part:
                raise ParentGone
            view[:len(part)] = part
            view = view[len(part):]

    def read_json(self):
        return json.loads(self.read(*struct.unpack("<I", self.read(4))))

    def write(self, data):
        view = memoryview(data).cast("B")
        while view:
            view = view[os.write(self.sink, view):]

    def write_json(self, letter, content):
        data = json.dumps(content).encode("ascii")
        self.write(letter + struct.pack("<I", len(data)) + data)


class FloatRows:
    """Numbers of one C type and any shape, a row for each environment."""

    def __init__(self, memory, offset, count, code, shape, image=False):
        self.memory, self.offset, self.code, self.shape, self.image = memory, offset, code, shape, image
        self.size = math.prod(shape)
        self.packer = struct.Struct(f"{self.size}{code}")
        self.numpy = sys.modules.get("numpy")
        if self.numpy:
            rows = self.numpy.frombuffer(memory, {"f": "f4", "B": "u1", "i": "i4"}[code], count * self.size, offset)
            if image:   # written channels first
                height, width, channels = shape
                self.rows = list(rows.reshape(count, channels, height, width).transpose(0, 2, 3, 1))
            else:
                self.rows = [row.reshape(shape) for row in rows.reshape(count, self.size)]

    def write(self, i, value):
        if not self.image and self.lies_as_here(value):
            start = self.offset + i * self.packer.size
            self.memory[start:start + self.packer.size] = memoryview(value).cast("B")
            return

        if self.numpy:
            value = self.numpy.asarray(value)
            if value.shape != self.shape:
                raise ValueError(f"Expected an observation of shape {self.shape}, as the space says, got {value.shape}.")
            self.numpy.copyto(self.rows[i], value, casting="unsafe")
            return

        flat = flatten(value, len(self.shape))
        if len(flat) != self.size:
            raise ValueError(f"Expected an observation of {self.size} numbers, as the space says, got {len(flat)}.")
        if self.image:
            channels = self.shape[2]
            flat = [number for channel in range(channels) for number in flat[channel::channels]]
        self.packer.pack_into(self.memory, self.offset + i * self.packer.size, *flat)

    def lies_as_here(self, value):
        try:
            view = memoryview(value)
        except TypeError:
            return False
        return view.format == self.code and view.shape == self.shape and view.c_contiguous

    def read(self, i, kind):
        if self.numpy:
            return self.rows[i].astype(kind)   # a copy: the environment may keep it
        return nest(self.packer.unpack_from(self.memory, self.offset + i * self.packer.size), self.shape)


class WholeRows:
    """Choices, counted from 0 here and from the space's own start in Python; a row for each environment."""

    def __init__(self, memory, offset, count, space):
        starts = getattr(space, "start", 0)
        self.single = hasattr(space, "n") and not hasattr(space, "nvec") and not space.shape
        self.size = 1 if self.single else math.prod(space.shape)
        self.starts = [int(starts)] if self.single else starts_of(space, self.size)
        self.start = self.starts[0]
        self.shape, self.kind = space.shape, getattr(space, "dtype", None)
        self.numbers = memoryview(memory)[offset:offset + 4 * self.size * count].cast("i")

    def write(self, i, value):
        if self.single:
            self.numbers[i] = int(value) - self.start
            return
        flat = flatten(value, len(self.shape))
        if len(flat) != self.size:
            raise ValueError(f"Expected an observation of {self.size} numbers, as the space says, got {len(flat)}.")
        for place, (number, start) in enumerate(zip(flat, self.starts), i * self.size):
            self.numbers[place] = int(number) - start

    def read(self, i):
        if self.single:
            return self.numbers[i] + self.start
        chosen = [number + start for number, start in zip(self.numbers[i * self.size:(i + 1) * self.size], self.starts)]
        numpy = sys.modules.get("numpy")
        return numpy.array(chosen, self.kind).reshape(self.shape) if numpy else nest(chosen, self.shape)


def flatten(value, dimensions):
    value = value.tolist() if hasattr(value, "tolist") else value
    for _ in range(dimensions - 1):
        value = [number for part in value for number in part]
    return value if dimensions else [value]


def nest(flat, shape):
    if len(shape) < 2:
        return list(flat)
    stride = len(flat) // shape[0]
    return [nest(flat[i:i + stride], shape[1:]) for i in range(0, len(flat), stride)]


def starts_of(space, size):
    starts = getattr(space, "start", None)
    return [0] * size if starts is None else [int(number) for number in flatten(starts, len(space.shape))]


def is_image(space):
    return str(space.dtype) == "uint8" and len(space.shape) == 3 and space.shape[2] in (1, 3, 4) and space.shape[0] > 4


def describe(space, spaces, role):
    """What a space is in RlWn's words."""
    if isinstance(space, spaces.Discrete):
        return {"kind": "discrete", "counts": [int(space.n)]}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "multidiscrete", "counts": [int(count) for count in flatten(space.nvec, len(space.shape))]}
    if isinstance(space, spaces.MultiBinary):
        return {"kind": "multidiscrete", "counts": [2] * math.prod(space.shape)}
    if isinstance(space, spaces.Box):
        shape = list(space.shape) or [1]
        low, high = (flatten(bound, len(space.shape)) for bound in (space.low, space.high))
        if str(space.dtype) == "uint8" and role == "observation":
            return {"kind": "bytes", "shape": [shape[2], *shape[:2]] if is_image(space) else shape, "high": int(max(high))}
        return {"kind": "box", "shape": shape, "low": bounds(low), "high": bounds(high)}
    raise NotImplementedError(
        f"Expected {role}s of Box, Discrete, MultiDiscrete or MultiBinary, got {space}. "
        "Flatten it in Python, as with gymnasium.wrappers.FlattenObservation, and register the result.")


def bounds(numbers):
    """One number where all are the same; None for an infinite one, which JSON lacks."""
    numbers = [float(number) for number in numbers]
    numbers = [number if math.isfinite(number) else None for number in numbers]
    return numbers[:1] if len(set(numbers)) == 1 else numbers


class Envs:
    """The environments of this process, and where their rows are."""

    def __init__(self):
        self.doing, self.index, self.envs = "make", 0, []

    def make(self, settings):
        import gymnasium
        import gymnasium.spaces
        for module in settings["modules"]:
            __import__(module)
        for self.index in range(settings["count"]):
            self.envs.append(gymnasium.make(settings["id"], **settings["arguments"]))
        self.index = 0
        self.autoreset, self.spaces = settings["autoreset"], gymnasium.spaces

    def greeting(self):
        env = self.envs[0]
        greeting = {
            "observation": describe(env.observation_space, self.spaces, "observation"),
            "action": describe(env.action_space, self.spaces, "action"),
        }
        if getattr(env, "render_mode", None) == "rgb_array":
            env.reset(seed=0)
            height, width, _ = self.frame()[1]
            greeting["frame"] = [height, width]
            greeting["framesPerSecond"] = float((getattr(env, "metadata", None) or {}).get("render_fps") or 30)
        return greeting

    def use(self, memory, layout):
        self.memory, self.layout = memory, layout
        env, count = self.envs[0], len(self.envs)
        self.observations = self.rows(env.observation_space, layout["observations"])
        self.finals = self.rows(env.observation_space, layout["finals"])
        actions = self.rows(env.action_space, layout["actions"])
        kind = getattr(env.action_space, "dtype", None)
        self.action = (lambda i: actions.read(i, kind)) if isinstance(actions, FloatRows) else actions.read
        self.rewards = self.part("rewards", 4).cast("f")
        self.terminated, self.truncated = self.part("terminated", 1), self.part("truncated", 1)

    def rows(self, space, offset):
        count = len(self.envs)
        if isinstance(space, self.spaces.Box):
            image = is_image(space)
            return FloatRows(self.memory, offset, count, "B" if str(space.dtype) == "uint8" else "f", tuple(space.shape), image)
        return WholeRows(self.memory, offset, count, space)

    def part(self, name, width):
        """All rows of a part of the memory, as bytes; width is that of one row."""
        return memoryview(self.memory)[self.layout[name]:self.layout[name] + width * len(self.envs)]

    def reset(self, seeds):
        self.doing = "reset"
        for self.index, (env, seed) in enumerate(zip(self.envs, seeds)):
            observation, _ = env.reset() if seed < 0 else env.reset(seed=seed)
            self.observations.write(self.index, observation)

    def step(self):
        for i, env in enumerate(self.envs):
            self.doing, self.index = "step", i
            observation, reward, terminated, truncated, _ = env.step(self.action(i))
            self.rewards[i] = reward
            self.terminated[i] = 1 if terminated else 0
            self.truncated[i] = 1 if truncated and not terminated else 0
            if self.autoreset and (terminated or truncated):
                self.finals.write(i, observation)
                self.doing = "reset"
                observation, _ = env.reset()
            self.observations.write(i, observation)

    def ended(self):
        """Which episodes ended with the last step; none where the parent resets."""
        return [i for i in range(len(self.envs)) if self.autoreset and (self.terminated[i] or self.truncated[i])]

    def frame(self):
        """The first environment's frame as bytes, and its shape."""
        self.doing, self.index = "render", 0
        frame = self.envs[0].render()
        if hasattr(frame, "tobytes"):
            return frame.astype("uint8").tobytes(), frame.shape
        return bytes(flatten(frame, 3)), (len(frame), len(frame[0]), len(frame[0][0]))

    def close(self):
        for env in self.envs:
            try:
                env.close()
            except Exception:
                traceback.print_exc()


def end_with_parent():
    """Where the system can, dies with the parent even in the midst of a step; elsewhere the end of standard input has to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # Ctrl+C goes to the whole group; the parent decides what it means
    if sys.platform == "linux":
        try:
            import ctypes
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG
        except (ImportError, OSError, AttributeError):
            pass


def take_memory(envs, channel):
    """The memory, and whether it is shared: asked for by its path or, where that cannot be opened here, by its size alone."""
    while True:
        layout = channel.read_json()
        if not layout["path"]:
            return bytearray(layout["size"]), layout, False
        try:
            import mmap
            with open(layout["path"], "r+b") as file:
                return mmap.mmap(file.fileno(), layout["size"]), layout, True
        except (ImportError, OSError):
            channel.write(b"n")


def serve(envs, channel):
    memory, layout, shared = take_memory(envs, channel)
    envs.use(memory, layout)
    channel.write(b"k")
    count, rows, actions = len(envs.envs), layout["observationBytes"], layout["actionBytes"]
    seeds = struct.Struct(f"<{count}q")
    while True:
        letter = channel.read(1)
        if letter == b"s":
            if not shared:
                channel.read_into(envs.part("actions", actions))
            envs.step()
            channel.write(b"k")
            if not shared:
                for name, width in (("rewards", 4), ("terminated", 1), ("truncated", 1), ("observations", rows)):
                    channel.write(envs.part(name, width))
                finals = envs.part("finals", rows)
                for i in envs.ended():
                    channel.write(finals[i * rows:(i + 1) * rows])
        elif letter == b"r":
            envs.reset(seeds.unpack(channel.read(seeds.size)))
            channel.write(b"k")
            if not shared:
                channel.write(envs.part("observations", rows))
        elif letter == b"d":
            frame, _ = envs.frame()
            channel.write(b"k" + struct.pack("<I", len(frame)) + frame)


def text(value):
    """Text that UTF-8 can hold."""
    return value.encode("utf-8", "replace").decode("utf-8")


def report(channel, failure, doing, index):
    channel.write_json(b"e", {
        "doing": doing,
        "index": index,
        "error": text("".join(traceback.format_exception_only(type(failure), failure)).strip().splitlines()[-1]),
        "traceback": text("".join(traceback.format_exception(type(failure), failure, failure.__traceback__))),
        "missing": isinstance(failure, ModuleNotFoundError) and failure.name == "gymnasium",
    })


def main():
    channel = Channel()
    end_with_parent()
    envs = Envs()
    try:
        channel.write(b"RlWn")   # whatever came before was not from here
        envs.make(channel.read_json())
        channel.write_json(b"k", envs.greeting())
        serve(envs, channel)
    except ParentGone:   # the parent is done, or gone
        envs.close()
    except BaseException as failure:
        report(channel, failure, envs.doing, envs.index)
    sys.stderr.flush()
    os._exit(0)


main()

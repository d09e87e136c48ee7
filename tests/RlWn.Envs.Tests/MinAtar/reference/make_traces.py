"""Plays the games of minatar_rules.py and writes what happened, for MinAtarTraceTests to replay: python3 make_traces.py

Writes <game>.trace.gz beside this file, the same bytes each time. A file is traces one after another. A trace is a line of JSON
    {"ramping", "sticky", "ranges", "draws": D, "acts": A}
and then the arrays, one after another:
    D bytes   the kind of each draw: 0 for rand(), i for randint over ranges[i - 1]
    D bytes   its value: that integer, or 256 times what rand() gave
    A bytes   what was done: an action 0 to 5, or 255 for a reset
    A bytes   the reward
    A bytes   whether the game was over
    2 A bytes the hash of all observations so far, 16 bits, low byte first
The hash h starts at 2166136261. Each flag that is set, in order of its index i = 100 channel + 10 row + column, and then i = 65535 for the
end of the observation, makes it (h xor i) * 16777619 mod 2^32. What is kept is the low half xor the high half.
"""
import gzip
import json
import os
import pickle
import random

from minatar_rules import DOWN, FIRE, GAMES, LEFT, NOOP, RIGHT, SEEN, UP, Sticky


class RecordedDraws:
    def __init__(self, seed, avoid_half):
        self.source, self.avoid_half, self.kinds, self.values, self.ranges = random.Random(seed), avoid_half, [], [], []

    def rand(self):
        value = self.source.randrange(256)
        if self.avoid_half and value == 128:
            value = 129
        self.kinds.append(0)
        self.values.append(value)
        return value / 256

    def randint(self, low, high):
        if [low, high] not in self.ranges:
            self.ranges.append([low, high])
        self.kinds.append(1 + self.ranges.index([low, high]))
        self.values.append(self.source.randrange(low, high))
        return self.values[-1]


class FreeDraws:
    """For looking ahead: nothing is recorded."""

    def __init__(self, source):
        self.source = source

    def rand(self):
        return self.source.random()

    def randint(self, low, high):
        return self.source.randrange(low, high)


def worth(game):
    """What a state promises beyond the rewards so far."""
    name = type(game).__name__
    if game.terminal:
        return -20
    if name == "Freeway":
        return -0.1 * game.pos
    if name == "Asterix":
        return max([-0.02 * (abs(e[0] - game.x) + abs(e[1] - game.y)) for e in game.slots if e and e[3]], default=0)
    if name == "Seaquest":
        divers = game.diver_count
        go_up = divers == 6 or divers > 0 and (GREEDY or game.oxygen < 40) or divers < 0 and game.oxygen < 150
        nearest = max([-0.05 * (abs(d[0] - game.sub_x) + abs(d[1] - game.sub_y)) for d in game.divers], default=0)
        return 2 * game.diver_count + game.oxygen * 0.002 + (-0.3 * game.sub_y if go_up else nearest) + (20 if GREEDY and game.surface else 0)
    return 0


GREEDY = False  # surface with every single diver, which makes Seaquest ramp up fast


def clever(game, source):
    """Breakout: follow the ball. Else: try every action, then random ones, on copies of the game, and take the best."""
    if source.random() < 0.03:
        return source.randrange(6)
    if type(game).__name__ == "Breakout":
        x, y, direction = game.ball_x, game.ball_y, game.dir
        target = x
        if direction in (2, 3):  # where it comes down
            step = 1 if direction == 2 else -1
            for _ in range(8 - y):
                x += step
                if not 0 <= x <= 9:
                    step, x = -step, max(0, min(9, x))
            target = x
        return LEFT if target < game.pos else RIGHT if target > game.pos else NOOP

    draws, game.draws = game.draws, None
    frozen = pickle.dumps(game)
    game.draws = draws
    in_play = dict(SEEN)
    scores = []
    for first in (NOOP, LEFT, UP, RIGHT, DOWN, FIRE):
        total = 0
        for _ in range(3):
            copy = pickle.loads(frozen)
            copy.draws = FreeDraws(source)
            for t in range(9):
                reward, over = copy.act(first if t == 0 else source.randrange(6))
                total += reward * (1 - 0.05 * t)
                if over:
                    break
            total += worth(copy)
        scores.append((total, source.random(), first))
    SEEN.clear()
    SEEN.update(in_play)
    return max(scores)[2]


def unsure(game, source):
    return source.randrange(6)


def trace(name, acts, policy, ramping, sticky, seed):
    draws = RecordedDraws(seed, avoid_half=name == "Freeway")
    source = random.Random(seed + 1000)
    game = GAMES[name](draws, ramping)
    env = Sticky(game, draws, sticky)
    done, rewards, terminals, hashes = [], [], [], []
    h, beyond, total, episodes = 2166136261, 0, 0, 0

    def log(what, reward):
        nonlocal h
        for index in sorted(100 * c + 10 * y + x for c, y, x in game.state()) + [65535]:
            h = (h ^ index) * 16777619 % 2**32
        done.append(what)
        rewards.append(reward)
        terminals.append(int(game.terminal))
        hashes.append((h ^ h >> 16) & 0xFFFF)

    env.reset()
    log(255, 0)
    while len(done) < acts:
        if game.terminal and beyond == 2:  # two acts beyond the end
            env.reset()
            log(255, 0)
            beyond = 0
            episodes += 1
            continue
        beyond += game.terminal
        a = policy(game, source)
        reward, _ = env.act(a)
        total += reward
        log(a, reward)
    header = json.dumps({"ramping": ramping, "sticky": sticky, "ranges": draws.ranges, "draws": len(draws.kinds), "acts": len(done)})
    print(f"{name:14} {policy.__name__:7} ramping {ramping!s:5} sticky {sticky:3} acts {len(done)} episodes {episodes} reward {total}")
    return (header + "\n").encode() + bytes(draws.kinds) + bytes(draws.values) + bytes(done) + bytes(rewards) + bytes(terminals) + b"".join(
        value.to_bytes(2, "little") for value in hashes)


def main():
    global GREEDY
    folder = os.path.dirname(os.path.abspath(__file__))
    size = 0
    for number, name in enumerate(GAMES):
        ramps = name in ("Asterix", "Seaquest", "SpaceInvaders")
        parts = []
        for ramping in (True, False) if ramps else (True,):
            for sticky in (0.1, 0):
                seed = 100 * number + 10 * ramping + (sticky > 0)
                parts.append(trace(name, 1500, unsure, ramping, sticky, seed))
                parts.append(trace(name, 5100 if name == "Freeway" else 2500, clever, ramping, sticky, seed + 50))
        if name == "Seaquest":
            GREEDY = True
            parts.append(trace(name, 4000, clever, True, 0, 9))
            GREEDY = False
        packed = gzip.compress(b"".join(parts), 9, mtime=0)
        with open(os.path.join(folder, name + ".trace.gz"), "wb") as file:
            file.write(packed)
        size += len(packed)
    print(f"{size} bytes")
    print("seen:", json.dumps(SEEN, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()

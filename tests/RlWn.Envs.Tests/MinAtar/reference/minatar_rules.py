"""The five games of MinAtar, from a written list of their rules (reference version 1.0.15), in plain Python.

This is a second, independent reading of the same rules that the C# games follow; neither was made from the other. It is written for
comparison with the list of rules, not for speed. Where the rules were read wrongly by the one who listed them, both would be wrong.

An observation is the set of (channel, row, column). Randomness comes from `draws`: rand(), randint(low, high).
"""

NOOP, LEFT, UP, RIGHT, DOWN, FIRE = range(6)
SEEN = {}  # how often each quirk came up, to know what the traces cover


def seen(what):
    SEEN[what] = SEEN.get(what, 0) + 1


class Game:
    channels = 0

    def __init__(self, draws, ramping):
        self.draws, self.ramping, self.terminal = draws, ramping, False

    def act(self, a):
        if self.terminal:
            return 0, True
        return self.play(a), self.terminal


class Sticky:
    """The outer wrapper. Here a reset clears the last action, which the reference does not."""

    def __init__(self, game, draws, probability):
        self.game, self.draws, self.probability, self.last = game, draws, probability, NOOP

    def reset(self):
        self.last = NOOP
        self.game.terminal = False
        self.game.reset()

    def act(self, a):
        if self.draws.rand() < self.probability:
            a = self.last
        self.last = a
        return self.game.act(a)


class Breakout(Game):
    channels = 4
    FLIP_X = {0: 1, 1: 0, 2: 3, 3: 2}
    FLIP_Y = {0: 3, 3: 0, 1: 2, 2: 1}
    REVERSE = {0: 2, 2: 0, 1: 3, 3: 1}
    MOVE = {0: (-1, -1), 1: (1, -1), 2: (1, 1), 3: (-1, 1)}

    def wall(self):
        return {(y, x) for y in (1, 2, 3) for x in range(10)}

    def reset(self):
        self.ball_y = 3
        self.ball_x, self.dir = [(0, 2), (9, 3)][self.draws.randint(0, 2)]
        self.pos, self.bricks, self.strike = 4, self.wall(), False
        self.last_x, self.last_y = self.ball_x, self.ball_y

    def play(self, a):
        r = 0
        if a == LEFT:
            self.pos = max(0, self.pos - 1)
        if a == RIGHT:
            self.pos = min(9, self.pos + 1)
        self.last_x, self.last_y = self.ball_x, self.ball_y
        dx, dy = self.MOVE[self.dir]
        new_x, new_y = self.ball_x + dx, self.ball_y + dy
        sideways = new_x < 0 or new_x > 9
        if sideways:
            new_x = 0 if new_x < 0 else 9
            self.dir = self.FLIP_X[self.dir]
        hit = False
        if new_y < 0:
            if sideways:
                seen("breakout: corner at the top")
            new_y, self.dir = 0, self.FLIP_Y[self.dir]
        elif (new_y, new_x) in self.bricks:
            hit = True
            if self.strike:
                seen("breakout: flight through bricks")
            else:
                r += 1
                self.strike = True
                self.bricks.discard((new_y, new_x))
                new_y, self.dir = self.last_y, self.FLIP_Y[self.dir]
        elif new_y == 9:
            if not self.bricks:
                seen("breakout: new wall")
                self.bricks = self.wall()
            if self.ball_x == self.pos:
                self.dir, new_y = self.FLIP_Y[self.dir], self.last_y
            elif new_x == self.pos:
                seen("breakout: hit with the edge")
                self.dir, new_y = self.REVERSE[self.dir], self.last_y
            else:
                self.terminal = True
        if not hit:
            self.strike = False
        self.ball_x, self.ball_y = new_x, new_y
        return r

    def state(self):
        return {(1, self.ball_y, self.ball_x), (0, 9, self.pos), (2, self.last_y, self.last_x)} | {(3, y, x) for y, x in self.bricks}


class Asterix(Game):
    channels = 4

    def reset(self):
        self.x, self.y = 5, 5
        self.slots = [None] * 8  # [x, y, moving right, is gold]
        self.spawn_speed = self.spawn_timer = 10
        self.move_speed = self.move_timer = 5
        self.ramp_timer, self.ramp_index = 100, 0

    def play(self, a):
        r = 0
        if self.spawn_timer == 0:
            right = self.draws.rand() < 1 / 2
            gold = self.draws.rand() < 1 / 3
            free = [i for i in range(8) if self.slots[i] is None]
            if free:
                slot = free[self.draws.randint(0, len(free))]
                self.slots[slot] = [0 if right else 9, slot + 1, right, gold]
            else:
                seen("asterix: no free slot")
            self.spawn_timer = self.spawn_speed
        if a == LEFT:
            self.x = max(0, self.x - 1)
        elif a == RIGHT:
            self.x = min(9, self.x + 1)
        elif a == UP:
            self.y = max(1, self.y - 1)
        elif a == DOWN:
            self.y = min(8, self.y + 1)
        for i in range(8):
            r += self.meet(i)
        if self.move_timer == 0:
            self.move_timer = self.move_speed
            for i in range(8):
                if self.slots[i] is None:
                    continue
                self.slots[i][0] += 1 if self.slots[i][2] else -1
                if not 0 <= self.slots[i][0] <= 9:
                    self.slots[i] = None
                else:
                    r += self.meet(i)
        self.spawn_timer -= 1
        self.move_timer -= 1
        if self.ramping and (self.spawn_speed > 1 or self.move_speed > 1):
            if self.ramp_timer >= 0:
                self.ramp_timer -= 1
            else:
                seen("asterix: ramp")
                if self.move_speed > 1 and self.ramp_index % 2 == 1:
                    self.move_speed -= 1
                if self.spawn_speed > 1:
                    self.spawn_speed -= 1
                self.ramp_index += 1
                self.ramp_timer = 100
        return r

    def meet(self, i):
        e = self.slots[i]
        if e is None or (e[0], e[1]) != (self.x, self.y):
            return 0
        if e[3]:
            self.slots[i] = None
            return 1
        self.terminal = True
        return 0

    def state(self):
        cells = {(0, self.y, self.x)}
        for e in self.slots:
            if e is not None:
                cells.add((3 if e[3] else 1, e[1], e[0]))
                back = e[0] - 1 if e[2] else e[0] + 1
                if 0 <= back <= 9:
                    cells.add((2, e[1], back))
        return cells


class Freeway(Game):
    channels = 7

    def randomise(self, everything):
        speeds = [self.draws.randint(1, 6) for _ in range(8)]
        signs = [self.draws.rand() - 0.5 for _ in range(8)]
        speeds = [s * ((g > 0) - (g < 0)) for s, g in zip(speeds, signs)]
        if everything:
            self.cars = [[0, i + 1, abs(s), s] for i, s in enumerate(speeds)]
        else:
            for i in range(8):
                self.cars[i][2:4] = [abs(speeds[i]), speeds[i]]

    def reset(self):
        self.randomise(True)
        self.pos, self.move_timer, self.terminate_timer = 9, 3, 2500

    def play(self, a):
        r = 0
        if a == UP and self.move_timer == 0:
            self.move_timer = 3
            self.pos = max(0, self.pos - 1)
        elif a == DOWN and self.move_timer == 0:
            self.move_timer = 3
            self.pos = min(9, self.pos + 1)
        if self.pos == 0:
            seen("freeway: arrival")
            r += 1
            self.randomise(False)
            self.pos = 9
        for car in self.cars:
            if (car[0], car[1]) == (4, self.pos):
                seen("freeway: walked into a car")
                self.pos = 9
            if car[2] == 0:
                car[2] = abs(car[3])
                car[0] += 1 if car[3] > 0 else -1
                if car[0] < 0:
                    car[0] = 9
                if car[0] > 9:
                    car[0] = 0
                if (car[0], car[1]) == (4, self.pos):
                    seen("freeway: run over")
                    self.pos = 9
            else:
                car[2] -= 1
        if self.move_timer > 0:
            self.move_timer -= 1
        self.terminate_timer -= 1
        if self.terminate_timer < 0:
            self.terminal = True
        return r

    def state(self):
        cells = {(0, self.pos, 4)}
        for x, y, _, speed in self.cars:
            cells.add((1, y, x))
            cells.add((1 + abs(speed), y, (x - 1 if speed > 0 else x + 1) % 10))
        return cells


class Seaquest(Game):
    channels = 10

    def reset(self):
        self.oxygen, self.diver_count = 200, 0
        self.sub_x, self.sub_y, self.sub_or = 5, 0, False
        self.f_bullets, self.e_bullets, self.e_fish, self.e_subs, self.divers = [], [], [], [], []
        self.e_spawn_speed = self.e_spawn_timer = 20
        self.d_spawn_timer, self.move_speed, self.ramp_index, self.shot_timer = 30, 5, 0, 0
        self.surface = True

    @staticmethod
    def remove(items, value):
        if next(i for i, v in enumerate(items) if v == value) != next(i for i, v in enumerate(items) if v is value):
            seen("seaquest: an equal one removed instead")
        items.remove(value)  # the first that is equal

    def on_sub(self, v):
        return v[0] == self.sub_x and v[1] == self.sub_y

    @staticmethod
    def first_at(items, v):
        return next((w for w in items if w[0] == v[0] and w[1] == v[1]), None)

    @staticmethod
    def move(v):
        v[0] += 1 if v[2] else -1
        return 0 <= v[0] <= 9

    def play(self, a):
        r = 0
        # 1, 2: arrivals
        if self.e_spawn_timer == 0:
            right = self.draws.rand() < 1 / 2
            is_sub = self.draws.rand() < 1 / 3
            y = self.draws.randint(1, 9)
            x = 0 if right else 9
            if any(e[1] == y and e[2] != right for e in self.e_fish + self.e_subs):
                seen("seaquest: enemy kept out")
            elif is_sub:
                self.e_subs.append([x, y, right, self.move_speed, 10])
            else:
                self.e_fish.append([x, y, right, self.move_speed])
            self.e_spawn_timer = self.e_spawn_speed
        if self.d_spawn_timer == 0:
            right = self.draws.rand() < 1 / 2
            y = self.draws.randint(1, 9)
            self.divers.append([0 if right else 9, y, right, 5])
            self.d_spawn_timer = 30
        # 3: player
        if a == FIRE and self.shot_timer == 0:
            self.f_bullets.append([self.sub_x, self.sub_y, self.sub_or])
            self.shot_timer = 5
        elif a == LEFT:
            self.sub_x, self.sub_or = max(0, self.sub_x - 1), False
        elif a == RIGHT:
            self.sub_x, self.sub_or = min(9, self.sub_x + 1), True
        elif a == UP:
            self.sub_y = max(0, self.sub_y - 1)
        elif a == DOWN:
            self.sub_y = min(8, self.sub_y + 1)
        # 4: friendly bullets
        for b in reversed(self.f_bullets):
            if not self.move(b):
                self.remove(self.f_bullets, b)
                continue
            for enemies in (self.e_fish, self.e_subs):
                target = self.first_at(enemies, b)
                if target is not None:
                    self.remove(enemies, target)
                    self.remove(self.f_bullets, b)
                    r += 1
                    break
        # 5: divers
        for d in reversed(self.divers):
            if self.on_sub(d) and self.diver_count < 6:
                self.remove(self.divers, d)
                self.diver_count += 1
            elif d[3] == 0:
                d[3] = 5
                if not self.move(d):
                    self.remove(self.divers, d)
                elif self.on_sub(d) and self.diver_count < 6:
                    self.remove(self.divers, d)
                    self.diver_count += 1
            else:
                d[3] -= 1
        # 6: enemy submarines
        for s in reversed(self.e_subs):
            r += self.enemy(self.e_subs, s)
            if s[4] == 0:
                s[4] = 10
                self.e_bullets.append([s[0], s[1], s[2]])
            else:
                s[4] -= 1
        # 7: enemy bullets
        for b in reversed(self.e_bullets):
            if self.on_sub(b):
                self.terminal = True
            if not self.move(b):
                self.remove(self.e_bullets, b)
            elif self.on_sub(b):
                self.terminal = True
        # 8: fish
        for f in reversed(self.e_fish):
            r += self.enemy(self.e_fish, f)
        # 9: timers
        self.e_spawn_timer -= self.e_spawn_timer > 0
        self.d_spawn_timer -= self.d_spawn_timer > 0
        self.shot_timer -= self.shot_timer > 0
        # 10: oxygen
        if self.oxygen <= 0:
            seen("seaquest: out of oxygen")
            self.terminal = True
        if self.sub_y > 0:
            self.oxygen -= 1
            self.surface = False
        elif not self.surface:
            if self.diver_count == 0:
                self.terminal = True
            else:
                r += self.surfacing()
        return r

    def enemy(self, enemies, e):
        if self.on_sub(e):
            self.terminal = True
        if e[3] != 0:
            e[3] -= 1
            return 0
        e[3] = self.move_speed
        if not self.move(e):
            self.remove(enemies, e)
        elif self.on_sub(e):
            self.terminal = True
        else:
            bullet = self.first_at(self.f_bullets, e)
            if bullet is not None:
                seen("seaquest: enemy ran into a bullet")
                self.remove(enemies, e)
                self.remove(self.f_bullets, bullet)
                return 1
        return 0

    def surfacing(self):
        self.surface = True
        bonus = 0
        if self.diver_count == 6:
            seen("seaquest: six divers")
            self.diver_count = 0
            bonus = self.oxygen * 10 // 200
        elif self.diver_count < 0:
            seen("seaquest: surfaced with a negative count")
        self.oxygen = 200
        self.diver_count -= 1
        if self.ramping and (self.e_spawn_speed > 1 or self.move_speed > 2):
            seen("seaquest: ramp")
            if self.move_speed > 2 and self.ramp_index % 2 == 1:
                self.move_speed -= 1
            if self.e_spawn_speed > 1:
                self.e_spawn_speed -= 1
            self.ramp_index += 1
        return bonus

    def state(self):
        cells = {(0, self.sub_y, self.sub_x)}
        back = self.sub_x - 1 if self.sub_or else self.sub_x + 1
        if 0 <= back <= 9:
            cells.add((1, self.sub_y, back))
        cells |= {(7, 9, x) for x in range(max(0, self.oxygen) * 10 // 200)}
        cells |= {(8, 9, x) for x in range(9 - self.diver_count, 9)}
        cells |= {(2, b[1], b[0]) for b in self.f_bullets} | {(4, b[1], b[0]) for b in self.e_bullets}
        for channel, items in ((5, self.e_fish), (6, self.e_subs), (9, self.divers)):
            for v in items:
                cells.add((channel, v[1], v[0]))
                back = v[0] - 1 if v[2] else v[0] + 1
                if 0 <= back <= 9:
                    cells.add((3, v[1], back))
        return cells


class SpaceInvaders(Game):
    channels = 6

    def wave(self):
        return {(y, x) for y in range(4) for x in range(2, 8)}

    def reset(self):
        self.pos = 5
        self.f_bullets, self.e_bullets, self.aliens = set(), set(), self.wave()
        self.dir = -1
        self.interval = self.move_timer = 12
        self.alien_shot_timer, self.ramp_index, self.shot_timer = 10, 0, 0

    def play(self, a):
        r = 0
        if a == FIRE and self.shot_timer == 0:
            self.f_bullets.add((9, self.pos))
            self.shot_timer = 5
        elif a == LEFT:
            self.pos = max(0, self.pos - 1)
        elif a == RIGHT:
            self.pos = min(9, self.pos + 1)
        me = (9, self.pos)
        self.f_bullets = {(y - 1, x) for y, x in self.f_bullets if y > 0}
        self.e_bullets = {(y + 1, x) for y, x in self.e_bullets if y < 9}
        if me in self.e_bullets:
            self.terminal = True
        if me in self.aliens:
            self.terminal = True
        if self.move_timer == 0:
            self.move_timer = min(len(self.aliens), self.interval)
            columns = {x for _, x in self.aliens}
            if (self.dir < 0 and 0 in columns) or (self.dir > 0 and 9 in columns):
                self.dir = -self.dir
                if any(y == 9 for y, _ in self.aliens):
                    seen("invaders: landed")
                    self.terminal = True
                old = self.aliens
                self.aliens = {((y + 1) % 10, x) for y, x in self.aliens}
                if self.f_bullets & old - self.aliens:
                    seen("invaders: bullet and alien changed places")
            else:
                self.aliens = {(y, x + self.dir) for y, x in self.aliens}
            if me in self.aliens:
                self.terminal = True
        if self.alien_shot_timer == 0:
            self.alien_shot_timer = 10
            columns = sorted({x for _, x in self.aliens}, key=lambda x: (abs(x - self.pos), x))
            if len(columns) > 1 and abs(columns[0] - self.pos) == abs(columns[1] - self.pos):
                seen("invaders: tie for the nearest column")
            self.e_bullets.add((max(y for y, x in self.aliens if x == columns[0]), columns[0]))
        killed = self.aliens & self.f_bullets
        self.aliens = self.aliens - killed
        self.f_bullets = self.f_bullets - killed
        r += len(killed)
        self.shot_timer -= self.shot_timer > 0
        self.move_timer -= 1
        self.alien_shot_timer -= 1
        if not self.aliens:
            seen("invaders: new wave")
            if self.interval > 6 and self.ramping:
                self.interval -= 1
                self.ramp_index += 1
            self.aliens = self.wave()
        return r

    def state(self):
        side = 2 if self.dir < 0 else 3
        cells = {(0, 9, self.pos)}
        for y, x in self.aliens:
            cells |= {(1, y, x), (side, y, x)}
        return cells | {(4, y, x) for y, x in self.f_bullets} | {(5, y, x) for y, x in self.e_bullets}


GAMES = {game.__name__: game for game in (Breakout, Asterix, Freeway, Seaquest, SpaceInvaders)}

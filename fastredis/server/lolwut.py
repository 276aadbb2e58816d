"""LOLWUT: a picture, different each time: rain on a pond, seen from above.

Each drop sends rings outwards. Where rings of several drops meet, their heights add up, and the
sum picks the character: the higher the water, the more ink. A drop's rings fade with distance, and
a drop that fell long ago has wider and flatter ones.

    height(x, y) = sum over drops of  cos(distance / width - age) * fading(distance)

A character is about twice as high as it is wide, so vertical distances count twice.
Cost: columns * rows * drops steps, bounded below 4 ms.
"""

from __future__ import annotations

import math
import random

COLUMNS, ROWS = 66, 18
COLUMNS_MAX, ROWS_MAX, DROPS_MAX = 100, 30, 5
_INK = " .,:;-~=+*%#@"


class Drop:
    """Where a drop fell, how long ago (in radians of its rings), and how wide its rings are."""

    __slots__ = ("x", "y", "age", "width", "reach")

    def __init__(self, chance: random.Random, columns: int, rows: int) -> None:
        self.x = chance.uniform(0, columns)
        self.y = chance.uniform(0, rows)
        self.age = chance.uniform(0, 2 * math.pi)
        self.width = chance.uniform(0.7, 1.9)
        self.reach = chance.uniform(0.25, 0.6) * columns


def pond(columns: int = COLUMNS, rows: int = ROWS, seed: int | None = None) -> str:
    """The picture, each row ended by a line feed. Sizes are cut to what draws in no time."""
    columns = max(4, min(columns, COLUMNS_MAX))
    rows = max(2, min(rows, ROWS_MAX))
    chance = random.Random(seed)
    drops = [Drop(chance, columns, rows) for _ in range(chance.randint(2, DROPS_MAX))]
    lines = []
    for row in range(rows):
        line = "".join(_ink(_height(drops, column, row)) for column in range(columns))
        lines.append(line.rstrip() + "\n")
    return "".join(lines)


def _height(drops: list[Drop], column: int, row: int) -> float:
    height = 0.0
    for drop in drops:
        distance = math.hypot(column - drop.x, 2 * (row - drop.y))
        if distance < drop.reach:
            height += math.cos(distance / drop.width - drop.age) * (1 - distance / drop.reach)
    return height


def _ink(height: float) -> str:
    """Still water is blank; the crests get the dark characters, the troughs light ones."""
    level = int((height + 0.12) * len(_INK) * 0.8) if height > 0 else int(-height * 3)
    return _INK[min(level, len(_INK) - 1)]

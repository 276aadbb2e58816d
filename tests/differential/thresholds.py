"""The lengths at which values change their encoding: as servers start, and so small that a few
commands pass each of them.

Both servers get the same ones before each session. An old version that does not know a directive
keeps an encoding that another one has left: known_differences.py says which.
"""

from __future__ import annotations

from random import Random
from typing import Sequence, Tuple

Thresholds = Sequence[Tuple[str, str]]

DEFAULT_THRESHOLDS: Thresholds = (
    ("hash-max-listpack-entries", "512"), ("hash-max-listpack-value", "64"),
    ("set-max-intset-entries", "512"), ("set-max-listpack-entries", "128"),
    ("set-max-listpack-value", "64"), ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"), ("list-max-listpack-size", "-2"),
    ("list-compress-depth", "0"), ("stream-node-max-entries", "100"),
    ("stream-node-max-bytes", "4096"), ("hll-sparse-max-bytes", "3000"))

TINY_THRESHOLDS: Thresholds = (
    ("hash-max-listpack-entries", "4"), ("hash-max-listpack-value", "20"),
    ("set-max-intset-entries", "4"), ("set-max-listpack-entries", "6"),
    ("set-max-listpack-value", "20"), ("zset-max-listpack-entries", "4"),
    ("zset-max-listpack-value", "20"), ("list-max-listpack-size", "4"),
    ("list-compress-depth", "1"), ("stream-node-max-entries", "3"),
    ("stream-node-max-bytes", "200"), ("hll-sparse-max-bytes", "60"))

TINY_SHARE = 0.7
TINY_DEPTHS = ("0", "1", "2")


def draw_thresholds(rng: Random) -> Thresholds:
    """Tiny ones most of the time, some of them only, or none. Tiny ones come with each depth to
    which lists are compressed."""
    if rng.random() >= TINY_SHARE:
        return DEFAULT_THRESHOLDS
    depth = rng.choice(TINY_DEPTHS)
    tiny = tuple((name, depth if name == "list-compress-depth" else value)
                 for name, value in TINY_THRESHOLDS)
    if rng.random() < 0.5:
        return tiny
    return tuple(rng.choice(pair) for pair in zip(DEFAULT_THRESHOLDS, tiny))

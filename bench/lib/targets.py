"""The must and goal figures of bench/targets.json, and which of them applies to a row.

The file is data, so that a changed target is a changed number and no code. A rival is looked
up by the name that it was given on the command line: only "redis8" and "valkey9" have targets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGETS_FILE = Path(__file__).resolve().parent.parent / "targets.json"


@dataclass(frozen=True)
class Target:
    """Smallest acceptable value and the one aimed at (for memory and times: the largest)."""

    must: float
    goal: float | None


def read_targets(path: Path = TARGETS_FILE) -> dict[str, Any]:
    """The whole file. Raises OSError or ValueError when it cannot be read."""
    return json.loads(path.read_text(encoding="utf-8"))


def speed_target(targets: dict[str, Any], test: str, depth: int, rival: str) -> Target | None:
    """First row of the speed table that names the test, or every test, at this depth.

    Rows without a depth hold for every depth above 1: depth 1 has its own row for all tests.
    """
    for row in targets["speed"]:
        depth_fits = row["depth"] == depth if row["depth"] is not None else depth > 1
        test_fits = row["tests"] == "all" or test in row["tests"]
        if depth_fits and test_fits and rival in row:
            must, goal = row[rival]
            return Target(must, goal)
    return None


def memory_target(targets: dict[str, Any], shape: str) -> Target | None:
    """Resident bytes an item: at most must; None for a shape without a target."""
    row = targets["memory"].get(shape)
    return Target(row["must"], row["goal"]) if row else None

"""Delta debugging: the shortest list of steps that still shows a difference.

The algorithm is "ddmin" (A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing
Input", 2002): leave out ever smaller pieces for as long as the rest still fails. It ends with a
list of which no single step can be left out, or at the deadline with the best one so far.
"""

from __future__ import annotations

import time
from typing import Callable, List, Sequence, TypeVar

Item = TypeVar("Item")


def minimize(items: Sequence[Item], fails: Callable[[List[Item]], bool],
             budget_s: float = 30.0) -> List[Item]:
    """A shortest-found sublist for which `fails` is still true; `items` itself must fail."""
    best = list(items)
    deadline = time.monotonic() + budget_s
    pieces = 2
    while len(best) >= 2 and time.monotonic() < deadline:
        size = max(1, -(-len(best) // pieces))
        for start in range(0, len(best), size):
            rest = best[:start] + best[start + size:]
            if rest and fails(rest):
                best = rest
                pieces = max(pieces - 1, 2)
                break
            if time.monotonic() >= deadline:
                return best
        else:
            if size == 1:
                return best
            pieces = min(pieces * 2, len(best))
    return best

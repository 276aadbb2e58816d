"""The seed of a random test.

    FASTREDIS_TEST_SEED   the seed itself: repeats a run, whose failure prints it
    CI                    a fixed seed, so that a change fails for what it changed;
                          .github/workflows/explore.yml draws a new one each night

Without either a run draws its own. The property-based tests follow: tests/conftest.py makes them
draw the same examples at each run where the seed is fixed.
"""

from __future__ import annotations

import os
import random

FIXED = 1


def seed_is_fixed() -> bool:
    """Whether random tests are to do the same at each run."""
    return bool(os.environ.get("CI")) and not os.environ.get("FASTREDIS_TEST_SEED")


def drawn_seed() -> int:
    """The seed that the run was given, the fixed one, or a new one below 2**32."""
    if seed_is_fixed():
        return FIXED
    return int(os.environ.get("FASTREDIS_TEST_SEED") or random.randrange(1 << 32))

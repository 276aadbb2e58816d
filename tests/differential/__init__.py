"""Differential tests: the same bytes to a real Redis and to the server under test.

    alphabet ----> grammar ----> families/*      what is sent: rules that draw from a Random
                                    |
                      session: steps [(connection, argv)]
                                    |
              pair: oracle <--------+--------> target
                                    |
    volatile, known_differences -> compare       what counts as equal, and what is deliberate
                                    |
                         reduce -> report        the shortest list of steps that still differs

    test_differential.py   a bounded slice in pytest, in RESP2 and RESP3
    python -m tests.differential --commands 200000 --seed 7 --resp 3      a long run

Why a grammar over `random.Random` and not over a property-testing library's own strategies: the
long run needs tens of thousands of commands a second and a seed that reproduces it; the short
run hands the same rules a Random whose draws the library controls, and so shrinks them.

A new family of commands adds one file to `families/` and one entry to its table.
"""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parent.parent)
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)

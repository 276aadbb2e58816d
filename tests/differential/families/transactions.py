"""MULTI, EXEC, DISCARD, WATCH and UNWATCH, in and out of season."""

from __future__ import annotations

from ..alphabet import key
from ..grammar import Family, rule, several

TRANSACTIONS = Family("transactions", (
    rule(10, "MULTI"),
    rule(18, "EXEC"),
    rule(2, "DISCARD"),
    rule(8, "WATCH", several(1, 3, key)),
    rule(1, "UNWATCH"),
))

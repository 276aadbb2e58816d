"""Commands and options that Valkey adds: compared when both servers have them."""

from __future__ import annotations

from random import Random

from ..alphabet import index, key, value
from ..grammar import EXPIRY, Argv, Family, any_order, maybe, one_of, rule, word

_OPTIONS = any_order(maybe(0.3, word("NX", "XX")), maybe(0.4, one_of(EXPIRY, word("KEEPTTL"))))


def counted_pairs(rng: Random) -> Argv:
    """A count and as many pairs; now and then the count is wrong."""
    pairs = rng.randint(1, 4)
    count = index(rng) if rng.random() < 0.08 else b"%d" % pairs
    return [count] + [arg for _ in range(pairs) for arg in (key(rng), value(rng))]


VALKEY = Family("valkey", (
    rule(4, "MSETEX", counted_pairs, _OPTIONS),
    rule(3, "DELIFEQ", key, value),
    rule(4, "SET", key, value, word("IFEQ"), value,
         any_order(maybe(0.3, word("GET")), maybe(0.3, one_of(EXPIRY, word("KEEPTTL"))))),
), requires=b"MSETEX")

"""The commands of the group `geo`.

Places are drawn so that every part of the search is met: clusters of a few meters, whole
continents, both poles, the date line, the exact corners of the plane, and places that coincide.
"""

from __future__ import annotations

from random import Random
from typing import List

from .. import alphabet
from ..alphabet import key
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, sequence, several, word
from .sorted_sets import score

MEMBERS: List[bytes] = [b"p%d" % number for number in range(14)] + [b"", b"1", b"\xff", b"y" * 70]
LONGITUDES: List[bytes] = [
    b"0", b"-0", b"180", b"-180", b"179.999999", b"-179.999999", b"13.361389", b"15.087269",
    b"90", b"-90", b"1e-9", b"45.0000001"]
LATITUDES: List[bytes] = [
    b"0", b"-0", b"85.05112878", b"-85.05112878", b"85", b"-85", b"38.115556", b"37.502669",
    b"66", b"66.0001", b"-66.5", b"80.1", b"-80.1", b"1e-9", b"45"]
NOT_COORDINATES: List[bytes] = [
    b"180.1", b"-181", b"86", b"-86", b"inf", b"-inf", b"nan", b"x", b"", b"1e300", b"0x10"]
LENGTHS: List[bytes] = [
    b"0", b"1", b"10", b"0.5", b"100", b"500", b"1000", b"3000", b"5000", b"10000", b"20000",
    b"20037", b"40000", b"1e10", b"1e308", b"inf", b"-0", b"-1", b"nan", b"x", b""]


def member(rng: Random) -> bytes:
    """A place that other commands name too."""
    return rng.choice(MEMBERS)


def point(rng: Random) -> Argv:
    """A longitude and a latitude: near one place, near the date line or a pole, or anywhere."""
    where = rng.random()
    if where < 0.3:
        return [b"%.6f" % rng.uniform(2.3, 2.4), b"%.6f" % rng.uniform(48.8, 48.9)]
    if where < 0.4:
        longitude = rng.choice([-1, 1]) * rng.uniform(179.9, 180)
        return [b"%.8f" % longitude, b"%.8f" % rng.uniform(-1, 1)]
    if where < 0.5:
        latitude = rng.choice([-1, 1]) * rng.uniform(84.9, 85.05)
        return [b"%.8f" % rng.uniform(-180, 180), b"%.8f" % latitude]
    if where < 0.8:
        return [b"%.7f" % rng.uniform(-180, 180), b"%.7f" % rng.uniform(-85.05, 85.05)]
    if where < 0.97:
        return [rng.choice(LONGITUDES), rng.choice(LATITUDES)]
    spoiled = [rng.choice(LONGITUDES), rng.choice(LATITUDES)]
    spoiled[rng.randint(0, 1)] = rng.choice(NOT_COORDINATES)
    return spoiled


def length(rng: Random) -> bytes:
    """A radius or a side."""
    if rng.random() < 0.5:
        return b"%.3f" % (10 ** rng.uniform(-1, 4.5))
    return rng.choice(LENGTHS[:16] if rng.random() < 0.95 else LENGTHS)


_UNIT = word("m", "km", "km", "km", "mi", "ft", "M", "KM", "parsec")
_CIRCLE = sequence(length, _UNIT)
_COUNT = sequence(word("COUNT"), word("1", "2", "3", "5", "100", "0", "-1", "x"))
_WITH = any_order(maybe(0.4, word("WITHDIST", "withdist")), maybe(0.3, word("WITHHASH")),
                  maybe(0.3, word("WITHCOORD")))
_ORDER = any_order(maybe(0.5, word("ASC", "DESC", "asc")), maybe(0.25, _COUNT),
                   maybe(0.04, word("ANY")))
_STORE = maybe(0.3, sequence(word("STORE", "STOREDIST", "store"), key))
_CENTER = one_of(sequence(word("FROMMEMBER", "frommember"), member),
                 sequence(word("FROMLONLAT"), point))
_SHAPE = one_of(sequence(word("BYRADIUS", "byradius"), _CIRCLE),
                sequence(word("BYBOX"), length, length, _UNIT))
# What COUNT leaves out among places at equal distance is nobody's to say, so nothing cut is stored.
_STORED_ORDER = maybe(0.5, word("ASC", "DESC"))
_ASKED = (_CENTER, _SHAPE, maybe(0.02, _CENTER), maybe(0.02, _SHAPE))


GEO = Family("geo", (
    rule(14, "GEOADD", key, several(1, 5, point, member)),
    rule(4, "GEOADD", key, several(1, 2, word("NX", "XX", "CH", "ch")),
         several(1, 3, point, member)),
    rule(3, "GEODIST", key, member, member, maybe(0.7, _UNIT), maybe(0.02, _UNIT)),
    rule(3, "GEOHASH", key, several(0, 4, member)),
    rule(3, "GEOPOS", key, several(0, 4, member)),
    rule(12, "GEOSEARCH", key, any_order(*_ASKED, _ORDER, _WITH)),
    rule(5, "GEOSEARCHSTORE", key, key, any_order(
        *_ASKED, _STORED_ORDER, maybe(0.3, word("STOREDIST")), maybe(0.03, word("WITHDIST")))),
    rule(5, "GEORADIUS", key, point, _CIRCLE, any_order(_WITH, _ORDER)),
    rule(4, "GEORADIUS", key, point, _CIRCLE, any_order(_STORE, _STORED_ORDER), maybe(0.03, _WITH)),
    rule(3, "GEORADIUS_RO", key, point, _CIRCLE, any_order(_WITH, _ORDER), maybe(0.03, _STORE)),
    rule(4, "GEORADIUSBYMEMBER", key, member, _CIRCLE, any_order(_WITH, _ORDER)),
    rule(3, "GEORADIUSBYMEMBER", key, member, _CIRCLE, any_order(_STORE, _STORED_ORDER)),
    rule(2, "GEORADIUSBYMEMBER_RO", key, member, _CIRCLE, any_order(_WITH, _ORDER)),
    rule(1, "ZADD", key, score, member),
    rule(1, "ZREM", key, member),
    rule(0.3, "SET", key, alphabet.value),
    rule(0.5, "DEL", key),
), requires=b"GEOADD", reads={b"zset": [
    [b"ZCARD", b"KEY"], [b"ZRANGE", b"KEY", b"0", b"-1", b"WITHSCORES"], [b"DUMP", b"KEY"]]})

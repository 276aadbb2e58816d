"""Commands of the group `geo`: the expected digits are what Redis 8.0.6 answers."""

from __future__ import annotations

import math
import random
from typing import Dict, List, Tuple

import pytest

from .dialogue import (
    NOT_FLOAT, NOT_INTEGER, NULL, NULL_ARRAY, SYNTAX, WRONGTYPE, Dialogue, arity, array, double,
    error)
from .test_sorted_sets import encoding  # noqa: F401

UNIT = error("ERR unsupported unit provided. please use M, KM, FT, MI")
NO_MEMBER = error("ERR could not decode requested zset member")
COUNT = error("ERR COUNT must be > 0")
ANY = error("ERR the ANY argument requires COUNT argument")
RADIUS = error("ERR need numeric radius")
NEGATIVE = error("ERR radius cannot be negative")
STORE_WITH = error("ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
                   "WITHCOORD options")
SEARCH_STORE_WITH = error("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and "
                          "WITHCOORD options")
# 7.0 prints the same coordinates with 17 decimals.
SHORT_DIGITS = pytest.mark.target("fastredis", "redis>=8.0", reason="7.0 prints 17 decimals")
SICILY = "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"
EARTH_RADIUS_M = 6372797.560856

pytestmark = pytest.mark.usefixtures("encoding")


def bad_place(longitude: str, latitude: str) -> bytes:
    """The error of a place that has no cell."""
    return error(f"ERR invalid longitude,latitude pair {longitude},{latitude}")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("GEOADD s 1 2", "GEODIST s a", "GEOHASH", "GEOPOS", "GEORADIUS s 1 2 3",
                    "GEORADIUS_RO s 1 2 3", "GEORADIUSBYMEMBER s a 1", "GEORADIUSBYMEMBER_RO s a",
                    "GEOSEARCH s FROMLONLAT 1 2", "GEOSEARCHSTORE d s FROMLONLAT 1 2 BYRADIUS"):
        dialogue.check([(command, arity(command.split()[0].lower()))])


def test_other_types_are_refused_by_every_command_and_not_changed(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check_all(
        ["GEOADD k 1 2 a", "GEODIST k a b", "GEOHASH k", "GEOPOS k a", "GEORADIUS k 1 2 3 km",
         "GEORADIUS k 200 2 3 km", "GEORADIUS_RO k 1 2 3 km FOO", "GEORADIUSBYMEMBER k a 1 km",
         "GEORADIUSBYMEMBER_RO k a x km", "GEOSEARCH k FROMMEMBER a BYRADIUS 1 parsec",
         "GEOSEARCHSTORE d k FROMLONLAT 1 2 BYRADIUS 1 km"], WRONGTYPE)
    dialogue.check([("GET k", "v"), ("EXISTS d", 0)])


def test_geoadd_is_zadd_of_cells(dialogue: Dialogue, encoding: str) -> None:  # noqa: F811
    dialogue.check([
        (SICILY, 2), (SICILY, 0), ("TYPE s", b"+zset\r\n"), ("OBJECT ENCODING s", encoding),
        ("ZSCORE s Palermo", double("3479099956230698")),
        ("ZSCORE s Catania", double("3479447370796909")),
        ("GEOADD s NX 1 1 Palermo 0 0 zero", 1), ("GEOADD s XX 1 1 new", 0), ("ZCARD s", 3),
        ("GEOADD s XX CH 1 1 zero 1 1 new", 1), ("GEOADD s ch 1 1 zero 2 2 other", 1),
        ("GEOADD s NX NX CH CH 3 3 third", 1), ("GEOADD missing XX 1 1 a", 0),
        ("EXISTS missing", 0), ("GEOADD s 180 85.05112878 corner -180 -85.05112878 other", 1),
        ("ZSCORE s corner", double("13510798882111488")), ("ZSCORE s other", double("0"))])


def test_places_that_are_none_change_nothing(dialogue: Dialogue) -> None:
    dialogue.ok("GEOADD s 1 1 a", "SET k v")
    dialogue.check([
        ("GEOADD s 2 2 a 181 0 b", bad_place("181.000000", "0.000000")),
        ("GEOADD s 0 86 a", bad_place("0.000000", "86.000000")),
        ("GEOADD s -180.5 -0 a", bad_place("-180.500000", "-0.000000")),
        ("GEOADD s inf 0 a", bad_place("inf", "0.000000")),
        ("GEOADD s 0 -inf a", bad_place("0.000000", "-inf")),
        ("GEOADD k 1e300 0 a", huge_place("1e300")), ("GEOADD s nan 0 a", NOT_FLOAT),
        ("GEOADD s 0 x a", NOT_FLOAT), ('GEOADD s "" 0 a', NOT_FLOAT),
        ("GEOADD s 1 1 a 2 2", SYNTAX), ("GEOADD s NX XX 1 1 a", SYNTAX),
        ("GEOADD s CH CH CH", SYNTAX), ("GEOADD s GT 1 1 a", SYNTAX), ("ZCARD s", 1)])


def huge_place(longitude: str) -> bytes:
    """The same with all the digits of a huge longitude."""
    return bad_place(f"{float(longitude):.6f}", "0.000000")


@SHORT_DIGITS
def test_geopos_answers_the_middle_of_the_cell(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY, "GEOADD s 180 85.05112878 corner -180 -85.05112878 low")
    dialogue.check([
        ("GEOPOS s Palermo missing Catania", array(
            array(double("13.361389338970184"), double("38.1155563954963")), NULL_ARRAY,
            array(double("15.087267458438873"), double("37.50266842333162")))),
        ("GEOPOS s corner low", array(
            array(double("180"), double("85.05112878")),
            array(double("-179.99999731779099"), double("-85.05112751263943")))),
        ("GEOPOS s", array()), ("GEOPOS missing a b", array(NULL_ARRAY, NULL_ARRAY))])


@SHORT_DIGITS
def test_any_score_is_read_as_a_place(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD s -1 negative 1.5 fraction 1e300 huge -inf lowest")
    dialogue.check([
        ("GEOPOS s negative fraction huge lowest", array(
            array(double("180"), double("85.05112878")),
            array(double("-179.99999731779099"), double("-85.05112497791825")),
            array(double("-179.99999731779099"), double("-85.05112751263943")),
            array(double("180"), double("-85.05112751263943")))),
        ("GEODIST s negative huge", "18919844.5891")])


def test_geohash_answers_eleven_characters(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY, "GEOADD s 0 0 zero -122.4194155 37.7749295 x")
    dialogue.check([
        ("GEOHASH s Palermo missing Catania zero x",
         array("sqc8b49rny0", NULL, "sqdtr74hyu0", "s0000000000", "9q8yyk8yuv0")),
        ("GEOHASH s", array()), ("GEOHASH missing a", array(NULL))])


def test_geodist_in_every_unit(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY)
    dialogue.check([
        ("GEODIST s Palermo Catania", "166274.1516"), ("GEODIST s Palermo Catania m",
                                                       "166274.1516"),
        ("GEODIST s Catania Palermo KM", "166.2742"), ("GEODIST s Palermo Catania ft",
                                                       "545518.8700"),
        ("GEODIST s Palermo Catania mi", "103.3182"), ("GEODIST s Palermo Palermo", "0.0000"),
        ("GEODIST s Palermo missing", NULL), ("GEODIST missing a b", NULL),
        ("GEODIST s Palermo Catania parsec", UNIT), ("GEODIST missing a b parsec", UNIT),
        ("GEODIST s Palermo Catania m m", SYNTAX)])


@SHORT_DIGITS
def test_searches_tell_distance_number_and_place(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY)
    palermo = array(double("13.361389338970184"), double("38.1155563954963"))
    catania = array(double("15.087267458438873"), double("37.50266842333162"))
    dialogue.check([
        ("GEORADIUS s 15 37 200 km", array("Palermo", "Catania")),
        ("GEORADIUS s 15 37 200 km ASC", array("Catania", "Palermo")),
        ("GEORADIUS s 15 37 200 km desc", array("Palermo", "Catania")),
        ("GEORADIUS s 15 37 200 km WITHHASH WITHCOORD WITHDIST", array(
            array("Palermo", "190.4424", 3479099956230698, palermo),
            array("Catania", "56.4413", 3479447370796909, catania))),
        ("GEOSEARCH s WITHDIST FROMLONLAT 15 37 BYRADIUS 200000 m ASC withcoord", array(
            array("Catania", "56441.2579", catania), array("Palermo", "190442.4298", palermo))),
        ("GEORADIUS_RO s 15 37 100 km WITHHASH", array(array("Catania", 3479447370796909))),
        ("GEORADIUSBYMEMBER s Palermo 200 km WITHDIST", array(
            array("Palermo", "0.0000"), array("Catania", "166.2742")))])


def test_searches_by_member_point_circle_and_box(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY, "GEOADD s 12.758489 38.788135 edge1 17.241510 38.788135 edge2")
    dialogue.check([
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX 400 400 km ASC",
         array("Catania", "Palermo", "edge2", "edge1")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX 400 380 km ASC", array("Catania", "Palermo")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ASC", array("Catania", "Palermo")),
        ("GEOSEARCH s FROMMEMBER edge1 BYRADIUS 100 km ASC", array("edge1", "Palermo")),
        ("GEOSEARCH s BYBOX 1 1 km FROMMEMBER edge1", array("edge1")),
        ("GEOSEARCH s FROMMEMBER edge1 BYRADIUS 0 m", array("edge1")),
        ("GEOSEARCH s FROMMEMBER edge1 BYBOX 0 0 ft", array("edge1")),
        ("GEOSEARCH s FROMLONLAT 0 0 BYRADIUS 1 m", array()),
        ("GEORADIUSBYMEMBER_RO s edge2 1 km", array("edge2")),
        ("GEOSEARCH s FROMLONLAT 15 37 FROMLONLAT 12.75 38.78 BYRADIUS 9 km BYRADIUS 3 km",
         array("edge1"))])


def test_count_takes_the_nearest_unless_any_will_do(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY)
    dialogue.check([
        ("GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1", array("Catania")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 DESC", array("Palermo")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 ANY", array("Palermo")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ANY COUNT 2 ASC",
         array("Catania", "Palermo")),
        ("GEORADIUS s 15 37 200 km COUNT 1 COUNT 5", array("Catania", "Palermo")),
        ("GEORADIUS s 15 37 200 km COUNT 9223372036854775807", array("Catania", "Palermo"))])
    dialogue.check_all(["GEORADIUS s 15 37 1 km COUNT 0",
                        "GEORADIUSBYMEMBER s Palermo 1 m COUNT -1",
                        "GEOSEARCH missing FROMMEMBER a BYRADIUS 1 m COUNT 0"], COUNT)
    dialogue.check_all(["GEORADIUS s 15 37 1 km COUNT x", "GEORADIUS s 15 37 1 km COUNT 1.0"],
                       NOT_INTEGER)
    dialogue.check_all(["GEORADIUS s 15 37 1 km ANY",
                        "GEOSEARCH missing FROMMEMBER a BYRADIUS 1 m ANY"], ANY)


def test_results_are_stored_by_number_or_by_distance(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY, "SET d v EX 100")
    dialogue.check([
        ("GEORADIUS s 15 37 200 km STORE d", 2), ("TTL d", -1),
        ("ZSCORE d Palermo", double("3479099956230698")), ("GEOHASH d Catania",
                                                           array("sqdtr74hyu0")),
        ("GEORADIUSBYMEMBER s Palermo 200 km STOREDIST d COUNT 1", 1),
        ("ZRANGE d 0 -1", array("Palermo")), ("ZSCORE d Palermo", double("0")),
        ("GEORADIUS s 15 37 200 km STOREDIST e STORE d", 2), ("EXISTS e", 0),
        ("GEORADIUS s 0 0 1 m STORE d", 0), ("EXISTS d", 0),
        ("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km", 1), ("ZRANGE d 0 -1",
                                                                     array("Catania")),
        ("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST", 2),
        ("ZREVRANGE d 0 -1", array("Palermo", "Catania")), ("ZCOUNT d 190.4424 190.4425", 1),
        ("GEOSEARCHSTORE s s FROMMEMBER Catania BYRADIUS 1 m", 1), ("ZRANGE s 0 -1",
                                                                    array("Catania")),
        ("GEOSEARCHSTORE d missing FROMLONLAT 1 1 BYRADIUS 1 m", 0), ("EXISTS d", 0)])
    dialogue.ok(SICILY, "SET d v")
    dialogue.check_all(["GEORADIUS s 15 37 200 km STORE d WITHDIST",
                        "GEORADIUSBYMEMBER missing a 1 km WITHHASH STOREDIST d"], STORE_WITH)
    dialogue.check_all(["GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 1 km WITHCOORD",
                        "GEOSEARCHSTORE d missing WITHDIST BYBOX 1 1 m FROMMEMBER a"],
                       SEARCH_STORE_WITH)
    dialogue.check([("GET d", "v")])


def test_stores_where_they_may_not_be_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY)
    dialogue.check_all(
        ["GEORADIUS_RO s 15 37 200 km STORE d", "GEORADIUSBYMEMBER_RO s Palermo 1 km STOREDIST d",
         "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 km STORE d", "GEORADIUS s 15 37 200 km STORE",
         "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 km STOREDIST",
         "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 1 km STORE d"], SYNTAX)


def test_missing_sources_are_empty(dialogue: Dialogue) -> None:
    dialogue.check_all(
        ["GEORADIUS g 15 37 200 km", "GEORADIUSBYMEMBER g a 200 km", "GEORADIUSBYMEMBER g a x km",
         "GEOSEARCH g FROMMEMBER a BYRADIUS 1 km", "GEORADIUS_RO g 0 0 1 m WITHDIST"], array())
    dialogue.check([
        ("GEORADIUS g 195 37 200 km", bad_place("195.000000", "37.000000")),
        ("GEORADIUS g 15 37 200 km FOO", SYNTAX), ("GEORADIUSBYMEMBER g a x km FOO", SYNTAX),
        ("GEOSEARCH g FROMMEMBER a BYRADIUS 1 parsec", UNIT),
        ("GEORADIUS g 15 37 200 km STORE d", 0)])


def test_odd_shapes_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok(SICILY)
    dialogue.check([
        ("GEORADIUS s 15 37 -1 km", NEGATIVE), ("GEOSEARCH s FROMLONLAT 1 1 BYRADIUS -1 parsec",
                                                NEGATIVE),
        ("GEORADIUS s 15 37 x km", RADIUS), ("GEORADIUS s 15 37 nan km", RADIUS),
        ("GEORADIUS s 15 37 1 parsec", UNIT), ("GEORADIUS s x 37 1 km", NOT_FLOAT),
        ("GEOSEARCH s FROMLONLAT 200 37 BYRADIUS 1 km", bad_place("200.000000", "37.000000")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX x 1 km", error("ERR need numeric width")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX 1 nan km", error("ERR need numeric height")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX -1 1 km",
         error("ERR height or width cannot be negative")),
        ("GEOSEARCH s FROMLONLAT 15 37 BYBOX 1 1 parsec", UNIT),
        ("GEOSEARCH s FROMMEMBER missing BYRADIUS x km", NO_MEMBER),
        ("GEOSEARCH s BYRADIUS x km FROMMEMBER missing", RADIUS),
        ("GEORADIUSBYMEMBER s missing x km", NO_MEMBER)])
    dialogue.check_all(
        ["GEOSEARCH s FROMLONLAT 15 37 FROMMEMBER Palermo BYRADIUS 1 km",
         "GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km",
         "GEOSEARCH s FROMLONLAT 15 37 BYBOX 1 1", "GEORADIUS s 15 37 1 km BYBOX 1 1 km",
         "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 km COUNT", "GEOSEARCH s FOO 15 37 BYRADIUS 1 km"],
        SYNTAX)
    dialogue.check([
        ("geosearch s FROMLONLAT 15 37 ASC ASC DESC", error(
            "ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch")),
        ("GEOSEARCH s ASC BYRADIUS 1 km DESC", error(
            "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"))])


def test_huge_lengths_find_everything_once(dialogue: Dialogue) -> None:
    rng = random.Random(2)
    places = [f"{rng.uniform(-179, 179):.6f} {rng.uniform(-84, 84):.6f} p{at}" for at in range(200)]
    dialogue.ok("GEOADD s " + " ".join(places))
    expected = sorted(b"p%d" % at for at in range(200))
    for shape in ("BYRADIUS 25000 km", "BYRADIUS inf m", "BYRADIUS 1e308 mi", "BYBOX 1e10 1e10 km",
                  "BYBOX 1e308 1e308 m"):
        for center in ("FROMLONLAT 0 0", "FROMLONLAT 179 80", "FROMMEMBER p7"):
            assert sorted(dialogue.call(f"GEOSEARCH s {center} {shape}")) == expected


def distance_m(a: Tuple[float, float], b: Tuple[float, float]) -> float:
    """By the formula of haversines, of (longitude, latitude) in degrees."""
    one, other, between = math.radians(a[1]), math.radians(b[1]), math.radians(b[0] - a[0])
    sines = math.sin((other - one) / 2) ** 2 + (
        math.cos(one) * math.cos(other) * math.sin(between / 2) ** 2)
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(sines))


def test_random_searches_agree_with_a_look_at_every_place(dialogue: Dialogue) -> None:
    rng = random.Random(4)
    spots: Dict[bytes, Tuple[float, float]] = {
        b"p%d" % at: (rng.uniform(-5, 15), rng.uniform(40, 55)) for at in range(400)}
    dialogue.ok(["GEOADD", "s", *[word for name, (longitude, latitude) in spots.items()
                                  for word in (str(longitude), str(latitude), name)]])
    for _ in range(40):
        center = (rng.uniform(-5, 15), rng.uniform(40, 55))
        radius_m = 10 ** rng.uniform(3.5, 6)
        found: List[bytes] = dialogue.call(
            f"GEOSEARCH s FROMLONLAT {center[0]} {center[1]} BYRADIUS {radius_m} m ASC")
        # A cell is under a meter wide: nearer to the edge than that both answers are right.
        sure = {name for name, spot in spots.items() if distance_m(center, spot) < radius_m - 2}
        maybe = {name for name, spot in spots.items() if distance_m(center, spot) < radius_m + 2}
        assert sure <= set(found) <= maybe and len(found) == len(set(found))
        reached = [distance_m(center, spots[name]) for name in found]
        assert all(first < second + 3 for first, second in zip(reached, reached[1:]))


def test_keys_of_the_old_commands_are_found_behind_store(dialogue: Dialogue) -> None:
    dialogue.check([
        ("COMMAND GETKEYS GEORADIUS s 1 2 3 km STORE d", array("s", "d")),
        ("COMMAND GETKEYS GEORADIUS s 1 2 3 km STOREDIST d STORE e", array("s", "e", "d")),
        ("COMMAND GETKEYS GEORADIUSBYMEMBER s m 3 km ASC STOREDIST d", array("s", "d")),
        ("COMMAND GETKEYS GEORADIUSBYMEMBER s m 3 km", array("s")),
        ("COMMAND GETKEYS GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 km", array("d", "s"))])


def test_changes_are_counted_one_for_each_place(dialogue: Dialogue) -> None:
    def changes() -> int:
        info = bytes(dialogue.call("INFO persistence"))
        return int(info.split(b"rdb_changes_since_last_save:")[1].split(b"\r")[0])

    for command, count in ((SICILY, 2), (SICILY, 0), ("GEOADD s 1 1 Palermo", 1),
                           ("GEORADIUS s 1 1 9999 km STORE d", 2),
                           ("GEOSEARCHSTORE d s FROMLONLAT 50 50 BYRADIUS 1 km", 1),
                           ("GEOSEARCHSTORE d s FROMLONLAT 50 50 BYRADIUS 1 km", 0)):
        before = changes()
        dialogue.ok(command)
        assert changes() - before == count, command

"""A leaderboard, unique visitors, who was online, what is near."""

from __future__ import annotations

import pytest


@pytest.mark.needs_command("zadd", "zrange", "zrevrank")
def test_a_leaderboard_knows_the_best_and_the_place_of_each(db):
    db.zadd("board", {"ada": 120, "bob": 80, "eve": 95, "dan": 80})
    assert db.zincrby("board", 50, "bob") == 130
    assert db.zrange("board", 0, 2, desc=True, withscores=True) in (
        [("bob", 130.0), ("ada", 120.0), ("eve", 95.0)],
        [["bob", 130.0], ["ada", 120.0], ["eve", 95.0]])
    assert db.zrevrank("board", "eve") == 2
    around = db.zrevrank("board", "ada")
    assert db.zrange("board", around - 1, around + 1, desc=True) == ["bob", "ada", "eve"]
    assert db.zrange("board", "(95", "+inf", byscore=True) == ["ada", "bob"]
    assert db.zcount("board", 80, 100) == 2
    assert db.zadd("board", {"eve": 90}, gt=True, ch=True) == 0
    assert db.zadd("board", {"eve": 99}, gt=True, ch=True) == 1
    assert db.zscore("board", "eve") == 99.0


@pytest.mark.needs_command("zunionstore")
def test_a_week_is_the_union_of_its_days(db):
    db.zadd("monday", {"ada": 10, "bob": 5})
    db.zadd("tuesday", {"bob": 10, "eve": 1})
    assert db.zunionstore("week", ["monday", "tuesday"]) == 3
    assert db.zrange("week", 0, -1, desc=True) == ["bob", "ada", "eve"]
    assert db.zscore("week", "bob") == 15.0
    assert db.zinter(["monday", "tuesday"]) == ["bob"]
    assert db.zpopmax("week")[0][0] == "bob"


@pytest.mark.needs_command("pfadd", "pfmerge")
def test_unique_visitors_are_counted_in_a_few_kilobytes(db):
    for number in range(2000):
        db.pfadd("visitors:monday", f"visitor-{number}")
    db.pfadd("visitors:tuesday", *(f"visitor-{number}" for number in range(1000, 3000)))
    assert abs(db.pfcount("visitors:monday") - 2000) < 60
    assert abs(db.pfcount("visitors:monday", "visitors:tuesday") - 3000) < 90
    assert db.pfadd("visitors:monday", "visitor-1") == 0
    db.pfmerge("visitors:week", "visitors:monday", "visitors:tuesday")
    assert db.pfcount("visitors:week") == db.pfcount("visitors:monday", "visitors:tuesday")
    assert db.strlen("visitors:week") < 16 * 1024


@pytest.mark.needs_command("setbit", "bitop", "bitcount")
def test_a_bitmap_knows_who_was_online(db):
    for user in (1, 5, 9, 1000):
        db.setbit("online:monday", user, 1)
    for user in (5, 1000, 70_000):
        db.setbit("online:tuesday", user, 1)
    assert db.bitcount("online:monday") == 4
    assert (db.getbit("online:monday", 5), db.getbit("online:monday", 6)) == (1, 0)
    db.bitop("AND", "online:both", "online:monday", "online:tuesday")
    assert db.bitcount("online:both") == 2
    db.bitop("OR", "online:any", "online:monday", "online:tuesday")
    assert db.bitcount("online:any") == 5
    assert db.bitpos("online:both", 1) == 5
    assert db.strlen("online:any") == 70_000 // 8 + 1


@pytest.mark.needs_command("geoadd", "geosearch")
def test_what_is_near_comes_nearest_first(db):
    db.geoadd("cafes", (13.4050, 52.5200, "middle"))
    db.geoadd("cafes", (13.4533, 52.5145, "east", 13.3050, 52.5163, "west"))
    db.geoadd("cafes", (9.9937, 53.5511, "Hamburg"))
    near = db.geosearch("cafes", longitude=13.41, latitude=52.52, radius=10, unit="km",
                        sort="ASC")
    assert near == ["middle", "east", "west"]
    first = db.geosearch("cafes", member="middle", radius=400, unit="km", sort="DESC", count=1,
                         withdist=True)
    assert first[0][0] == "Hamburg" and 250 < float(first[0][1]) < 260
    assert 3.2 < db.geodist("cafes", "middle", "east", unit="km") < 3.4
    box = db.geosearch("cafes", longitude=13.45, latitude=52.51, width=8, height=4, unit="km")
    assert sorted(box) == ["east", "middle"]
    assert db.geosearchstore("near", "cafes", longitude=13.41, latitude=52.52, radius=10,
                             unit="km", storedist=True) == 3
    assert db.zrange("near", 0, 0) == ["middle"]


@pytest.mark.needs_command("bitfield")
def test_many_small_counters_share_one_string(db):
    hours = db.bitfield("views")
    for hour in (0, 3, 3, 23, 3):
        hours = hours.incrby("u8", f"#{hour}", 1, "SAT")
    hours.execute()
    read = db.bitfield("views")
    for hour in (0, 3, 22, 23):
        read = read.get("u8", f"#{hour}")
    assert read.execute() == [1, 3, 0, 1]
    assert db.strlen("views") == 24

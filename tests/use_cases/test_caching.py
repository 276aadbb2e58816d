"""A cache with a time to live, sessions as hashes, a limit of requests."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Dict, Optional

import pytest
import redis
from support.wire import TIME_SCALE, eventually

pytestmark = pytest.mark.needs_command("zadd", "hset", "expire")


def cached_page(db: redis.Redis, address: str, ttl_s: int = 300) -> str:
    """A page from the cache, or made and kept for a while."""
    page = db.get(f"page:{address}")
    if page is None:
        page = f"<h1>{address}</h1>"
        db.set(f"page:{address}", page, ex=ttl_s)
        db.incr("pages made")
    return page


def test_a_page_is_made_once_and_forgotten_in_time(db):
    assert cached_page(db, "/home") == cached_page(db, "/home") == "<h1>/home</h1>"
    assert db.get("pages made") == "1"
    assert 299 <= db.ttl("page:/home") <= 300
    db.pexpire("page:/home", 20)
    eventually(lambda: not db.exists("page:/home"), what="the end of the page")
    cached_page(db, "/home")
    assert db.get("pages made") == "2"


def test_many_readers_make_a_page_once(open_async):
    """The first to set the lock makes it, the others wait for it to appear."""
    async def reader(client: Any) -> Optional[str]:
        for _ in range(500):
            page = await client.get("page")
            if page is not None:
                return page
            if await client.set("page:lock", "1", nx=True, ex=10):
                await client.incr("made")
                await client.set("page", "the page", ex=60)
                await client.delete("page:lock")
            await asyncio.sleep(0.005 * TIME_SCALE)
        return None

    async def main() -> None:
        client = open_async()
        pages = await asyncio.gather(*(reader(client) for _ in range(20)))
        assert set(pages) == {"the page"}
        assert await client.get("made") == "1"
        await client.aclose()

    asyncio.run(main())


def test_tags_drop_what_depends_on_them(db):
    for number in range(5):
        db.set(f"article:{number}", f"text {number}")
        db.sadd("tag:python", f"article:{number}")
    db.set("article:other", "kept")
    keys = db.smembers("tag:python")
    assert db.unlink(*keys, "tag:python") == 6
    assert db.keys("article:*") == ["article:other"]


def log_in(db: redis.Redis, token: str, user: Dict[str, Any]) -> None:
    """A session of half an hour."""
    with db.pipeline() as pipe:
        pipe.hset(f"session:{token}", mapping=user)
        pipe.expire(f"session:{token}", 1800)
        pipe.execute()


def test_a_session_lives_as_long_as_it_is_used(db):
    log_in(db, "abc", {"user": "ada", "role": "admin", "cart": json.dumps(["book"])})
    assert db.hgetall("session:abc") == {"user": "ada", "role": "admin", "cart": '["book"]'}
    assert db.hget("session:abc", "role") == "admin"
    assert db.hincrby("session:abc", "requests", 1) == 1
    db.expire("session:abc", 60)
    assert db.expire("session:abc", 1800, gt=True)
    assert 1795 <= db.ttl("session:abc") <= 1800
    assert db.hdel("session:abc", "cart") == 1 and not db.hexists("session:abc", "cart")
    assert db.delete("session:abc") == 1
    assert db.hgetall("session:abc") == {}


@pytest.mark.needs_command("hpexpire")
def test_one_field_of_a_session_ends_before_the_others(db):
    log_in(db, "abc", {"user": "ada", "code": "123456"})
    assert db.hpexpire("session:abc", 30, "code") == [1]
    assert db.hget("session:abc", "code") == "123456"
    eventually(lambda: db.hgetall("session:abc") == {"user": "ada"}, what="the end of the code")


def allowed(db: redis.Redis, user: str, limit: int, window_ms: int) -> bool:
    """A sliding window: the times of the last requests in a sorted set."""
    now_ms = time.time() * 1000
    name = f"requests:{user}"
    with db.pipeline() as pipe:
        pipe.zremrangebyscore(name, 0, now_ms - window_ms)
        pipe.zadd(name, {f"{now_ms}:{time.perf_counter_ns()}": now_ms})
        pipe.zcard(name)
        pipe.pexpire(name, window_ms)
        count = pipe.execute()[2]
    return count <= limit


def test_requests_are_limited_in_a_sliding_window(db):
    assert [allowed(db, "ada", 3, 60_000) for _ in range(5)] == [True] * 3 + [False] * 2
    assert allowed(db, "bob", 3, 60_000)
    assert 0 < db.pttl("requests:ada") <= 60_000
    assert [allowed(db, "eve", 1, 40) for _ in range(2)] == [True, False]
    eventually(lambda: not db.exists("requests:eve"), what="the end of the window")
    assert allowed(db, "eve", 1, 40)


def test_requests_are_limited_in_a_fixed_window(db):
    def count(user: str) -> int:
        name = f"count:{user}"
        with db.pipeline() as pipe:
            return pipe.incr(name).expire(name, 60, nx=True).execute()[0]

    assert [count("ada") for _ in range(4)] == [1, 2, 3, 4]
    assert 55 <= db.ttl("count:ada") <= 60

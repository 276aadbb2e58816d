"""Queues of jobs: by a list, reliably by two lists, and by a stream with consumer groups."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, List

import pytest
import redis
from support.wire import eventually


@pytest.mark.needs_command("blpop", "rpush")
def test_workers_take_jobs_from_a_list_in_order(db, server):
    done: List[Any] = []

    def work() -> None:
        with redis.Redis(host=server.host, port=server.port, decode_responses=True) as worker:
            while True:
                found = worker.blpop(["jobs"], timeout=5)
                if found is None or found[1] == "stop":
                    return
                done.append(json.loads(found[1])["number"])

    thread = threading.Thread(target=work)
    thread.start()
    for number in range(100):
        db.rpush("jobs", json.dumps({"number": number}))
    db.rpush("jobs", "stop")
    thread.join(20)
    assert not thread.is_alive() and done == list(range(100))
    assert db.llen("jobs") == 0 and not db.exists("jobs")


@pytest.mark.needs_command("blmove", "lrem")
def test_a_job_whose_worker_died_is_found_again(db):
    db.rpush("jobs", "a", "b")
    assert db.blmove("jobs", "taken", 1, src="LEFT", dest="RIGHT") == "a"
    assert db.blmove("jobs", "taken", 1, src="LEFT", dest="RIGHT") == "b"
    assert db.lrem("taken", 1, "a") == 1  # a is done, and the worker of b is gone
    assert db.lmove("taken", "jobs", src="RIGHT", dest="LEFT") == "b"
    assert db.lrange("jobs", 0, -1) == ["b"] and db.llen("taken") == 0
    assert db.blpop(["none", "jobs"], timeout=1) in (("jobs", "b"), ["jobs", "b"])
    assert db.blpop("jobs", timeout=0.01) is None


@pytest.mark.needs_command("brpop", "lpush")
def test_asyncio_workers_share_the_jobs(open_async):
    async def work(worker: Any, done: List[str]) -> None:
        while True:
            _, job = await worker.brpop("jobs", timeout=10)
            if job == "stop":
                return
            done.append(job)

    async def main() -> None:
        clients = [open_async() for _ in range(4)]
        done: List[str] = []
        workers = [asyncio.create_task(work(client, done)) for client in clients[1:]]
        for number in range(60):
            await clients[0].lpush("jobs", f"job {number}")
        await clients[0].lpush("jobs", *["stop"] * len(workers))
        await asyncio.wait_for(asyncio.gather(*workers), 20)
        assert sorted(done) == sorted(f"job {number}" for number in range(60))
        for client in clients:
            await client.aclose()

    asyncio.run(main())


@pytest.mark.needs_command("xadd", "xreadgroup", "xack", "xpending")
def test_a_group_of_consumers_shares_a_stream_and_acknowledges(db):
    db.xgroup_create("orders", "billing", id="0", mkstream=True)
    ids = [db.xadd("orders", {"order": number}) for number in range(6)]
    first = db.xreadgroup("billing", "ada", {"orders": ">"}, count=4)
    second = db.xreadgroup("billing", "bob", {"orders": ">"}, count=4)
    assert [entry_id for entry_id, _ in entries(first)] == ids[:4]
    assert [fields["order"] for _, fields in entries(second)] == ["4", "5"]
    assert db.xack("orders", "billing", *ids[:3]) == 3
    summary = db.xpending("orders", "billing")
    assert (summary["pending"], summary["min"], summary["max"]) == (3, ids[3], ids[5])
    assert not db.xreadgroup("billing", "ada", {"orders": ">"})
    again = db.xreadgroup("billing", "ada", {"orders": "0"})
    assert [entry_id for entry_id, _ in entries(again)] == [ids[3]]


@pytest.mark.needs_command("xautoclaim", "xclaim")
def test_entries_of_a_consumer_that_died_are_claimed(db):
    db.xgroup_create("orders", "billing", id="$", mkstream=True)
    ids = [db.xadd("orders", {"order": number}, maxlen=1000) for number in range(3)]
    db.xreadgroup("billing", "dead", {"orders": ">"})
    claimed = db.xautoclaim("orders", "billing", "ada", min_idle_time=0, count=2)
    assert [entry_id for entry_id, _ in claimed[1]] == ids[:2] and claimed[0] == ids[2]
    assert db.xclaim("orders", "billing", "bob", 0, [ids[2]])[0][0] == ids[2]
    owners = {item["message_id"]: item["consumer"]
              for item in db.xpending_range("orders", "billing", "-", "+", 10)}
    assert owners == {ids[0]: "ada", ids[1]: "ada", ids[2]: "bob"}
    assert {item["name"]: item["pending"] for item in db.xinfo_consumers("orders", "billing")} == \
        {"dead": 0, "ada": 2, "bob": 1}
    assert db.xack("orders", "billing", *ids) == 3
    assert db.xinfo_groups("orders")[0]["pending"] == 0


@pytest.mark.needs_command("xread")
def test_readers_that_wait_all_get_what_is_added(db, open_async):
    async def follow(reader: Any, count: int) -> List[str]:
        seen, last = [], "0"
        while len(seen) < count:
            for last, fields in entries(await reader.xread({"events": last}, block=5000)):
                seen.append(fields["text"])
        return seen

    async def main() -> None:
        readers = [open_async() for _ in range(3)]
        following = [asyncio.create_task(follow(reader, 5)) for reader in readers]
        await asyncio.sleep(0.02)
        writer = open_async()
        for number in range(5):
            await writer.xadd("events", {"text": f"event {number}"})
        for seen in await asyncio.wait_for(asyncio.gather(*following), 20):
            assert seen == [f"event {number}" for number in range(5)]
        for client in (*readers, writer):
            await client.aclose()

    asyncio.run(main())
    assert db.xlen("events") == 5 and len(db.xrange("events")) == 5


@pytest.mark.needs_command("zadd", "bzpopmin")
def test_delayed_and_urgent_jobs_come_by_their_score(db):
    db.zadd("jobs", {"later": 300, "soon": 10, "now": 1})
    assert [db.bzpopmin("jobs", timeout=1)[1] for _ in range(3)] == ["now", "soon", "later"]
    assert db.bzpopmin("jobs", timeout=0.01) is None


@pytest.mark.needs_command("blpop")
def test_a_job_pushed_in_a_transaction_wakes_a_worker_once(db, open_async):
    async def main() -> Any:
        worker = open_async()
        waiting = asyncio.create_task(worker.blpop("jobs", timeout=10))
        await asyncio.to_thread(eventually, lambda: db.info("clients")["blocked_clients"] == 1)
        with db.pipeline() as pipe:
            pipe.rpush("jobs", "first").rpush("jobs", "second").execute()
        job = await waiting
        await worker.aclose()
        return job

    assert tuple(asyncio.run(main())) == ("jobs", "first")
    assert db.lrange("jobs", 0, -1) == ["second"]


def entries(reply: Any) -> List[Any]:
    """The entries of the one stream of a reply: a map in RESP3, a list of pairs in RESP2."""
    if not reply:
        return []
    if isinstance(reply, dict):
        found = next(iter(reply.values()))
        return found[0] if found and isinstance(found[0], list) else found
    return reply[0][1]

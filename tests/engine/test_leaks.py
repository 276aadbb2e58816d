"""What a workload has taken, it gives back: to the byte.

The allocator knows the sum of all blocks, and the sum depends on nothing but what the server
holds. So the same commands, drawn from the same seed, are sent again and again; after each round
every connection is closed, every database is emptied, and INFO gives the sum. The first rounds
fill what is kept on purpose (statistics of commands, spare capacity); a later round that leaves
a single byte behind has leaked it.

A leak detector would also find what nothing refers to any more, but not what is referred to and
forgotten, and it cannot read references that are packed in 48 bits. This test runs in every
build; under sanitizers each block is one of malloc, and a round has seen each of its errors too.
"""

from __future__ import annotations

from random import Random
from typing import Callable, List

import pytest

from differential.families import FAMILIES
from differential.grammar import Argv, Generator
from support.server_process import sanitized
from support.wire import Client, ConnectionClosed, Error, encode_commands, eventually

ROUNDS_MAX = 8
COMMANDS = 1500 if sanitized() else 4000
CONNECTIONS = 4

pytestmark = pytest.mark.target("fastredis", reason="counts bytes that others only estimate")


class Probe:
    """A server and the connection that asks it how many bytes it holds."""

    def __init__(self, server) -> None:
        self.server = server
        self.admin = server.client()

    def used_bytes(self) -> int:
        """The sum after everything that can be emptied is empty, once it has settled."""
        self.server.close_clients_but(self.admin)
        eventually(self._alone, what="the close of the other connections")
        for command in (["CONFIG", "RESETSTAT"], ["SLOWLOG", "RESET"], ["LATENCY", "RESET"],
                        ["FLUSHALL"]):
            self.admin.ok(*command)
        seen: List[int] = []

        def settled() -> bool:
            seen.append(self._field("used_memory"))
            return len(seen) > 3 and len(set(seen[-3:])) == 1
        eventually(settled, what="used_memory")
        return seen[-1]

    def _alone(self) -> bool:
        return len(self.admin.ok("CLIENT", "LIST").splitlines()) == 1

    def _field(self, name: str) -> int:
        text = bytes(self.admin.ok("INFO", "memory")).decode()
        return next(int(line.split(":")[1]) for line in text.splitlines()
                    if line.startswith(f"{name}:"))


def expect_no_growth(probe: Probe, workload: Callable[[], None]) -> None:
    """Fails when the workload leaves more behind each time that it runs."""
    sums = [probe.used_bytes()]
    for _ in range(ROUNDS_MAX):
        workload()
        sums.append(probe.used_bytes())
        if len(sums) > 3 and sums[-1] == sums[-2]:
            return
    pytest.fail(f"bytes in use after each round: {sums}", pytrace=False)


@pytest.fixture
def probe(fresh_server) -> Probe:
    return Probe(fresh_server("--enable-debug-command", "yes"))


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_commands_of_a_family_leave_nothing_behind(probe, family, protocol):
    known = probe.admin.ok("COMMAND", "INFO", family.requires)[0]
    if not known:
        pytest.skip(f"no command {family.requires.decode()}")

    def workload() -> None:
        rng = Random(7)
        generator = Generator([family, *FAMILIES[:2]])
        clients = [probe.server.client(protocol) for _ in range(CONNECTIONS)]
        for number in range(COMMANDS // 50):
            batch = [generator.draw(rng) for _ in range(50)]
            send(probe.server, clients, number % CONNECTIONS, batch, protocol)
    expect_no_growth(probe, workload)


def send(server, clients: List[Client], at: int, batch: List[Argv], protocol: int) -> None:
    """Sends a batch and reads what comes until the echo behind it; again, where it was cut."""
    mark = b"the end of the batch"
    try:
        clients[at].send(encode_commands([*batch, [b"DISCARD"], [b"ECHO", mark]]))
        while clients[at].read(timeout_s=10) != mark:
            pass
    except (ConnectionClosed, OSError):
        clients[at] = server.client(protocol)


def test_clients_that_leave_in_the_middle_leave_nothing_behind(probe):
    whole = encode_commands([[b"SET", b"key", b"v" * 5000], [b"APPEND", b"key", b"w" * 70000]])

    def workload() -> None:
        for cut in (0, 1, 5, 40, 5000, 5100, 60000, len(whole) - 1):
            client = probe.server.client()
            client.send(whole[:cut])
            client.close()
    expect_no_growth(probe, workload)


def test_open_transactions_and_watches_leave_nothing_behind(probe):
    def workload() -> None:
        for number in range(20):
            client = probe.server.client(2 + number % 2)
            client.ok("WATCH", *(f"key{at}" for at in range(number)), "shared")
            client.ok("MULTI")
            for at in range(number):
                client.ok("SET", f"key{at}", "x" * 50 * at)
            if number % 3 == 0:
                client.ok("EXEC")
    expect_no_growth(probe, workload)


def test_replies_that_nobody_reads_leave_nothing_behind(probe):
    def workload() -> None:
        probe.admin.ok("SET", "big", b"x" * 300_000)
        for _ in range(5):
            client = probe.server.client()
            client.send(encode_commands([[b"GET", b"big"]] * 20))
            client.close()
    expect_no_growth(probe, workload)


def test_keys_that_expire_leave_nothing_behind(probe):
    def workload() -> None:
        client = probe.server.client()
        client.pipeline([["SET", f"key{at}", "x" * (at % 90), "PX", str(1 + at % 20)]
                         for at in range(2000)])
        eventually(lambda: client.ok("DBSIZE") == 0, what="the expiry of all keys")
    expect_no_growth(probe, workload)


def test_killed_paused_and_refused_clients_leave_nothing_behind(probe):
    def workload() -> None:
        for number in range(10):
            client = probe.server.client()
            client.ok("CLIENT", "SETNAME", f"name-{number}")
            client.ok("CLIENT", "SETINFO", "lib-name", "some-library")
            client.request("CLIENT", "REPLY", "OFF")
            client.request("AUTH", "wrong", "password")
            client.send(b"*1\r\n$-5\r\n" if number % 2 else b"GET \"unbalanced\r\n")
        probe.admin.ok("CLIENT", "PAUSE", "20", "WRITE")
        waiting = probe.server.client()
        waiting.request("SET", "a", "b")
        assert isinstance(probe.admin.ok("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), int)
        probe.admin.ok("CLIENT", "UNPAUSE")
    expect_no_growth(probe, workload)


def test_changed_directives_leave_nothing_behind(probe):
    def workload() -> None:
        for value in ("a", "long password " * 20, ""):
            answer = probe.admin.call("CONFIG", "SET", "requirepass", value)
            assert not isinstance(answer, Error)
            if value:
                probe.admin.ok("AUTH", value)
        probe.admin.ok("CONFIG", "SET", "slowlog-log-slower-than", "0")
        probe.server.client().pipeline([["SET", "a", "x" * at] for at in range(300)])
        probe.admin.ok("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    expect_no_growth(probe, workload)

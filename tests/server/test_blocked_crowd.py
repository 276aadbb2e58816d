"""Ten thousand clients wait on a thousand keys: none is lost, none served twice, order is kept."""

from __future__ import annotations

import resource
import socket
from random import Random
from typing import Dict, Iterator, List, Tuple

import pytest

from support.wire import Client, encode_command, encode_commands, eventually

KEYS = 1000
ROUNDS = 10
CLIENTS = KEYS * ROUNDS
DESCRIPTORS = CLIENTS + 500
# Reads of a whole crowd, on two shared cores and under sanitizers.
PATIENCE_S = 60

Crowd = Dict[Tuple[int, int], socket.socket]


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for all the sockets, on this side and in the server that is started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"needs {DESCRIPTORS} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def await_blocked(admin: Client, count: int) -> None:
    """Waits until exactly so many clients are blocked."""
    eventually(lambda: b"blocked_clients:%d\r" % count in admin.call("INFO", "clients"),
               timeout_s=PATIENCE_S, what=f"{count} blocked clients")


def gather(server, admin: Client) -> Crowd:
    """In each round one client for each key, so that their order in every queue is known. Each
    also waits for a key that never comes, half of them with a limit of time."""
    crowd: Crowd = {}
    for round_number in range(ROUNDS):
        for key in range(KEYS):
            client = socket.create_connection((server.host, server.port))
            client.settimeout(PATIENCE_S)
            client.sendall(encode_command("BLPOP", f"key{key}", f"never{key % 7}",
                                          "0" if key % 2 else "3600"))
            crowd[round_number, key] = client
        await_blocked(admin, len(crowd))
    return crowd


def drop_some(crowd: Crowd, rng: Random) -> List[Tuple[int, int]]:
    """Closes every tenth client, anywhere in the queues."""
    gone = rng.sample(sorted(crowd), CLIENTS // 10)
    for place in gone:
        crowd.pop(place).close()
    return gone


def push(admin: Client, key: int, count: int, rng: Random) -> None:
    """`count` elements in order, in one of the ways in which a list can come."""
    name, values = f"key{key}", [str(number) for number in range(count)]
    way = rng.randrange(4)
    if way == 0:
        batch = [["RPUSH", name, *values]]
    elif way == 1:
        batch = [["RPUSH", name, value] for value in values]
    elif way == 2:
        batch = [["MULTI"], *(["LPUSH", name, value] for value in reversed(values)), ["EXEC"]]
    else:
        batch = [["RPUSH", f"other{key}", *values], ["RENAME", f"other{key}", name]]
    admin.send(encode_commands(batch))
    for _ in batch:
        admin.read_reply()


def answer_of(client: socket.socket) -> Tuple[bytes, bytes]:
    """Key and value of the one reply that a client has got."""
    data = client.recv(4096)
    lines = data.split(b"\r\n")
    assert lines[0] == b"*2" and lines[5:] == [b""], data
    return lines[2], lines[4]


@pytest.mark.timeout(300)
def test_ten_thousand_blocked_clients_are_each_served_once_and_in_order(
        fresh_server, descriptors) -> None:
    rng = Random(9)
    server = fresh_server("--maxclients", str(CLIENTS + 100))
    admin = server.client()
    crowd = gather(server, admin)
    assert b"total_blocking_keys:%d\r" % (KEYS + 7) in admin.call("INFO", "clients")
    gone = drop_some(crowd, rng)
    await_blocked(admin, CLIENTS - len(gone))
    queues = {key: [crowd[number, key] for number in range(ROUNDS) if (number, key) in crowd]
              for key in range(KEYS)}
    for key in rng.sample(range(KEYS), KEYS):
        push(admin, key, len(queues[key]), rng)
    for key, queue in queues.items():
        answers = [answer_of(client) for client in queue]
        assert answers == [(b"key%d" % key, b"%d" % place) for place in range(len(queue))]
    await_blocked(admin, 0)
    assert admin.call("DBSIZE") == 0
    assert b"total_blocking_keys:0\r" in admin.call("INFO", "clients")
    for client in crowd.values():
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)
        client.close()

"""maxmemory-clients and CLIENT NO-EVICT: who is cut off when clients take too much memory.

Real servers cut off before anybody else's next command; here it may take until the next turn of
the loop, and for small things until the cron, so the tests wait for what they expect.
"""

from __future__ import annotations

import contextlib
from typing import Dict

import pytest

from support.wire import Client, ConnectionClosed, encode_command, eventually

MEGABYTE = 1_000_000
CUT = (OSError, ConnectionClosed)


@pytest.fixture
def server(fresh_server):
    """Not the shared one: its own connection could be cut off as well."""
    return fresh_server()


@pytest.fixture
def control(server) -> Client:
    """A client that is never evicted."""
    client = server.client()
    client.ok("CLIENT", "NO-EVICT", "on")
    return client


def numbers(control: Client) -> Dict[str, str]:
    lines = control.call("INFO", "everything").decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def evicted(control: Client) -> int:
    return int(numbers(control)["evicted_clients"])


def queue_in_multi(client: Client, megabytes: int) -> Client:
    """Let a client take that much, in commands that wait for EXEC."""
    client.ok("MULTI")
    for _ in range(megabytes):
        client.ok("SET", "k", b"x" * MEGABYTE)
    return client


def set_limit(control: Client, limit: str) -> None:
    control.ok("CONFIG", "SET", "maxmemory-clients", limit)


def expect_evicted(control: Client, before: int, count: int) -> None:
    eventually(lambda: evicted(control) == before + count, what=f"{count} evicted clients")


def test_largest_clients_are_cut_off_until_the_rest_fits(server, control):
    before = evicted(control)
    clients = {size: queue_in_multi(server.client(), size) for size in (1, 3, 9)}
    set_limit(control, "10mb")
    clients[9].expect_closed()
    clients[1].ok("PING")
    clients[3].ok("PING")
    expect_evicted(control, before, 1)
    set_limit(control, "3mb")
    clients[3].expect_closed()
    assert clients[1].call("EXEC") == [b"OK", b"PONG"]
    expect_evicted(control, before, 2)


def test_a_client_that_queues_too_much_is_cut_off(server, control):
    before = evicted(control)
    set_limit(control, "3mb")
    with pytest.raises(CUT):
        queue_in_multi(server.client(), 20)
    expect_evicted(control, before, 1)
    server.client().expect_alive()


def test_a_client_that_sends_an_argument_too_long_is_cut_off(server, control):
    before = evicted(control)
    set_limit(control, "3mb")
    client = server.client()
    with pytest.raises(CUT):
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000000\r\n" + bytes(20 * MEGABYTE))
        client.read()
    expect_evicted(control, before, 1)
    assert control.call("EXISTS", "k") == 0


def test_a_client_that_does_not_read_is_cut_off(server, control):
    before = evicted(control)
    client = server.client()
    control.ok("SET", "k", b"x" * 30 * MEGABYTE)
    set_limit(control, "3mb")
    client.send(encode_command("GET", "k"))
    expect_evicted(control, before, 1)
    with pytest.raises(CUT):
        client.read()


def test_a_client_that_waits_with_long_arguments_is_cut_off(server, control):
    before = evicted(control)
    client = server.client()
    client.send(encode_command("BLPOP", *(b"%01000d" % i for i in range(2000)), "0"))
    eventually(lambda: numbers(control)["blocked_clients"] == "1")
    set_limit(control, "1mb")
    client.expect_closed()
    expect_evicted(control, before, 1)
    assert numbers(control)["blocked_clients"] == "0"


@pytest.mark.target("fastredis", reason="real servers do not count the names of watched keys")
def test_names_of_watched_keys_count(server, control):
    before = evicted(control)
    client = server.client()
    for i in range(200):
        client.ok("WATCH", b"%010000d" % i)
    set_limit(control, "1mb")
    client.expect_closed()
    expect_evicted(control, before, 1)
    assert numbers(control)["total_watched_keys"] == "0"


def test_no_evict_spares_a_client_and_the_others_make_room_for_it(server, control):
    before = evicted(control)
    spared, small = server.client(), server.client()
    spared.ok("CLIENT", "NO-EVICT", "on")
    queue_in_multi(spared, 9)
    small.ok("PING")
    set_limit(control, "5mb")
    small.expect_closed()
    expect_evicted(control, before, 1)
    assert spared.raw("DISCARD") == b"+OK\r\n"
    queue_in_multi(spared, 9)
    server.client().expect_closed()
    spared.ok("DISCARD")
    spared.ok("CLIENT", "NO-EVICT", "off")
    eventually(lambda: int(numbers(control)["mem_clients_normal"]) < 4 * MEGABYTE)
    with pytest.raises(CUT):
        queue_in_multi(spared, 9)
        spared.expect_alive()
    server.client().expect_alive()


def test_the_client_that_lowers_the_limit_below_itself_is_cut_off(server, control):
    before = evicted(control)
    client, other = server.client(), server.client()
    with contextlib.suppress(*CUT):
        client.send(encode_command("CONFIG", "SET", "maxmemory-clients", "1mb")
                    + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000000\r\n" + bytes(9 * MEGABYTE))
        assert client.read() == b"OK"
        client.expect_closed()
    expect_evicted(control, before, 1)
    other.ok("PING")


def test_a_share_of_maxmemory_counts_only_where_there_is_a_maxmemory(server, control):
    before = evicted(control)
    set_limit(control, "1%")
    queue_in_multi(server.client(), 3).ok("PING")
    control.ok("CONFIG", "SET", "maxmemory", "100mb")
    expect_evicted(control, before, 1)
    queue_in_multi(server.client(), 0).ok("PING")


def test_a_limit_too_low_to_talk_at_all_is_taken_as_128_kb(server, control):
    set_limit(control, "1")
    before = evicted(control)
    client = server.client()
    client.expect_alive()
    client.ok("SET", "k", b"x" * 1000)
    with pytest.raises(CUT):
        client.ok("MULTI")
        for _ in range(300):
            client.ok("SET", "k", b"x" * 1000)
    expect_evicted(control, before, 1)
    assert control.call("CONFIG", "GET", "maxmemory-clients") == [b"maxmemory-clients", b"1"]


def test_without_a_limit_nobody_is_cut_off(server, control):
    before = evicted(control)
    set_limit(control, "10mb")
    client = queue_in_multi(server.client(), 3)
    set_limit(control, "0")
    for _ in range(9):
        client.ok("SET", "k", b"x" * MEGABYTE)
    assert client.call("EXEC") == [b"OK"] * 12
    assert evicted(control) == before


@pytest.mark.target("fastredis", reason="real servers sum up only while there is a limit")
def test_info_and_client_list_tell_the_same_memory(server, control):
    control.ok("SET", "k", b"x" * MEGABYTE)
    queue_in_multi(server.client(), 2)
    server.client().ok("WATCH", b"k" * 100_000)
    server.client().send(encode_command("GET", "k") * 50)
    server.client().send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000000\r\n" + bytes(MEGABYTE))
    eventually(lambda: b"qbuf=10000" in control.call("CLIENT", "LIST"))
    listed = sum(int(line.split(b"tot-mem=")[1].split(b" ")[0])
                 for line in control.call("CLIENT", "LIST").splitlines())
    assert listed > 4 * MEGABYTE
    assert abs(int(numbers(control)["mem_clients_normal"]) - listed) < 100_000


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 is not asked to be as fast")
def test_many_clients_of_one_size_are_cut_off_at_once(server, control):
    before = evicted(control)
    clients = [server.client() for _ in range(500)]
    for client in clients:
        client.ok("MULTI")
        client.ok("SET", "k", b"x" * 100_000)
    set_limit(control, "1mb")
    eventually(lambda: evicted(control) > before + 480)
    assert int(numbers(control)["mem_clients_normal"]) <= 1 << 20
    left = 0
    for client in clients:
        with contextlib.suppress(*CUT):
            client.ok("PING")
            left += 1
    assert 0 < left < 12

"""CLIENT REPLY, PAUSE, UNPAUSE, KILL and UNBLOCK: commands that stop, silence or end connections.

Most tests hold several connections and assert what each of them sees, and when.
"""

from __future__ import annotations

import time

import pytest

from support.wire import TIME_SCALE, encode_commands, eventually

SINCE_7_2 = pytest.mark.target(
    "fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 does not have it yet")
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def arity(name: str) -> bytes:
    return f"-ERR wrong number of arguments for '{name}' command\r\n".encode()


def test_reply_off_silences_everything_until_on(client):
    client.send(encode_commands([("CLIENT", "REPLY", "OFF"), ("SET", "k", "v"), ("PING",),
                                 ("NOSUCH",), ("GET",), ("CLIENT", "REPLY", "ON"), ("GET", "k")]))
    assert [client.read_raw(), client.read_raw()] == [b"+OK\r\n", b"$1\r\nv\r\n"]
    client.expect_silence(0.01)


def test_reply_skip_silences_itself_and_the_next_command_only(client):
    client.send(encode_commands([("CLIENT", "REPLY", "SKIP"), ("SET", "k", "v"), ("GET", "k"),
                                 ("PING",)]))
    assert [client.read_raw(), client.read_raw()] == [b"$1\r\nv\r\n", b"+PONG\r\n"]


def test_reply_skip_within_off_changes_nothing(client):
    client.send(encode_commands([("CLIENT", "REPLY", "OFF"), ("CLIENT", "REPLY", "SKIP"), ("PING",),
                                 ("PING",), ("CLIENT", "REPLY", "ON"), ("PING", "x")]))
    assert [client.read_raw(), client.read_raw()] == [b"+OK\r\n", b"$1\r\nx\r\n"]


def test_reply_skip_silences_a_reset_too(client):
    client.send(encode_commands([("CLIENT", "REPLY", "SKIP"), ("RESET",), ("PING",)]))
    assert client.read_raw() == b"+PONG\r\n"


def test_reply_on_when_on_answers_ok(client):
    assert client.raw("CLIENT", "REPLY", "on") == b"+OK\r\n"
    assert client.raw("CLIENT", "REPLY", "x") == SYNTAX
    client.expect_alive()


@pytest.mark.parametrize("arguments, answer", [
    (["x"], b"-ERR timeout is not an integer or out of range\r\n"),
    (["1.5"], b"-ERR timeout is not an integer or out of range\r\n"),
    (["-1"], b"-ERR timeout is negative\r\n"),
    (["99999999999999999999"], b"-ERR timeout is not an integer or out of range\r\n"),
    (["0", "foo"], b"-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"),
    (["0"], b"+OK\r\n"), (["0", "ALL"], b"+OK\r\n"), (["0", "write"], b"+OK\r\n"),
])
def test_arguments_of_client_pause(client, arguments, answer):
    assert client.raw("CLIENT", "PAUSE", *arguments) == answer
    client.ok("CLIENT", "UNPAUSE")


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 overflows")
def test_client_pause_beyond_the_end_of_time_is_refused(client):
    assert client.raw("CLIENT", "PAUSE", "9223372036854775807") == (
        b"-ERR timeout is out of range\r\n")


@pytest.mark.target("fastredis", "redis", reason="Valkey ignores surplus arguments")
def test_client_pause_with_too_many_arguments(client):
    assert client.raw("CLIENT", "PAUSE", "0", "WRITE", "x") == (
        b"-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.\r\n")


def test_pause_of_writes_holds_writes_and_lets_reads_pass(client, connect):
    writer, reader = connect(), connect()
    writer.ok("SET", "k", "old")
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    writer.send(encode_commands([("SET", "k", "new"), ("GET", "k")]))
    assert [reader.raw("GET", "k"), reader.raw("PING")] == [b"$3\r\nold\r\n", b"+PONG\r\n"]
    writer.expect_silence(0.05)
    assert client.raw("CLIENT", "UNPAUSE") == b"+OK\r\n"
    assert [writer.read_raw(), writer.read_raw()] == [b"+OK\r\n", b"$3\r\nnew\r\n"]


def test_a_held_client_counts_as_blocked_and_its_timeout_runs_from_the_end(client, connect):
    waiting = connect()
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    waiting.request("BLPOP", "k", "0.1")
    eventually(lambda: b"blocked_clients:1\r" in client.call("INFO", "clients"))
    waiting.expect_silence(0.15)
    client.ok("CLIENT", "UNPAUSE")
    assert waiting.read_raw() == b"*-1\r\n"
    assert b"blocked_clients:0\r" in client.call("INFO", "clients")


def test_pause_of_all_holds_every_command_of_everybody_until_it_ends(client, connect):
    others = [connect() for _ in range(3)]
    started = time.monotonic()
    client.ok("CLIENT", "PAUSE", "200", "ALL")
    for other, command in zip(others, (("GET", "k"), ("PING",), ("CLIENT", "ID"))):
        other.request(*command)
    client.request("CLIENT", "UNPAUSE")
    for other in others:
        other.expect_silence(0.02)
    assert client.read_raw() == b"+OK\r\n"
    assert time.monotonic() - started >= 0.19
    assert [others[0].read_raw(), others[1].read_raw()] == [b"$-1\r\n", b"+PONG\r\n"]
    assert others[2].read() > 0


def test_pause_ends_by_itself_and_the_held_commands_run_in_order(client, connect):
    held = [connect() for _ in range(5)]
    started = time.monotonic()
    client.ok("CLIENT", "PAUSE", "150")
    for other in held:
        other.send(encode_commands([("INCR", "n"), ("PING",)]))
    assert [other.read() for other in held] == [1, 2, 3, 4, 5]
    assert 0.14 <= time.monotonic() - started < 3
    assert [other.read() for other in held] == [b"PONG"] * 5


def test_pause_holds_a_transaction_with_writes_at_exec(client, connect):
    other, reader = connect(), connect()
    other.pipeline([("MULTI",), ("GET", "k"), ("SET", "k", "v")])
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    other.request("EXEC")
    other.expect_silence(0.05)
    assert reader.pipeline_raw([("MULTI",), ("GET", "k"), ("EXEC",)])[-1] == b"*1\r\n$-1\r\n"
    client.ok("CLIENT", "UNPAUSE")
    assert other.read_raw() == b"*2\r\n$-1\r\n+OK\r\n"


def test_pause_holds_the_queueing_of_a_write(client, connect):
    other = connect()
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    assert other.pipeline([("MULTI",), ("GET", "k")]) == [b"OK", b"QUEUED"]
    other.request("SET", "k", "v")
    other.expect_silence(0.05)
    client.ok("CLIENT", "UNPAUSE")
    assert other.read_raw() == b"+QUEUED\r\n"
    assert other.raw("EXEC") == b"*2\r\n$-1\r\n+OK\r\n"


def test_a_shorter_pause_does_not_shorten_a_running_one(client, connect):
    other = connect()
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    client.ok("CLIENT", "PAUSE", "1", "WRITE")
    other.request("SET", "k", "v")
    other.expect_silence(0.1)
    client.ok("CLIENT", "UNPAUSE")
    assert other.read_raw() == b"+OK\r\n"


def test_keys_do_not_expire_while_writes_are_paused(client):
    client.ok("SET", "k", "v", "PX", "30")
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    time.sleep(0.08)
    assert client.raw("GET", "k") == b"$-1\r\n"
    assert client.call("TTL", "k") == -2
    assert client.call("TYPE", "k") == b"none"
    assert client.call("EXISTS", "k") == 0
    assert client.raw("RANDOMKEY") == b"$-1\r\n"
    client.raw("OBJECT", "ENCODING", "k")
    assert client.call("DBSIZE") == 1
    client.ok("CLIENT", "UNPAUSE")
    eventually(lambda: client.call("DBSIZE") == 0, what="expiry after the pause")


def test_paused_client_that_leaves_runs_nothing(client, connect):
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    with connect() as other:
        other.request("SET", "k", "v")
        other.expect_silence(0.02)
    client.ok("PING")
    client.ok("CLIENT", "UNPAUSE")
    client.expect_alive()


def test_kill_by_address_in_the_old_form(client, connect):
    victim = connect()
    assert client.raw("CLIENT", "KILL", victim.address) == b"+OK\r\n"
    victim.expect_closed()
    assert client.raw("CLIENT", "KILL", victim.address) == b"-ERR No such client\r\n"


@pytest.mark.parametrize("option", ["ID", "ADDR"])
def test_kill_one_connection_by_option(client, connect, option):
    victim, bystander = connect(), connect()
    value = victim.call("CLIENT", "ID") if option == "ID" else victim.address
    assert client.raw("CLIENT", "KILL", option, value) == b":1\r\n"
    victim.expect_closed()
    bystander.expect_alive()
    assert client.raw("CLIENT", "KILL", option.lower(), value) == b":0\r\n"


def test_kill_by_local_address_user_and_type_spares_the_caller(client, connect, server):
    for arguments in (["LADDR", f"127.0.0.1:{server.port}"], ["USER", "default"],
                      ["TYPE", "normal"], ["SKIPME", "yes"]):
        victims = [connect() for _ in range(3)]
        for victim in victims:
            victim.expect_alive()
        assert client.call("CLIENT", "KILL", *arguments) >= 3
        for victim in victims:
            victim.expect_closed()
        client.expect_alive()


def test_kill_without_skipme_closes_the_caller_after_its_reply(connect):
    caller = connect()
    number = caller.call("CLIENT", "ID")
    assert caller.raw("CLIENT", "KILL", "ID", number, "SKIPME", "yes") == b":0\r\n"
    assert caller.raw("CLIENT", "KILL", "ID", number, "SKIPME", "no") == b":1\r\n"
    caller.expect_closed()


def test_kill_of_oneself_in_the_old_form_closes_after_the_reply(connect):
    caller = connect()
    assert caller.raw("CLIENT", "KILL", caller.address) == b"+OK\r\n"
    caller.expect_closed()


def test_kill_of_oneself_drops_the_rest_of_the_pipeline(connect):
    caller = connect()
    number = caller.call("CLIENT", "ID")
    data = encode_commands([("CLIENT", "KILL", "ID", number, "SKIPME", "no"), ("SET", "k", "v")])
    assert caller.exchange(data) == b":1\r\n"
    assert connect().call("EXISTS", "k") == 0


def test_kill_options_must_all_match(client, connect):
    victim = connect()
    number = victim.call("CLIENT", "ID")
    assert client.raw("CLIENT", "KILL", "ID", number, "ADDR", "1.2.3.4:5") == b":0\r\n"
    assert client.raw("CLIENT", "KILL", "ID", number, "TYPE", "pubsub") == b":0\r\n"
    victim.expect_alive()
    assert client.raw("CLIENT", "KILL", "ID", number, "ADDR", victim.address, "USER", "default",
                      "TYPE", "normal") == b":1\r\n"
    victim.expect_closed()


@pytest.mark.needs_command("subscribe")
def test_kill_by_type_pubsub_closes_subscribers_only(client, connect):
    subscriber, normal = connect(), connect()
    subscriber.ok("SUBSCRIBE", "c")
    assert client.call("CLIENT", "KILL", "TYPE", "pubsub") == 1
    subscriber.expect_closed()
    normal.expect_alive()


@SINCE_7_2
def test_kill_by_age_spares_the_young(client, connect):
    old = connect()
    time.sleep(2.1)
    young = connect()
    young.expect_alive()
    assert client.call("CLIENT", "KILL", "MAXAGE", "1") >= 1
    old.expect_closed()
    young.expect_alive()
    assert client.raw("CLIENT", "KILL", "MAXAGE", "100000") == b":0\r\n"


def test_kill_discards_the_transaction_of_its_victim(client, connect):
    victim = connect()
    victim.pipeline([("MULTI",), ("SET", "k", "v")])
    assert client.raw("CLIENT", "KILL", victim.address) == b"+OK\r\n"
    victim.expect_closed()
    assert client.call("EXISTS", "k") == 0


@pytest.mark.parametrize("arguments, answer", [
    (["x"], b"-ERR No such client\r\n"), (["127.0.0.1:1"], b"-ERR No such client\r\n"),
    (["ID"], b"-ERR No such client\r\n"), (["SKIPME"], b"-ERR No such client\r\n"),
    (["ID", "0"], b"-ERR client-id should be greater than 0\r\n"),
    (["ID", "-1"], b"-ERR client-id should be greater than 0\r\n"),
    (["ID", "99999999"], b":0\r\n"), (["ADDR", "1.2.3.4:5"], b":0\r\n"),
    (["LADDR", "1:2"], b":0\r\n"), (["TYPE", "x"], b"-ERR Unknown client type 'x'\r\n"),
    (["TYPE", "master"], b":0\r\n"), (["TYPE", "replica"], b":0\r\n"),
    (["TYPE", "slave"], b":0\r\n"), (["USER", "nobody"], b"-ERR No such user 'nobody'\r\n"),
    (["USER", ""], b"-ERR No such user ''\r\n"), (["SKIPME", "foo"], SYNTAX),
    (["ID", "1", "FOO"], SYNTAX), (["FOO", "bar"], SYNTAX),
])
def test_kill_that_finds_nobody_or_is_wrong(client, arguments, answer):
    assert client.raw("CLIENT", "KILL", *arguments) == answer


@pytest.mark.target("fastredis", "redis", reason="Valkey takes several ids")
@pytest.mark.parametrize("arguments, answer", [
    (["ID", "x"], b"-ERR client-id should be greater than 0\r\n"), (["ID", "1", "2"], SYNTAX),
])
def test_kill_with_bad_ids(client, arguments, answer):
    assert client.raw("CLIENT", "KILL", *arguments) == answer


@SINCE_7_2
@pytest.mark.parametrize("value, answer", [
    ("x", b"-ERR maxage is not an integer or out of range\r\n"),
    ("99999999999999999999", b"-ERR maxage is not an integer or out of range\r\n"),
    ("0", b"-ERR maxage should be greater than 0\r\n"),
    ("-1", b"-ERR maxage should be greater than 0\r\n"),
])
def test_kill_with_a_bad_age(client, value, answer):
    assert client.raw("CLIENT", "KILL", "MAXAGE", value) == answer


@pytest.mark.needs_command("client|unblock")
@pytest.mark.parametrize("arguments, answer", [
    ([], arity("client|unblock")), (["x"], NOT_AN_INTEGER),
    (["99999999"], b":0\r\n"), (["99999999", "TIMEOUT"], b":0\r\n"),
    (["1", "foo"], b"-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
])
def test_unblock_of_nobody(client, arguments, answer):
    assert client.raw("CLIENT", "UNBLOCK", *arguments) == answer


@pytest.mark.needs_command("client|unblock")
def test_unblock_of_a_connection_that_is_not_blocked_changes_nothing(client, connect):
    other = connect()
    assert client.raw("CLIENT", "UNBLOCK", other.call("CLIENT", "ID")) == b":0\r\n"
    other.expect_alive()


def ids_of(clients) -> list:
    """Their ids, newest first."""
    return [client.call("CLIENT", "ID") for client in reversed(clients)]


@pytest.mark.target("fastredis", "redis", reason="Valkey lists a client once, in its own order")
def test_ten_thousand_ids_among_a_thousand_clients_are_listed_at_once(server, client):
    clients = [server.client() for _ in range(1000)]
    ids = ids_of(clients)
    started = time.monotonic()
    lines = client.call("CLIENT", "LIST", "ID", *ids * 10, *range(10**9, 10**9 + 10)).splitlines()
    assert time.monotonic() - started < 5 * TIME_SCALE
    assert [int(line[3:line.index(b" ")]) for line in lines] == ids * 10
    clients[0].close()
    eventually(lambda: client.call("CLIENT", "LIST", "ID", ids[-1]) == b"")


def test_ten_thousand_unblocks_and_kills_among_a_thousand_clients_are_quick(server, client):
    clients = [server.client() for _ in range(1000)]
    ids = ids_of(clients)
    for one in clients[::2]:
        one.send(encode_commands([("BLPOP", "nothing", "0")]))
    eventually(lambda: b"blocked_clients:500\r" in client.call("INFO", "clients"))
    started = time.monotonic()
    answers = client.pipeline([("CLIENT", "UNBLOCK", one) for one in ids * 10])
    assert answers == [0, 1] * 500 + [0] * 9000
    assert client.pipeline([("CLIENT", "KILL", "ID", one) for one in ids]) == [1] * 1000
    assert client.call("CLIENT", "KILL", "ID", ids[0]) == 0
    assert time.monotonic() - started < 10 * TIME_SCALE

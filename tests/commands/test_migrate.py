"""MIGRATE: keys that go over to another server, and what happens when something goes wrong."""

from __future__ import annotations

import random
import socket
import threading
import time
from typing import Callable, Iterator, List

import pytest

from support.server_process import ServerProcess, free_port
from support.wire import Client, encode_commands, eventually

from .dialogue import NOT_INTEGER, OK, SYNTAX, Dialogue, bulk, error

NOKEY = b"+NOKEY\r\n"
CONNECTING = error("IOERR error or timeout connecting to the client")
WRITING = error("IOERR error or timeout writing to target instance")
READING = error("IOERR error or timeout reading to target instance")
BUSY = "BUSYKEY Target key name already exists."
CHANGED = error("ERR Some keys changed while they were transferred: they stay as they are now, and "
                "the target has what they were before")
PREAMBLE = encode_commands([("SELECT", "0")])
VALUES = {
    b"number": b"-12345", b"big number": b"9223372036854775807", b"text": b"hello",
    b"empty": b"", b"": b"the empty key", b"bytes \x00\r\n\xff": bytes(range(256)),
    b"compressible": b"abc" * 50_000, b"large": bytes(range(251)) * 4177,
}


def refused(text: str) -> bytes:
    return error(f"ERR Target instance replied with error: {text}")


WRONG_PASSWORD = refused("WRONGPASS invalid username-password pair or user is disabled.")


@pytest.fixture
def destination(fresh_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A second server."""
    return fresh_server()


class Stub:
    """A target that does what a test says: it accepts one connection, shows what has come, and
    answers by hand."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._peer: socket.socket | None = None

    def peer(self) -> socket.socket:
        if self._peer is None:
            self._peer = self._listener.accept()[0]
            self._peer.settimeout(10)
        return self._peer

    def receive(self, end: bytes) -> bytes:
        """Everything that comes until it ends so."""
        data = b""
        while not data.endswith(end):
            part = self.peer().recv(65536)
            assert part, f"closed behind {data!r}"
            data += part
        return data

    def answer(self, data: bytes) -> None:
        self.peer().sendall(data)

    def close(self) -> None:
        self._listener.close()
        if self._peer is not None:
            self._peer.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.close()


def migrate(server, *arguments: object) -> List[str]:
    """A command line to a server (or a stub) on this machine."""
    return ["MIGRATE", "127.0.0.1", str(server.port), *map(str, arguments)]


def begin_to_stub(dialogue: Dialogue, stub: Stub, *options: str) -> None:
    """A transfer of key k that waits for the stub's answer to the RESTORE."""
    dialogue.begin(migrate(stub, "k", 0, 10_000, *options))
    stub.receive(PREAMBLE)
    stub.answer(OK)
    assert stub.peer().recv(65536).startswith(b"*")


# ---- what is transferred ----

def test_a_key_goes_over(dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.check([
        ("SET k v", OK),
        (migrate(destination, "k", 0, 1000), OK),
        ("EXISTS k", 0),
    ])
    assert destination.client().call("GET", "k") == b"v"


def test_every_kind_of_string_arrives_as_it_was(dialogue: Dialogue,
                                                destination: ServerProcess) -> None:
    for key, value in VALUES.items():
        dialogue.check([(["SET", key, value], OK)])
    dialogue.check([(migrate(destination, "", 0, 1000, "KEYS") + list(VALUES), OK), ("DBSIZE", 0)])
    there = destination.client()
    assert {key: there.call("GET", key) for key in VALUES} == VALUES


def test_a_refusal_ends_at_its_first_zero(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    begin_to_stub(dialogue, stub)
    stub.answer(b"-ERR no\0" + b"x" * 5000 + b"\r\n")
    assert dialogue.client.read_raw() == refused("ERR no")
    dialogue.check([("GET k", "v")])


def test_the_empty_key_can_go_alone(dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.check([(["SET", "", "v"], OK), (migrate(destination, "", 0, 1000), OK), ("DBSIZE", 0)])
    assert destination.client().call("GET", "") == b"v"


def test_the_time_to_live_goes_along(dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.ok("SET k v PX 50000", "SET soon v PX 400")
    dialogue.check([(migrate(destination, "", 0, 1000, "KEYS", "k", "soon"), OK)])
    there = destination.client()
    assert 40_000 < there.call("PTTL", "k") <= 50_000
    eventually(lambda: there.call("GET", "soon") != b"v", timeout_s=5)


def test_the_destination_database_is_selected(
        dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.check([
        ("SELECT 3", OK), ("SET k v", OK),
        (migrate(destination, "k", 5, 1000), OK),
        ("SET k w", OK),
        (migrate(destination, "k", 6, 1000), OK),
    ])
    there = destination.client()
    there.ok("SELECT", "5")
    assert there.call("GET", "k") == b"v"
    there.ok("SELECT", "6")
    assert there.call("GET", "k") == b"w"


def test_copy_keeps_the_key(dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.check([
        ("SET k v", OK), (migrate(destination, "k", 0, 1000, "copy"), OK), ("GET k", "v"),
    ])
    assert destination.client().call("GET", "k") == b"v"


def test_replace_overwrites_at_the_target(dialogue: Dialogue, destination: ServerProcess) -> None:
    there = destination.client()
    there.ok("SET", "k", "old")
    dialogue.check([
        ("SET k new", OK),
        (migrate(destination, "k", 0, 1000), refused(BUSY)),
        ("GET k", "new"),
        (migrate(destination, "k", 0, 1000, "REPLACE", "COPY"), OK),
        ("GET k", "new"),
    ])
    assert there.call("GET", "k") == b"new"


def test_only_keys_that_are_there_are_sent(
        dialogue: Dialogue, destination: ServerProcess) -> None:
    dialogue.check([
        (migrate(destination, "k", 0, 1000), NOKEY),
        (migrate(destination, "", 0, 1000, "KEYS"), NOKEY),
        (migrate(destination, "", 0, 1000, "KEYS", "a", "b"), NOKEY),
        ("SET b 1", OK),
        (migrate(destination, "", 0, 1000, "KEYS", "a", "b", "c"), OK),
        ("DBSIZE", 0),
    ])
    assert destination.client().call("KEYS", "*") == [b"b"]


def test_what_the_target_refuses_stays_and_the_rest_goes(dialogue: Dialogue,
                                                         destination: ServerProcess) -> None:
    destination.client().ok("SET", "b", "theirs")
    dialogue.check([
        ("MSET a 1 b 2 c 3", OK),
        (migrate(destination, "", 0, 1000, "KEYS", "a", "b", "c"), refused(BUSY)),
        ("EXISTS a", 0), ("GET b", "2"), ("EXISTS c", 0),
    ])
    assert destination.client().call("MGET", "a", "b", "c") == [b"1", b"theirs", b"3"]


def test_a_key_named_twice_is_refused_the_second_time(dialogue: Dialogue,
                                                      destination: ServerProcess) -> None:
    dialogue.check([
        ("SET k v", OK),
        (migrate(destination, "", 0, 1000, "KEYS", "k", "k"), refused(BUSY)),
        ("EXISTS k", 0), ("SET k v", OK),
        (migrate(destination, "", 0, 1000, "REPLACE", "KEYS", "k", "k"), OK),
        ("EXISTS k", 0),
    ])


def test_many_keys_go_in_one_command(dialogue: Dialogue, destination: ServerProcess) -> None:
    keys = [f"key:{i}" for i in range(30_000)]
    dialogue.ok(["MSET", *(word for key in keys for word in (key, "value of " + key))])
    dialogue.check([(migrate(destination, "", 0, 5000, "KEYS", *keys), OK), ("DBSIZE", 0)])
    assert destination.client().call("DBSIZE") == len(keys)


@pytest.mark.target("fastredis", reason="Redis writes everything before it reads")
def test_replies_are_read_while_the_request_is_written(dialogue: Dialogue, stub: Stub) -> None:
    keys = [f"key:{i}" for i in range(1000)]
    value = random.Random(1).randbytes(8000)
    dialogue.ok(["MSET", *(word for key in keys for word in (key, value))])
    dialogue.begin(migrate(stub, "", 0, 5000, "KEYS", *keys))
    stub.receive(PREAMBLE)
    stub.answer(OK)
    received = len(stub.peer().recv(1))
    # A target that reads no more until its replies are taken; neither fits in any buffer.
    stub.answer((b"+" + b"x" * 8000 + b"\r\n") * len(keys))
    while received < len(keys) * 8000:
        received += len(stub.peer().recv(1 << 20))
    assert dialogue.client.read_raw() == OK


# ---- arguments ----

def test_arguments_are_refused_in_order(dialogue: Dialogue) -> None:
    empty = error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty "
                  "string")
    dialogue.check([
        ("MIGRATE h 1 k 0 x", NOT_INTEGER), ("MIGRATE h 1 k x 1", NOT_INTEGER),
        ("MIGRATE h 1 nokey 0 1", NOKEY), ("MIGRATE h x nokey 0 1", NOKEY),
        ("MIGRATE h 1 k 0 x foo", SYNTAX), ("MIGRATE h 1 k 0 1 AUTH", SYNTAX),
        ("MIGRATE h 1 k 0 1 AUTH2 u", SYNTAX), ("MIGRATE h 1 k 0 1 AUTH2", SYNTAX),
        ("MIGRATE h 1 k 0 1 COPY REPLACE KEY", SYNTAX),
        ("MIGRATE h 1 k 0 1 KEYS a", empty), ("MIGRATE h 1 k 0 1 KEYS", empty),
        ("MIGRATE h 1 k 0 1 foo KEYS a", SYNTAX), ('MIGRATE h 1 "" 0 x KEYS a', NOT_INTEGER),
        ('MIGRATE h 1 "" 0 1 KEYS COPY foo', NOKEY), ("MIGRATE h 1 nokey 0 1 AUTH COPY", NOKEY),
        ("MIGRATE h 1 nokey 0 1 auth2 a b copy copy", NOKEY),
        ("MIGRATE h 1 k 0", error("ERR wrong number of arguments for 'migrate' command")),
    ])


# ---- passwords ----

def test_a_password_opens_the_target(dialogue: Dialogue,
                                     fresh_server: Callable[..., ServerProcess]) -> None:
    destination = fresh_server("--requirepass", "secret")
    dialogue.check([
        ("MSET a 1 b 2 c 3", OK),
        (migrate(destination, "a", 0, 1000), refused("NOAUTH Authentication required.")),
        (migrate(destination, "a", 0, 1000, "AUTH", "wrong"), WRONG_PASSWORD),
        (migrate(destination, "a", 0, 1000, "AUTH", "secret"), OK),
        (migrate(destination, "b", 0, 1000, "AUTH2", "default", "secret"), OK),
        (migrate(destination, "", 0, 1000, "AUTH", "secret", "KEYS", "c"), OK), ("DBSIZE", 0)])
    there = destination.client()
    there.ok("AUTH", "secret")
    assert there.call("MGET", "a", "b", "c") == [b"1", b"2", b"3"]
    # A kept connection used to go on with the password that it was opened with.
    there.ok("CONFIG", "SET", "requirepass", "other")
    dialogue.ok("SET d 4")
    dialogue.check([(migrate(destination, "d", 0, 1000, "AUTH", "secret"), WRONG_PASSWORD)])


@pytest.mark.target("fastredis", reason="Redis reuses a connection whoever has logged in on it")
def test_nobody_comes_in_with_the_password_of_another(
        dialogue: Dialogue, fresh_server: Callable[..., ServerProcess]) -> None:
    destination = fresh_server("--requirepass", "secret")
    dialogue.check([
        ("MSET a 1 b 2", OK), (migrate(destination, "a", 0, 1000, "AUTH", "secret"), OK),
        (migrate(destination, "b", 0, 1000), refused("NOAUTH Authentication required.")),
        (migrate(destination, "b", 0, 1000, "AUTH", "guess"), WRONG_PASSWORD),
        ("GET b", "2")])


@pytest.mark.target("fastredis", reason="Redis stores the keys in whatever database is selected")
def test_nothing_is_sent_where_the_preamble_is_refused(dialogue: Dialogue,
                                                       destination: ServerProcess) -> None:
    no_password = ("ERR AUTH <password> called without any password configured for the default "
                   "user. Are you sure your configuration is correct?")
    dialogue.check([
        ("SET k v", OK),
        (migrate(destination, "k", 99, 1000), refused("ERR DB index is out of range")),
        (migrate(destination, "k", -1, 1000), refused("ERR DB index is out of range")),
        (migrate(destination, "k", 0, 1000, "AUTH", "x"), refused(no_password)),
        ("GET k", "v"),
    ])
    assert destination.client().call("DBSIZE") == 0


# ---- targets that do not work ----

def test_a_target_that_is_not_there(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k v", OK),
        (["MIGRATE", "127.0.0.1", str(free_port()), "k", "0", "1000"], WRITING),
        ("MIGRATE 127.0.0.1 none k 0 1000", WRITING),
        ("MIGRATE 127.0.0.1 0 k 0 1000", WRITING),
        ('MIGRATE "" 1 k 0 1000', CONNECTING),
        ("GET k", "v"),
    ])


@pytest.mark.parametrize("timeout_ms", [150, 0, -5])
def test_a_target_that_never_answers(dialogue: Dialogue, stub: Stub, timeout_ms: int) -> None:
    began = time.monotonic()
    dialogue.check([
        ("SET k v", OK), (migrate(stub, "k", 0, timeout_ms), READING), ("GET k", "v"),
    ])
    expected = 0.15 if timeout_ms > 0 else 1.0
    assert expected * 0.9 <= time.monotonic() - began < expected + 2


def test_a_target_that_closes(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    dialogue.begin(migrate(stub, "k", 0, 5000))
    stub.peer()
    stub.close()
    assert dialogue.client.read_raw() in (READING, WRITING)
    dialogue.check([("GET k", "v")])


def test_what_was_acknowledged_before_the_connection_broke_is_gone(dialogue: Dialogue,
                                                                   stub: Stub) -> None:
    dialogue.ok("MSET a 1 b 2")
    dialogue.begin(migrate(stub, "", 0, 5000, "KEYS", "a", "b"))
    received = b""
    answered = False
    while received.count(b"RESTORE") < 2:
        received += stub.peer().recv(65536)
        if not answered:
            stub.answer(OK)      # the SELECT, which Redis sends together with the rest
            answered = True
    stub.answer(OK)
    stub.close()
    assert dialogue.client.read_raw() == READING
    dialogue.check([("EXISTS a", 0), ("GET b", "2")])


@pytest.mark.target("fastredis", reason="Redis takes every line that is no error for a yes")
def test_an_answer_of_something_else_is_no_acknowledgement(dialogue: Dialogue,
                                                           stub: Stub) -> None:
    dialogue.ok("SET k v")
    dialogue.begin(migrate(stub, "k", 0, 5000))
    stub.peer()
    stub.answer(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")
    assert dialogue.client.read_raw() in (READING, WRITING)
    dialogue.check([("GET k", "v")])


@pytest.mark.target("fastredis", reason="texts of any length")
def test_a_long_error_of_the_target_is_cut(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    begin_to_stub(dialogue, stub)
    stub.answer(b"-ERR " + b"x" * 3000 + b"\r\n")
    told = dialogue.client.read_raw()
    assert told.startswith(refused("ERR xxx")[:-2]) and 200 < len(told) < 512
    dialogue.check([("GET k", "v")])


# ---- meanwhile ----

LOOP_GOES_ON = pytest.mark.target("fastredis", reason="Redis serves nobody while it transfers")


@LOOP_GOES_ON
def test_others_are_served_while_a_target_is_silent(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    other = dialogue.other()
    begin_to_stub(dialogue, stub)
    began = time.monotonic()
    other.check([("GET k", "v"), ("SET x 1", OK)])
    assert time.monotonic() - began < 1
    stub.answer(OK)
    assert dialogue.client.read_raw() == OK
    other.check([("EXISTS k", 0)])


@LOOP_GOES_ON
def test_what_follows_in_the_pipeline_waits(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    dialogue.begin(migrate(stub, "k", 0, 5000), ["EXISTS", "k"], ["SET", "k", "w"])
    stub.receive(PREAMBLE)
    stub.answer(OK)
    stub.peer().recv(65536)
    dialogue.other().check([("GET k", "v")])
    stub.answer(OK)
    assert [dialogue.client.read_raw() for _ in range(3)] == [OK, b":0\r\n", OK]


@LOOP_GOES_ON
@pytest.mark.parametrize("change", [
    "SET k w", "APPEND k w", "DEL k", "EXPIRE k 100", "RENAME k l", "FLUSHALL", "SWAPDB 0 1",
])
def test_a_key_that_changes_meanwhile_stays_as_it_is(dialogue: Dialogue, stub: Stub,
                                                     change: str) -> None:
    dialogue.ok("SET k v")
    other = dialogue.other()
    begin_to_stub(dialogue, stub)
    other.ok(change)
    before = other.raw("GET k")
    stub.answer(OK)
    assert dialogue.client.read_raw() == CHANGED
    assert other.raw("GET k") == before


@LOOP_GOES_ON
def test_a_key_that_was_changed_and_changed_back_goes(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    begin_to_stub(dialogue, stub)
    dialogue.other().ok("SET k w", "SET k v", "GET k")
    stub.answer(OK)
    assert dialogue.client.read_raw() == OK
    dialogue.check([("EXISTS k", 0)])


@LOOP_GOES_ON
def test_a_copy_minds_no_change(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    begin_to_stub(dialogue, stub, "COPY")
    dialogue.other().ok("SET k w")
    stub.answer(OK)
    assert dialogue.client.read_raw() == OK
    dialogue.check([("GET k", "w")])


@LOOP_GOES_ON
def test_a_key_that_comes_due_meanwhile_counts_as_gone_over(dialogue: Dialogue,
                                                            stub: Stub) -> None:
    dialogue.ok("SET k v PX 60")
    begin_to_stub(dialogue, stub)
    time.sleep(0.12)
    stub.answer(OK)
    assert dialogue.client.read_raw() == OK


@LOOP_GOES_ON
def test_a_change_wakes_those_who_watch_the_key(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    other = dialogue.other()
    other.ok("WATCH k", "MULTI")
    begin_to_stub(dialogue, stub)
    stub.answer(OK)
    assert dialogue.client.read_raw() == OK
    assert other.raw("EXEC") in (b"*-1\r\n", b"_\r\n")


@LOOP_GOES_ON
def test_the_transfer_is_carried_out_when_the_client_has_gone(dialogue: Dialogue,
                                                              stub: Stub) -> None:
    dialogue.ok("SET k v")
    other = dialogue.other()
    begin_to_stub(dialogue, stub)
    dialogue.client.close()
    eventually(lambda: b"blocked_clients:0" in other.raw("INFO clients"), timeout_s=5)
    other.check([("GET k", "v")])
    stub.answer(OK)
    eventually(lambda: other.call("EXISTS k") == 0, timeout_s=5)


@LOOP_GOES_ON
@pytest.mark.parametrize("reason, told", [
    ("TIMEOUT", READING), ("ERROR", error("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
])
def test_a_transfer_that_is_called_off_keeps_the_key(dialogue: Dialogue, stub: Stub, reason: str,
                                                     told: bytes) -> None:
    dialogue.ok("SET k v")
    identity = dialogue.call("CLIENT ID")
    other = dialogue.other()
    begin_to_stub(dialogue, stub)
    other.check([(f"CLIENT UNBLOCK {identity} {reason}", 1)])
    assert dialogue.client.read_raw() == told
    stub.answer(OK)
    eventually(lambda: other.call("INFO stats").count(b"migrate_cached_sockets:0") == 0,
               timeout_s=5)
    dialogue.check([("GET k", "v")])


@LOOP_GOES_ON
def test_a_muted_client_is_not_told(dialogue: Dialogue, stub: Stub) -> None:
    dialogue.ok("SET k v")
    dialogue.begin(["CLIENT", "REPLY", "SKIP"], migrate(stub, "k", 0, 5000), ["EXISTS", "k"])
    stub.receive(PREAMBLE)
    stub.answer(OK)
    stub.peer().recv(65536)
    stub.answer(OK)
    assert dialogue.client.read_raw() == b":0\r\n"


@LOOP_GOES_ON
def test_more_transfers_than_threads_all_end(dialogue: Dialogue,
                                             destination: ServerProcess) -> None:
    others = [dialogue.other() for _ in range(40)]
    dialogue.ok(["MSET", *(word for i in range(40) for word in (f"k{i}", "v"))])
    for i, other in enumerate(others):
        other.begin(migrate(destination, f"k{i}", i % 3, 5000))
    assert [other.client.read_raw() for other in others] == [OK] * 40
    dialogue.check([("DBSIZE", 0)])


@LOOP_GOES_ON
def test_a_server_can_be_its_own_target(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k v", OK),
        (migrate(dialogue.server, "k", 1, 1000), OK),
        ("EXISTS k", 0), ("SELECT 1", OK), ("GET k", "v"),
    ])


@LOOP_GOES_ON
def test_two_servers_can_exchange_keys_at_once(
        dialogue: Dialogue, destination: ServerProcess) -> None:
    there = destination.client()
    for i in range(50):
        dialogue.ok(f"SET here{i} {i}")
        there.ok("SET", f"there{i}", str(i))
    for i in range(50):
        dialogue.begin(migrate(destination, f"here{i}", 0, 5000))
        there.send(encode_commands([migrate(dialogue.server, f"there{i}", 0, 5000)]))
    assert [dialogue.client.read_raw() for _ in range(50)] == [OK] * 50
    assert [there.read_raw() for _ in range(50)] == [OK] * 50
    dialogue.check([("DBSIZE", 50), ("GET there7", "7")])


# ---- transactions ----

def test_inside_a_transaction_it_is_done_when_exec_answers(dialogue: Dialogue,
                                                           destination: ServerProcess) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k v", b"+QUEUED\r\n"),
        (migrate(destination, "k", 0, 1000), b"+QUEUED\r\n"), ("EXISTS k", b"+QUEUED\r\n"),
        (migrate(destination, "k", 0, 1000), b"+QUEUED\r\n"),
        ("EXEC", b"*4\r\n+OK\r\n+OK\r\n:0\r\n+NOKEY\r\n"),
    ])
    assert destination.client().call("GET", "k") == b"v"


def test_inside_a_transaction_a_silent_target_is_an_error(dialogue: Dialogue,
                                                          stub: Stub) -> None:
    dialogue.check([
        ("SET k v", OK), ("MULTI", OK), (migrate(stub, "k", 0, 50), b"+QUEUED\r\n"),
        ("GET k", b"+QUEUED\r\n"), ("EXEC", b"*2\r\n" + READING + b"$1\r\nv\r\n"),
    ])


# ---- connections that are kept ----

def _stat(client: Client, name: bytes) -> int:
    return int(client.call("INFO", "stats").split(name + b":")[1].split()[0])


def test_a_connection_is_kept_for_the_next_transfer(
        fresh_server: Callable[..., ServerProcess], destination: ServerProcess) -> None:
    here, there = fresh_server().client(), destination.client()
    opened = _stat(there, b"total_connections_received")
    for _ in range(20):
        here.ok("SET", "k", "v")
        assert here.raw(*migrate(destination, "k", 0, 1000, "REPLACE")) == OK
    assert _stat(there, b"total_connections_received") - opened == 1
    assert _stat(here, b"migrate_cached_sockets") == 1


def test_a_kept_connection_that_was_closed_is_replaced(dialogue: Dialogue,
                                                       destination: ServerProcess) -> None:
    there = destination.client()
    dialogue.check([("SET k v", OK), (migrate(destination, "k", 0, 1000), OK), ("SET k v", OK)])
    assert there.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 1
    dialogue.check([(migrate(destination, "k", 0, 1000, "REPLACE"), OK), ("EXISTS k", 0)])


# ---- other servers ----

@pytest.mark.target("fastredis", reason="compares with a real server")
def test_keys_go_to_a_real_server_and_come_back(dialogue: Dialogue,
                                                oracle: ServerProcess) -> None:
    for key, value in VALUES.items():
        dialogue.ok(["SET", key, value, "PX", "90000"])
    dialogue.check([(migrate(oracle, "", 2, 2000, "KEYS") + list(VALUES), OK), ("DBSIZE", 0)])
    there = oracle.client()
    there.ok("SELECT", "2")
    assert {key: there.call("GET", key) for key in VALUES} == VALUES
    assert 80_000 < there.call("PTTL", "text") <= 90_000
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        there.raw(*migrate(dialogue.server, "", 0, 2000, "KEYS"), *VALUES)))
    thread.start()
    thread.join(10)
    assert answers == [OK]
    assert there.call("DBSIZE") == 0
    dialogue.check([(["GET", key], bulk(value)) for key, value in VALUES.items()])

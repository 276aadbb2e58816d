"""What the server records of commands: SLOWLOG and LATENCY; and ROLE and MODULE."""

from __future__ import annotations

import re
import time
from typing import Iterator, List

import pytest
from support.wire import Client, Error, Verbatim, eventually

from .dialogue import NULL, OK, Dialogue, arity, array, error

COUNT = error("ERR count should be greater than or equal to -1")


@pytest.fixture
def slowlog(dialogue: Dialogue) -> Iterator[Dialogue]:
    """A dialogue whose commands are all logged, from an empty log on."""
    dialogue.ok("CONFIG SET slowlog-max-len 128", "CONFIG SET slowlog-log-slower-than 0",
                "SLOWLOG RESET")
    yield dialogue
    dialogue.ok("CONFIG SET slowlog-log-slower-than 10000 slowlog-max-len 128", "SLOWLOG RESET")


def logged(dialogue: Dialogue, count: int = -1) -> List[List[bytes]]:
    """The arguments of the logged commands, newest first, without what asked for them."""
    entries = dialogue.call(f"SLOWLOG GET {count}")
    return [entry[3] for entry in entries if entry[3][0].upper() != b"SLOWLOG"]


def test_slowlog_entries_tell_what_when_how_long_and_who(slowlog: Dialogue) -> None:
    slowlog.ok("CLIENT SETNAME tester", "DEBUG SLEEP 0.01")
    number, second, duration_us, arguments, address, name = slowlog.call("SLOWLOG GET 1")[0]
    assert arguments == [b"DEBUG", b"SLEEP", b"0.01"] and name == b"tester"
    assert 10_000 <= duration_us < 2_000_000 and abs(second - time.time()) < 5
    assert address.decode().startswith("127.0.0.1:")
    assert slowlog.call("SLOWLOG GET 1")[0][0] == number + 1


def test_slowlog_shortens_what_is_long(slowlog: Dialogue) -> None:
    slowlog.ok(["SET", "k", "x" * 1000], ["DEL"] + ["k"] * 50)
    delete, put = logged(slowlog)[:2]
    assert put == [b"SET", b"k", b"x" * 128 + b"... (872 more bytes)"]
    assert len(delete) == 32 and delete[-1] == b"... (20 more arguments)"


def test_slowlog_never_holds_a_password(slowlog: Dialogue) -> None:
    for command in ("AUTH secret1", "AUTH user secret2", "HELLO 3 AUTH user secret3",
                    "CONFIG SET masterauth secret4 hz 10", "CONFIG SET masterauth ''"):
        slowlog.raw(command)
    texts = b" ".join(b" ".join(arguments) for arguments in logged(slowlog))
    assert b"secret" not in texts and texts.count(b"(redacted)") >= 6
    assert b"hz 10" in texts


@pytest.mark.target("fastredis", "redis", reason="Valkey shortens the log with the next entry")
def test_slowlog_has_waits_that_were_served_ran_out_or_were_ended(slowlog: Dialogue) -> None:
    """Only those that were served were there."""
    waiting = [slowlog.other() for _ in range(3)]
    numbers = [other.call("CLIENT ID") for other in waiting]
    waiting[0].begin("BLPOP served 0")
    waiting[1].begin("BLPOP out 0.01")
    waiting[2].begin("BLPOP ended 0")
    waiting[1].client.read_raw()
    slowlog.call("RPUSH served x")
    waiting[0].client.read_raw()
    eventually(lambda: slowlog.call(f"CLIENT UNBLOCK {numbers[2]}") == 1)
    waiting[2].client.read_raw()
    found = [words[1] for words in logged(slowlog) if words[0] == b"BLPOP"]
    assert sorted(found) == [b"ended", b"out", b"served"]


def test_slowlog_keeps_the_newest_of_its_length(slowlog: Dialogue) -> None:
    slowlog.ok(*[f"SET k {number}" for number in range(20)])
    assert slowlog.call("SLOWLOG LEN") >= 20 and len(slowlog.call("SLOWLOG GET")) == 10
    slowlog.ok("CONFIG SET slowlog-max-len 3")
    assert slowlog.call("SLOWLOG LEN") == 3 == len(slowlog.call("SLOWLOG GET -1"))


@pytest.mark.target("fastredis", "redis>=8", reason="others log the CONFIG SET that stops the log")
def test_a_slowlog_that_is_stopped_can_still_be_read(slowlog: Dialogue) -> None:
    """A length of 0 threw away what was being looked for."""
    slowlog.ok("PING", "PING")
    length = slowlog.call("SLOWLOG LEN") + 1  # this command is logged as well
    slowlog.ok("CONFIG SET slowlog-max-len 0", "PING")
    assert slowlog.call("SLOWLOG LEN") == length > 2


@pytest.mark.target("fastredis", "redis", reason="Valkey shortens the log with the next entry")
def test_a_shorter_slowlog_drops_entries_with_the_next_one(slowlog: Dialogue) -> None:
    slowlog.ok("PING", "PING", "PING", "CONFIG SET slowlog-log-slower-than -1")
    length = slowlog.call("SLOWLOG LEN")
    slowlog.ok("CONFIG SET slowlog-max-len 1")
    assert slowlog.call("SLOWLOG LEN") == length >= 3
    slowlog.ok("CONFIG SET slowlog-log-slower-than 0")
    assert slowlog.call("SLOWLOG LEN") == 1


def test_a_slowlog_of_no_length_counts_nothing(slowlog: Dialogue) -> None:
    """Entries were numbered and thrown away."""
    slowlog.ok("PING")
    number = slowlog.call("SLOWLOG GET 1")[0][0]
    slowlog.ok("CONFIG SET slowlog-max-len 0", "PING", "PING", "CONFIG SET slowlog-max-len 10")
    assert slowlog.call("SLOWLOG GET 1")[0][0] <= number + 2


def test_slowlog_logs_the_commands_of_a_transaction_and_not_exec(slowlog: Dialogue) -> None:
    slowlog.ok("MULTI", "SET k v", "EXEC")
    names = [arguments[0] for arguments in logged(slowlog)]
    assert b"SET" in names and b"EXEC" not in names


def test_slowlog_threshold_decides(slowlog: Dialogue) -> None:
    slowlog.ok("CONFIG SET slowlog-log-slower-than 5000", "SLOWLOG RESET", "SET k v",
               "DEBUG SLEEP 0.006")
    assert logged(slowlog) == [[b"DEBUG", b"SLEEP", b"0.006"]]
    slowlog.ok("CONFIG SET slowlog-log-slower-than -1", "SLOWLOG RESET", "DEBUG SLEEP 0.006")
    assert logged(slowlog) == []


def test_slowlog_checks_its_arguments(dialogue: Dialogue) -> None:
    dialogue.check([("SLOWLOG GET 0", array()), ("SLOWLOG RESET", OK),
                    ("SLOWLOG LEN x", arity("slowlog|len")), ("SLOWLOG", arity("slowlog")),
                    ("SLOWLOG GET 1 2", error("ERR unknown subcommand or wrong number of "
                                              "arguments for 'GET'. Try SLOWLOG HELP.")),
                    ("SLOWLOG X", error("ERR unknown subcommand 'X'. Try SLOWLOG HELP."))])
    dialogue.check_all(["SLOWLOG GET -2", "SLOWLOG GET x"], COUNT)


@pytest.fixture
def monitor(dialogue: Dialogue) -> Iterator[Dialogue]:
    """A dialogue with the latency monitor at 5 ms, from an empty one on."""
    dialogue.ok("CONFIG SET latency-monitor-threshold 5", "LATENCY RESET")
    yield dialogue
    dialogue.ok("CONFIG SET latency-monitor-threshold 0", "LATENCY RESET")


@pytest.mark.target("fastredis", "redis", reason="Valkey adds fields")
def test_latency_monitor_records_the_worst_of_each_second(monitor: Dialogue) -> None:
    monitor.ok("SET k v", "DEBUG SLEEP 0.008", "DEBUG SLEEP 0.02", "DEBUG SLEEP 0.008")
    events = {event[0]: event[1:] for event in monitor.call("LATENCY LATEST")}
    second, _, worst_ms = events[b"command"]
    assert abs(second - time.time()) < 5 and 20 <= worst_ms < 2000
    history = monitor.call("LATENCY HISTORY command")
    assert 1 <= len(history) <= 3 and max(delay for _, delay in history) == worst_ms
    monitor.check([("LATENCY HISTORY nosuch", array()),
                   ("LATENCY RESET nosuch command", b":1\r\n"), ("LATENCY LATEST", array())])


def test_latency_reports_are_text(monitor: Dialogue) -> None:
    assert monitor.call("LATENCY DOCTOR")
    monitor.ok("DEBUG SLEEP 0.01")
    for command in ("LATENCY DOCTOR", "LATENCY GRAPH command"):
        reply = monitor.call(command)
        assert isinstance(reply, Verbatim) is (monitor.protocol == 3)
        assert re.search(rb"command.* \d+ ?ms", bytes(reply)), command
    monitor.check([("LATENCY GRAPH nosuch", error("ERR No samples available for event 'nosuch'")),
                   ("LATENCY GRAPH", arity("latency|graph"))])


def test_latency_histogram_counts_calls_up_to_each_bound(dialogue: Dialogue) -> None:
    def histogram(names: str) -> dict:
        reply = dialogue.call(f"LATENCY HISTOGRAM {names}")
        return as_dict(reply)

    dialogue.ok("CONFIG RESETSTAT", "DEBUG SLEEP 0.01", *["SET k v"] * 50)
    found = histogram("set nosuch config debug")
    assert set(found) == {b"set", b"config|resetstat", b"debug"}
    found = {name: as_dict(value) for name, value in found.items()}
    assert found[b"set"][b"calls"] == 50
    counts = as_dict(found[b"set"][b"histogram_usec"])
    assert max(counts.values()) == 50 and list(counts.values()) == sorted(counts.values())
    [(bound_us, calls)] = as_dict(found[b"debug"][b"histogram_usec"]).items()
    assert calls == 1 and 10_000 <= bound_us < 4_000_000
    assert set(histogram("")) >= {b"set", b"debug", b"latency|histogram"}
    dialogue.ok("CONFIG SET latency-tracking no", "CONFIG RESETSTAT", "GET k")
    assert histogram("get") == {}
    dialogue.ok("CONFIG SET latency-tracking yes")


def as_dict(reply: object) -> dict:
    """A map reply of either protocol."""
    return reply.to_dict() if hasattr(reply, "to_dict") else dict(zip(reply[::2], reply[1::2]))


def test_role_of_a_primary(dialogue: Dialogue) -> None:
    reply = dialogue.call("ROLE")
    assert reply[0] == b"master" and isinstance(reply[1], int) and reply[2] == []
    dialogue.check([("ROLE x", arity("role"))])


@pytest.mark.target("fastredis", reason="it has no modules; others come with some")
def test_there_are_no_modules_and_none_can_be_loaded(dialogue: Dialogue, fresh_server) -> None:
    dialogue.check([("MODULE LIST", array()), ("MEMORY USAGE nosuch", NULL)])
    assert dialogue.raw("MODULE LOAD /x").startswith(b"-ERR MODULE command not allowed.")
    client: Client = fresh_server("--enable-module-command", "local").client()
    for command, told in (("MODULE LOAD /x", b"ERR Error loading the extension."),
                          ("MODULE LOADEX /x ARGS a", b"ERR Error loading the extension."),
                          ("MODULE UNLOAD x", b"ERR Error unloading module: no such module")):
        reply = client.call(*command.split())
        assert isinstance(reply, Error) and reply.startswith(told)


def test_memory_tells_where_it_goes(dialogue: Dialogue) -> None:
    dialogue.ok(["SET", "k", "v" * 100_000])
    numbers = dialogue.call("MEMORY STATS")
    numbers = dict(numbers if dialogue.protocol == 3 else zip(numbers[::2], numbers[1::2]))
    assert numbers[b"keys.count"] == 1
    assert 100_000 < numbers[b"dataset.bytes"] < numbers[b"total.allocated"]
    assert numbers[b"total.allocated"] <= numbers[b"peak.allocated"]
    dialogue.check([("MEMORY PURGE", OK)])
    for text in ("MEMORY DOCTOR", "MEMORY MALLOC-STATS"):
        assert len(dialogue.call(text)) > 40


def test_debug_protocol_shows_each_type(dialogue: Dialogue) -> None:
    is_resp3 = dialogue.protocol == 3
    dialogue.check([
        ("DEBUG PROTOCOL string", b"$11\r\nHello World\r\n"),
        ("DEBUG PROTOCOL INTEGER", b":12345\r\n"),
        ("DEBUG PROTOCOL double", b",3.141\r\n" if is_resp3 else b"$5\r\n3.141\r\n"),
        ("DEBUG PROTOCOL null", NULL), ("DEBUG PROTOCOL array", b"*3\r\n:0\r\n:1\r\n:2\r\n"),
        ("DEBUG PROTOCOL set", b"~3\r\n:0\r\n:1\r\n:2\r\n" if is_resp3
         else b"*3\r\n:0\r\n:1\r\n:2\r\n"),
        ("DEBUG PROTOCOL map", b"%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n" if is_resp3
         else b"*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n"),
        ("DEBUG PROTOCOL true", b"#t\r\n" if is_resp3 else b":1\r\n"),
        ("DEBUG PROTOCOL false", b"#f\r\n" if is_resp3 else b":0\r\n"),
        ("DEBUG PROTOCOL bignum", (b"(%s\r\n" if is_resp3 else b"$37\r\n%s\r\n")
         % b"1234567999999999999999999999999999999"),
        ("DEBUG PROTOCOL verbatim", (b"=29\r\ntxt:" if is_resp3 else b"$25\r\n")
         + b"This is a verbatim\nstring\r\n"),
        ("DEBUG ERROR FOO bar", error("ERR unknown subcommand or wrong number of arguments for "
                                      "'ERROR'. Try DEBUG HELP.")),
        (["DEBUG", "ERROR", "FOO bar\r\nbaz"], error("FOO bar  baz"))])
    wrong = dialogue.raw("DEBUG PROTOCOL nosuch")
    assert wrong.startswith(b"-ERR Wrong protocol type name.")

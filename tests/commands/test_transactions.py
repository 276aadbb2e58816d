"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: what is queued, what aborts, and what WATCH sees."""

from __future__ import annotations

import time
from typing import List, Sequence

import pytest

from .dialogue import (
    NOT_INTEGER, NULL, NULL_ARRAY, OK, QUEUED, SYNTAX, Dialogue, arity, array, error, mapping,
    simple)

ABORTED = error("EXECABORT Transaction discarded because of previous errors.")
EXEC_ARITY = error("EXECABORT Transaction discarded because of: wrong number of arguments for "
                   "'exec' command")
NO_MULTI = {name: error(f"ERR {name} without MULTI") for name in ("EXEC", "DISCARD")}
REDIS_WAY = pytest.mark.target("fastredis", "redis", reason="Valkey 9 aborts the transaction")
NEEDS_SORT = pytest.mark.needs_command("sort")
NEEDS_REPLICATION = pytest.mark.needs_command("sync", "psync")
PONG = simple("PONG")


def test_exec_runs_what_was_queued(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k 1", QUEUED), ("INCR k", QUEUED), ("GET k", QUEUED),
        ("GET missing", QUEUED), ("PING", QUEUED), ("EXEC", array(OK, 2, "2", NULL, PONG)),
        ("GET k", "2"), ("EXEC", NO_MULTI["EXEC"])])


def test_nothing_happens_before_exec(dialogue: Dialogue) -> None:
    other = dialogue.other()
    dialogue.check([("MULTI", OK), ("SET k 1", QUEUED), ("INCR n", QUEUED)])
    other.check([("EXISTS k n", 0), ("INCR n", 1)])
    dialogue.check([("EXEC", array(OK, 2))])
    other.check([("GET k", "1")])


def test_an_empty_transaction_answers_with_an_empty_array(dialogue: Dialogue) -> None:
    dialogue.check([("MULTI", OK), ("EXEC", array()), ("EXEC", NO_MULTI["EXEC"])])


def test_discard_forgets_what_was_queued(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k 1", QUEUED), ("DISCARD", OK), ("EXISTS k", 0),
        ("DISCARD", NO_MULTI["DISCARD"]), ("EXEC", NO_MULTI["EXEC"]), ("MULTI", OK),
        ("EXEC", array())])


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI x", arity("multi")), ("EXEC x", EXEC_ARITY), ("DISCARD x", arity("discard")),
        ("WATCH", arity("watch")), ("UNWATCH x", arity("unwatch")), ("EXEC", NO_MULTI["EXEC"])])


def test_an_error_while_running_does_not_stop_the_rest(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k text", QUEUED), ("INCR k", QUEUED), ("EXPIRE k x", QUEUED),
        ("SET k v NX XX", QUEUED), ("APPEND k !", QUEUED), ("GET k", QUEUED),
        ("EXEC", array(OK, NOT_INTEGER, NOT_INTEGER, SYNTAX, 5, "text!"))])


@pytest.mark.parametrize("bad, expected", [
    ("SET k", arity("set")), ("GET a b", arity("get")), ("MULTI x", arity("multi")),
    ("WATCH", arity("watch")), ("DISCARD x", arity("discard")),
    ("NOSUCH a", error("ERR unknown command 'NOSUCH', with args beginning with: 'a' ")),
    ("OBJECT NOSUCH k", error("ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.")),
    ("OBJECT ENCODING", arity("object|encoding")), ("CONFIG", arity("config")),
    ("CLIENT ID x", arity("client|id")), ("TIME x", arity("time"))])
def test_an_error_while_queueing_aborts_the_transaction(dialogue: Dialogue, bad: str,
                                                       expected: bytes) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k 1", QUEUED), (bad, expected), ("SET k 2", QUEUED),
        ("EXEC", ABORTED), ("EXISTS k", 0), ("EXEC", NO_MULTI["EXEC"]), ("MULTI", OK),
        ("SET k 3", QUEUED), (bad, expected), ("DISCARD", OK), ("MULTI", OK), ("SET k 4", QUEUED),
        ("EXEC", array(OK)), ("GET k", "4")])


def test_exec_with_an_argument_ends_the_transaction(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("SET k 1", QUEUED),
        ("EXEC x", EXEC_ARITY),
        ("EXEC", NO_MULTI["EXEC"]), ("EXISTS k", 0)])


@REDIS_WAY
def test_a_nested_multi_is_refused_and_does_no_harm(dialogue: Dialogue) -> None:
    nested = error("ERR MULTI calls can not be nested")
    dialogue.check([("MULTI", OK), ("MULTI", nested), ("SET k 1", QUEUED), ("MULTI", nested),
                    ("EXEC", array(OK)), ("GET k", "1")])


@REDIS_WAY
def test_watch_inside_a_transaction_is_refused_and_does_no_harm(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("WATCH k", error("ERR WATCH inside MULTI is not allowed")),
        ("SET k 1", QUEUED), ("EXEC", array(OK))])


@REDIS_WAY
@pytest.mark.parametrize("command", [
    "SHUTDOWN NOSAVE", pytest.param("SYNC", marks=NEEDS_REPLICATION),
    pytest.param("PSYNC ? -1", marks=NEEDS_REPLICATION)])
def test_commands_that_no_transaction_can_hold_abort_it(dialogue: Dialogue, command: str) -> None:
    dialogue.check([
        ("MULTI", OK), (command, error("ERR Command not allowed inside a transaction")),
        ("EXEC", ABORTED), ("PING", PONG)])


def test_unwatch_select_and_flushes_can_be_queued(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k 1", OK), ("MULTI", OK), ("UNWATCH", QUEUED), ("SELECT 1", QUEUED),
        ("SET k 2", QUEUED), ("SELECT 99", QUEUED), ("SWAPDB 0 1", QUEUED), ("GET k", QUEUED),
        ("FLUSHDB", QUEUED), ("DBSIZE", QUEUED),
        ("EXEC", array(OK, OK, OK, error("ERR DB index is out of range"), OK, "1", OK, 0)),
        ("EXISTS k", 0), ("SELECT 0", OK), ("GET k", "2")])


def test_a_queued_select_still_holds_after_exec(dialogue: Dialogue) -> None:
    dialogue.check([("MULTI", OK), ("SELECT 3", QUEUED), ("EXEC", array(OK)), ("SET k 3", OK),
                    ("SELECT 0", OK), ("EXISTS k", 0), ("MULTI", OK), ("SELECT 3", QUEUED),
                    ("DISCARD", OK), ("EXISTS k", 0)])


def test_reset_and_quit_are_not_queued(dialogue: Dialogue) -> None:
    dialogue.check([("MULTI", OK), ("SET k 1", QUEUED), ("RESET", simple("RESET")),
                    ("EXEC", NO_MULTI["EXEC"]), ("EXISTS k", 0), ("MULTI", OK), ("QUIT", OK)])
    dialogue.client.expect_closed()


def test_a_protocol_switch_inside_a_transaction_shapes_what_follows(dialogue: Dialogue) -> None:
    client = dialogue.client
    dialogue.check([("MULTI", OK), ("GET missing", QUEUED), ("HELLO 2", QUEUED),
                    ("GET missing", QUEUED), ("HELLO 3", QUEUED), ("GET missing", QUEUED),
                    ("LCS a a IDX", QUEUED)])
    raw = client.raw("EXEC")
    first = b"_\r\n" if dialogue.protocol == 3 else b"$-1\r\n"
    assert raw.startswith(b"*6\r\n" + first + b"*14\r\n")
    assert raw.endswith(b"_\r\n" + mapping("matches", array(), "len", 0)(3))
    assert b"$-1\r\n%7\r\n" in raw
    assert client.raw("GET", "missing") == b"_\r\n"


def test_a_transaction_of_many_commands(dialogue: Dialogue) -> None:
    count = 5000
    commands = [["MULTI"], *[["INCR", "k"]] * count, ["EXEC"]]
    replies = dialogue.client.pipeline(commands)
    assert replies[:2] == [b"OK", b"QUEUED"] and replies[-1] == list(range(1, count + 1))


def test_queued_arguments_are_kept_whatever_the_buffer_does(dialogue: Dialogue) -> None:
    """Arguments must be owned by the queue: the buffer they came in is used again at once."""
    values = [bytes([65 + n % 26]) * (n * 37 % 5000) for n in range(200)]
    dialogue.check([("MULTI", OK)])
    for number, value in enumerate(values):
        dialogue.check([(["SET", f"k{number}", value], QUEUED)])
    dialogue.check([("EXEC", array(*[OK] * len(values)))])
    for number, value in enumerate(values):
        assert dialogue.call(f"GET k{number}") == value


def test_a_transaction_can_be_cut_anywhere_by_packets(dialogue: Dialogue) -> None:
    data = (b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n")
    for cut in range(1, len(data), 3):
        dialogue.client.send(data[:cut])
        dialogue.client.send(data[cut:])
        replies = [dialogue.client.read_raw() for _ in range(4)]
        assert replies == [OK, QUEUED, QUEUED, b"*2\r\n+OK\r\n$5\r\nvalue\r\n"]


def test_a_closed_connection_leaves_nothing_behind(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.check([("WATCH k", OK), ("MULTI", OK), ("SET k 1", QUEUED)])
    other.client.close()
    dialogue.check([("SET k 2", OK), ("GET k", "2")])


class Watching:
    """One connection watches and runs a transaction, another interferes in between."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.other = dialogue.other()

    def aborts(self, setup: Sequence[str], between: Sequence[str], keys: str = "w",
               own: Sequence[str] = (), pause_s: float = 0) -> bool:
        """True when EXEC answers null; `own` are commands of the watching connection."""
        self.dialogue.ok("FLUSHALL", "UNWATCH", "SELECT 0", *setup, f"WATCH {keys}", *own)
        self.other.ok("SELECT 0", *between)
        time.sleep(pause_s)
        self.dialogue.check([("MULTI", OK), ("SET mark 1", QUEUED)])
        raw = self.dialogue.raw("EXEC")
        aborted = raw == NULL_ARRAY(self.dialogue.protocol)
        assert aborted or raw == array(OK)(self.dialogue.protocol)
        return aborted


@pytest.fixture
def watching(dialogue: Dialogue) -> Watching:
    """Two connections; see Watching."""
    return Watching(dialogue)


SET = ["SET w 1"]
SET_EX = ["SET w 1 EX 1000"]


@pytest.mark.parametrize("setup, between", [
    (SET, ["SET w 2"]), (SET, ["SET w 1"]), ([], ["SET w 1"]), ([], ["SET w 1", "DEL w"]),
    (SET, ["DEL w", "SET w 1"]), (SET, ["DEL w"]), (SET, ["UNLINK w"]), (SET, ["INCRBY w 0"]),
    (SET, ["INCR w"]), (SET, ["INCRBYFLOAT w 0"]), (SET, ['APPEND w ""']), (SET, ["APPEND w x"]),
    (SET, ["SETRANGE w 0 1"]), (SET, ["GETSET w 1"]), (SET, ["GETDEL w"]), (SET, ["MSET a 1 w 1"]),
    ([], ["MSETNX a 1 w 1"]), ([], ["SETNX w 1"]), (SET, ["SETEX w 100 1"]),
    (SET, ["EXPIRE w 100"]), (SET, ["EXPIRE w -1"]), (SET, ["PEXPIREAT w 1"]),
    (SET_EX, ["PERSIST w"]), (SET, ["GETEX w EX 100"]), (SET_EX, ["GETEX w PERSIST"]),
    (SET, ["RENAME w a"]), (["SET a 1"], ["RENAME a w"]), (["SET a 1"], ["RENAMENX a w"]),
    (["SET a 1"], ["COPY a w"]), (SET, ["MOVE w 1"]),
    (["SELECT 1", "SET w 1", "SELECT 0"], ["SELECT 1", "MOVE w 0"]),
    pytest.param(SET, ["SORT missing STORE w"], marks=NEEDS_SORT),
    (SET, ["SET w 2 EXAT 1"]), (SET, ["FLUSHALL"]), (SET, ["FLUSHDB"]),
    (SET, ["FLUSHALL ASYNC"]), (SET, ["SELECT 1", "FLUSHALL"]),
    (SET, ["MULTI", "SET w 2", "EXEC"])])
def test_watch_sees_every_write(watching: Watching, setup: List[str], between: List[str]) -> None:
    assert watching.aborts(setup, between)
    watching.dialogue.check([("EXISTS mark", 0)])


@pytest.mark.parametrize("setup, between", [
    (SET, []), (SET, ["GET w"]), (SET, ["TOUCH w"]), (SET, ["SET w 2 NX"]), ([], ["SET w 2 XX"]),
    (SET, ["SETNX w 2"]), (SET, ["MSETNX a 1 w 1"]), ([], ["DEL w"]), ([], ["EXPIRE w 100"]),
    ([], ["EXPIREAT w 1"]), (SET_EX, ["EXPIRE w 100 NX"]), (SET, ["PERSIST w"]),
    (SET, ["GETEX w"]), (SET, ["GETEX w PERSIST"]), (SET, ['SETRANGE w 0 ""']),
    (SET, ["RENAME w w"]), (SET, ["COPY w a"]),
    (SET, ["SET a 1"]), (SET, ["SELECT 1", "SET w 2"]), (SET, ["SELECT 1", "FLUSHDB"]),
    ([], ["FLUSHALL"]), (["SET a 1"], ["FLUSHALL"]),
    pytest.param([], ["SORT missing STORE w"], marks=NEEDS_SORT),
    (SET, ["OBJECT ENCODING w"]), (SET, ["LCS w w"]), (SET, ["DUMP w"]),
    (SET, ["MULTI", "SET w 2", "DISCARD"]), (SET, ["SWAPDB 0 0"]), (SET, ["SWAPDB 2 3"]),
    ([], ["SWAPDB 0 1"])])
def test_watch_ignores_what_changes_nothing(watching: Watching, setup: List[str],
                                           between: List[str]) -> None:
    assert not watching.aborts(setup, between)
    watching.dialogue.check([("GET mark", "1")])


@pytest.mark.parametrize("command", ["INCR w", "SET w v NX XX", "EXPIRE w x", "SETRANGE w -1 x",
                                     "RENAME missing w", "RESTORE w 0 bad REPLACE"])
def test_watch_ignores_failed_commands(watching: Watching, command: str) -> None:
    watching.dialogue.ok("FLUSHALL", "SET w text", "WATCH w")
    assert watching.other.raw(command).startswith(b"-")
    watching.dialogue.check([("MULTI", OK), ("GET w", QUEUED), ("EXEC", array("text"))])


@pytest.mark.parametrize("setup", [
    SET, ["SELECT 1", "SET w 1", "SELECT 0"], ["SET w 1", "SELECT 1", "SET w 1", "SELECT 0"]],
    ids=["here", "there", "both"])
def test_watch_sees_swapdb_when_either_database_has_the_key(watching: Watching,
                                                           setup: List[str]) -> None:
    assert watching.aborts(setup, ["SWAPDB 0 1"])
    assert watching.aborts(setup, ["SWAPDB 1 0"])
    assert watching.aborts(setup, ["SWAPDB 0 1", "SWAPDB 0 1"])


@pytest.mark.parametrize("here, aborts", [([], False), (["SET w 1 PX 1"], False),
                                          (["SET w 1"], True)], ids=["none", "stale", "alive"])
def test_an_expired_key_that_swapdb_brings_counts_as_missing(watching: Watching, here: List[str],
                                                             aborts: bool) -> None:
    """It used to abort where the key was missing before."""
    watching.dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 0")
    assert aborts == watching.aborts(
        ["SELECT 1", "SET w 1 PX 1", "SELECT 0", *here, "DEBUG SLEEP 0.005"], ["SWAPDB 0 1"])
    watching.dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 1")


def test_watch_sees_the_connections_own_writes(watching: Watching) -> None:
    assert watching.aborts(SET, [], own=["SET w 2"])
    assert watching.aborts(SET, [], own=["SET w 2", "WATCH w"])
    assert watching.aborts(SET, [], own=["SET w 2", "WATCH other"])
    assert not watching.aborts(SET, [], own=["SET w 2", "UNWATCH", "WATCH w"])
    assert not watching.aborts(SET, [], own=["GET w"])


def test_watch_ends_with_exec_discard_unwatch_and_reset(watching: Watching) -> None:
    assert not watching.aborts(SET, [], own=["SET w 2", "UNWATCH"])
    assert not watching.aborts(SET, [], own=["SET w 2", "MULTI", "DISCARD"])
    for ending, answer in (("EXEC", NULL_ARRAY), ("DISCARD", OK)):
        dialogue = watching.dialogue
        dialogue.check([("SET w 1", OK), ("WATCH w", OK), ("SET w 2", OK), ("MULTI", OK),
                        (ending, answer), ("SET w 3", OK), ("MULTI", OK), ("EXEC", array())])
    watching.dialogue.check([
        ("WATCH w", OK), ("SET w 4", OK), ("MULTI", OK), ("GET a b", arity("get")),
        ("EXEC", ABORTED), ("SET w 5", OK), ("MULTI", OK), ("EXEC", array())])
    watching.dialogue.ok("WATCH w", "SET w 6", "RESET")
    assert watching.dialogue.client.raw("MULTI") == OK
    assert watching.dialogue.client.raw("EXEC") == b"*0\r\n"


def test_queueing_errors_win_over_a_touched_key(watching: Watching) -> None:
    watching.dialogue.check([
        ("WATCH w", OK), ("SET w 1", OK), ("MULTI", OK), ("GET a b", arity("get")),
        ("EXEC", ABORTED)])


def test_watch_takes_several_keys_of_several_databases(watching: Watching) -> None:
    for touched in ("a", "b", "c"):
        assert watching.aborts(["MSET a 1 b 1"], [f"SET {touched} 2"], keys="a b c a")
    assert not watching.aborts(["MSET a 1 b 1"], ["SET d 2"], keys="a b c a")
    elsewhere = ["SELECT 1", "WATCH x", "SELECT 0"]
    assert watching.aborts([], ["SELECT 1", "SET x 1"], own=elsewhere)
    assert not watching.aborts([], ["SET x 1"], own=elsewhere)
    assert watching.aborts([], ["SET w 1"], own=["SELECT 1"])


def test_many_connections_watch_one_key(dialogue: Dialogue) -> None:
    others = [dialogue.other() for _ in range(20)]
    for other in others:
        other.check([("WATCH w", OK), ("MULTI", OK), ("GET w", QUEUED)])
    others[0].client.close()
    others[1].check([("DISCARD", OK), ("MULTI", OK), ("GET w", QUEUED)])
    dialogue.check([("SET w 1", OK)])
    others[1].check([("EXEC", array("1"))])
    for other in others[2:]:
        other.check([("EXEC", NULL_ARRAY), ("GET w", "1")])


def test_watch_sees_a_key_expire_though_nobody_touches_it(watching: Watching) -> None:
    assert watching.aborts(["SET w 1 PX 30"], [], pause_s=0.06)
    watching.dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 0")
    assert watching.aborts(["SET w 1 PX 30"], [], pause_s=0.06)
    assert not watching.aborts(["SET w 1 PX 5000"], [], pause_s=0.01)


def test_a_key_that_was_expired_when_watched_counts_as_missing(watching: Watching) -> None:
    watching.dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 0")
    expired = ["SET w 1 PX 1", "DEBUG SLEEP 0.005"]
    for between in ([], ["GET w"], ["DEL w"], ["FLUSHALL"], ["SCAN 0"], ["SWAPDB 2 3"]):
        assert not watching.aborts(expired, between), between
    assert watching.aborts(expired, ["SET w 1"])


def test_a_transaction_sees_one_moment(dialogue: Dialogue) -> None:
    """A key does not expire between two commands of one transaction."""
    for _ in range(20):
        dialogue.ok("SET k v PX 15")
        dialogue.client.pipeline([["MULTI"], *[["EXISTS", "k"], ["SET", "pad", "x" * 1000]] * 2000])
        seen = dialogue.call("EXEC")[::2]
        assert len(set(seen)) == 1
        dialogue.ok("DEL k")


def test_incr_with_watch_loses_no_update(dialogue: Dialogue) -> None:
    """Optimistic locking as people use it: four connections count by turns of chance."""
    clients = [dialogue.other() for _ in range(4)]
    done = [0] * 4
    turn = 0
    while min(done) < 20:
        number = turn * 7 % 4
        client = clients[number]
        client.ok("WATCH n")
        value = int(client.call("GET n") or 0)
        if turn % 3 == 0:
            clients[(number + 1) % 4].ok("INCR n")
        client.ok("MULTI", f"SET n {value + 1}")
        raw = client.raw("EXEC")
        if raw != NULL_ARRAY(dialogue.protocol):
            done[number] += 1
            assert turn % 3 != 0
        else:
            assert turn % 3 == 0
        turn += 1
        assert turn < 1000
    interference = (turn + 2) // 3
    dialogue.check([("GET n", str(sum(done) + interference))])

"""The differential test tests itself: that it sees what differs, and only that."""

from __future__ import annotations

import socket
import threading
from random import Random
from typing import Iterator, List, Tuple

import pytest
from support.server_process import ServerProcess, Target
from support.wire import NULL, NULL_ARRAY, NULL_BULK, Array, Bulk, Error, Map, split_replies

from . import encodings, payload
from .compare import Judge
from .families import FAMILIES
from .grammar import Argv, Generator, is_safe, names_in, short_time_ms
from .known_differences import KNOWN_DIFFERENCES, Context
from .pair import Address
from .reduce import minimize
from .runner import Runner, draw_steps, show_step

OLD = Context("redis", (7, 0, 15), "fastredis", (0, 1))


def verdict(argv: Argv, oracle: bytes, target: bytes, queued: Tuple[Argv, ...] = (),
            context: Context = OLD):
    judge = Judge(context, KNOWN_DIFFERENCES)
    return judge.judge(argv, queued, split_replies(oracle)[0], split_replies(target)[0])


@pytest.mark.parametrize("oracle, target", [
    (b"+OK\r\n", b"$2\r\nOK\r\n"), (b"$-1\r\n", b"*-1\r\n"), (b"$-1\r\n", b"_\r\n"),
    (b":1\r\n", b":2\r\n"), (b":1\r\n", b"$1\r\n1\r\n"), (b"$0\r\n\r\n", b"$-1\r\n"),
    (b"-ERR syntax error\r\n", b"-ERR Syntax error\r\n"), (b"*0\r\n", b"*-1\r\n"),
    (b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"), (b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n"),
    (b",1.5\r\n", b",1.50\r\n"), (b"#t\r\n", b":1\r\n"), (b"%1\r\n:1\r\n:2\r\n",
                                                         b"*2\r\n:1\r\n:2\r\n")])
def test_replies_that_differ_in_one_detail_are_different(oracle: bytes, target: bytes) -> None:
    assert verdict([b"GET", b"a"], oracle, target).unexplained
    assert verdict([b"GET", b"a"], oracle, oracle).same


@pytest.mark.parametrize("argv, oracle, target, same", [
    ([b"ttl", b"a"], b":1000\r\n", b":1001\r\n", True),
    ([b"TTL", b"a"], b":1000\r\n", b":1010\r\n", False),
    ([b"TTL", b"a"], b":-1\r\n", b":-2\r\n", False),
    ([b"TTL", b"a"], b":0\r\n", b":-1\r\n", False),
    ([b"PEXPIRETIME", b"a"], b":1700000000000\r\n", b":1700000000003\r\n", True),
    ([b"PEXPIRETIME", b"a"], b":5000000000000\r\n", b":5000000000001\r\n", False),
    ([b"OBJECT", b"idletime", b"a"], b":0\r\n", b":1\r\n", True),
    ([b"OBJECT", b"IDLETIME", b"a"], b":0\r\n", b"$-1\r\n", False),
    ([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", True),
    ([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\na\r\n$1\r\na\r\n", False),
    ([b"RANDOMKEY"], b"$1\r\na\r\n", b"$1\r\nb\r\n", True),
    ([b"RANDOMKEY"], b"$1\r\na\r\n", b"$-1\r\n", False),
    ([b"TIME"], b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n", b"-ERR no\r\n", False),
    ([b"CONFIG", b"GET", b"*"], b"%2\r\n+a\r\n+1\r\n+b\r\n+2\r\n",
     b"%2\r\n+b\r\n+2\r\n+a\r\n+1\r\n", True)])
def test_volatile_replies_are_compared_as_far_as_they_mean_something(
        argv: Argv, oracle: bytes, target: bytes, same: bool) -> None:
    assert verdict(argv, oracle, target).same is same


def test_the_reply_of_exec_is_judged_by_the_commands_that_were_queued() -> None:
    queued = ([b"TTL", b"a"], [b"GET", b"a"])
    oracle = b"*2\r\n:1000\r\n$1\r\nv\r\n"
    assert verdict([b"EXEC"], oracle, b"*2\r\n:1001\r\n$1\r\nv\r\n", queued).same
    assert verdict([b"EXEC"], oracle, b"*2\r\n:1001\r\n$1\r\nw\r\n", queued).unexplained
    assert verdict([b"EXEC"], oracle, b"*2\r\n:1001\r\n+v\r\n", queued).unexplained
    assert verdict([b"EXEC"], oracle, b"*1\r\n:1001\r\n", queued).unexplained
    assert verdict([b"EXEC"], oracle, b"*-1\r\n", queued).unexplained


def test_payloads_are_compared_by_what_they_hold() -> None:
    def reply(data: bytes) -> bytes:
        return b"$%d\r\n%b\r\n" % (len(data), data)

    argv = [b"DUMP", b"a"]
    plain, packed = (payload.encode_string(b"a" * 50, compress) for compress in (False, True))
    assert plain != packed
    assert verdict(argv, reply(plain), reply(packed)).same
    assert verdict(argv, reply(plain), reply(payload.encode_string(b"a" * 51))).unexplained
    assert verdict(argv, reply(plain), reply(packed[:-1] + b"\x00")).unexplained


def test_payloads_of_collections_are_compared_whatever_their_form() -> None:
    def reply(body: bytes) -> bytes:
        data = payload.sign(body)
        return b"$%d\r\n%b\r\n" % (len(data), data)

    argv = [b"DUMP", b"a"]
    table, packed, numbers = encodings.sets([b"2", b"1"])
    assert verdict(argv, reply(table), reply(packed)).same
    assert verdict(argv, reply(table), reply(numbers)).same
    assert verdict(argv, reply(table), reply(encodings.sets([b"2", b"3"])[1])).unexplained
    pairs = encodings.hashes({b"f": b"v", b"g": b"w"})
    assert verdict(argv, reply(pairs[0]), reply(pairs[3])).same
    assert verdict(argv, reply(pairs[0]), reply(encodings.hashes({b"f": b"v"})[3])).unexplained
    items = encodings.lists([b"a", b"b"])
    assert verdict(argv, reply(items[0]), reply(items[3])).same
    assert verdict(argv, reply(items[0]), reply(encodings.lists([b"b", b"a"])[3])).unexplained
    assert verdict(argv, reply(items[0]), reply(table)).unexplained


def test_known_differences_explain_only_their_own_versions() -> None:
    argv, oracle, target = [b"SCAN", b""], b"*2\r\n$1\r\n0\r\n*0\r\n", b"-ERR invalid cursor\r\n"
    assert verdict(argv, oracle, target).known.name == "scan cursor text"
    newer = Context("redis", (8, 0, 6), "fastredis", (0, 1))
    assert verdict(argv, oracle, target, context=newer).unexplained
    assert verdict([b"SCAN", b"12"], oracle, target).unexplained


@pytest.mark.parametrize("argv, safe", [
    ([b"SET", b"a", b"v", b"EX", b"1"], False), ([b"SET", b"a", b"v", b"ex", b"200000"], True),
    ([b"SET", b"a", b"v", b"PX", b"200000"], False), ([b"SET", b"a", b"v", b"EX", b"-1"], True),
    ([b"SET", b"a", b"v", b"EX", b"9223372036854775807"], True),
    ([b"EXPIRE", b"a", b"5"], False), ([b"EXPIRE", b"a", b"0"], True),
    ([b"PEXPIRE", b"a", b"200000000", b"GT"], True), ([b"EXPIREAT", b"a", b"5"], True),
    ([b"setrange", b"a", b"500000000", b"x"], False),
    ([b"SETRANGE", b"a", b"536870912", b"x"], True),
    ([b"SET", b"a", b"v", b"PX", b"5"], True), ([b"PEXPIRE", b"a", b"3"], False),
    ([b"AUTH", b"nobody", b"x"], False), ([b"AUTH", b"default", b"x"], True),
    ([b"HELLO", b"3", b"AUTH", b"nobody", b"x"], False), ([b"WAIT", b"1", b"0"], False),
    ([b"WAITAOF", b"1", b"1", b"0"], False), ([b"WAITAOF", b"1", b"0", b"0"], True),
    ([b"CLIENT", b"PAUSE", b"9"], False), ([b"CLIENT", b"PAUSE", b"0"], True),
    ([b"client", b"reply", b"skip"], False), ([b"MEMORY", b"USAGE", b"a"], False),
    ([b"SORT", b"a", b"alpha", b"STORE", b"b"], False), ([b"SORT", b"a", b"ALPHA"], True),
    ([b"SORT", b"tosort", b"BY", b"w_*", b"LIMIT", b"0", b"1"], True),
    ([b"SORT", b"tosort", b"BY", b"w_*", b"LIMIT", b"0", b"1", b"ALPHA"], False),
    ([b"RESTORE", b"a", b"100", b"x"], False), ([b"RESTORE", b"a", b"100", b"x", b"absttl"], True)])
def test_commands_that_depend_on_timing_are_not_sent(argv: Argv, safe: bool) -> None:
    assert is_safe(argv) is safe


@pytest.mark.parametrize("argv, wait_ms", [
    ([b"SET", b"a", b"v", b"px", b"5"], 5), ([b"SET", b"a", b"v", b"EX", b"5"], 0),
    ([b"PSETEX", b"a", b"4", b"v"], 4), ([b"PEXPIRE", b"a", b"8"], 8), ([b"GET", b"a"], 0),
    ([b"PEXPIRE", b"a", b"0"], 0), ([b"RESTORE", b"a", b"6", b"x"], 6),
    ([b"RESTORE", b"a", b"6", b"x", b"ABSTTL"], 0)])
def test_a_short_time_is_waited_for(argv: Argv, wait_ms: int) -> None:
    assert short_time_ms(argv) == wait_ms


def test_commands_of_one_server_only_are_not_drawn() -> None:
    generator = Generator(FAMILIES, absent=[b"SORT", b"EVAL"])
    drawn = [argv for _, argv in draw_steps(generator, Random(3), 20000)]
    assert not {b"SORT", b"EVAL"} & {name for argv in drawn for name in names_in(argv)}
    assert names_in([b"command", b"getkeys", b"sort", b"k"]) == [b"COMMAND", b"SORT"]
    assert b"SORT_RO" in {argv[0].upper() for argv in drawn}


@pytest.mark.parametrize("lying_runner", [(b"$2\r\nv2\r\n", b"$2\r\nv3\r\n")], indirect=True)
def test_a_key_with_a_short_time_is_gone_at_the_next_step(lying_runner: Runner) -> None:
    """The lie would be seen if the key were still there, in a transaction too."""
    soon = [(0, [b"SET", b"a", b"v2", b"PX", b"5"])]
    assert lying_runner.difference(soon + [(1, [b"GET", b"a"])], deep=False) is None
    queued = [(0, [b"MULTI"])] + soon + [(0, [b"EXEC"]), (0, [b"GET", b"a"])]
    assert lying_runner.difference(queued, deep=False) is None
    assert lying_runner.difference(queued[:2] + [(0, [b"GET", b"a"]), (0, [b"EXEC"])], deep=False)


def test_the_generator_is_reproducible_and_reaches_every_command() -> None:
    generator = Generator(FAMILIES)
    first, again = (draw_steps(generator, Random(11), 3000) for _ in range(2))
    assert first == again
    drawn = {argv[0].upper() for _, argv in draw_steps(generator, Random(12), 20000)}
    named = {rule.name[0] for family in FAMILIES for rule in family.rules}
    assert named <= drawn
    assert all(is_safe(argv) for _, argv in first)


def test_minimize_finds_the_two_items_that_matter() -> None:
    tried: List[int] = []

    def fails(items: List[int]) -> bool:
        tried.append(len(items))
        return 17 in items and 70 in items

    assert minimize(list(range(100)), fails) == [17, 70]
    assert len(tried) < 200
    assert minimize([5], lambda items: True) == [5]


def test_payloads_survive_encoding_and_decoding() -> None:
    rng = Random(5)
    values = [b"", b"v", b"-1", b"128", b"-32769", b"2147483648", b"01", b"a" * 500,
              bytes(range(256)) * 80, bytes(rng.choice(b"ab") for _ in range(3000)),
              bytes(rng.randrange(256) for _ in range(3000))]
    for value in values:
        for compress in (False, True):
            assert payload.decode(payload.encode_string(value, compress)) == (0, value)
    assert payload.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


class LyingProxy:
    """Passes bytes between a client and a server, and alters one reply on its way back."""

    def __init__(self, port: int, truth: bytes, lie: bytes) -> None:
        self._port, self._truth, self._lie = port, truth, lie
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address(*self._listener.getsockname())
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            for source, sink, alter in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=(source, sink, alter),
                                 daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, alter: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data.replace(self._truth, self._lie) if alter else data)
        except OSError:
            pass
        finally:
            for sock in (source, sink):
                sock.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def second_oracle(oracle_target: Target) -> Iterator[ServerProcess]:
    """A real server beside the shared one."""
    server = ServerProcess(oracle_target)
    yield server
    server.stop()
    server.remove_directory()


@pytest.fixture
def lying_runner(request: pytest.FixtureRequest, oracle: ServerProcess,
                 second_oracle: ServerProcess) -> Iterator[Runner]:
    """Compares two equal servers, one of them seen through a proxy that lies."""
    proxy = LyingProxy(second_oracle.port, *request.param)
    context = Context("redis", (7, 0), "redis", (7, 0))
    runner = Runner(Address(oracle.host, oracle.port), proxy.address, context, 2)
    yield runner
    runner.close()
    proxy.close()


@pytest.mark.parametrize("lying_runner", [(b"ERR no such key", b"ERR no such kex")],
                         indirect=True)
def test_a_single_altered_error_text_is_found_and_reduced(lying_runner: Runner) -> None:
    steps = [(0, [b"PING"])] * 30 + [(1, [b"RENAME", b"x", b"y"])] + [(2, [b"PING"])] * 30
    assert "kex" in lying_runner.difference(steps, deep=False)
    shortest = minimize(steps, lambda some: bool(lying_runner.difference(some, deep=False)))
    assert [show_step(step) for step in shortest] == ["conn1> RENAME x y"]


@pytest.mark.parametrize("lying_runner", [(b"embstr", b"embstx")], indirect=True)
def test_the_deep_comparison_sees_what_no_step_asked_for(lying_runner: Runner) -> None:
    steps = [(0, [b"SELECT", b"2"]), (0, [b"SET", b"a", b"text"])]
    assert lying_runner.difference(steps, deep=False) is None
    assert "database 2" in lying_runner.difference(steps)


@pytest.mark.parametrize("lying_runner", [(b"+QUEUED", b"+QUEUEX")], indirect=True)
def test_a_seeded_run_reports_a_reproduction(lying_runner: Runner) -> None:
    report = lying_runner.run(300, seed=3)
    assert report.unexplained >= 1
    for found in report.found:
        assert found.reproduced
        assert [argv[0].upper() for _, argv in found.steps][0] == b"MULTI"
        assert len(found.steps) == 2
    assert "seed 3" in report.text()


def test_a_crash_of_one_server_is_found_and_reduced(oracle_target: Target) -> None:
    """SHUTDOWN stands for a crash: one server has no such command, the other one is gone."""
    servers = [ServerProcess(oracle_target, ("--rename-command", "SHUTDOWN", "")),
               ServerProcess(oracle_target)]
    try:
        runner = Runner(*map(Address.of, servers), OLD, 2)
        steps = [(0, [b"PING"])] * 20 + [(1, [b"SHUTDOWN", b"NOSAVE"])] + [(2, [b"PING"])] * 9
        assert "connection closed" in runner.difference(steps)
        assert servers[1].wait_exit() == 0
        shortest = minimize(steps, lambda some: bool(runner.difference(some)))
        assert shortest == [(1, [b"SHUTDOWN", b"NOSAVE"])]
        assert runner.difference([(0, [b"PING"])]) is None
        runner.close()
    finally:
        for server in servers:
            server.stop()
            server.remove_directory()


def test_a_server_that_nobody_can_restart_ends_the_run(oracle: ServerProcess,
                                                      oracle_target: Target) -> None:
    server = ServerProcess(oracle_target)
    runner = Runner(Address.of(oracle), Address(server.host, server.port), OLD, 2)
    server.kill()
    report = runner.run(1000, seed=1)
    assert report.gone and "ended early" in report.text()
    server.remove_directory()


def test_nulls_of_different_kinds_are_told_apart() -> None:
    values = [NULL, NULL_ARRAY, NULL_BULK, Array(), Map(), Bulk(b""), Error(b"")]
    judge = Judge(OLD, ())
    for first in values:
        for second in values:
            same = judge.judge_values([b"GET", b"a"], (), first, second).same
            assert same is (first is second)

"""Every data command with arguments that are wrong, absurd or at the edge of a type.

For each case of hostile_shapes.py, on a few keys made afresh:

    the raw reply equals that of a real Redis
    after an error no key has changed; after a success both servers hold the same
    when all is done, fastredis uses no more memory than before, and at no time had it much more
    mapped: nothing was allocated from a count that a client merely claims

Commands that the oracle does not know are left out. The oracle that distributions ship is 7.0;
`--oracle "COMMAND"` compares with another version.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import pytest

from differential.compare import Judge, identical
from differential.known_differences import Context
from differential.version_differences import ALL_DIFFERENCES, same_numbers
from hostile_shapes import (
    ALL_KEYS, DATA, GROUPS, Case, cases, commands_of, is_affordable, plain_cases)
from support.server_process import ServerProcess, sanitized
from support.wire import Client, Error, Reply, encode_command, encode_commands, eventually

BATCH = 40
SHOWN = 12
EVERY = 5 if sanitized() else 1
AGAIN_EVERY = 3
LEFT_BEHIND_BYTES = 4096
MOST_RESIDENT_BYTES = 64 << 20
MOST_MAPPED_BYTES = 512 << 20

pytestmark = pytest.mark.target(
    "fastredis", "redis", reason="Valkey goes its own way in known places")

UNORDERED = frozenset((
    b"SMEMBERS", b"SDIFF", b"SINTER", b"SUNION", b"SSCAN", b"KEYS", b"SCAN", b"HSCAN", b"ZSCAN",
    b"SORT", b"SORT_RO", b"SPOP", b"SRANDMEMBER"))
"""Their elements come in the order of a table, which differs between versions."""
ONLY_SHAPE = frozenset((b"SPOP", b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER", b"SCAN",
                        b"XPENDING", b"XINFO", b"OBJECT", b"PFDEBUG", b"DUMP"))
"""Their replies hold something drawn at random, the time since something, or a version."""
RANDOM_EFFECT = frozenset((b"SPOP",))

PREPARE = encode_commands([
    (b"CLIENT", b"REPLY", b"OFF"), (b"DEL", *ALL_KEYS), *DATA, (b"CLIENT", b"REPLY", b"ON")])
READS: Sequence[Tuple[bytes, ...]] = (
    (b"TYPE", b"KEY"), (b"GET", b"KEY"), (b"LRANGE", b"KEY", b"0", b"-1"), (b"SMEMBERS", b"KEY"),
    (b"HGETALL", b"KEY"), (b"ZRANGE", b"KEY", b"0", b"-1", b"WITHSCORES"),
    (b"XRANGE", b"KEY", b"-", b"+"), (b"XPENDING", b"KEY", b"g"))

State = Dict[bytes, List[Reply]]


def reads_of(key: bytes) -> List[Tuple[bytes, ...]]:
    """What shows the value of a key, whatever its type."""
    return [tuple(key if arg == b"KEY" else arg for arg in read) for read in READS]


def keys_in(case: Case) -> List[bytes]:
    """The arguments that are keys of the test."""
    return [key for key in ALL_KEYS if key in case]


def answers(client: Client, batch: Sequence[Case]) -> Iterator[Tuple[Reply, State]]:
    """Runs each case on fresh keys; its reply, and the state of the keys that it names."""
    client.send_while_reading(b"".join(
        PREPARE + encode_command(*case) + encode_commands(
            read for key in keys_in(case) for read in reads_of(key)) for case in batch))
    for case in batch:
        assert client.read() == b"OK"
        reply = client.read_reply()
        yield reply, {key: [client.read_reply() for _ in READS] for key in keys_in(case)}


def same_state(first: State, second: State) -> bool:
    """Whether the keys hold the same; members of sets in any order."""
    return all(
        one.raw == other.raw or same_numbers(_ordered(one.value), _ordered(other.value))
        for key in first for one, other in zip(first[key], second[key]))


def _ordered(value: object) -> object:
    return sorted(value, key=repr) if isinstance(value, list) and not any(
        isinstance(item, list) for item in value) else value


def same_shape(first: object, second: object) -> bool:
    """Equal types and lengths all the way down; what is no number and no text is equal."""
    if type(first) is not type(second):
        return False
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same_shape, first, second))
    return not isinstance(first, Error) or first == second


class Comparison:
    """Sends cases to both servers and keeps what differs."""

    def __init__(self, oracle: ServerProcess, server: ServerProcess, protocol: int) -> None:
        self._clients = (oracle.client(protocol), server.client(protocol))
        self._judge = Judge(Context(oracle.target.name, oracle.target.version,
                                    server.target.name, server.target.version),
                            ALL_DIFFERENCES)
        self._before = [next(answers(client, [ALL_KEYS]))[1] for client in self._clients]
        self.found: List[str] = []

    def run(self, wanted: Sequence[Case]) -> None:
        """Compares the cases, in batches."""
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start:start + BATCH]
            pairs = zip(*(answers(client, batch) for client in self._clients))
            for case, ((theirs, their_state), (ours, our_state)) in zip(batch, pairs):
                if self._same_reply(case, theirs, ours):
                    self._compare_state(case, ours, their_state, our_state)

    def _same_reply(self, case: Case, theirs: Reply, ours: Reply) -> bool:
        """Judges the replies; whether the keys should be equal too."""
        name = case[0].upper()
        verdict = self._judge.judge(list(case), (), theirs, ours)
        if verdict.known is not None:
            return not verdict.known.diverges
        if (verdict.same
                or name in UNORDERED and isinstance(theirs.value, list)
                and _deep_sorted(theirs.value) == _deep_sorted(ours.value)
                or name in ONLY_SHAPE and same_shape(theirs.value, ours.value)):
            return True
        self.found.append(f"{show(case)}\n    oracle {theirs.raw[:200]!r}\n"
                          f"    target {ours.raw[:200]!r}")
        return False

    def _compare_state(self, case: Case, ours: Reply, their_state: State, our_state: State
                       ) -> None:
        if isinstance(ours.value, Error):
            before = {key: self._before[1][key] for key in our_state}
            if not same_state(before, our_state):
                self.found.append(f"{show(case)}\n    {ours.raw[:100]!r}, but changed a key: "
                                  f"{changes(before, our_state)}")
        elif case[0].upper() not in RANDOM_EFFECT and not same_state(their_state, our_state):
            self.found.append(f"{show(case)}\n    the same reply, and then\n"
                              f"    {changes(their_state, our_state)}")


def _deep_sorted(value: object) -> object:
    return sorted(map(_deep_sorted, value), key=repr) if isinstance(value, list) else repr(value)


def changes(first: State, second: State) -> str:
    """The first read that differs."""
    for key in first:
        for read, one, other in zip(reads_of(key), first[key], second[key]):
            if one.raw != other.raw and not identical(one.value, other.value):
                return f"{show(read)}: {one.raw[:200]!r} and {other.raw[:200]!r}"
    return "nothing"


def show(case: Case) -> str:
    """A command as one can read it; long arguments cut."""
    return " ".join(repr(arg if len(arg) < 60 else arg[:60] + b"...")[1:] for arg in case)


def known_commands(server: ServerProcess, names: Sequence[str]) -> List[str]:
    """Those of the commands, or container|subcommand, that the server has."""
    infos = server.client().call("COMMAND", "INFO", *names)
    return [name for name, info in zip(names, infos) if info]


def memory_of(server: ServerProcess) -> Dict[str, int]:
    """Bytes in use, and the most that was ever mapped and resident (0 where unknown).

    Every connection is closed for it: their buffers are as long as what they last held.
    """
    server.close_clients()
    admin = server.client()
    for command in (["CONFIG", "RESETSTAT"], ["SLOWLOG", "RESET"], ["FLUSHALL"]):
        admin.ok(*command)
    seen: List[int] = []

    def settled() -> bool:
        text = bytes(admin.ok("INFO", "memory")).decode()
        seen.append(int(re.search(r"^used_memory:(\d+)", text, re.M)[1]))
        return len(seen) > 3 and len(set(seen[-3:])) == 1
    eventually(settled, what="used_memory")
    admin.close()
    peaks = {"VmPeak": 0, "VmHWM": 0}
    if sys.platform == "linux":
        status = Path(f"/proc/{server.pid}/status").read_text()
        peaks = {name: int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) << 10
                 for name in peaks}
    return {"used": seen[-1], **peaks}


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("group", GROUPS)
def test_hostile_arguments_are_answered_as_by_redis_and_leave_no_trace(
        group, protocol, fresh_server, oracle):
    server = fresh_server("--enable-debug-command", "yes")
    facts = dict(commands_of(group))
    names = [name for name in known_commands(oracle, list(facts))
             if name in known_commands(server, list(facts))]
    if not names:
        pytest.skip("the target has no command of this group yet")
    empty = memory_of(server)
    comparison = Comparison(oracle, server, protocol)
    wanted = [case for name in names
              for case in cases(name, facts[name], oracle.target.version)][::EVERY]
    comparison.run(wanted)
    shown = "\n".join(comparison.found[:SHOWN])
    assert not comparison.found, f"{len(comparison.found)} of {len(wanted)}:\n{shown}"
    if not server.target.is_fastredis:  # Redis maps half a terabyte for one count of XAUTOCLAIM
        return
    once = memory_of(server)  # what the first time fills on purpose: statistics, spare buffers
    oracle.client().ok("FLUSHALL")
    Comparison(oracle, server, protocol).run(wanted[::AGAIN_EVERY])
    assert memory_of(server)["used"] - once["used"] <= LEFT_BEHIND_BYTES
    if not sanitized():
        assert once["VmHWM"] - empty["VmHWM"] <= MOST_RESIDENT_BYTES
        assert once["VmPeak"] - empty["VmPeak"] <= MOST_MAPPED_BYTES


def test_the_plain_shapes_reach_what_they_are_meant_for(oracle):
    """A shape that a real server refuses as it stands would hide what its slots are about."""
    client = oracle.client()
    refused = []
    for group in GROUPS:
        facts = dict(commands_of(group))
        for name in known_commands(oracle, list(facts)):
            shape = plain_cases(name, facts[name], oracle.target.version)[0]
            if is_affordable(name, shape) and name != "object|freq":  # needs an LFU policy
                reply, _ = next(answers(client, [shape]))
                if isinstance(reply.value, Error):
                    refused.append(f"{show(shape)}: {reply.value!r}")
    assert not refused, "\n".join(refused)

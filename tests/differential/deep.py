"""The deep comparison: every key of every database that the grammar uses, whole.

Keys are listed by SCAN on both sides, and for each key its type, encoding, absolute expiry and
value are read and judged by the rules of compare.py. What reads a value whole depends on the
type; families register that (Family.reads).
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from support.wire import Client, Reply

from .alphabet import DATABASES
from .compare import Judge
from .grammar import Argv
from .pair import Pair, scan_all

EVERY_DATABASE = tuple(DATABASES) + (b"15",)
_OF_ANY_TYPE: Sequence[Argv] = (
    [b"OBJECT", b"ENCODING", b"KEY"], [b"PEXPIRETIME", b"KEY"], [b"EXPIRETIME", b"KEY"])


def compare_data(pair: Pair, judge: Judge, reads: Dict[bytes, List[Argv]]) -> Optional[str]:
    """A description of the first difference in the data, or None."""
    for database in EVERY_DATABASE:
        for admin in pair.admins:
            admin.ok("SELECT", database)
        found = _compare_database(pair.admins, judge, reads)
        if found is not None:
            return f"database {database.decode()}: {found}"
    for admin in pair.admins:
        admin.ok("SELECT", "0")
    return None


def _compare_database(admins: Sequence[Client], judge: Judge, reads: Dict[bytes, List[Argv]]
                      ) -> Optional[str]:
    keys, other = (scan_all(admin, [b"SCAN", b"0", b"COUNT", b"1000"]) for admin in admins)
    if keys != other:
        return (f"keys only in the oracle {sorted(keys - other)!r}, "
                f"only in the target {sorted(other - keys)!r}")
    sizes = [admin.call("DBSIZE") for admin in admins]
    if sizes[0] != sizes[1]:
        return f"DBSIZE {sizes[0]!r} and {sizes[1]!r}"
    ordered = sorted(keys)
    types = [admin.pipeline([[b"TYPE", key] for key in ordered]) for admin in admins]
    for key, kind, other_kind in zip(ordered, *types):
        if kind != other_kind:
            return f"TYPE of {key!r}: {kind!r} and {other_kind!r}"
    commands = [[key if arg == b"KEY" else arg for arg in template]
                for key, kind in zip(ordered, types[0])
                for template in (*_OF_ANY_TYPE, *reads.get(bytes(kind), ()))]
    return _compare_answers(admins, judge, commands)


def _compare_answers(admins: Sequence[Client], judge: Judge, commands: Sequence[Argv]
                     ) -> Optional[str]:
    answers: List[List[Reply]] = []
    for admin in admins:
        replies = []
        for start in range(0, len(commands), 100):
            batch = commands[start:start + 100]
            for command in batch:
                admin.request(*command)
            replies += [admin.read_reply() for _ in batch]
        answers.append(replies)
    for command, oracle, target in zip(commands, *answers):
        if judge.judge(command, (), oracle, target).unexplained:
            return f"{command!r}: {oracle.raw[:300]!r} and {target.raw[:300]!r}"
    return None

"""Compares two replies to one command.

Order of judgement: equal bytes -> SAME; equivalent by the table of volatile replies -> SAME; a
listed difference -> KNOWN; otherwise DIFFERENT. The reply of EXEC is judged element by element,
each by the rules of the command that was queued for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

from support.wire import Array, Double, Reply, Verbatim

from .grammar import Argv
from .known_differences import Context, KnownDifference
from .volatile import rule_of


@dataclass(frozen=True)
class Verdict:
    """What a comparison found. `known` names the entry of the list that explains it."""

    same: bool
    known: Optional[KnownDifference] = None

    @property
    def unexplained(self) -> bool:
        return not self.same and self.known is None


SAME = Verdict(True)
DIFFERENT = Verdict(False)


def identical(first: Any, second: Any) -> bool:
    """True when two values stood on the wire alike: same type at every level, same content."""
    if type(first) is not type(second):
        return False
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(identical, first, second))
    if isinstance(first, Double):
        return first.text == second.text
    if isinstance(first, Verbatim):
        return first == second and first.format == second.format
    return first == second


class Judge:
    """Judges replies of one pair of servers."""

    def __init__(self, context: Context, known: Sequence[KnownDifference]) -> None:
        self._context = context
        self._known = [entry for entry in known if entry.applies(context)]

    def judge(self, argv: Argv, queued: Sequence[Argv], oracle: Reply, target: Reply) -> Verdict:
        """The verdict on one command; `queued` are the commands that an EXEC answers for."""
        if oracle.raw == target.raw:
            return SAME
        return self.judge_values(argv, queued, oracle.value, target.value)

    def judge_values(self, argv: Argv, queued: Sequence[Argv], oracle: Any, target: Any
                     ) -> Verdict:
        """The same for parsed replies."""
        if identical(oracle, target):
            return SAME
        name = argv[0].upper() if argv else b""
        if (name == b"EXEC" and isinstance(oracle, Array) and isinstance(target, Array)
                and len(oracle) == len(target) == len(queued)):
            return self._judge_transaction(queued, oracle, target)
        if type(oracle) is type(target) and rule_of(argv)(argv, oracle, target):
            return SAME
        for entry in self._known:
            if entry.explains(argv, oracle, target):
                return Verdict(False, entry)
        return DIFFERENT

    def _judge_transaction(self, queued: Sequence[Argv], oracle: Array, target: Array) -> Verdict:
        result = SAME
        for argv, first, second in zip(queued, oracle, target):
            verdict = self.judge_values(argv, (), first, second)
            if verdict.unexplained:
                return verdict
            if not verdict.same and verdict.known.diverges:
                return verdict  # what follows it in the transaction need not agree
            if not verdict.same:
                result = verdict
        return result

"""Long runs: sessions of random steps, deep comparisons, and a report of what differed.

A session starts from empty servers and new connections, and more often than not with tiny
thresholds, so that values change their encoding all the time. A difference ends it: the steps of
the session are reduced to a minimal reproduction, and the next session starts afresh, so that one
difference never causes the next. The same seed draws the same sessions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Callable, Dict, List, Optional, Sequence

from .compare import Judge
from .deep import compare_data
from .families import FAMILIES, reads_by_type
from .families.server import INNER_COMMANDS
from .grammar import Argv, Family, Generator, commands_named
from .known_differences import Context
from .pair import CONNECTIONS, Address, Pair, ServerGone, Step
from .reduce import minimize
from .thresholds import draw_thresholds
from .version_differences import ALL_DIFFERENCES

SESSION_STEPS = 600
DEEP_EVERY_STEPS = 150
MAX_FOUND = 25
FLAKY_TAIL = 40


@dataclass
class Found:
    """One unexplained difference, reduced."""

    what: str
    steps: List[Step]
    reproduced: bool


@dataclass
class Report:
    """What a run did and found."""

    seed: int
    protocol: int
    commands: int = 0
    sessions: int = 0
    deep_comparisons: int = 0
    absent: Sequence[bytes] = ()
    known: Dict[str, int] = field(default_factory=dict)
    found: List[Found] = field(default_factory=list)
    gone: str = ""

    @property
    def unexplained(self) -> int:
        return len(self.found)

    def text(self) -> str:
        """The report for people."""
        lines = [f"commands run         {self.commands} in {self.sessions} sessions, "
                 f"seed {self.seed}, RESP{self.protocol}",
                 f"deep comparisons     {self.deep_comparisons}",
                 f"differences          {sum(self.known.values()) + self.unexplained}",
                 f"  known              {sum(self.known.values())}"]
        lines += [f"    {count:8d}  {name}" for name, count in sorted(self.known.items())]
        lines.append(f"  unexplained        {self.unexplained}")
        if self.absent:
            lines.append("not sent, as only one of the servers has them: "
                         + b" ".join(self.absent).decode())
        if self.gone:
            lines.append(f"ended early: a server is gone ({self.gone})")
        for number, found in enumerate(self.found, 1):
            note = "" if found.reproduced else " (did not happen again; the steps before it)"
            lines += ["", f"[{number}] {found.what}", f"    reproduction{note}:"]
            lines += [f"    {show_step(step)}" for step in found.steps]
        return "\n".join(lines)


class Runner:
    """Runs sessions on one pair of servers."""

    def __init__(self, oracle: Address, target: Address, context: Context, protocol: int,
                 families: Sequence[Family] = FAMILIES) -> None:
        self._judge = Judge(context, ALL_DIFFERENCES)
        self._pair = Pair(oracle, target, self._judge, protocol)
        self._protocol = protocol
        usable = [family for family in families if self._both_know(family.requires)]
        self._absent = self._known_to_one_only(commands_named(usable) + INNER_COMMANDS)
        self._generator = Generator(usable, self._absent)
        self._reads = reads_by_type(usable)

    @property
    def generator(self) -> Generator:
        """Draws from the families that both servers know."""
        return self._generator

    def _both_know(self, command: bytes) -> bool:
        return all(bool(admin.call("COMMAND", "INFO", command)[0])
                   for admin in self._pair.admins)

    def _known_to_one_only(self, names: Sequence[bytes]) -> List[bytes]:
        """The commands that one server has and the other has not: a target that still grows, or
        an oracle of an older version. The report names them."""
        tables = [admin.call("COMMAND", "INFO", *names) for admin in self._pair.admins]
        return [name for name, first, second in zip(names, *tables)
                if bool(first) != bool(second)]

    def close(self) -> None:
        """Closes the connections."""
        self._pair.close()

    def difference(self, steps: Sequence[Step], deep: bool = True) -> Optional[str]:
        """Runs the steps from empty servers; a description of the first difference."""
        self._pair.reset()
        return self._go_on(steps, deep)

    def _go_on(self, steps: Sequence[Step], deep: bool) -> Optional[str]:
        found = self._pair.run(steps)
        if found is not None:
            if not found.verdict.unexplained:
                return ""
            return (f"{show_step(found.step)}\n    oracle {_show_reply(found.oracle)}\n"
                    f"    target {_show_reply(found.target)}")
        if deep:
            try:
                return compare_data(self._pair, self._judge, self._reads)
            except (OSError, AssertionError) as error:
                return f"the deep comparison failed: {error!r}"
        return None

    def run(self, commands: int, seed: int,
            progress: Callable[[Report], None] = lambda report: None) -> Report:
        """Runs at least `commands` commands; stops early after MAX_FOUND differences."""
        report = Report(seed, self._protocol, absent=self._absent)
        rng = Random(seed)
        while report.commands < commands and report.unexplained < MAX_FOUND and not report.gone:
            before = self._pair.commands
            try:
                self._session(Random(rng.getrandbits(64)), report)
            except ServerGone as error:
                report.gone = str(error)
            report.commands += self._pair.commands - before
            report.sessions += 1
            report.known = dict(self._pair.known)
            progress(report)
        return report

    def _session(self, rng: Random, report: Report) -> None:
        self._pair.active_expire = rng.random() < 0.5
        self._pair.thresholds = draw_thresholds(rng)
        self._pair.reset()
        done: List[Step] = []
        while len(done) < SESSION_STEPS:
            steps = draw_steps(self._generator, rng, DEEP_EVERY_STEPS)
            done += steps
            what = self._go_on(steps, deep=True)
            report.deep_comparisons += 1
            if what == "":
                return
            if what is not None:
                commands, known = self._pair.commands, dict(self._pair.known)
                report.found.append(self._reduced(what, done))
                self._pair.commands, self._pair.known = commands, known
                return

    def _reduced(self, what: str, steps: List[Step]) -> Found:
        last = what

        def fails(some: List[Step]) -> bool:
            """Whether the same command differs: without the steps that made its answer certain,
            another one may differ by the clock (XADD of `*`)."""
            nonlocal last
            seen = self.difference(some)
            if not seen or seen.splitlines()[0] != last.splitlines()[0]:
                return False
            last = seen
            return True

        try:
            last = self.difference(steps) or ""
            if not last:
                return Found(what, steps[-FLAKY_TAIL:], reproduced=False)
        except ServerGone:
            return Found(what, steps, reproduced=False)
        shortest = minimize(steps, fails)
        return Found(self.difference(shortest) or last, shortest, reproduced=True)


def draw_steps(generator: Generator, rng: Random, count: int) -> List[Step]:
    """Steps in short bursts on changing connections."""
    steps: List[Step] = []
    while len(steps) < count:
        connection = rng.randrange(CONNECTIONS)
        steps += [(connection, argv) for argv in generator.draw_burst(rng)]
    return steps


def show_step(step: Step) -> str:
    """A step as one would type it into redis-cli of that connection."""
    connection, argv = step
    return f"conn{connection}> {show_command(argv)}"


def show_command(argv: Argv) -> str:
    """Arguments quoted for redis-cli; very long ones cut."""
    return " ".join(_quoted(arg) for arg in argv)


def _quoted(arg: bytes) -> str:
    cut = f"...<{len(arg)} bytes>" if len(arg) > 300 else ""
    shown = arg[:300]
    if shown and not cut and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in shown):
        return shown.decode()
    return '"' + "".join(_escaped(byte) for byte in shown) + '"' + cut


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"


def _show_reply(raw: bytes) -> str:
    return repr(raw) if len(raw) <= 400 else f"{raw[:400]!r}... ({len(raw)} bytes)"


def progress_line(started: float, report: Report) -> str:
    """One line for a terminal."""
    rate = report.commands / max(time.monotonic() - started, 1e-9)
    return (f"{report.commands:>10d} commands  {rate:>8.0f}/s  "
            f"{sum(report.known.values())} known  {report.unexplained} unexplained")

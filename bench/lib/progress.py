"""Progress of a long run on standard error: done, elapsed, remaining.

With rich installed and a terminal, a bar; else one line a step, which suits a log. The
remaining time assumes that the steps to come take as long as those that were done.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    whole = max(int(seconds), 0)
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds_left:02d}"
    return f"{minutes}:{seconds_left:02d}"


class Progress:
    """Counts steps; use it in a with, call step() as each begins."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self.total = total
        self.done = 0
        self._quiet = quiet
        self._began = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            self._bar = self._rich_bar()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("", total=self.total)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bar is not None:
            if kind is None:
                self._bar.update(self._task, completed=self.total, description="done")
            self._bar.stop()

    @staticmethod
    def _rich_bar() -> Any:
        """A bar of rich, or None where rich is not installed."""
        try:
            from rich.console import Console
            from rich.progress import (BarColumn, MofNCompleteColumn, TextColumn,
                                       TimeElapsedColumn, TimeRemainingColumn)
            from rich.progress import Progress as RichProgress
        except ImportError:
            return None
        return RichProgress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                            TimeElapsedColumn(), TimeRemainingColumn(),
                            console=Console(stderr=True))

    def remaining_s(self) -> float | None:
        """Seconds still to go, judged by the steps done; None before the first is done."""
        if not self.done:
            return None
        return (time.monotonic() - self._began) / self.done * (self.total - self.done)

    def note(self, text: str) -> None:
        """Say what the present step is at."""
        if self._bar is not None:
            self._bar.update(self._task, description=text)
        elif not self._quiet:
            print(f"    {text}  ({clock(time.monotonic() - self._began)})", file=sys.stderr,
                  flush=True)

    def step(self, text: str) -> None:
        """Say that a step begins; the one before it is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=text)
        elif not self._quiet:
            remaining = self.remaining_s()
            left = "" if remaining is None else f", {clock(remaining)} left"
            print(f"[{self.done + 1}/{self.total}] {text}  "
                  f"({clock(time.monotonic() - self._began)}{left})", file=sys.stderr, flush=True)
        self.done += 1

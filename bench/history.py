#!/usr/bin/env python3
"""Keep the results of compare.py over time, and fail when a ratio gets worse.

    python bench/history.py run.json --history history.jsonl

Ratios to a rival are kept, not microseconds: hosted machines differ from run to run by more
than any regression worth finding, but both servers of a ratio ran on the same one. A ratio
counts as worse when it is more than 10 % below the median of the last 5 runs that have the
same test, depth and rival, on the same processor if there are any. One line of JSON a run:

    {"when": ..., "label": ..., "processor": ..., "ratios": {"get/16/redis8": 2.1, ...}}

The run is appended whether or not it is worse, unless --check-only: a change of speed that is
meant becomes the new normal after three runs. Exit status: 0, 1 worse, 2 unreadable input.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import report

LIMIT = 0.10
WINDOW = 5


@dataclass(frozen=True)
class Change:
    """A ratio against its normal: relative, below 0 for worse."""

    key: str
    normal: float
    now: float

    @property
    def relative(self) -> float:
        """now / normal - 1."""
        return self.now / self.normal - 1.0


def entry_of(result: dict[str, Any], label: str = "") -> dict[str, Any]:
    """The line that is kept of a run. Raises ValueError when it is none of compare.py's."""
    if result.get("tool") != "compare":
        raise ValueError("not a result of compare.py")
    ratios = {f"{row['test']}/{row['depth']}/{rival}": round(entry["cpu_ratio"], 4)
              for row in result["rows"] for rival, entry in row["ratios"].items()
              if entry["cpu_ratio"] is not None}
    if not ratios:
        raise ValueError("the run holds no ratio")
    return {"when": result["when"], "label": label,
            "processor": result["machine"]["processor"], "servers": result["servers"],
            "ratios": ratios}


def read_history(path: Path) -> list[dict[str, Any]]:
    """Entries, oldest first; none when there is no file yet. Raises ValueError if damaged."""
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if not isinstance(entry, dict) or not isinstance(entry.get("ratios"), dict):
            raise ValueError(f"{path}, line {number}: no ratios")
        entries.append(entry)
    return entries


def normal_of(key: str, processor: str, history: list[dict[str, Any]],
              window: int = WINDOW) -> float | None:
    """Median of the last values of a key: same processor first, any other if there is none."""
    having = [entry for entry in history if entry["ratios"].get(key)]
    same = [entry for entry in having if entry.get("processor") == processor]
    values = [entry["ratios"][key] for entry in (same or having)[-window:]]
    return statistics.median(values) if values else None


def changes(entry: dict[str, Any], history: list[dict[str, Any]],
            window: int = WINDOW) -> list[Change]:
    """Every ratio of the run that has a normal, the worst first."""
    found = []
    for key, now in entry["ratios"].items():
        normal = normal_of(key, entry["processor"], history, window)
        if normal is not None:
            found.append(Change(key, normal, now))
    return sorted(found, key=lambda change: change.relative)


def regressions(found: list[Change], limit: float = LIMIT) -> list[Change]:
    """Those that are worse by more than the limit, a fraction."""
    # 1.8 against 2.0 is ten per cent exactly and must pass, whatever the last bit says.
    return [change for change in found if change.relative < -limit - 1e-9]


def table_of(found: list[Change], limit: float, markdown: bool) -> str:
    """Table of the changes."""
    worse = set(regressions(found, limit))
    rows = [[change.key, f"{change.normal:.2f}", f"{change.now:.2f}",
             f"{change.relative * 100:+.1f} %", "WORSE" if change in worse else "ok"]
            for change in found]
    return report.table(["test/depth/rival", "normal", "now", "change", ""], rows,
                        markdown=markdown)


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add a line to the history, which is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(report.finite(entry), sort_keys=True) + "\n")


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line of the tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="JSON written by compare.py --json")
    parser.add_argument("--history", type=Path, default=Path("bench-history.jsonl"))
    parser.add_argument("--label", default="", help="what was measured, such as a commit")
    parser.add_argument("--limit", type=float, default=LIMIT, help="fraction (default 0.10)")
    parser.add_argument("--window", type=int, default=WINDOW, help="runs that make the normal")
    parser.add_argument("--check-only", action="store_true", help="do not append the run")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args(arguments)
    if options.window < 1 or not 0.0 < options.limit < 1.0:
        parser.error("--window must be at least 1 and --limit between 0 and 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Compare a run with the history and add it; returns the exit status."""
    options = parse_options(arguments)
    try:
        entry = entry_of(json.loads(options.result.read_text(encoding="utf-8")), options.label)
        history = read_history(options.history)
        if not options.check_only:
            append(options.history, entry)
    except (OSError, ValueError, KeyError) as error:
        print(f"history.py: {error}", file=sys.stderr)
        return 2
    found = changes(entry, history, options.window)
    if not found:
        print("no earlier run to compare with")
        return 0
    print(table_of(found, options.limit, options.markdown))
    worse = regressions(found, options.limit)
    for change in worse:
        print(f"WORSE {change.key}: {change.normal:.2f} -> {change.now:.2f}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

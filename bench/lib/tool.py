"""The command line that compare.py, memory.py and latency.py share.

    options   --rival --ours --json --markdown --check --quiet, and no server's name twice
    run       pin ourselves, measure, write the JSON, print the tables, say what was missed
    status    0, or 1 when --check finds a bar missed, or 2 when the run failed

A tool gives its own options, a function that measures, one that prints and one that lists what
was missed; see `run`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import report, servers
from .servers import ServerError, ServerSpec
from .wire import ReplyError

Result = dict[str, Any]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every tool takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival", action="append", default=[], type=servers.parse_spec,
                        metavar="NAME=COMMAND", help="a server to compare with; repeatable")
    parser.add_argument("--ours", type=servers.parse_spec, metavar="NAME=COMMAND",
                        default=servers.fastredis_spec(),
                        help="the server that is judged (default: fastredis)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return parser


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """The options; ends the process when two servers have one name."""
    options = parser.parse_args(arguments)
    names = [spec.name for spec in specs_of(options)]
    if len(set(names)) != len(names):
        parser.error("every server needs a name of its own")
    return options


def specs_of(options: argparse.Namespace) -> list[ServerSpec]:
    """The servers of a run, ours first."""
    return [options.ours, *options.rival]


def counts_of(text: str, least: int = 0) -> list[int]:
    """Whole numbers of a comma-separated list. Raises ValueError for one below the least."""
    values = [int(word) for word in text.split(",")]
    if min(values) < least:
        raise ValueError(text)
    return values


def run(name: str, options: argparse.Namespace, measure: Callable[[], Result],
        text_of: Callable[[Result], str], missed: Callable[[Result], list[str]]) -> int:
    """Measure, write, print; returns the exit status.

    measure  gives the data for --json, and may raise what any server or socket raises
    text_of  makes of it what people read
    missed   lists in words what our server should have reached; asked with --check only
    """
    try:
        servers.pin_self(servers.LOAD_CORE)
        result = measure()
    except (ServerError, ReplyError, OSError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    if options.json:
        report.write_json(options.json, result)
    print(text_of(result))
    failures = missed(result) if options.check else []
    for failure in failures:
        print(f"MISS {failure}", file=sys.stderr)
    return 1 if failures else 0

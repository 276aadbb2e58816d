"""A long differential run from the command line.

    python -m tests.differential --commands 200000 --seed 7 --resp 3
    python -m tests.differential --oracle 6379 --target 127.0.0.1:6380

--oracle and --target take a port, host:port, or a name: fastredis, redis or valkey starts that
server (FASTREDIS_TEST_REDIS and FASTREDIS_TEST_VALKEY give command prefixes). Both servers are
emptied. --families strings,keys leaves out the other commands. The exit code is 1 when a
difference is unexplained.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from typing import List, Optional, Tuple

from support.server_process import TARGET_NAMES, ServerProcess, find_target
from support.wire import Client

from .families import FAMILIES
from .known_differences import Context, Version
from .pair import Address
from .runner import Report, Runner, progress_line


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs and reports; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential",
        description="Random commands to a real Redis and to the server under test, compared.")
    parser.add_argument("--commands", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--resp", type=int, choices=(2, 3), default=2)
    parser.add_argument("--oracle", default="redis", help="port, host:port or name")
    parser.add_argument("--target", default="fastredis", help="port, host:port or name")
    parser.add_argument("--families", default="", help="comma-separated; all by default: "
                        + ",".join(family.name for family in FAMILIES))
    options = parser.parse_args(arguments)
    wanted = options.families.split(",") if options.families else None
    families = [family for family in FAMILIES if wanted is None or family.name in wanted]
    started: List[ServerProcess] = []
    try:
        oracle, *oracle_identity = _server(options.oracle, started)
        target, *target_identity = _server(options.target, started)
        context = Context(*oracle_identity, *target_identity)
        print(f"oracle {_shown(context.oracle, context.oracle_version)}, "
              f"target {_shown(context.target, context.target_version)}, seed {options.seed}")
        runner = Runner(oracle, target, context, options.resp, families)
        report = runner.run(options.commands, options.seed, _Progress())
        runner.close()
    finally:
        for server in started:
            server.stop()
            server.remove_directory()
    print("\n" + report.text())
    return 1 if report.unexplained or report.gone else 0


class _Progress:
    """Prints a line a second, over itself on a terminal."""

    def __init__(self) -> None:
        self._started = self._printed = time.monotonic()

    def __call__(self, report: Report) -> None:
        now = time.monotonic()
        if now - self._printed >= (1 if sys.stdout.isatty() else 10):
            self._printed = now
            ending = "\r" if sys.stdout.isatty() else "\n"
            print(progress_line(self._started, report), end=ending, flush=True)


def _server(text: str, started: List[ServerProcess]) -> Tuple[Address, str, Version]:
    if text in TARGET_NAMES:
        found = find_target(text)
        if found is None:
            raise SystemExit(f"{text}: its server is not installed")
        server = ServerProcess(found, ("--enable-debug-command", "yes"))
        started.append(server)
        return Address.of(server), found.name, found.version
    host, _, port = text.rpartition(":")
    address = Address(host or "127.0.0.1", int(port))
    return (address, *_identity(address))


def _identity(address: Address) -> Tuple[str, Version]:
    """Name and version of a running server, from INFO."""
    with Client.connect(address.host, address.port) as client:
        info = bytes(client.ok("INFO", "server")).decode()
    fields = dict(re.findall(r"^(\w+):(.*?)\r?$", info, re.MULTILINE))
    name = fields.get("server_name", "redis")
    version = fields.get(f"{name}_version", fields.get("redis_version", "0"))
    return name, tuple(int(part) for part in re.findall(r"\d+", version))


def _shown(name: str, version: Version) -> str:
    return f"{name} {'.'.join(map(str, version))}"


if __name__ == "__main__":
    sys.exit(main())

"""One measurement: redis-benchmark against one server, and the server's CPU meanwhile.

    read CPU -> redis-benchmark, pinned to the other core, fixed count -> read CPU
    -> exit status 0? -> error replies unchanged? -> CPU per request, requests per second

CPU per request is the figure that counts. At small depths the load generator saturates its
core long before the server does, so that requests per second compare load generators.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from .procfs import cpu_between, read_cpu
from .servers import LOAD_CORE, Server, ServerError, error_replies, pin_command
from .wire import Connection
from .workloads import KEYS, VALUE_BYTES, Test

CLIENTS = 50
IDLE_CPU_FRACTION = 0.03
WARM_UP_S = 0.4
FIRST_GUESS = {1: 20_000}  # requests of the run that finds the speed; deeper: 100,000


@dataclass(frozen=True)
class Sample:
    """Result of one run of the load generator."""

    cpu_us: float
    requests_per_s: float
    clock: str
    elapsed_s: float
    waiting_s: float


def find_benchmark() -> str:
    """Path of redis-benchmark. Raises ServerError when it is not on PATH."""
    path = shutil.which("redis-benchmark")
    if path is None:
        raise ServerError("redis-benchmark is not on PATH (Debian: package redis-tools)")
    return path


def benchmark_command(port: int, test: Test, depth: int, requests: int,
                      clients: int = CLIENTS) -> list[str]:
    """redis-benchmark's command line for a test."""
    return [find_benchmark(), "-h", "127.0.0.1", "-p", str(port), "-c", str(clients),
            "-n", str(requests), "-P", str(depth), "-r", str(KEYS), "-d", str(VALUE_BYTES),
            "--csv", *test.arguments]


def parse_csv(text: str) -> float:
    """Requests per second in the last row of redis-benchmark's CSV. Raises ValueError."""
    rows = list(csv.reader(io.StringIO(text)))
    if len(rows) < 2 or "rps" not in rows[0]:
        raise ValueError(f"no result in {text[:200]!r}")
    column = rows[0].index("rps")
    # The first field of a command line's row may hold commas and quotes: count from the end.
    return float(rows[-1][column - len(rows[0])])


def run(server: Server, control: Connection, test: Test, depth: int, requests: int) -> Sample:
    """Measure one test on one server. Raises ServerError for any kind of failure."""
    command = pin_command(LOAD_CORE, benchmark_command(server.port, test, depth, requests))
    errors_before = error_replies(control)
    before = read_cpu(server.pid)
    began = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    elapsed_s = time.perf_counter() - began
    used = cpu_between(before, read_cpu(server.pid))
    label = f"{server.name}: {test.name} at depth {depth}"
    if done.returncode != 0 or "Error" in done.stderr:
        raise ServerError(f"{label}: redis-benchmark exited {done.returncode}: "
                          f"{(done.stderr or done.stdout).strip()[-500:]}")
    errors_after = error_replies(control)
    if errors_before is not None and errors_after != errors_before:
        raise ServerError(f"{label}: {(errors_after or 0) - errors_before} error replies")
    try:
        requests_per_s = parse_csv(done.stdout)
    except ValueError as error:
        raise ServerError(f"{label}: {error}") from error
    return Sample(used.cpu_s * 1e6 / requests, requests_per_s, used.clock, elapsed_s,
                  used.waiting_s)


def settle(server: Server, limit_s: float = 5.0, step_s: float = 0.1) -> bool:
    """Wait until the server is idle: rehashing and lazy freeing must not count as requests."""
    end = time.monotonic() + limit_s
    before = read_cpu(server.pid)
    while time.monotonic() < end:
        time.sleep(step_s)
        after = read_cpu(server.pid)
        if cpu_between(before, after).cpu_s < IDLE_CPU_FRACTION * step_s:
            return True
        before = after
    return False


def requests_for(requests_per_s: float, seconds: float, depth: int, most: int = 0) -> int:
    """Requests that last about so many seconds: two digits, at least 1,000 of full pipelines.

    most: an upper limit; 0 for none.
    """
    wanted = max(min(int(requests_per_s * seconds), most or sys.maxsize), 1000)
    scale = 10 ** max(len(str(wanted)) - 2, 0)
    rounded = max(round(wanted / scale), 1) * scale
    full_turn = depth * CLIENTS  # a last, partly filled pipeline would not be at this depth
    return max(rounded // full_turn, 1) * full_turn


def first_guess(depth: int) -> int:
    """Requests of the run that only finds out how fast a test is."""
    return requests_for(FIRST_GUESS.get(depth, 100_000), 1.0, depth)

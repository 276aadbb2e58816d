"""CPU time and resident memory of another process, from Linux's /proc.

Two clocks are available for CPU time:

    /proc/PID/task/*/schedstat   first field: nanoseconds on a CPU, of each living thread
    /proc/PID/stat               fields 14 and 15: user and system ticks of 10 ms, and the
                                 threads that already ended

The first is exact to the microsecond and is used as long as the set of threads stays the same
between two readings; the second covers every other case. CpuClock says which one counted.
Nanoseconds since the thread began include system time: both clocks measure the same thing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def parse_stat_ticks(text: str) -> int:
    """utime + stime in ticks, from the text of /proc/PID/stat.

    The name, in parentheses, may hold blanks and parentheses: fields count from the last one.
    """
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def parse_schedstat(text: str) -> tuple[int, int]:
    """(nanoseconds on a CPU, nanoseconds waiting for a CPU) of a thread's schedstat."""
    on_cpu_ns, waiting_ns = text.split()[:2]
    return int(on_cpu_ns), int(waiting_ns)


def parse_rss_kb(text: str) -> int:
    """The Rss line of smaps_rollup, in kB. Raises ValueError when there is none."""
    for line in text.splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise ValueError("no Rss line")


@dataclass(frozen=True)
class CpuReading:
    """CPU times of a process at one moment."""

    ticks: int
    on_cpu_ns: dict[int, int]
    waiting_ns: int


def read_cpu(pid: int) -> CpuReading:
    """CPU times of a process now; threads that end meanwhile are left out."""
    ticks = parse_stat_ticks(Path(f"/proc/{pid}/stat").read_text())
    on_cpu_ns: dict[int, int] = {}
    waiting_total_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            text = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text()
            on_cpu_ns[int(thread)], waiting_ns = parse_schedstat(text)
            waiting_total_ns += waiting_ns
        except (OSError, ValueError):
            continue
    return CpuReading(ticks, on_cpu_ns, waiting_total_ns)


@dataclass(frozen=True)
class CpuUsed:
    """CPU seconds between two readings, which clock gave them, and time spent queueing."""

    cpu_s: float
    clock: str
    waiting_s: float


def cpu_between(before: CpuReading, after: CpuReading) -> CpuUsed:
    """CPU used between two readings of one process, by the better clock that is valid."""
    waiting_s = max(after.waiting_ns - before.waiting_ns, 0) / 1e9
    if before.on_cpu_ns and before.on_cpu_ns.keys() <= after.on_cpu_ns.keys():
        used_ns = sum(after.on_cpu_ns.values()) - sum(before.on_cpu_ns.values())
        if used_ns > 0:
            return CpuUsed(used_ns / 1e9, "schedstat", waiting_s)
    return CpuUsed((after.ticks - before.ticks) / TICKS_PER_S, "stat", waiting_s)


def rss_bytes(pid: int) -> int:
    """Resident bytes of a process: smaps_rollup, which is exact, else statm.

    statm's counter is kept per thread and folded in now and then, so that it can be some
    hundred kB off: nothing at a million items, too much for an empty server.
    """
    try:
        return parse_rss_kb(Path(f"/proc/{pid}/smaps_rollup").read_text()) * 1024
    except (OSError, ValueError):
        resident_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return resident_pages * os.sysconf("SC_PAGE_SIZE")


def steal_ticks() -> int:
    """Ticks that the hypervisor took from this machine since boot; 0 where unknown."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) if len(fields) > 8 else 0


def machine() -> dict[str, str]:
    """What a reader must know of the machine to judge figures: processor, kernel, cores."""
    model = "unknown"
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model")):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    system = os.uname()
    return {"processor": model, "cores": str(os.cpu_count()), "machine": system.machine,
            "kernel": f"{system.sysname} {system.release}"}

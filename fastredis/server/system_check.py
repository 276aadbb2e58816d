"""`--check-system` and `--test-memory`: is this machine fit for an in-memory server?

Each check looks at one setting of the Linux kernel and says what to change, and why; where the
setting does not exist, the check is skipped. Only a check that fails makes the exit code 1.

The memory test writes patterns over a block, and reads them back. It finds memory that does not
hold its bits, on a stopped server; it proves nothing about memory it was not given.
"""

from __future__ import annotations

import os
import time

OK, SKIPPED, WARNING = "OK", "skipped", "WARNING"
_CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
_OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
_PATTERNS = (0x00, 0xFF, 0x55, 0xAA)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return None


def _slow_clock() -> tuple[str, str]:
    """Reading the clock must not be a system call: the kernel's share of the time tells."""
    before, deadline = os.times(), time.monotonic() + 0.05
    while time.monotonic() < deadline:
        time.monotonic_ns()
    after = os.times()
    system, user = after.system - before.system, after.user - before.user
    if system <= 0.01 or system < user:
        return OK, ""
    return WARNING, (
        f"Reading the clock costs system time ({_read(_CLOCK_SOURCE) or 'unknown source'}): every "
        f"command gets slower. A faster source, such as tsc, is chosen in {_CLOCK_SOURCE}"
    )


def _xen_clock() -> tuple[str, str]:
    source = _read(_CLOCK_SOURCE)
    if source is None:
        return SKIPPED, ""
    if source != "xen":
        return OK, ""
    return WARNING, f"The clock source 'xen' is slow; choose 'tsc' by writing to {_CLOCK_SOURCE}"


def _overcommit() -> tuple[str, str]:
    value = _read(_OVERCOMMIT)
    if value is None:
        return SKIPPED, ""
    if value == "1":
        return OK, ""
    return WARNING, (
        "The kernel may refuse the memory that a background save needs for its copy of the "
        "process. To allow it, put 'vm.overcommit_memory = 1' into /etc/sysctl.conf and run "
        "'sysctl vm.overcommit_memory=1'"
    )


def _huge_pages() -> tuple[str, str]:
    value = _read(_HUGE_PAGES)
    if value is None:
        return SKIPPED, ""
    if "[always]" not in value:
        return OK, ""
    return WARNING, (
        "Transparent huge pages are always on: a background save then copies 2 MB for each changed "
        f"key. 'echo madvise > {_HUGE_PAGES}' leaves them to programs that ask"
    )


CHECKS = (
    ("slow-clocksource", _slow_clock),
    ("xen-clocksource", _xen_clock),
    ("overcommit", _overcommit),
    ("THP", _huge_pages),
)


def check_system(out) -> bool:
    """Print the outcome of every check to `out`; True when none of them warns."""
    fit = True
    for name, check in CHECKS:
        outcome, advice = check()
        out.write(f"[{name}]...{outcome}" + (f":\n{advice}\n\n" if advice else "\n"))
        fit = fit and outcome != WARNING
    out.flush()
    return fit


def check_memory(megabytes: int, out, rounds: int = 3) -> bool:
    """Write and read back patterns over so many MB; True when every byte was kept."""
    block = 1 << 20
    try:
        blocks = [bytearray(block) for _ in range(megabytes)]
    except MemoryError:
        out.write(f"There are not {megabytes} MB of free memory to test\n")
        return False
    for number in range(rounds):
        for pattern in (*_PATTERNS, None):
            for index, memory in enumerate(blocks):
                memory[:] = _filled(block, pattern, number + index)
            for index, memory in enumerate(blocks):
                if memory != _filled(block, pattern, number + index):
                    out.write(f"\nBroken memory in block {index} of {megabytes}\n")
                    return False
            out.write(".")
            out.flush()
    out.write(f"\n{megabytes} MB of memory passed the test\n")
    return True


def _filled(size: int, pattern: int | None, seed: int) -> bytes:
    """A block of one byte, or, without a pattern, one that differs from block to block."""
    if pattern is not None:
        return bytes((pattern,)) * size
    return (bytes(range(256)) + bytes(((seed + at) * 167 & 0xFF for at in range(251)))) * (
        size // 507
    ) + bytes(size % 507)

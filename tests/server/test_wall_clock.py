"""The wall clock is set while the server runs: keys follow it, time-outs do not.

The clock of the server alone is moved: a small library, loaded before all others, adds to it what
a file says.
"""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Tuple

import pytest

from support.server_process import ServerProcess, sanitized
from support.wire import TIME_SCALE, eventually

HOUR_MS = 3_600_000
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static const volatile long *added;
    long result = syscall(SYS_clock_gettime, clock, now);
    if (!added) {
        int file = open(getenv("ADDED_SECONDS_FILE"), O_RDONLY);
        added = mmap(NULL, sizeof *added, PROT_READ, MAP_SHARED, file, 0);
        close(file);
    }
    if (clock == CLOCK_REALTIME) now->tv_sec += *added;
    return (int)result;
}
"""
pytestmark = pytest.mark.target("fastredis", reason="another server reads its clock otherwise")

Moved = Tuple[ServerProcess, Callable[[int], None]]


@pytest.fixture
def moved(fresh_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moved:
    """A server, and a function that moves its wall clock by so many seconds from the true time."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if sys.platform != "linux" or sanitized() or shutil.which(compiler[0]) is None:
        pytest.skip("needs Linux, a C compiler, and no other preloaded library")
    added = tmp_path / "added"
    added.write_bytes(struct.pack("l", 0))
    (tmp_path / "clock.c").write_text(SHIM)
    subprocess.run([*compiler, "-shared", "-fPIC", "-O1", "clock.c", "-o", "clock.so"],
                   cwd=tmp_path, check=True)
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(tmp_path / "clock.so"))
        patch.setenv("ADDED_SECONDS_FILE", str(added))
        server = fresh_server()

    def move(seconds: int) -> None:
        with open(added, "r+b") as file:
            file.write(struct.pack("l", seconds))

    return server, move


def test_keys_that_a_clock_set_forward_has_made_due_leave_by_themselves(moved):
    """The timer was set by the old clock: it would have rung an hour later."""
    server, move = moved
    client = server.client()
    client.ok("SET", "k", "v", "PX", str(HOUR_MS // 2))
    client.ok("SET", "late", "v", "PX", str(HOUR_MS * 3))
    assert client.call("DBSIZE") == 2
    move(3600)
    eventually(lambda: client.call("DBSIZE") == 1, 1.0)
    assert client.call("EXISTS", "late") == 1


def test_wait_ends_in_time_though_the_clock_is_set_back(moved):
    """A key due before the wait's end by the new clock moved the timer an hour away."""
    server, move = moved
    waiting, other = server.client(), server.client()
    started = time.monotonic()
    waiting.request("WAIT", "1", "600")
    time.sleep(0.05)
    move(-3600)
    time.sleep(0.15)
    other.ok("SET", "k", "v", "PX", "1000000")
    assert waiting.read() == 0
    assert 0.55 < time.monotonic() - started < 0.6 + 0.4 * TIME_SCALE


def test_keys_set_after_the_clock_went_back_live_their_time(moved):
    server, move = moved
    client = server.client()
    client.ok("SET", "before", "v", "PX", "500")
    move(-3600)
    client.ok("SET", "after", "v", "PX", "300")
    assert client.call("PTTL", "before") > HOUR_MS - 10_000
    eventually(lambda: client.call("DBSIZE") == 1, 1.0)
    assert client.call("EXISTS", "before") == 1


def test_pause_and_idle_time_do_not_follow_the_clock(moved):
    server, move = moved
    client, other = server.client(), server.client()
    other.ok("CLIENT", "PAUSE", "300", "WRITE")
    started = time.monotonic()
    client.request("SET", "k", "v")
    time.sleep(0.05)
    move(7200)
    assert client.read() == b"OK"
    assert 0.2 < time.monotonic() - started < 0.3 + 0.4 * TIME_SCALE
    assert b" idle=0 " in other.call("CLIENT", "INFO")

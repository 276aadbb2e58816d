"""The harness under sanitizers: what a process does wrong reaches the test that started it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support.server_process import take_sanitizer_reports

pytestmark = pytest.mark.skipif(
    not os.environ.get("FASTREDIS_TEST_REPORTS"), reason="only in a run of tests/sanitized.sh")

READ_BEHIND_A_BLOCK = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
block = libc.malloc(24)
libc.memset(ctypes.c_void_p(block), 0, ctypes.c_size_t(24))
libc.memcmp(block, bytes(64), 64)
"""


def test_a_fault_of_a_child_process_is_reported_and_ends_it():
    done = subprocess.run([sys.executable, "-c", READ_BEHIND_A_BLOCK], timeout=60, check=False)
    report = take_sanitizer_reports()
    assert done.returncode != 0
    assert "heap-buffer-overflow" in report and "memcmp" in report


def test_a_report_is_handed_out_once():
    subprocess.run([sys.executable, "-c", READ_BEHIND_A_BLOCK], timeout=60, check=False)
    assert take_sanitizer_reports()
    assert not take_sanitizer_reports()

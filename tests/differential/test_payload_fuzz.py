"""Mutated payloads through RESTORE: see payload_fuzz.py.

    FASTREDIS_FUZZ_PAYLOADS   payloads of the run in a process of its own (default 6000; a session
                              of `bash tests/sanitized.sh` with 100000 takes some minutes)
    FASTREDIS_TEST_SEED       its seed, see support/seeds.py
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from support.seeds import drawn_seed
from support.wire import TIME_SCALE

from engine.test_leaks import Probe, expect_no_growth

from . import encodings
from .payload import sign
from .payload_fuzz import blobs_of, by_type, known_bodies, mutate, with_right_header

TESTS = Path(__file__).resolve().parents[1]
PAYLOADS = int(os.environ.get("FASTREDIS_FUZZ_PAYLOADS", "6000"))
LEAK_PAYLOADS = 1500


@pytest.mark.target("fastredis", reason="drives the engine of this project")
@pytest.mark.timeout((60 + PAYLOADS // 100) * TIME_SCALE)
def test_mutated_payloads_are_refused_cleanly_or_become_sound_values(tmp_path):
    """In a process of its own: what kills the engine must not take the tests with it."""
    seed = str(drawn_seed())
    last = tmp_path / "payload"
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "differential.payload_fuzz", "--count", str(PAYLOADS),
         "--seed", seed, "--last", str(last)],
        cwd=TESTS, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path})
    under_way = last.read_text() if last.exists() else "none"
    assert done.returncode == 0, (
        f"exit {done.returncode}, seed {seed}, last payload {under_way}\n"
        f"{done.stdout[-4000:]}{done.stderr[-4000:]}")


@pytest.mark.target("fastredis", reason="counts bytes that others only estimate")
def test_mutated_payloads_leave_nothing_behind(fresh_server):
    """A value that was half read when its mistake was found is given back, to the byte."""
    probe = Probe(fresh_server("--enable-debug-command", "yes"))

    def workload() -> None:
        rng, bodies = random.Random(11), by_type(known_bodies())
        client = probe.server.client()
        for start in range(0, LEAK_PAYLOADS, 100):
            answers = client.pipeline(
                [["RESTORE", f"key{number % 50}", 0, sign(mutate(rng, bodies)), "REPLACE"]
                 for number in range(start, start + 100)])
            assert b"OK" in answers
    expect_no_growth(probe, workload)


def test_mutations_reach_the_inside_of_every_packed_form():
    """The fuzz would otherwise only ever test the outermost length."""
    rng = random.Random(1)
    bodies = known_bodies()
    packed = {body[0] for body in bodies if blobs_of(body)}
    assert packed == {9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 25}
    for body in bodies:
        for at, start, end in blobs_of(body):
            blob = body[start:end]
            assert body[:at] + encodings.string(blob) + body[end:] == body
            if body[0] != 18 or blob[:4] == len(blob).to_bytes(4, "little"):
                mended = with_right_header(body[0], blob, rng)
                assert len(mended) == len(blob) or body[0] == 11
    groups = by_type(bodies)
    assert len({mutate(rng, groups) for _ in range(500)}) > 450

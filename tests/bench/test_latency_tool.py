"""latency.py without a server: matching, samples, judging, and the moment of a drop."""

from __future__ import annotations

import importlib
import os
import random
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

latency = importlib.import_module("latency")
lateness = importlib.import_module("lib.lateness")
probe = importlib.import_module("lib.probe")
shapes = importlib.import_module("lib.shapes")
targets = importlib.import_module("lib.targets")
wire = importlib.import_module("lib.wire")


@pytest.mark.parametrize("count", [1, 7, 1000, 4096, 5000])
def test_scattered_numbers_visit_every_key_once(count):
    assert sorted(latency.scattered(count)) == list(range(count))


def test_departures_are_matched_with_due_times_in_order():
    late = lateness.match_departures([30.0, 10.0, 20.0], [(11.0, 1), (34.0, 3)])
    assert late == [1.0, 14.0, 4.0]
    assert lateness.match_departures([10.0, 20.0], [(15.0, 1)]) == [5.0]


def test_lateness_matched_in_order_is_never_negative():
    chance = random.Random(7)
    due = [chance.random() * 1000 for _ in range(200)]
    gone = sorted(moment + chance.random() * 50 for moment in due)
    seen = [(moment, number + 1) for number, moment in enumerate(gone)]
    late = lateness.match_departures(due, seen)
    assert len(late) == 200 and min(late) >= 0.0


def test_keys_that_never_went_count_as_late_by_the_whole_wait():
    found = lateness.lateness_summary([1.0, 2.0], 4, 9000.0)
    assert (found["missing"], found["median"], found["p99"], found["max"]) == \
        (2, 2.0, 9000.0, 9000.0)


def samples_of(*rows: tuple[int, int, int]) -> probe.Samples:
    """Samples of (began, rtt, queued) in ns."""
    found = probe.Samples()
    for began, rtt, queued in rows:
        found.began_ns.append(began)
        found.rtt_ns.append(rtt)
        found.queued_ns.append(queued)
    return found


def test_a_stall_counts_whole_and_its_queueing_is_told_apart():
    summary = samples_of((0, 20_000, 0), (50_000, 5_000_000, 4_900_000),
                         (6_000_000, 2_500_000, 0)).summary()
    assert (summary["count"], summary["stalls"], summary["max"]) == (3, 2, 5.0)
    assert summary["max_unqueued"] == 2.5


def test_a_stall_that_began_before_the_window_belongs_to_it():
    samples = samples_of((0, 10, 0), (90, 30, 0), (150, 10, 0), (250, 10, 0))
    assert list(samples.between(100, 200).began_ns) == [90, 150]


def test_a_stall_as_long_at_rest_is_called_noise_and_is_no_pass():
    bars = targets.read_targets()["latency_ms"]
    row = {"max": 4.0, "baseline": {"max": 1.0}}
    assert latency.judge("growth", row, bars) == "MISS max > 2"
    row["baseline"]["max"] = 3.0
    assert latency.judge("growth", row, bars) == "noisy: max > 2"
    assert latency.judge("growth", {"max": 2.0, "baseline": {}}, bars) == "ok"


def test_a_drop_is_judged_by_its_reply_and_expiry_by_its_lateness():
    bars = targets.read_targets()["latency_ms"]
    assert latency.judge("drop", {"reply_ms": 0.9, "max": 4.0}, bars) == "ok"
    assert latency.judge("drop", {"reply_ms": 1.1, "max": 4.0}, bars) == "MISS reply_ms > 1"
    assert latency.judge("drop", {"late_ms": 4.9, "max": 5.1}, bars) == "MISS max > 5"
    assert latency.judge("drop", {"late_ms": 5.1, "max": 5.0}, bars) == "MISS late_ms > 5"


def test_every_type_is_dropped_in_every_way():
    ways = {action for shape, action in latency.DROPS if shape == "big_set"}
    assert ways == {"DEL big", "UNLINK big", "SET big v", "FLUSHALL", "expiry"}
    assert set(latency.BIG_SHAPES) == {name for name in shapes.SHAPES if name.startswith("big_")}
    assert len(latency.DROPS) == 2 + len(ways) * len(latency.BIG_SHAPES)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux's /proc")
def test_a_drop_is_timed_from_the_question_to_the_last_reply():
    """PONGs for the prober; to the dropper :1 twice, then :0, as while a key is still there."""
    listener = socket.create_server(("127.0.0.1", 0))
    answers = iter([b":1\r\n", b":1\r\n", b":0\r\n"])

    def serve(client: socket.socket) -> None:
        with client:
            while data := client.recv(4096):
                client.sendall(b"+PONG\r\n" if b"PING" in data else next(answers))

    def accept() -> None:
        for _ in range(2):
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port = listener.getsockname()[1]
    server = SimpleNamespace(port=port, pid=os.getpid(), name="x",
                             connect=lambda: wire.Connection(port))
    dropper = latency.Dropper(server, ("DBSIZE",), b":0\r\n")
    before, after, took_ms = latency.watch_drop(server, dropper, time.perf_counter_ns() + 10**9)
    listener.close()
    assert next(answers, None) is None and 0.0 < took_ms < 2000.0
    assert len(before.rtt_ns) > 0 and len(after.rtt_ns) > 0

"""The pure parts of the benchmark tools: statistics, parsing, tables, targets, regressions.

What they print is what claims of speed are made from, so that a wrong median or a verdict that
rounds in our favour would be worse than none.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

compare = importlib.import_module("compare")
history = importlib.import_module("history")
memory = importlib.import_module("memory")
measure = importlib.import_module("lib.measure")
procfs = importlib.import_module("lib.procfs")
report = importlib.import_module("lib.report")
servers = importlib.import_module("lib.servers")
shapes = importlib.import_module("lib.shapes")
stats = importlib.import_module("lib.stats")
targets = importlib.import_module("lib.targets")
wire = importlib.import_module("lib.wire")
workloads = importlib.import_module("lib.workloads")


# Statistics


def test_a_summary_holds_median_extremes_and_relative_spread():
    summary = stats.summarize([5.0, 1.0, 2.0])
    assert (summary.median, summary.low, summary.high, summary.rounds) == (2.0, 1.0, 5.0, 3)
    assert summary.spread == 2.0
    assert stats.summarize([1.0, 2.0]).median == 1.5


def test_nothing_cannot_be_summarized():
    for function in (stats.summarize, lambda values: stats.percentile(values, 0.5)):
        with pytest.raises(ValueError):
            function([])


@pytest.mark.parametrize(("fraction", "expected"),
                         [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_percentiles_are_values_that_were_measured(fraction, expected):
    assert stats.percentile(list(range(1, 101)), fraction) == expected


def test_rounding_of_the_rank_never_moves_a_percentile_up():
    # 0.7 * 10 is 7.000000000000001 in some roundings: the seventh value is meant.
    for count in range(1, 400):
        ordered = list(range(1, count + 1))
        for hundredths in range(1, 101):
            exact = -(-hundredths * count // 100)
            assert stats.percentile(ordered, hundredths / 100) == exact


def test_one_stall_in_two_thousand_shows_at_the_maximum_only():
    summary = stats.latency_summary([1.0] * 1999 + [50.0])
    assert (summary["p50"], summary["p999"], summary["max"]) == (1.0, 1.0, 50.0)


@pytest.mark.parametrize(("value", "must", "goal", "word"), [
    (1.029, None, None, "tie"), (0.971, None, None, "tie"), (1.04, None, None, "faster"),
    (0.96, None, None, "slower"), (1.599, 1.6, 2.0, "MISS"), (1.6, 1.6, 2.0, "must"),
    (2.0, 1.6, 2.0, "goal"), (3.0, 1.6, None, "must"), (math.nan, 1.6, 2.0, "none")])
def test_a_verdict_is_never_rounded_in_our_favour(value, must, goal, word):
    assert stats.verdict(value, must, goal) == word


def test_ratios_are_theirs_over_ours_and_paired_by_round():
    assert stats.ratio(3.0, 1.5) == 2.0
    assert math.isnan(stats.ratio(3.0, 0.0))
    paired = stats.paired_ratios([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert (paired.low, paired.median, paired.high) == (2.0, 2.0, 3.0)
    with pytest.raises(ValueError):
        stats.paired_ratios([1.0], [1.0, 2.0])


# What the system and redis-benchmark print


def test_cpu_ticks_are_found_behind_a_name_with_blanks_and_parentheses():
    text = "4242 (a (b) c) S " + " ".join(str(n) for n in range(4, 53))
    assert procfs.parse_stat_ticks(text) == 14 + 15


def test_schedstat_gives_time_on_a_core_and_time_in_the_queue():
    assert procfs.parse_schedstat("298434 50325 1\n") == (298434, 50325)


def test_rss_is_the_line_of_that_name_only():
    text = "5-6 ---p 00 [rollup]\nRss:      1764 kB\nPss:  310 kB\n"
    assert procfs.parse_rss_kb(text) == 1764
    with pytest.raises(ValueError):
        procfs.parse_rss_kb("Pss: 310 kB\n")


def test_nanoseconds_count_while_the_threads_stay_the_same():
    before = procfs.CpuReading(100, {1: 1_000, 2: 500}, 10)
    after = procfs.CpuReading(300, {1: 2_001_000, 2: 500, 3: 1_000_000}, 1_000_000_010)
    used = procfs.cpu_between(before, after)
    assert (used.cpu_s, used.clock, used.waiting_s) == (0.003, "schedstat", 1.0)


def test_ticks_count_when_a_thread_has_ended():
    before = procfs.CpuReading(100, {1: 1_000, 2: 500}, 10)
    used = procfs.cpu_between(before, procfs.CpuReading(300, {1: 2_001_000}, 20))
    assert (used.cpu_s, used.clock) == (200 / procfs.TICKS_PER_S, "stat")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_cpu_burnt_by_this_process_is_seen():
    before = procfs.read_cpu(os.getpid())
    sum(range(6_000_000))
    used = procfs.cpu_between(before, procfs.read_cpu(os.getpid()))
    assert 0.005 < used.cpu_s < 60.0


def test_requests_per_second_are_in_the_last_row():
    header = '"test","rps","avg_latency_ms","min_latency_ms"\n'
    assert measure.parse_csv(header + '"GET","1111111.12","0.371","0.104"\n') == 1111111.12
    odd = '"MGET "a", "b"","53.5","0.1","0.2"\n'
    assert measure.parse_csv(header + odd) == 53.5


@pytest.mark.parametrize("text", ["", "\"test\",\"rps\"\n", "Error from server\nx\n"])
def test_output_without_a_result_is_refused(text):
    with pytest.raises(ValueError):
        measure.parse_csv(text)


# Requests and replies


def test_requests_are_arrays_of_bulk_strings():
    assert wire.encode(("SET", b"k", 12)) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n12\r\n"


def test_loader_keys_are_those_that_redis_benchmark_asks_for():
    first, last = workloads.set_requests([0, 999_999])
    assert first == wire.encode(("SET", b"key:000000000000", workloads.VALUE))
    assert last == wire.encode(("SET", b"key:000000999999", workloads.VALUE))
    assert len(b"key:000000000000") == 16 and len(workloads.VALUE) == 32


def test_info_text_becomes_a_mapping():
    text = "# Server\r\nredis_version:7.2.4\r\nexecutable:/a:b\r\n\r\n# X\r\n"
    assert wire.parse_info(text) == {"redis_version": "7.2.4", "executable": "/a:b"}


class Peer:
    """A listening socket whose one client gets the given bytes, in the given pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = bytearray()
        self.pieces = pieces
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Send the pieces, then read until the client goes."""
        client, _ = self.listener.accept()
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in self.pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                self.received += data

    def close(self) -> None:
        """Close the listener and wait for the thread."""
        self.thread.join(10)
        self.listener.close()


REPLIES = b"+OK\r\n:42\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n$1\r\nx\r\n*0\r\n-ERR no\r\n*-1\r\n"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_replies_are_read_however_they_are_split(step):
    peer = Peer([REPLIES[i:i + step] for i in range(0, len(REPLIES), step)])
    with wire.Connection(peer.port) as connection:
        read = [connection.read() for _ in range(7)]
    peer.close()
    assert read[:5] == [b"OK", 42, b"a\r\nbc", None, [b"x", []]]
    assert isinstance(read[5], wire.ReplyError) and str(read[5]) == "ERR no"
    assert read[6] is None


@pytest.mark.parametrize("step", [1, 4, 1000])
def test_the_loader_sends_everything_and_counts_every_reply(step):
    stream = b"+OK\r\n" * 25
    peer = Peer([stream[i:i + step] for i in range(0, len(stream), step)])
    requests = [wire.encode(("SET", n, n)) for n in range(25)]
    with wire.Connection(peer.port) as connection:
        assert wire.load(connection, iter(requests), chunk_requests=10) == 25
    peer.close()
    assert bytes(peer.received) == b"".join(requests)


@pytest.mark.parametrize("replies", [b"-OOM no\r\n" + b"+OK\r\n" * 4,
                                     b"+OK\r\n" * 4 + b"-OOM no\r\n"])
def test_the_loader_raises_the_first_error_reply(replies):
    peer = Peer([replies])
    with wire.Connection(peer.port) as connection, pytest.raises(wire.ReplyError, match="OOM no"):
        wire.load(connection, [b"x"] * 5)
    peer.close()


def test_the_loader_notices_a_server_that_goes_away():
    peer = Peer([b"+OK\r\n" * 3])
    with wire.Connection(peer.port) as connection, pytest.raises(ConnectionError):
        wire.load(connection, [b"x"] * 5)
    peer.close()


def test_replies_of_several_lines_are_counted_as_one_each():
    peer = Peer([b"$15\r\n1700000000000-0\r\n" * 6])
    with wire.Connection(peer.port) as connection:
        assert wire.load(connection, [b"x"] * 6, one_line=False, chunk_requests=2) == 6
    peer.close()


# The tables of tests, shapes and targets


def test_every_test_has_a_dataset_and_a_valid_command_line():
    for test in workloads.TESTS.values():
        assert test.dataset in workloads.DATASETS
        random_key = any(word.endswith("__rand_int__") for word in test.arguments)
        assert test.arguments[0] == "-t" or random_key or test.name in ("lrange_100", "xadd")
    assert {name for group in workloads.GROUPS.values() for name in group} <= set(workloads.TESTS)
    assert sum(word == "key:__rand_int__" for word in workloads.TESTS["mget"].arguments) == 100


def test_tests_are_chosen_once_and_unknown_names_refused():
    assert [test.name for test in workloads.choose("get,set,get")] == ["get", "set"]
    assert [test.name for test in workloads.choose("lpop,lists,xadd")] == \
        ["lpop", "lpush", "rpush", "rpop", "lrange_100", "xadd"]
    assert len(workloads.choose("all")) == len(workloads.TESTS)
    for text in ("", "get,nonsense"):
        with pytest.raises(ValueError):
            workloads.choose(text)


class Counter:
    """A connection that counts the elements of the requests that are loaded into it."""

    def __init__(self, monkeypatch) -> None:
        self.elements = 0
        monkeypatch.setattr(workloads, "load", self.load)

    def call(self, *_: str) -> None:
        """FLUSHALL."""

    def load(self, _connection: Counter, requests) -> None:
        """Count what variadic() has made: a name, a key, and elements."""
        for request in requests:
            self.elements += int(request[1:request.index(b"\r\n")]) - 2


@pytest.mark.parametrize("name", ["lpop", "rpop", "spop", "zpopmin"])
@pytest.mark.parametrize("requests", [1000, 50_000])
def test_what_is_popped_never_runs_empty(name, requests, monkeypatch):
    """An empty collection answers at once, and the server that popped most would look best."""
    monkeypatch.setattr(workloads, "KEYS", 20_000)
    test, counter = workloads.TESTS[name], Counter(monkeypatch)
    workloads.prepare(counter, test.dataset, requests)
    elements = counter.elements // (2 if name == "zpopmin" else 1)
    assert test.fresh and elements >= requests + requests // 2
    assert test.most_requests in (0, 500_000)


def test_a_test_that_uses_a_million_up_ends_in_the_middle():
    limit = workloads.TESTS["spop"].most_requests
    assert measure.requests_for(2_000_000.0, 3.0, 16, limit) <= limit == 500_000
    assert measure.requests_for(50_000.0, 3.0, 16, limit) == 149_600


def test_shuffled_keys_are_a_permutation_and_the_same_in_every_run():
    first, second = workloads.key_order(1000), workloads.key_order(1000)
    assert list(first) == list(second) != list(range(1000))
    assert sorted(first) == list(range(1000))
    assert list(workloads.key_order(5, sequential=True)) == [0, 1, 2, 3, 4]


def items_of(name: str, count: int) -> int:
    """Items that a shape's requests carry, counted from the bytes sent."""
    per_item = {"big_hash": 2, "big_set": 1, "big_sorted_set": 2, "big_list": 1,
                "small_hash_field": 2}
    total = 0
    for request in shapes.SHAPES[name].requests(range(count)):
        words = int(request[1:request.index(b"\r\n")])
        total += (words - 2) // per_item[name] if name in per_item else 1
    return total


@pytest.mark.parametrize("name", list(shapes.SHAPES))
@pytest.mark.parametrize("count", [10, 1230])
def test_a_shape_makes_as_many_items_as_it_is_asked_for(name, count):
    assert items_of(name, count) == count


def test_every_shape_with_a_target_can_be_weighed():
    assert set(targets.read_targets()["memory"]) == set(shapes.SHAPES)


@pytest.mark.parametrize(("test", "depth", "rival", "expected"), [
    ("get", 1, "redis8", (1.05, 1.25)), ("xadd", 1, "valkey9", (1.05, 1.25)),
    ("get", 16, "redis8", (1.6, 2.0)), ("get", 64, "valkey9", (1.4, 2.0)),
    ("incr", 64, "redis8", (3.0, 5.0)), ("set", 16, "valkey9", (1.5, 1.9)),
    ("zadd", 16, "valkey9", (1.6, 3.0)), ("mset", 64, "redis8", (1.4, 2.0)),
    ("lpush", 64, "redis8", None), ("ping", 16, "redis8", None),
    ("get", 16, "redis7", None), ("get", 32, "redis8", None)])
def test_the_row_of_the_targets_that_holds_is_found(test, depth, rival, expected):
    target = targets.speed_target(targets.read_targets(), test, depth, rival)
    assert (None if target is None else (target.must, target.goal)) == expected


def test_every_speed_target_belongs_to_a_test():
    for row in targets.read_targets()["speed"]:
        if row["tests"] != "all":
            assert set(row["tests"]) <= set(workloads.TESTS)


def test_memory_must_stay_below_its_limit():
    assert [memory.judge(value, 72, 66) for value in (73, 72, 66, None)] == \
        ["MISS", "must", "goal", "-"]
    assert memory.judge(73, None, None) == "-"


# Servers and counts


def test_a_server_is_a_name_and_a_quoted_command():
    spec = servers.parse_spec("redis8=chroot '/opt/my peers' redis-server --dir /x")
    assert spec.name == "redis8"
    assert spec.command == ("chroot", "/opt/my peers", "redis-server", "--dir", "/x")


@pytest.mark.parametrize("text", ["redis-server", "=redis-server", "name=", "name=  "])
def test_a_server_without_name_or_command_is_refused(text):
    with pytest.raises(ValueError):
        servers.parse_spec(text)


def test_two_servers_of_one_name_are_refused():
    with pytest.raises(SystemExit):
        compare.parse_options(["--rival", "a=x", "--rival", "a=y"])


@pytest.mark.parametrize("depth", [1, 16, 64])
def test_counts_are_round_and_fill_every_pipeline(depth):
    for speed in (900.0, 87_654.3, 2_345_678.9):
        count = measure.requests_for(speed, 3.0, depth)
        assert count % (depth * measure.CLIENTS) == 0
        assert count >= min(1000, depth * measure.CLIENTS)
        wanted = max(speed * 3.0, 1000)
        assert abs(count - wanted) < 0.06 * wanted + depth * measure.CLIENTS


@pytest.mark.skipif(not {0, 1} <= servers.CORES, reason="needs the cores 0 and 1")
def test_a_tool_on_the_load_core_starts_servers_on_the_other():
    tool = ("from lib import servers; servers.pin_self(servers.LOAD_CORE);"
            "print(*servers.pin_command(servers.SERVER_CORE, ['server', '--port', '1']))")
    told = subprocess.run([sys.executable, "-c", tool], cwd=BENCH, capture_output=True, text=True,
                          check=True).stdout
    assert told == "taskset -c 0 server --port 1\n"


@pytest.mark.skipif(len(servers.CORES) < 2, reason="needs two cores")
def test_a_server_on_the_wrong_core_is_no_measurement():
    core = min(servers.CORES)
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            server = servers.Server(servers.ServerSpec("idle", ("sleep",)), 0, process, 0.0, BENCH)
            with pytest.raises(servers.ServerError, match="not on"):
                servers._check_core(server, core)
            os.sched_setaffinity(process.pid, {core})
            servers._check_core(server, core)
        finally:
            process.kill()


def test_each_round_begins_with_another_server():
    orders = [compare.turns(["a", "b", "c"], number) for number in range(3)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


# The result of a comparison


def sample(cpu_us: float, per_s: float) -> measure.Sample:
    """A measurement with the given figures."""
    return measure.Sample(cpu_us, per_s, "schedstat", 3.0, 0.0)


def small_result(ours_us: float = 0.5) -> dict:
    """A result with one row: GET at depth 16 against redis8."""
    cell = compare.Cell(workloads.TESTS["get"], 16, 1000, {
        "fastredis": [sample(ours_us * f, 900_000) for f in (1.0, 0.98, 1.04)],
        "redis8": [sample(f, 600_000) for f in (1.0, 0.99, 1.1)]})
    result = report.envelope("compare", {"rounds": 3, "clients": 50})
    result["servers"] = {"fastredis": "fastredis 0.1", "redis8": "redis8 (redis 8.0.6)"}
    result["rows"] = [compare.result_row(cell, ["fastredis", "redis8"], targets.read_targets())]
    return result


def test_a_row_holds_ratio_spread_and_verdict():
    entry = small_result()["rows"][0]["ratios"]["redis8"]
    assert entry["cpu_ratio"] == pytest.approx(2.0)
    assert entry["rps_ratio"] == pytest.approx(1.5)
    assert entry["spread"] == pytest.approx(0.11)
    assert (entry["must"], entry["goal"], entry["verdict"]) == (1.6, 2.0, "goal")
    assert compare.missed(small_result()) == []


def test_a_missed_target_is_named():
    found = compare.missed(small_result(ours_us=0.8))
    assert found == ["get P=16: 1.25 of redis8, must be 1.60"]


def test_a_machine_that_was_not_quiet_is_told():
    result = small_result()
    assert compare.queueing(result) == 0.0
    assert "was quiet" in compare.percent_waited(result)
    result["rows"][0]["servers"]["redis8"]["waiting_s"] = 1.8  # of 18 s measured
    assert compare.queueing(result) == pytest.approx(0.1)
    assert "10.0 % of the time: NOT QUIET" in compare.summary_of(result)


def test_the_verdict_of_a_row_is_its_worst():
    assert compare.worst_verdict(["goal", "MISS", "must"]) == "MISS"
    assert compare.worst_verdict(["goal", "must"]) == "must"
    assert compare.worst_verdict(["faster", "tie"]) == "tie"
    assert compare.worst_verdict([]) == "-"


def test_the_table_has_a_line_for_each_row_in_both_forms():
    text = compare.table_of(small_result(), markdown=False).splitlines()
    assert text[0].split()[:3] == ["test", "P", "fastredis"]
    assert text[2].split() == ["get", "16", "0.500", "1.00", "2.00", "1.50", "1.60",
                               "11.0", "%", "goal"]
    marked = compare.table_of(small_result(), markdown=True).splitlines()
    assert len(marked) == 3 and marked[1].startswith("| --- | ---: |")
    assert marked[2] == "| get | 16 | 0.500 | 1.00 | 2.00 | 1.50 | 1.60 | 11.0 % | goal |"


def test_a_cell_with_missing_rounds_is_not_published():
    cell = compare.Cell(workloads.TESTS["get"], 1, 10, {"a": [sample(1, 1)], "b": []})
    assert not cell.complete(["a", "b"])
    cell.samples["b"].append(sample(1, 1))
    assert cell.complete(["a", "b"]) and not compare.Cell(workloads.TESTS["get"], 1).complete(["a"])


def test_json_holds_no_nan(tmp_path):
    report.write_json(tmp_path / "x.json", {"a": [math.nan, 1.5], 2: {"b": math.inf}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [None, 1.5], "2": {"b": None}}


@pytest.mark.parametrize(("value", "text"), [
    (0.12345, "0.123"), (1.0, "1.00"), (12.34, "12.3"), (123.4, "123"), (98765.4, "98,765"),
    (0, "0"), (None, "-"), (math.nan, "-")])
def test_figures_have_three_digits(value, text):
    assert report.figure(value) == text


def test_a_pipe_in_a_cell_does_not_break_the_markdown():
    assert report.markdown_table(["a"], [["x|y"]]).splitlines()[-1] == "| x\\|y |"


# History


def run_with(value: float, processor: str = "p") -> dict:
    """A run's line with one ratio."""
    return {"processor": processor, "ratios": {"get/16/redis8": value}}


def test_a_run_becomes_a_line_of_ratios():
    entry = history.entry_of(small_result(), "abc")
    assert entry["ratios"] == {"get/16/redis8": 2.0} and entry["label"] == "abc"
    with pytest.raises(ValueError):
        history.entry_of({"tool": "memory"})


@pytest.mark.parametrize(("now", "worse"), [(2.0, 0), (1.8, 0), (1.79, 1), (2.9, 0), (0.5, 1)])
def test_a_ratio_more_than_a_tenth_below_its_normal_is_a_regression(now, worse):
    found = history.changes(run_with(now), [run_with(2.0)])
    assert len(history.regressions(found)) == worse


def test_the_normal_is_the_median_of_the_last_runs():
    past = [run_with(value) for value in (9.0, 9.0, 2.0, 2.1, 0.1, 1.9, 2.0)]
    assert history.normal_of("get/16/redis8", "p", past, window=5) == 2.0


def test_runs_on_the_same_processor_come_first():
    past = [run_with(1.0, "p"), run_with(3.0, "q"), run_with(3.0, "q")]
    assert history.normal_of("get/16/redis8", "p", past) == 1.0
    assert history.normal_of("get/16/redis8", "other", past) == 3.0
    assert history.normal_of("set/16/redis8", "p", past) is None


def test_the_history_tool_appends_and_fails_on_a_regression(tmp_path, capsys):
    kept = tmp_path / "deep" / "history.jsonl"
    statuses = []
    for number, ours_us in enumerate((0.5, 0.5, 0.7)):
        run = tmp_path / f"{number}.json"
        report.write_json(run, small_result(ours_us))
        statuses.append(history.main([str(run), "--history", str(kept)]))
    assert statuses == [0, 0, 1]
    assert len(kept.read_text().splitlines()) == 3
    assert "WORSE get/16/redis8: 2.00 -> 1.43" in capsys.readouterr().err


def test_a_damaged_history_is_refused_with_its_line(tmp_path, capsys):
    run, kept = tmp_path / "run.json", tmp_path / "history.jsonl"
    report.write_json(run, small_result())
    kept.write_text('{"ratios": {}}\n{"rat\n')
    assert history.main([str(run), "--history", str(kept)]) == 2
    assert "line 2" in capsys.readouterr().err
    assert len(kept.read_text().splitlines()) == 2

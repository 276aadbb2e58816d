#!/usr/bin/env python3
"""Look for lateness and stalls: expiry, mass expiry, growth, and dropping big things.

    python bench/latency.py --rival redis8="redis-server" --tests expiry,growth

    expiry    keys due at random moments, with 0, 10,000 and 1 M other volatile keys: how long
              after its time each one is gone and its `expired` event sent
    due       a million keys due within one second, while another client sends PING and GET
    growth    a loader sets 5 M new keys, while another client sends PING; then the same load
              again, which only overwrites: the baseline that growth is compared with
    drop      a million strings, or a list, set, hash, sorted set or stream of a million: FLUSHALL,
              DEL, UNLINK, SET over it, and expiry; the time to the reply (for expiry, from the due
              time until DBSIZE no longer counts the key), and what another client sees meanwhile

The server has core 0 and, where permitted, the highest ordinary priority; prober and loader
share core 1, the prober with real-time priority (lib/probe.py says how the client's own delays
are told apart). Each scenario names its baseline: the same client, before the event. Where the
server has a latency monitor of its own (LATENCY LATEST), its longest event is shown as well.

Exit status: see lib/tool.py.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from lib import lateness, measure, report, servers, shapes, targets, tool
from lib.probe import Prober, Samples, undisturbed, until
from lib.progress import Progress
from lib.servers import Server, ServerError, ServerSpec
from lib.wire import Connection, ReplyError, encode, load
from lib.workloads import VALUE, key_order, set_requests

TESTS = ("expiry", "due", "growth", "drop")
BASELINE_S = 2.0
AFTERMATH_S = 2.0
DUE_LEAD_S = 12.0
DUE_LIMIT_S = 60.0
LOADER_DEPTH = 64  # a client's own pipeline delays others: short ones show the server's stalls
PROBE_PAUSE_S = 0.0003  # under load: far below the 2 ms that count, far above a round trip
SCATTER = 2_654_435_761  # prime: number * SCATTER % count visits every key once, out of order


def own_events(connection: Connection) -> dict[str, int]:
    """Longest event of each kind in ms by LATENCY LATEST; empty where unsupported."""
    try:
        events = connection.call("LATENCY", "LATEST")
    except ReplyError:
        return {}
    return {event[0].decode(): int(event[3]) for event in events or [] if len(event) >= 4}


def watch_events(connection: Connection) -> None:
    """Switch the latency monitor on, where there is one, and clear it."""
    if connection.supports("CONFIG", "SET", "latency-monitor-threshold", "1"):
        connection.supports("LATENCY", "RESET")


def expiry(server: Server, options: argparse.Namespace, note: Callable[[str], None]
           ) -> list[dict[str, Any]]:
    """Rows of lateness for each number of other volatile keys and each method."""
    rows = []
    for others in options.others:
        note(f"{others:,} other volatile keys")
        with server.connect(timeout_s=300.0) as control:
            control.call("FLUSHALL")
            lateness.load_others(control, others)
        measure.settle(server)
        arguments = (server, options.due_keys, options.window, options.grace)
        for method, found in (("events", lateness.by_events(*arguments)),
                              ("polling", lateness.by_polling(*arguments))):
            if found is not None:
                rows.append({"others": others, "method": method, **found})
    return rows


def load_due_at_once(control: Connection, count: int) -> float:
    """Keys due at random moments of one second; when that second begins, as time.time().

    The moment must be known before the load begins: where it came too early, wait longer.
    """
    lead_s = DUE_LEAD_S
    for _ in range(4):
        control.call("FLUSHALL")
        begins_s = time.time() + lead_s
        first_ms = int(begins_s * 1000)
        load(control, (encode(("SET", b"due:%09d" % n, VALUE, "PXAT", first_ms + n * 1000 // count))
                       for n in key_order(count)))
        control.call("SET", "stays", VALUE)
        if time.time() + BASELINE_S < begins_s:
            return begins_s
        lead_s *= 2
    raise ServerError("loading the keys that are due at once takes too long")


def due_at_once(server: Server, options: argparse.Namespace, note: Callable[[str], None]
                ) -> list[dict[str, Any]]:
    """A million keys due within one second: what another client sees."""
    note(f"{options.keys:,} keys due in one second")
    with server.connect(timeout_s=300.0) as control:
        watch_events(control)
        begins_s = load_due_at_once(control, options.keys)
        # From wall clock to perf_counter, once: the two run alike for the minute this takes.
        begins_ns = time.perf_counter_ns() + int((begins_s - time.time()) * 1e9)
        time.sleep(max(begins_s - BASELINE_S - time.time(), 0))
        prober = Prober(server, ("PING",), ("GET", "stays"))
        with undisturbed():
            samples = prober.run(until(begins_ns))
            gone_ns = 0
            end_ns = begins_ns + int(DUE_LIMIT_S * 1e9)
            while time.perf_counter_ns() < end_ns and not gone_ns:
                prober.run(until(time.perf_counter_ns() + 20_000_000), samples)
                if control.call("DBSIZE") == 1:
                    gone_ns = time.perf_counter_ns()
        prober.close()
        events = own_events(control)
    busy = samples.between(begins_ns, gone_ns or end_ns)
    row = stall_row(f"{options.keys:,} keys due in one second", busy,
                    samples.between(0, begins_ns - 1), events)
    row["all_gone_s"] = (gone_ns - begins_ns) / 1e9 if gone_ns else None
    return [row]


def stall_row(scenario: str, samples: Samples, baseline: Samples, events: dict[str, int]
              ) -> dict[str, Any]:
    """A row of the table of stalls."""
    return {"scenario": scenario, **samples.summary(), "baseline": baseline.summary(),
            "server_events_ms": events}


def scattered(count: int) -> Iterator[int]:
    """Every number below count once, neighbours far apart, without a list of them."""
    return (number * SCATTER % count for number in range(count))


def loader_process(port: int, count: int) -> None:
    """Body of the loader: short pipelines of SET, on the load core, after everyone else."""
    servers.pin_self(servers.LOAD_CORE)
    os.nice(19)
    with Connection(port, timeout_s=300.0) as connection:
        load(connection, set_requests(scattered(count)), chunk_requests=LOADER_DEPTH)


def probe_under_load(server: Server, count: int) -> Samples:
    """Round trips of a client while a loader sets count keys."""
    loader = multiprocessing.get_context("fork").Process(
        target=loader_process, args=(server.port, count), daemon=True)
    prober = Prober(server)
    loader.start()
    ended_at: list[int] = []

    def loading() -> bool:
        # is_alive is a system call: asking it once a millisecond is enough.
        now = time.perf_counter_ns()
        if not ended_at or now > ended_at[-1]:
            ended_at[:] = [now + 1_000_000]
            return loader.is_alive()
        return True

    with undisturbed():
        samples = prober.run(loading, pause_s=PROBE_PAUSE_S)
    prober.close()
    loader.join()
    if loader.exitcode != 0:
        raise ServerError(f"{server.name}: the loader ended with {loader.exitcode}")
    return samples


def growth(server: Server, options: argparse.Namespace, note: Callable[[str], None]
           ) -> list[dict[str, Any]]:
    """Stalls while the keyspace grows, against the same load without growth."""
    note(f"growth to {options.growth_keys:,} keys")
    with server.connect(timeout_s=300.0) as control:
        control.call("FLUSHALL")
        measure.settle(server)
        watch_events(control)
        growing = probe_under_load(server, options.growth_keys)
        events = own_events(control)
        note(f"overwriting {options.growth_keys:,} keys")
        overwriting = probe_under_load(server, options.growth_keys)
        if control.call("DBSIZE") != options.growth_keys:
            raise ServerError(f"{server.name}: not all keys arrived")
        control.call("FLUSHALL")
    return [stall_row(f"growth to {options.growth_keys:,} keys", growing, overwriting, events)]


BIG_SHAPES = ("big_list", "big_set", "big_hash", "big_sorted_set", "big_stream")
EXPIRY = "expiry"
DROPS = (("string", "FLUSHALL"), ("string", "FLUSHALL ASYNC"), *(
    (shape, action) for shape in BIG_SHAPES
    for action in ("DEL big", "UNLINK big", "SET big v", "FLUSHALL", EXPIRY)))


class Dropper:
    """A connection that asks without blocking, so that the prober's samples are not held up."""

    def __init__(self, server: Server, request: tuple[str, ...], wanted: bytes = b"") -> None:
        """wanted: ask again until this is the reply; without it, any reply is the last."""
        self._socket = server.connect().socket
        self._socket.setblocking(False)
        self._request, self._wanted = encode(request), wanted

    def ask(self) -> None:
        """Send the request."""
        self._socket.send(self._request)

    def answered(self) -> bool:
        """Whether the last reply has come. Raises ValueError for an error reply."""
        try:
            reply = self._socket.recv(128)
        except BlockingIOError:
            return False
        if not reply or reply.startswith(b"-"):
            raise ValueError(f"{self._request!r}: {reply!r}")
        if self._wanted and reply != self._wanted:
            self.ask()
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def watch_drop(server: Server, dropper: Dropper, due_ns: int = 0
               ) -> tuple[Samples, Samples, float]:
    """Probe around a drop: at due_ns the server's own, or else at the dropper's question.

    Samples before that moment, samples after it, and ms from it to the dropper's last reply.
    """
    replied: list[int] = []
    prober = Prober(server)
    with undisturbed():
        early = prober.run(until(due_ns or time.perf_counter_ns() + int(BASELINE_S * 1e9)))
        began_ns = due_ns or time.perf_counter_ns()
        dropper.ask()

        def proceed() -> bool:
            now = time.perf_counter_ns()
            if replied:
                return now < began_ns + int(AFTERMATH_S * 1e9)
            if dropper.answered():
                replied.append(now)
            return now < began_ns + int(DUE_LIMIT_S * 1e9)

        # The first look comes before the first sample, the next after each round trip.
        late = prober.run(proceed)
    prober.close()
    dropper.close()
    if not replied:
        raise ServerError(f"{server.name}: what was dropped is still there")
    samples, last_ns = early.joined(late), time.perf_counter_ns()
    return (samples.between(0, began_ns - 1), samples.between(began_ns, last_ns),
            (replied[0] - began_ns) / 1e6)


def drop_one(server: Server, control: Connection, action: str) -> tuple[Samples, Samples, float]:
    """Drop something by a command, or let the key `big` expire: see watch_drop."""
    if action != EXPIRY:
        return watch_drop(server, Dropper(server, tuple(action.split())))
    due_ms = int((time.time() + BASELINE_S) * 1000)
    control.call("PEXPIREAT", "big", due_ms)
    due_ns = time.perf_counter_ns() + int((due_ms / 1000 - time.time()) * 1e9)
    return watch_drop(server, Dropper(server, ("DBSIZE",), b":0\r\n"), due_ns)


def drop(server: Server, options: argparse.Namespace, note: Callable[[str], None]
         ) -> list[dict[str, Any]]:
    """Time to drop big things, and what another client sees meanwhile."""
    rows = []
    for name, action in DROPS:
        shape = shapes.SHAPES[name]
        if shape not in options.shapes:
            continue
        with server.connect(timeout_s=300.0) as control:
            control.call("FLUSHALL")
            if not control.supports(*shape.probe):
                continue
            note(f"{action} of {options.keys:,}: {shape.title}")
            control.call("FLUSHALL")
            load(control, shape.requests(key_order(options.keys)), one_line=shape.one_line)
            measure.settle(server)
            watch_events(control)
            before, after, took_ms = drop_one(server, control, action)
            row = stall_row(f"{action}: {shape.title}", after, before, own_events(control))
            rows.append({**row, "late_ms" if action == EXPIRY else "reply_ms": took_ms})
    return rows


RUNNERS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "expiry": expiry, "due": due_at_once, "growth": growth, "drop": drop}


def judge(test: str, row: dict[str, Any], bars: dict[str, float]) -> str:
    """"ok", or what was missed, for one row.

    "noisy" where the client met a stall as long before the event as well: a bar that the
    machine does not let pass at rest says nothing about the server. It is no pass either.
    """
    checks = {
        "expiry": (("median", "expiry_median"), ("p99", "expiry_p99")),
        "due": (("p999", "due_at_once_p999"),),
        "growth": (("max", "growth_max"),),
        "drop": (("reply_ms", "drop_reply"), ("late_ms", "expiry_median"),
                 ("max", "drop_others_max")),
    }[test]
    found = [(field, bars[bar]) for field, bar in checks if row.get(field, 0.0) > bars[bar]]
    if not found:
        return "ok"
    at_rest = row.get("baseline", {})
    noisy = all(at_rest.get(field, 0.0) > limit for field, limit in found)
    return (("noisy: " if noisy else "MISS ")
            + ", ".join(f"{field} > {limit:g}" for field, limit in found))


def expiry_table(rows: list[dict[str, Any]], markdown: bool) -> str:
    """Table of lateness."""
    cells = [[row["server"], f"{row['others']:,}", row["method"], report.figure(row["median"]),
              report.figure(row["p99"]), report.figure(row["max"]),
              f"{row['missing']} of {row['count']:,}", row["verdict"]] for row in rows]
    return report.table(["expiry, ms late", "other keys", "method", "median", "p99", "max",
                         "not gone", "verdict"], cells, markdown=markdown)


def stall_table(rows: list[dict[str, Any]], markdown: bool) -> str:
    """Table of stalls."""
    cells = []
    for row in rows:
        events = ", ".join(f"{name} {ms}" for name, ms in row["server_events_ms"].items())
        took_ms = row.get("reply_ms", row.get("late_ms"))
        cells.append([
            row["server"], row["scenario"], report.figure(took_ms),
            report.figure(row["p50"]), report.figure(row["p99"]), report.figure(row["p999"]),
            report.figure(row["max"]), report.figure(row["max_unqueued"]), str(row["stalls"]),
            report.figure(row["baseline"].get("max")), events or "-", row["verdict"]])
    return report.table(["stalls, ms", "scenario", "reply", "p50", "p99", "p99.9", "max",
                         "unqueued", "> 2 ms", "baseline max", "server says", "verdict"],
                        cells, markdown=markdown, left=2)


def tables_of(result: dict[str, Any], markdown: bool) -> str:
    """Both tables, those that have rows."""
    late = [row for row in result["rows"] if row["test"] == "expiry"]
    stalls = [row for row in result["rows"] if row["test"] != "expiry"]
    parts = [expiry_table(late, markdown)] if late else []
    parts += [stall_table(stalls, markdown)] if stalls else []
    return "\n\n".join(parts)


def run_all(specs: list[ServerSpec], options: argparse.Namespace) -> dict[str, Any]:
    """Every test on every server, each with a server of its own."""
    bars = targets.read_targets()["latency_ms"]
    result = report.envelope("latency", {
        "due_keys": options.due_keys, "window_s": options.window, "grace_s": options.grace,
        "keys": options.keys, "growth_keys": options.growth_keys,
        "commands": {spec.name: list(spec.command) for spec in specs}})
    result["servers"], result["rows"] = {}, []
    with undisturbed() as realtime:
        result["settings"]["realtime_prober"] = realtime
    with Progress(len(specs) * len(options.tests), options.quiet) as progress:
        for test in options.tests:
            for spec in specs:
                progress.step(f"{spec.name}: {test}")
                with servers.start(spec, prioritize=True) as server:
                    result["servers"][spec.name] = servers.describe(server)
                    rows = RUNNERS[test](server, options, progress.note)
                for row in rows:
                    verdict = judge(test, row, bars)
                    result["rows"].append({"server": spec.name, "test": test, **row,
                                           "verdict": verdict})
    return result


def tests_of(text: str) -> list[str]:
    """Tests of a comma-separated list. Raises ValueError for an unknown name."""
    names = [name.strip() for name in text.split(",")]
    if any(name not in TESTS for name in names):
        raise ValueError(text)
    return names


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line of the tool."""
    parser = tool.parser_of(__doc__)
    parser.add_argument("--tests", type=tests_of, default=list(TESTS), metavar="LIST",
                        help=f"of: {', '.join(TESTS)}")
    parser.add_argument("--others", type=tool.counts_of, default=[0, 10_000, 1_000_000],
                        help="other volatile keys beside those that expire")
    parser.add_argument("--due-keys", type=int, default=1000, help="keys that expire")
    parser.add_argument("--window", type=float, default=20.0, help="seconds they are spread over")
    parser.add_argument("--grace", type=float, default=10.0,
                        help="seconds to wait for the last of them")
    parser.add_argument("--keys", type=int, default=1_000_000,
                        help="keys due at once, and members of what is dropped")
    parser.add_argument("--shapes", type=shapes.choose, metavar="LIST",
                        default=list(shapes.SHAPES.values()),
                        help=f"what is dropped: all (default), or of: string, "
                             f"{', '.join(BIG_SHAPES)}")
    parser.add_argument("--growth-keys", type=int, default=5_000_000)
    options = tool.parse(parser, arguments)
    if min(options.due_keys, options.keys, options.growth_keys) < 1 or options.window <= 0:
        parser.error("counts and the window must be positive")
    return options


def missed(result: dict[str, Any]) -> list[str]:
    """Every bar that our server, the first, did not reach."""
    ours = next(iter(result["servers"]), None)
    return [f"{row.get('scenario', row['test'])}: {row['verdict']}" for row in result["rows"]
            if row["server"] == ours and row["verdict"] != "ok"]


def main(arguments: list[str] | None = None) -> int:
    """Run the tests asked for; returns the exit status."""
    options = parse_options(arguments)
    return tool.run("latency.py", options, lambda: run_all(tool.specs_of(options), options),
                    lambda result: tables_of(result, options.markdown), missed)


if __name__ == "__main__":
    sys.exit(main())

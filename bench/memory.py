#!/usr/bin/env python3
"""Weigh items: resident bytes each, of fastredis and any rivals.

    python bench/memory.py --rival valkey9="valkey-server" --counts 1000000,3000000

(Rss after - Rss before) / items, in a server started for that one figure: what an allocator
keeps from an earlier shape would otherwise be given to the next for nothing. Two counts,
because tables that double flatter one count and punish another. Keys come shuffled, as keys
do; --sequential loads them in order. used_memory is shown beside it: what a server believes
it uses, without fragmentation and without its own tables' untouched pages.

Also: Rss of the empty server, and the time from the start of the process to the first PONG,
the median of several starts. Exit status: see lib/tool.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from lib import measure, report, servers, shapes, stats, targets, tool
from lib.procfs import rss_bytes
from lib.progress import Progress
from lib.servers import Server, ServerSpec
from lib.shapes import Shape
from lib.wire import Connection, load
from lib.workloads import key_order

STEADY_STEP_S = 0.3
STEADY_LIMIT_S = 6.0
STEADY_BYTES = 64 * 1024


def steady_rss(server: Server) -> int:
    """Rss once it stops changing: servers shrink buffers and finish rehashing after a load."""
    measure.settle(server)
    end = time.monotonic() + STEADY_LIMIT_S
    before = rss_bytes(server.pid)
    while time.monotonic() < end:
        time.sleep(STEADY_STEP_S)
        now = rss_bytes(server.pid)
        if abs(now - before) <= STEADY_BYTES:
            return now
        before = now
    return before


def used_memory(connection: Connection) -> int | None:
    """What the server believes it uses; None where INFO does not say."""
    if not connection.supports("INFO", "memory"):
        return None
    value = connection.info("memory").get("used_memory")
    return int(value) if value is not None else None


def weigh(spec: ServerSpec, shape: Shape, count: int, sequential: bool) -> dict[str, Any]:
    """Bytes an item of one shape at one count; {"skipped": why} where it is not supported."""
    with servers.start(spec) as server:
        with server.connect() as connection:
            if not connection.supports(*shape.probe):
                return {"skipped": f"{shape.probe[0]} is not supported"}
            connection.call("FLUSHALL")
            used_before = used_memory(connection)
        rss_before = steady_rss(server)
        with server.connect(timeout_s=300.0) as connection:
            began = time.perf_counter()
            load(connection, shape.requests(key_order(count, sequential)),
                 one_line=shape.one_line)
            load_s = time.perf_counter() - began
        rss_after = steady_rss(server)
        with server.connect() as connection:
            used_after = used_memory(connection)
            keys = connection.call("DBSIZE")
    used = None
    if used_before is not None and used_after is not None:
        used = (used_after - used_before) / count
    return {"rss_per_item": (rss_after - rss_before) / count, "used_per_item": used,
            "rss_before": rss_before, "rss_after": rss_after, "keys": keys, "load_s": load_s}


def weigh_empty(spec: ServerSpec, starts: int) -> dict[str, Any]:
    """Rss of the empty server in MB, and milliseconds to the first PONG over several starts."""
    pongs_ms, rss_mb = [], []
    for _ in range(starts):
        with servers.start(spec) as server:
            pongs_ms.append(server.first_pong_ms)
            rss_mb.append(steady_rss(server) / 1e6)
            description = servers.describe(server)
    return {"first_pong_ms": stats.summarize(pongs_ms).as_dict(),
            "rss_mb": stats.summarize(rss_mb).as_dict(), "server": description}


def judge(value: float | None, must: float | None, goal: float | None) -> str:
    """Verdict for a figure that must stay at or below a limit."""
    if value is None or must is None:
        return "-"
    if value > must:
        return "MISS"
    return "goal" if goal is not None and value <= goal else "must"


def shape_rows(result: dict[str, Any]) -> list[list[str]]:
    """Lines of the table of shapes."""
    rows = []
    for row in result["rows"]:
        cells = [row["title"], f"{row['count'] / 1e6:g} M"]
        for name in result["servers"]:
            entry = row["servers"][name]
            cells += [report.figure(entry.get("rss_per_item")),
                      report.figure(entry.get("used_per_item"))]
        limits = "-" if row["must"] is None else f"{row['must']:g} ({row['goal']:g})"
        rows.append([*cells, limits, row["verdict"]])
    return rows


def tables_of(result: dict[str, Any], markdown: bool) -> str:
    """The table of shapes and the table of empty servers."""
    names = list(result["servers"])
    header = ["bytes an item", "items"]
    for name in names:
        header += [f"{name} rss", "used"]
    parts = []
    if result["rows"]:
        parts.append(report.table([*header, "must (goal)", "verdict"], shape_rows(result),
                                  markdown=markdown))
    empty = [[name, report.figure(entry["rss_mb"]["median"]),
              report.figure(entry["first_pong_ms"]["median"]),
              f"{report.figure(entry['first_pong_ms']['low'])}-"
              f"{report.figure(entry['first_pong_ms']['high'])}", entry["verdict"]]
             for name, entry in result["empty"].items()]
    if empty:
        parts.append(report.table(["empty server", "rss MB", "first PONG ms", "range", "verdict"],
                                  empty, markdown=markdown))
    return "\n\n".join(parts)


def missed(result: dict[str, Any]) -> list[str]:
    """Every limit that the first server exceeds, in words."""
    found = [f"{row['title']} at {row['count']:,}: more than {row['must']:g} bytes"
             for row in result["rows"] if row["verdict"] == "MISS"]
    first = next(iter(result["empty"].items()), None)
    if first is not None and first[1]["verdict"] == "MISS":
        found.append("the empty server is too big or starts too slowly")
    return found


def run_all(specs: list[ServerSpec], options: argparse.Namespace) -> dict[str, Any]:
    """All figures, one server at a time."""
    known = targets.read_targets()
    ours = specs[0].name
    result = report.envelope("memory", {
        "counts": options.counts, "order": "sequential" if options.sequential else "random",
        "starts": options.starts, "commands": {spec.name: list(spec.command) for spec in specs}})
    result["servers"] = {spec.name: spec.name for spec in specs}
    result["empty"], result["rows"] = {}, []
    steps = len(specs) * (len(options.shapes) * len(options.counts) + (options.starts > 0))
    with Progress(steps, options.quiet) as progress:
        for spec in specs if options.starts else ():
            progress.step(f"{spec.name}: {options.starts} empty starts")
            entry = weigh_empty(spec, options.starts)
            result["servers"][spec.name] = entry["server"]
            limits = known["empty_server"]
            within = (entry["rss_mb"]["median"] < limits["rss_mb"]
                      and entry["first_pong_ms"]["median"] <= limits["first_pong_ms"])
            entry["verdict"] = "must" if within else "MISS"
            result["empty"][spec.name] = entry
        for shape in options.shapes:
            for count in options.counts:
                figures = {}
                for spec in specs:
                    progress.step(f"{spec.name}: {count:,} x {shape.title}")
                    figures[spec.name] = weigh(spec, shape, count, options.sequential)
                target = targets.memory_target(known, shape.name)
                must, goal = (target.must, target.goal) if target else (None, None)
                result["rows"].append({
                    "shape": shape.name, "title": shape.title, "count": count,
                    "payload_bytes": shape.payload_bytes, "servers": figures, "must": must,
                    "goal": goal,
                    "verdict": judge(figures[ours].get("rss_per_item"), must, goal)})
    return result


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line of the tool."""
    parser = tool.parser_of(__doc__)
    parser.add_argument("--shapes", type=shapes.choose, metavar="LIST",
                        default=list(shapes.SHAPES.values()),
                        help=f"all (default), or of: {', '.join(shapes.SHAPES)}")
    parser.add_argument("--counts", type=counts_of, default=[1_000_000, 3_000_000])
    parser.add_argument("--sequential", action="store_true", help="load keys in order")
    parser.add_argument("--starts", type=int, default=10,
                        help="starts of the empty server; 0 leaves that table out")
    return tool.parse(parser, arguments)


def counts_of(text: str) -> list[int]:
    """Counts of a comma-separated list, each at least 1,000."""
    return tool.counts_of(text, least=1000)


def main(arguments: list[str] | None = None) -> int:
    """Weigh everything asked for; returns the exit status."""
    options = parse_options(arguments)
    return tool.run("memory.py", options, lambda: run_all(tool.specs_of(options), options),
                    lambda result: tables_of(result, options.markdown), missed)


if __name__ == "__main__":
    sys.exit(main())

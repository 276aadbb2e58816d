#!/usr/bin/env python3
"""Compare the server CPU per request of fastredis and any rivals, on one machine, in turns.

    python bench/compare.py --rival redis8="redis-server" --rival valkey9="valkey-server"

Why in turns: speed drifts over minutes (frequency, neighbours on the host), so every round
measures all servers directly after one another, in an order that rotates, and the median of
the rounds counts. One server at a time has load. It runs on core 0, the load generator
(redis-benchmark) on core 1.

Why new servers each round: where the memory of a process happens to lie moves its speed by up to
6 %, for as long as it lives. Two servers of the same binary differ by that much in every round.
Who is loaded first gets the most scattered memory, so that this order rotates as well.

    for each round:       start every server, another one first
      for each dataset:   load it into every server, in the same order
        warm up; the first time, find out how many requests last about 3 s
        for each test and depth:
          for each server: one measurement

Ratios are theirs / ours, so that above 1 is good for us. `cpu x` is the ratio of the medians;
its spread is the larger (max - min) / median of the two servers. Differences under 3 % are
ties. Exit status: see lib/tool.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lib import measure, report, servers, stats, targets, tool, workloads
from lib.progress import Progress
from lib.servers import Server, ServerSpec
from lib.wire import Connection
from lib.workloads import Test

NO_TARGET = "-"
QUIET = 0.05
Item = TypeVar("Item")


@dataclass
class Cell:
    """All samples of one test at one depth."""

    test: Test
    depth: int
    requests: int = 0
    samples: dict[str, list[measure.Sample]] = field(default_factory=dict)

    def complete(self, names: list[str]) -> bool:
        """Whether every server has the same number of samples, at least one."""
        counts = {len(self.samples.get(name, [])) for name in names}
        return len(counts) == 1 and counts != {0}


@dataclass
class Run:
    """The servers of a round with a control connection each."""

    running: list[Server]
    controls: dict[str, Connection]
    options: argparse.Namespace

    def prepare(self, server: Server, test: Test, need: int) -> None:
        """Load a test's dataset and wait until the server is idle."""
        workloads.prepare(self.controls[server.name], test.dataset, need)
        measure.settle(server)

    def sample(self, server: Server, cell: Cell, requests: int) -> measure.Sample:
        """One measurement, on fresh data where the test uses it up."""
        if cell.test.fresh:
            self.prepare(server, cell.test, requests)
        return measure.run(server, self.controls[server.name], cell.test, cell.depth, requests)


def turns(all_of: list[Item], round_number: int) -> list[Item]:
    """The servers, or what else there is one of for each, each round beginning with the next."""
    first = round_number % len(all_of)
    return all_of[first:] + all_of[:first]


def by_dataset(cells: list[Cell]) -> dict[str, list[Cell]]:
    """Cells grouped so that each dataset is loaded once; order of first use."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.test.dataset, []).append(cell)
    return groups


def warm_up(run: Run, cell: Cell) -> None:
    """Let every server serve for a while."""
    for server in run.running:
        run.sample(server, cell, measure.first_guess(cell.depth))


def calibrate(run: Run, cell: Cell) -> None:
    """Warm every server up and choose the requests of a measurement by the median speed."""
    if run.options.requests:
        cell.requests = run.options.requests
        return
    speeds = []
    for server in run.running:
        guess = measure.first_guess(cell.depth)
        speed = run.sample(server, cell, guess).requests_per_s
        if guess / speed < measure.WARM_UP_S / 4:  # too short to tell
            guess = measure.requests_for(speed, measure.WARM_UP_S, cell.depth)
            speed = run.sample(server, cell, guess).requests_per_s
        speeds.append(speed)
    middle = stats.summarize(speeds).median
    cell.requests = measure.requests_for(middle, run.options.seconds, cell.depth,
                                         cell.test.most_requests)


def measure_round(run: Run, cells: list[Cell], round_number: int, progress: Progress) -> None:
    """Add one sample of each server to every cell."""
    said = f"round {round_number + 1}: "
    for dataset, group in by_dataset(cells).items():
        progress.step(f"{said}loading {dataset}")
        for server in turns(run.running, round_number):
            if not group[0].test.fresh:
                run.prepare(server, group[0].test, 0)
        if round_number:
            warm_up(run, group[0])
        for cell in group:
            if round_number == 0:
                progress.step(f"warming up {cell.test.name} P={cell.depth}")
                calibrate(run, cell)
            progress.step(f"{said}{cell.test.name} P={cell.depth}, {cell.requests:,} requests")
            for server in turns(run.running, round_number):
                sample = run.sample(server, cell, cell.requests)
                cell.samples.setdefault(server.name, []).append(sample)


def rival_figures(cell: Cell, ours: str, rival: str, known: dict[str, Any] | None
                  ) -> dict[str, Any]:
    """Ratios of one rival in one cell, its target and the verdict."""
    our_cpu = [sample.cpu_us for sample in cell.samples[ours]]
    their_cpu = [sample.cpu_us for sample in cell.samples[rival]]
    our_cpu_median = stats.summarize(our_cpu)
    their_cpu_median = stats.summarize(their_cpu)
    ours_per_s = stats.summarize([s.requests_per_s for s in cell.samples[ours]]).median
    theirs_per_s = stats.summarize([s.requests_per_s for s in cell.samples[rival]]).median
    cpu = stats.ratio(their_cpu_median.median, our_cpu_median.median)
    target = targets.speed_target(known, cell.test.name, cell.depth, rival) if known else None
    must, goal = (target.must, target.goal) if target else (None, None)
    paired = stats.paired_ratios(their_cpu, our_cpu)
    return {"cpu_ratio": cpu, "cpu_ratio_low": paired.low, "cpu_ratio_high": paired.high,
            "rps_ratio": stats.ratio(ours_per_s, theirs_per_s), "must": must, "goal": goal,
            "spread": max(our_cpu_median.spread, their_cpu_median.spread),
            "verdict": stats.verdict(cpu, must, goal)}


def result_row(cell: Cell, names: list[str], known: dict[str, Any] | None) -> dict[str, Any]:
    """One row of the JSON: figures of each server, ratios of each rival."""
    figures = {}
    for name in names:
        samples = cell.samples[name]
        figures[name] = {
            "cpu_us": stats.summarize([s.cpu_us for s in samples]).as_dict(),
            "cpu_us_rounds": [round(s.cpu_us, 5) for s in samples],
            "rps": stats.summarize([s.requests_per_s for s in samples]).as_dict(),
            "clock": sorted({s.clock for s in samples}),
            "waiting_s": sum(s.waiting_s for s in samples),
            "elapsed_s": sum(s.elapsed_s for s in samples)}
    return {"test": cell.test.name, "depth": cell.depth, "requests": cell.requests,
            "elements": cell.test.elements, "servers": figures,
            "ratios": {rival: rival_figures(cell, names[0], rival, known)
                       for rival in names[1:]}}


def worst_verdict(verdicts: list[str]) -> str:
    """The verdict of a row with several rivals: its worst."""
    order = ("MISS", "slower", "none", "tie", "must", "faster", "goal")
    return min(verdicts, key=order.index) if verdicts else NO_TARGET


def table_of(result: dict[str, Any], markdown: bool) -> str:
    """The one table: a line for each test and depth."""
    names = list(result["servers"])
    header = ["test", "P", f"{names[0]} us"]
    for rival in names[1:]:
        header += [f"{rival} us", "cpu x", "rps x", "must"]
    header += ["spread", "verdict"]
    rows = []
    for row in result["rows"]:
        cells = [row["test"], str(row["depth"]),
                 report.figure(row["servers"][names[0]]["cpu_us"]["median"])]
        spread = row["servers"][names[0]]["cpu_us"]["spread"]
        for rival in names[1:]:
            entry = row["ratios"][rival]
            spread = max(spread, entry["spread"])
            must = entry["must"]
            cells += [report.figure(row["servers"][rival]["cpu_us"]["median"]),
                      f"{entry['cpu_ratio']:.2f}", f"{entry['rps_ratio']:.2f}",
                      NO_TARGET if must is None else f"{must:.2f}"]
        cells += [report.percent(spread),
                  worst_verdict([entry["verdict"] for entry in row["ratios"].values()])]
        rows.append(cells)
    return report.table(header, rows, markdown=markdown)


def queueing(result: dict[str, Any]) -> float:
    """Share of the measured time in which servers were ready but waited for their core."""
    figures = [entry for row in result["rows"] for entry in row["servers"].values()]
    elapsed_s = sum(entry["elapsed_s"] for entry in figures)
    return sum(entry["waiting_s"] for entry in figures) / elapsed_s if elapsed_s else 0.0


def percent_waited(result: dict[str, Any]) -> str:
    """queueing() in words: other processes on the core move even the CPU per request.

    A server that waits finds more requests at its next turn and handles them more cheaply, so
    that figures of a busy machine look better at small depths, and only ratios can be used.
    """
    share = queueing(result)
    quiet = share <= QUIET
    return (f"{report.percent(share)} of the time: "
            + ("the machine was quiet." if quiet else "NOT QUIET, trust ratios at most."))


def summary_of(result: dict[str, Any]) -> str:
    """What the table's figures are, in three lines below it."""
    settings = result["settings"]
    clocks = sorted({clock for row in result["rows"] for figures in row["servers"].values()
                     for clock in figures["clock"]})
    return (f"us = server CPU per request (clock: {', '.join(clocks)}); median of "
            f"{settings['rounds']} rounds; cpu x = theirs / ours, rps x = ours / theirs; "
            f"spread = largest (max - min) / median of the row.\n"
            f"{', '.join(result['servers'].values())}; {settings['clients']} clients, "
            f"{workloads.KEYS:,} keys, {workloads.VALUE_BYTES}-byte values; "
            f"{result['machine']['processor']}, {result['machine']['cores']} cores.\n"
            f"Servers waited for their core {percent_waited(result)}")


def missed(result: dict[str, Any]) -> list[str]:
    """Every must that was missed, in words."""
    return [f"{row['test']} P={row['depth']}: {entry['cpu_ratio']:.2f} of {rival}, "
            f"must be {entry['must']:.2f}"
            for row in result["rows"] for rival, entry in row["ratios"].items()
            if entry["verdict"] == "MISS"]


def build_result(specs: list[ServerSpec], described: dict[str, str], cells: list[Cell],
                 options: argparse.Namespace, known: dict[str, Any] | None) -> dict[str, Any]:
    """JSON of the run, from the cells that are complete."""
    names = list(described)
    settings = {"rounds": options.rounds, "seconds": options.seconds,
                "clients": measure.CLIENTS, "keys": workloads.KEYS,
                "value_bytes": workloads.VALUE_BYTES, "server_core": servers.SERVER_CORE,
                "load_core": servers.LOAD_CORE,
                "commands": {spec.name: list(spec.command) for spec in specs}}
    result = report.envelope("compare", settings)
    result["servers"] = described
    result["rows"] = [result_row(cell, names, known) for cell in cells if cell.complete(names)]
    return result


@contextmanager
def started(specs: list[ServerSpec], options: argparse.Namespace, round_number: int
            ) -> Iterator[Run]:
    """The servers in the order of `specs`, for as long as the block lasts."""
    with ExitStack() as stack:
        by_name = {spec.name: stack.enter_context(servers.start(spec))
                   for spec in turns(specs, round_number)}
        running = [by_name[spec.name] for spec in specs]
        controls = {server.name: stack.enter_context(server.connect(timeout_s=300.0))
                    for server in running}
        yield Run(running, controls, options)


def run_all(specs: list[ServerSpec], options: argparse.Namespace) -> dict[str, Any]:
    """Start the servers, measure, stop them, round by round; an interrupt keeps the rows that are
    complete."""
    known = targets.read_targets() if options.targets or options.check else None
    cells = [Cell(test, depth) for test in options.tests for depth in options.pipeline]
    groups = by_dataset(cells)
    steps = (len(groups) + len(cells)) * options.rounds + len(cells)
    described: dict[str, str] = {}
    try:
        with Progress(steps, options.quiet) as progress:
            for round_number in range(options.rounds):
                with started(specs, options, round_number) as run:
                    described = described or {
                        server.name: servers.describe(server) for server in run.running}
                    measure_round(run, cells, round_number, progress)
    except KeyboardInterrupt:
        print("interrupted: the table holds the rows that are complete", file=sys.stderr)
    return build_result(specs, described, cells, options, known)


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line of the tool."""
    parser = tool.parser_of(__doc__)
    parser.add_argument("--tests", type=workloads.choose, metavar="LIST",
                        default=workloads.choose("strings"),
                        help=f"all, or groups ({', '.join(workloads.GROUPS)}) and tests "
                             f"({', '.join(workloads.TESTS)}); default: strings")
    parser.add_argument("--pipeline", type=depths, default=[1, 16, 64], metavar="LIST")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0,
                        help="length of one measurement (default 3)")
    parser.add_argument("--requests", type=int, default=0,
                        help="fixed requests a measurement instead of --seconds")
    parser.add_argument("--targets", action="store_true", help="show the musts of targets.json")
    options = tool.parse(parser, arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return options


def depths(text: str) -> list[int]:
    """Pipeline depths of a comma-separated list."""
    return tool.counts_of(text, least=1)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; returns the exit status."""
    options = parse_options(arguments)

    def measured() -> dict[str, Any]:
        measure.find_benchmark()
        return run_all(tool.specs_of(options), options)

    def text_of(result: dict[str, Any]) -> str:
        return f"{table_of(result, options.markdown)}\n\n{summary_of(result)}"

    return tool.run("compare.py", options, measured, text_of, missed)


if __name__ == "__main__":
    sys.exit(main())

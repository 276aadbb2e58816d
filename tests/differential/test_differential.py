"""A bounded slice of the differential test, in RESP2 and RESP3.

    FASTREDIS_DIFFERENTIAL_COMMANDS   commands over all tests here (default 100000, about 20 s)
    FASTREDIS_TEST_SEED               seed of the seeded run, see support/seeds.py

Two runs complement each other: the seeded one is fast and goes deep into a session, and reduces
what it finds by delta debugging; the property-based one tries many short histories, shrinks them
argument by argument, and remembers failures for the next run.
"""

from __future__ import annotations

import os
from typing import Iterator, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.seeds import drawn_seed

from .known_differences import Context
from .pair import CONNECTIONS, Address, Step
from .runner import Runner, show_step

COMMANDS = int(os.environ.get("FASTREDIS_DIFFERENTIAL_COMMANDS", "100000"))
SHRUNK_SHARE = 0.15
HISTORY_STEPS = 30

pytestmark = [
    pytest.mark.timeout(60 + COMMANDS // 100),
    pytest.mark.target("fastredis", "redis", reason="Valkey goes its own way in known places")]


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def runner(request: pytest.FixtureRequest, server, oracle) -> Iterator[Runner]:
    """A runner on the shared oracle and the shared server under test."""
    addresses = [Address.of(process) for process in (oracle, server)]
    context = Context(oracle.target.name, oracle.target.version,
                      server.target.name, server.target.version)
    instance = Runner(*addresses, context, request.param)
    yield instance
    instance.close()


def test_a_seeded_run_shows_no_unexplained_difference(runner: Runner) -> None:
    seed = drawn_seed()
    report = runner.run(int(COMMANDS * (1 - SHRUNK_SHARE) / 2), seed)
    assert not report.found and not report.gone, "\n" + report.text()


def test_no_short_history_shows_a_difference(runner: Runner) -> None:
    @st.composite
    def step(draw: st.DrawFn) -> Step:
        connection = draw(st.integers(0, CONNECTIONS - 1))
        rng = draw(st.randoms(use_true_random=False))
        return connection, runner.generator.draw(rng)

    @settings(max_examples=max(10, int(COMMANDS * SHRUNK_SHARE / 2 / HISTORY_STEPS)),
              deadline=None, print_blob=True,
              suppress_health_check=list(HealthCheck))
    @given(st.lists(step(), min_size=1, max_size=HISTORY_STEPS * 2))
    def check(steps: List[Step]) -> None:
        difference = runner.difference(steps)
        if difference:
            history = "\n".join(map(show_step, steps))
            raise AssertionError(f"{difference}\nafter\n{history}")

    check()

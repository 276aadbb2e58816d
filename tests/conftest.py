"""The harness: servers and clients for every test of the tree.

    pytest --target fastredis|redis|valkey     the server under test (default fastredis)
    pytest --oracle "COMMAND PREFIX"           the real server of differential tests
                                               (default: redis-server from PATH)

    FASTREDIS_TEST_REDIS, FASTREDIS_TEST_VALKEY   command prefixes of those targets
    FASTREDIS_TEST_TIME_SCALE                     multiplies the harness's timeouts
    CI                                            a missing oracle fails instead of skipping,
                                                  and seeds are fixed (support/seeds.py)

Fixtures
    target           support.server_process.Target: .name .version .is_fastredis .matches(spec)
    server           shared ServerProcess, emptied and reset before each test that uses it
    fresh_server     factory: fresh_server("--maxclients", "5", config="...", stdin_text="...",
                     bare=False, wait=True, host=..., port=...) -> own ServerProcess in its own
                     temporary directory, stopped after the test
    client           support.wire.Client on `server`, RESP2
    client3          the same after HELLO 3
    connect          factory: connect(protocol=2) -> a further Client on `server`
    oracle           shared ServerProcess of the real server, reset like `server`
    oracle_target    its Target

ServerProcess: .host .port .pid .directory .unix_path .target .client(protocol=2) .output()
    .rss_bytes() .cpu_seconds() .is_alive() .wait_exit() .send_signal(n) .stop() .kill() .start()

Client: .send(bytes) .request(*args) .read() .read_raw() .read_reply() .call(*args) -> value
    .raw(*args) -> exact bytes .ok(*args) -> value, fails on an error reply
    .send_read_raw(bytes) .pipeline(commands) .pipeline_raw(commands) .exchange(bytes)
    .expect_closed() .expect_silence() .expect_alive() .read_until_closed() .address .close()

Marks
    @pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="...")   run for these only
    @pytest.mark.needs_command("subscribe", "client|unblock")   skipped, and counted, where the
                                    target does not list the command yet
    @pytest.mark.memory_bound       reads resident memory: Linux, and not under sanitizers
    @pytest.mark.timeout(n)         seconds; 60 for every test without it

Import helpers as `from support.wire import Client, encode_command, split_replies, eventually`.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Union

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))
if any((TESTS.parent / "fastredis").glob("_engine*.so")):
    sys.path.insert(1, str(TESTS.parent))

from support.programs import missing  # noqa: E402
from support.seeds import seed_is_fixed  # noqa: E402
from support.server_process import (  # noqa: E402
    TARGET_NAMES, ServerError, ServerProcess, Target, find_target, sanitized,
    take_sanitizer_reports)
from support.shared import SharedServer  # noqa: E402
from support.wire import TIME_SCALE, Client  # noqa: E402

DEFAULT_TEST_TIMEOUT_S = 60
OUTPUT_SHOWN_CHARS = 6000

_left_out: Dict[str, int] = {}
_target_found = pytest.StashKey[Union[Target, ServerError]]()
_servers_of_item = pytest.StashKey[List[ServerProcess]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --target and --oracle."""
    group = parser.getgroup("fastredis")
    group.addoption("--target", choices=TARGET_NAMES, default="fastredis",
                    help="the server that the tests run against")
    group.addoption("--oracle", default="redis-server",
                    help="command prefix of the real server of differential tests")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marks, and fixes what property-based tests draw where seeds are fixed."""
    settings.register_profile("fixed", derandomize=True)
    settings.load_profile("fixed" if seed_is_fixed() else "default")
    config.addinivalue_line(
        "markers", "target(*specs, reason): run only against these targets, e.g. 'redis>=7.2'")
    config.addinivalue_line(
        "markers", "needs_command(*names): run only where COMMAND INFO knows all of them")
    config.addinivalue_line(
        "markers", "memory_bound: reads resident memory; not run under sanitizers")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Gives every test without a timeout the default one."""
    try:
        configured = float(config.getini("timeout") or 0)
    except (KeyError, ValueError):
        configured = 0
    for item in items:
        if not configured and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(DEFAULT_TEST_TIMEOUT_S * TIME_SCALE))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what the marks exclude."""
    marker = item.get_closest_marker("memory_bound")
    if marker is not None:
        if sys.platform != "linux":
            pytest.skip("reads resident memory from /proc")
        if sanitized():
            pytest.skip("resident memory says nothing under sanitizers")
    marker = item.get_closest_marker("target")
    if marker is not None:
        target = _target_of(item.config)
        if not any(target.matches(spec) for spec in marker.args):
            _leave_out(f"only for {', '.join(marker.args)}: {marker.kwargs['reason']}")


def _leave_out(reason: str) -> None:
    """Skips the running test and counts it under its reason."""
    _left_out[reason] = _left_out.get(reason, 0) + 1
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the tests that are not for this target, by reason."""
    if _left_out:
        terminalreporter.section("not for this target")
        for reason, count in sorted(_left_out.items(), key=lambda pair: -pair[1]):
            terminalreporter.line(f"{count:4d}  {reason}")


def pytest_report_header(config: pytest.Config) -> str:
    """Says which server is under test."""
    return f"target: {config.getoption('--target')}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Shows the output of the servers of a failed test."""
    report = yield
    if report.failed:
        for server in item.stash.get(_servers_of_item, []):
            state = "running" if server.is_alive() else f"exited {server.process.returncode}"
            report.sections.append((
                f"{server.target.name} on port {server.port}, {state}",
                server.output()[-OUTPUT_SHOWN_CHARS:]))
    return report


def _target_of(config: pytest.Config) -> Target:
    name = config.getoption("--target")
    found = config.stash.get(_target_found, None)
    if found is None:
        try:
            found = find_target(name) or ServerError(
                f"--target {name}: its server is not installed "
                f"(PATH, or FASTREDIS_TEST_{name.upper()})")
        except ServerError as error:
            found = error
        config.stash[_target_found] = found
    if isinstance(found, ServerError):
        pytest.fail(str(found), pytrace=False)
    return found


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """The server program under test."""
    return _target_of(pytestconfig)


@pytest.fixture(scope="session")
def oracle_target(pytestconfig: pytest.Config) -> Target:
    """The real server program of differential tests."""
    prefix = pytestconfig.getoption("--oracle")
    found = find_target("redis", prefix)
    if found is None:
        missing(f"no real server to compare with: `{shlex.split(prefix)[0]}` is not installed")
    return found


@pytest.fixture(scope="session")
def _shared_server(target: Target) -> Iterator[SharedServer]:
    shared = SharedServer(target)
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def _shared_oracle(oracle_target: Target) -> Iterator[SharedServer]:
    shared = SharedServer(oracle_target)
    yield shared
    shared.stop()


def _hand_out(request: pytest.FixtureRequest, server: ServerProcess) -> ServerProcess:
    request.node.stash.setdefault(_servers_of_item, []).append(server)
    return server


@pytest.fixture
def server(request: pytest.FixtureRequest, _shared_server: SharedServer
           ) -> Iterator[ServerProcess]:
    """The shared server under test, empty and with its first configuration."""
    instance = _hand_out(request, _shared_server.get())
    yield instance
    instance.close_clients()
    assert instance.is_alive(), "the server died in this test"


@pytest.fixture
def oracle(request: pytest.FixtureRequest, _shared_oracle: SharedServer
           ) -> Iterator[ServerProcess]:
    """The shared real server, empty and with its first configuration."""
    instance = _hand_out(request, _shared_oracle.get())
    yield instance
    instance.close_clients()


@pytest.fixture
def fresh_server(request: pytest.FixtureRequest, target: Target
                 ) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers of the test's own; see ServerProcess for the parameters."""
    started: List[ServerProcess] = []

    def start(*args: str, **options: object) -> ServerProcess:
        server = ServerProcess(target, args, **options)
        started.append(server)
        return _hand_out(request, server)

    yield start
    for server in started:
        server.stop()
        server.remove_directory()


@pytest.fixture(autouse=True)
def _no_sanitizer_report() -> Iterator[None]:
    """Fails the test during which any process of the run caused a sanitizer to report."""
    yield
    reports = take_sanitizer_reports()
    if reports:
        pytest.fail(f"a sanitizer reported:\n{reports}", pytrace=False)


@pytest.fixture(autouse=True)
def _needed_commands(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("needs_command")
    if marker is None:
        return
    with request.getfixturevalue("server").client() as connection:
        known = connection.call("COMMAND", "INFO", *marker.args)
    missing = [name for name, entry in zip(marker.args, known) if not entry]
    if missing:
        _leave_out(f"the target has no command {', '.join(missing)}")


@pytest.fixture
def client(server: ServerProcess) -> Client:
    """A RESP2 connection to the shared server."""
    return server.client()


@pytest.fixture
def client3(server: ServerProcess) -> Client:
    """A RESP3 connection to the shared server."""
    return server.client(protocol=3)


@pytest.fixture
def connect(server: ServerProcess) -> Callable[..., Client]:
    """Opens further connections to the shared server: connect(protocol=2)."""
    return server.client

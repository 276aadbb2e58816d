"""Starting, pinning, watching and stopping the servers that are compared.

A server is a name and a command prefix; the options that make a run fair are appended to
every one of them: port, address, no snapshots, no append-only file. The prefix may be
"chroot FOLDER redis-server --dir /srv/x": chroot replaces itself by the server, so that the
process started here is the server. That is not taken on trust: once the server answers, its
INFO process_id must be the pid that was started, or the run stops, since otherwise the CPU of
some other process would be published.

Every server gets a free port and, where the prefix names no --dir, a directory of its own.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .wire import Connection, ReplyError

SERVER_CORE = 0
LOAD_CORE = 1
START_LIMIT_S = 20.0
STOP_LIMIT_S = 20.0
PRIORITY = -20  # nice value of a server whose stalls are watched: neighbours disturb less
FAIR_OPTIONS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


class ServerError(Exception):
    """A server that did not start, answer or behave as a measurement needs."""


@dataclass(frozen=True)
class ServerSpec:
    """Name of a server in tables, and the command line before the common options."""

    name: str
    command: tuple[str, ...]


def fastredis_spec() -> ServerSpec:
    """fastredis as installed for the interpreter that runs the tool."""
    return ServerSpec("fastredis", (sys.executable, "-m", "fastredis"))


def parse_spec(text: str) -> ServerSpec:
    """ServerSpec of NAME=COMMAND, the command quoted as in a shell. Raises ValueError."""
    name, separator, command = text.partition("=")
    words = tuple(shlex.split(command))
    if not separator or not name.strip() or not words:
        raise ValueError(f"{text!r} is not NAME=COMMAND")
    return ServerSpec(name.strip(), words)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago; INFO's pid guards the moment since."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _cores() -> frozenset[int]:
    """Cores that this process may use; none where the system cannot say."""
    if not hasattr(os, "sched_getaffinity"):
        return frozenset()
    return frozenset(os.sched_getaffinity(0))


CORES = _cores()  # as the tool was started: pin_self() narrows what the system says later


def pin_command(core: int | None, command: Sequence[str]) -> list[str]:
    """The command under taskset, which replaces itself and so keeps the pid."""
    if core is None or core not in CORES or shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "-c", str(core), *command]


def pin_self(core: int) -> bool:
    """Pin this process to a core; whether that was possible."""
    if core not in CORES:
        return False
    os.sched_setaffinity(0, {core})
    return True


@dataclass
class Server:
    """A running server; stop() it, or use it in a with."""

    spec: ServerSpec
    port: int
    process: subprocess.Popen[bytes]
    first_pong_ms: float
    log: Path
    identity: dict[str, str] = field(default_factory=dict)
    prioritized: bool = False
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.spec.name

    @property
    def pid(self) -> int:
        """Process id, checked against INFO where the server says it."""
        return self.process.pid

    def connect(self, timeout_s: float = 60.0) -> Connection:
        """A new connection to the server."""
        return Connection(self.port, timeout_s=timeout_s)

    def stop(self) -> None:
        """End the process, first politely, and remove its directory."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def start(spec: ServerSpec, *, core: int | None = SERVER_CORE,
          prioritize: bool = False, extra: Sequence[str] = ()) -> Server:
    """Start a server, pinned to a core, and wait for its first PONG.

    prioritize is for stalls, not for speed: a server that always runs at once finds fewer
    requests waiting at each turn, and its CPU per request is up to half as much again.

    Raises ServerError when it ends, stays silent for 20 s, or is not the process started.
    """
    if not Path("/proc/self/stat").exists():
        raise ServerError("CPU and memory of a server are read from Linux's /proc: none here")
    folder = tempfile.TemporaryDirectory(prefix="fastredis-bench-")
    try:
        server = _start_in(spec, folder, core, extra)
        server.prioritized = prioritize and _prioritize(server.pid)
        return server
    except BaseException:
        folder.cleanup()
        raise


def _start_in(spec: ServerSpec, folder: tempfile.TemporaryDirectory[str], core: int | None,
              extra: Sequence[str]) -> Server:
    port = free_port()
    command = [*spec.command, "--port", str(port), *FAIR_OPTIONS, *extra]
    if "--dir" not in spec.command:
        command += ["--dir", folder.name]
    log = Path(folder.name, "output.log")
    with log.open("wb") as output:
        began = time.perf_counter()
        try:
            process = subprocess.Popen(pin_command(core, command), stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT)
        except OSError as error:
            raise ServerError(f"{spec.name}: cannot start: {error}") from error
    server = Server(spec, port, process, 0.0, log, _folder=folder)
    try:
        server.first_pong_ms = _wait_for_pong(server, began)
        server.identity = _identify(server)
        _check_core(server, core)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return server


def _wait_for_pong(server: Server, began: float) -> float:
    """Milliseconds from the start of the process to its first PONG."""
    while time.perf_counter() - began < START_LIMIT_S:
        if server.process.poll() is not None:
            break
        try:
            with server.connect(timeout_s=START_LIMIT_S) as connection:
                if connection.call("PING") == b"PONG":
                    return (time.perf_counter() - began) * 1000.0
        except (ConnectionError, ReplyError, OSError):
            time.sleep(0.0005)
    tail = server.log.read_text(errors="replace")[-2000:]
    raise ServerError(f"{server.name}: no PONG on port {server.port}\n{tail}")


def _identify(server: Server) -> dict[str, str]:
    """Version and name as INFO tells them, after checking whose INFO it is."""
    with server.connect() as connection:
        if not connection.supports("INFO", "server"):
            return {}  # a server without INFO cannot be checked; one that ended shows anyway
        info = connection.info("server")
    told = info.get("process_id")
    if told is not None and int(told) != server.pid:
        raise ServerError(f"{server.name}: pid {told} answers on port {server.port}, "
                          f"but pid {server.pid} was started")
    kept = ("redis_version", "valkey_version", "fastredis_version", "server_name",
            "redis_build_id", "gcc_version", "mem_allocator", "multiplexing_api")
    return {name: info[name] for name in kept if name in info}


def _check_core(server: Server, core: int | None) -> None:
    """A server that shares its core with the load is another measurement. Raises ServerError."""
    if core in CORES and len(CORES) > 1 and os.sched_getaffinity(server.pid) != {core}:
        raise ServerError(f"{server.name} runs on the cores {os.sched_getaffinity(server.pid)}, "
                          f"not on {core} alone: is taskset on PATH (Debian: util-linux)?")


def _prioritize(pid: int) -> bool:
    """Give every thread of a server the highest ordinary priority; whether that was permitted.

    Threads that start later inherit it. All servers of a run are treated alike.
    """
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), PRIORITY)
    except OSError:
        return False
    return True


def describe(server: Server) -> str:
    """Name with the most telling version, such as 'valkey9 (valkey 9.1.2)'."""
    for kind in ("fastredis", "valkey", "redis"):
        version = server.identity.get(f"{kind}_version")
        if version:
            return f"{server.name} ({kind} {version})"
    return server.name


def error_replies(connection: Connection) -> int | None:
    """Error replies since the start; None where the server does not count them."""
    if not connection.supports("INFO", "stats"):
        return None  # redis-benchmark itself still stops at an error reply
    stats = connection.info("stats")
    if "total_error_replies" in stats:
        return int(stats["total_error_replies"])
    try:
        counts = connection.info("errorstats")
    except ReplyError:
        return None
    found = [value for name, value in counts.items() if name.startswith("errorstat_")]
    return sum(int(value.partition("=")[2].split(",")[0]) for value in found) if found else None

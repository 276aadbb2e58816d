"""Servers as child processes: fastredis, redis-server and valkey-server behind one interface.

Why processes and not threads or an in-process server: a test of exit codes, signals, memory and
a crash needs the real thing, and the same test must run against the real rivals.

    Target          which program: command prefix, name, version, the directory it sees as "/"
      |
    ServerProcess   one running instance: port, temp directory, captured output, clients

Invariants: a server is stopped by the pid that was started here; its output goes to a file and
is shown when a test fails; nothing outlives the run (`stop_all` at exit, and on Linux the kernel
kills the children of a test run that dies). A port is found by trying, and a start that loses the
race for it is repeated.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import importlib.util
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from support.wire import DEFAULT_TIMEOUT_S, TIME_SCALE, Client, Error

READY_TIMEOUT_S = 15.0 * TIME_SCALE
STOP_TIMEOUT_S = 10.0 * TIME_SCALE
TARGET_NAMES = ("fastredis", "redis", "valkey")
PR_SET_PDEATHSIG = 1
PORTS = range(15_000, 32_000)
PORT_TRIES = 1000


class ServerError(AssertionError):
    """A server did not start or did not stop as asked."""


@dataclass(frozen=True)
class Target:
    """A program that tests run against."""

    name: str
    command: Tuple[str, ...]
    version: Tuple[int, ...]
    root: str = ""
    environment: Dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def is_fastredis(self) -> bool:
        return self.name == "fastredis"

    def matches(self, spec: str) -> bool:
        """True for specs such as "redis", "redis>=7.2", "valkey<9"."""
        name, relation, version = re.fullmatch(r"(\w+)(?:(>=|<)([\d.]+))?", spec).groups()
        if name != self.name:
            return False
        if relation is None:
            return True
        wanted = tuple(int(part) for part in version.split("."))
        return self.version >= wanted if relation == ">=" else self.version < wanted

    def sees(self, path: str) -> str:
        """A path of this machine as the server sees it (differs under chroot)."""
        return path[len(self.root):] if self.root and path.startswith(self.root) else path


def find_target(name: str, prefix: Optional[str] = None) -> Optional[Target]:
    """The target of that name, or None when its program is not installed.

    `prefix` is a command line that arguments are appended to. Without it, FASTREDIS_TEST_REDIS
    and FASTREDIS_TEST_VALKEY are asked, then PATH.
    """
    environment: Dict[str, str] = {}
    if name == "fastredis":
        command = [sys.executable, "-m", "fastredis"]
        environment = _source_tree_environment()
    else:
        environment = {"LD_PRELOAD": ""}  # sanitizers are for the server under test alone
        variable = f"FASTREDIS_TEST_{name.upper()}"
        command = shlex.split(prefix or os.environ.get(variable) or f"{name}-server")
        if shutil.which(command[0]) is None:
            return None
    root = command[1].rstrip("/") if os.path.basename(command[0]) == "chroot" else ""
    try:
        answer = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, timeout=READY_TIMEOUT_S,
            env={**os.environ, **environment}, check=False)
    except OSError:
        return None
    version = re.search(r"v=([\d.]+)", answer.stdout)
    if answer.returncode != 0 or version is None:
        if name != "fastredis":
            return None
        raise ServerError(f"`{shlex.join(command)} --version` failed:\n"
                          f"{answer.stdout}{answer.stderr}")
    numbers = tuple(int(part) for part in version.group(1).strip(".").split("."))
    return Target(name, tuple(command), numbers, root, environment)


def _source_tree_environment() -> Dict[str, str]:
    """Lets a server started elsewhere find a package that is built in place, not installed."""
    spec = importlib.util.find_spec("fastredis")
    if spec is None or spec.origin is None:
        return {}
    package = Path(spec.origin).parent
    if not any(package.glob("_engine*.so")):
        return {}
    paths = [str(package.parent), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def free_port() -> int:
    """A TCP port that was free a moment ago, on every address of this machine.

    It is drawn from below the range that outgoing connections get: after a long run thousands of
    those are in TIME-WAIT, and any of them keeps a server from binding all addresses.
    """
    for _ in range(PORT_TRIES):
        port = secrets.choice(PORTS)
        try:
            for family, every_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                with socket.socket(family, socket.SOCK_STREAM) as sock:
                    sock.bind((every_address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            if family == socket.AF_INET:
                raise  # without IPv6 the first address is every address
        return port
    raise ServerError(f"no free port among {PORT_TRIES}")


def process_rss_bytes(pid: int) -> int:
    """Resident memory of a process, from /proc."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def process_exists(pid: int) -> bool:
    """True while the pid is alive and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def sanitized() -> bool:
    """True when the run preloads a sanitizer: memory and time bounds say nothing then."""
    return "san" in os.environ.get("LD_PRELOAD", "") or bool(
        os.environ.get("FASTREDIS_TEST_SANITIZED"))


def take_sanitizer_reports() -> str:
    """What sanitizers have reported since the last call, in whatever process of this run."""
    directory = os.environ.get("FASTREDIS_TEST_REPORTS")
    if not directory:
        return ""
    texts = []
    for path in sorted(Path(directory).glob("report.*")):
        texts.append(path.read_text(errors="replace"))
        path.rename(path.with_name(f"seen-{path.name}"))
    return "\n".join(texts)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """One server: started at once, stopped by `stop` or at the end of the run.

    args         further command-line arguments, after the harness's own
    config       text of a configuration file, given as the first argument
    stdin_text   text for the server's standard input (use with the argument "-")
    bare         start with `args` only: no port, bind, dir or save of the harness
    wait         wait for the first PONG
    """

    _running: Set["ServerProcess"] = set()

    def __init__(self, target: Target, args: Sequence[str] = (), *, config: Optional[str] = None,
                 stdin_text: Optional[str] = None, bare: bool = False, wait: bool = True,
                 host: str = "127.0.0.1", port: Optional[int] = None,
                 directory: Optional[str] = None) -> None:
        self.target = target
        self.host = host
        self.owns_directory = directory is None
        self.directory = directory or make_directory(target)
        self.output_path = os.path.join(self.directory, "output.log")
        self._fixed_port = port
        self._args = [str(arg) for arg in args]
        self._config = config
        self._stdin_text = stdin_text
        self._bare = bare
        self.port = port or 0
        self.process: Optional[subprocess.Popen] = None
        self._clients: List[Client] = []
        self.start(wait=wait)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def unix_path(self) -> str:
        """Where tests put a unix socket of this server: seen from here."""
        return os.path.join(self.directory, "s")

    def command_line(self) -> List[str]:
        """The arguments of the process as it is, or will be, started."""
        command = list(self.target.command)
        if self._config is not None:
            path = os.path.join(self.directory, "server.conf")
            Path(path).write_text(self._config)
            command.append(self.target.sees(path))
        if self._bare:
            return command + self._args
        if self._args[:1] == ["-"]:
            command.append("-")
        own = ["--port", str(self.port), "--bind", self.host, "--save", "",
               "--dir", self.target.sees(self.directory)]
        return command + own + self._args[1 if self._args[:1] == ["-"] else 0:]

    def start(self, wait: bool = True) -> None:
        """Starts the process (again); with `wait`, returns at the first PONG."""
        for attempt in range(5):
            if self._fixed_port is None:
                self.port = free_port()
            self._spawn()
            if not wait:
                return
            try:
                self.wait_ready()
                return
            except ServerError:
                lost_race = self._fixed_port is None and "ddress already in use" in self.output()
                self.kill()
                if not lost_race or attempt == 4:
                    self.remove_directory()
                    raise

    def _spawn(self) -> None:
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen(
                self.command_line(), stdout=output, stderr=subprocess.STDOUT, cwd=self.directory,
                stdin=subprocess.PIPE if self._stdin_text is not None else subprocess.DEVNULL,
                env={**os.environ, **self.target.environment}, preexec_fn=_die_with_parent)
        ServerProcess._running.add(self)
        if self._stdin_text is not None:
            self.process.stdin.write(self._stdin_text.encode())
            self.process.stdin.close()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Returns once the server answers PING (with anything but LOADING)."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"server exited with {self.process.returncode} at its start:\n"
                                  f"{shlex.join(self.command_line())}\n{self.output()}")
            try:
                with Client.connect(self.host, self.port) as client:
                    answer = client.call("PING")
                if not (isinstance(answer, Error) and answer.code == b"LOADING"):
                    return
            except (OSError, AssertionError):
                pass
            time.sleep(0.004)
        raise ServerError(f"server does not answer within {timeout_s} s:\n"
                          f"{shlex.join(self.command_line())}\n{self.output()}")

    def client(self, protocol: int = 2, timeout_s: float = DEFAULT_TIMEOUT_S) -> Client:
        """A new connection; it is closed with the server, or at the end of the test."""
        client = Client.connect(self.host, self.port, timeout_s)
        self._clients.append(client)
        if protocol == 3:
            client.ok("HELLO", "3")
        return client

    def close_clients(self) -> None:
        """Closes every connection that `client` handed out."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def close_clients_but(self, kept: Client) -> None:
        """Closes every other connection that `client` handed out."""
        self._clients.remove(kept)
        self.close_clients()
        self._clients.append(kept)

    def is_alive(self) -> bool:
        """True while the process runs."""
        return self.process is not None and self.process.poll() is None

    def rss_bytes(self) -> int:
        """Resident memory of the server."""
        return process_rss_bytes(self.pid)

    def cpu_seconds(self) -> float:
        """User and system time that the server has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def output(self) -> str:
        """Everything the server has written to its standard output and error."""
        try:
            return Path(self.output_path).read_text(errors="replace")
        except OSError:
            return ""

    def wait_exit(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Waits for the process to end by itself; its exit code (negative: signal)."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ServerError(f"server still runs after {timeout_s} s:\n{self.output()}") from None

    def send_signal(self, number: int) -> None:
        """Sends a signal to the server."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM, then SIGKILL when that is not obeyed; returns the exit code."""
        self.close_clients()
        if self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget()
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL."""
        self.close_clients()
        if self.is_alive():
            self.process.kill()
            self.process.wait()
        self._forget()

    def _forget(self) -> None:
        ServerProcess._running.discard(self)

    def remove_directory(self) -> None:
        """Deletes the temporary directory of a stopped server."""
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    @classmethod
    def stop_all(cls) -> None:
        """Kills every server that still runs."""
        for server in list(cls._running):
            server.kill()
            server.remove_directory()


def make_directory(target: Target) -> str:
    """A temporary directory that the target can see."""
    base = os.path.join(target.root, "tmp") if target.root else None
    return os.path.realpath(tempfile.mkdtemp(prefix="frt", dir=base))


atexit.register(ServerProcess.stop_all)

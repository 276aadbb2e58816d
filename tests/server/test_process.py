"""The process: background, pid file, supervisors, limits, title; and the command line as a program.

The engine is not needed: where the program would serve, `SERVE` stands in for `app.serve`, in a
process of its own, and reports what it was given.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from fastredis.server import logs, process
from fastredis.server.config import Config, ConfigError
from fastredis.server.system_check import check_memory, check_system
from support.server_process import Target, free_port
from support.wire import Client, eventually

ROOT = Path(__file__).parents[2]
SERVE = """
import os, sys, types
def serve(config):
    from fastredis.server import logs
    logs.notice("Ready to accept connections tcp")
    config.pid_file.write()
    config.supervisor.ready()
    with open(os.environ["REPORT"], "w") as file:
        file.write(f"{os.getpid()} {os.getppid()} {os.getsid(0)} {config['port']}")
    if config["hz"] == 77:
        import time
        while not os.path.exists(os.environ["REPORT"] + ".stop"):
            time.sleep(0.01)
    return 3 if config["hz"] == 3 else 0
app = types.ModuleType("fastredis.server.app")
app.serve = serve
sys.modules[app.__name__] = app
from fastredis.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _leave_no_handlers() -> Iterator[None]:
    yield
    for handler in list(logs.logger.handlers):
        logs.logger.removeHandler(handler)
        handler.close()
    logs.logger.propagate = True


def serve(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", SERVE, *arguments], capture_output=True, text=True, timeout=30,
        cwd=tmp_path, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "REPORT": str(tmp_path / "report"),
             **environment})


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "fastredis", *arguments], capture_output=True,
                          text=True, cwd=ROOT, timeout=60, **options)


def try_connect(port: int) -> Client | None:
    try:
        return Client.connect("127.0.0.1", port)
    except OSError:
        return None


def messages(done: subprocess.CompletedProcess) -> List[str]:
    return [line.split(" ", 6)[-1] for line in done.stdout.splitlines()]


# The program


@pytest.mark.parametrize("option", ["-v", "--version"])
def test_the_version_line_begins_as_redis_servers_does(oracle_target: Target, option: str):
    done = run(option)
    real = subprocess.run([*oracle_target.command, option], capture_output=True, text=True)
    ours, theirs = done.stdout.split(" "), real.stdout.split(" ")
    names = [word.split("=")[0] for word in theirs]
    assert [word.split("=")[0] for word in ours[: len(names)]] == names
    assert done.stdout.startswith("Redis server v=7.2.4 sha=00000000:0 malloc=fastredis-slab bits=")
    assert ours[-1].startswith("fastredis=") and done.stdout.count("\n") == 1
    assert (done.returncode, done.stderr) == (real.returncode, real.stderr)


@pytest.mark.parametrize("arguments", [
    ["--help"], ["-h"], ["--help", "x"], ["--test-memory"], ["--test-memory", "1", "2"],
])
def test_usage_goes_to_standard_error_with_the_real_exit_code(
        oracle_target: Target, arguments: List[str]):
    done = run(*arguments)
    real = subprocess.run([*oracle_target.command, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (real.returncode, real.stdout) == (1, "")
    assert done.stderr.split(" ")[0] == real.stderr.split(" ")[0]


@pytest.mark.parametrize("arguments, text", [
    (["--hz", "x"], ""), (["--bogus"], ""), (["-"], "save 1\n"), (["--port", "0", "-v"], ""),
    (["/nonexistent.conf"], ""), (["-", "--include", "/nonexistent.conf"], ""),
])
def test_a_bad_configuration_ends_the_program_as_it_ends_the_real_one(
        oracle_target: Target, arguments: List[str], text: str):
    done = run(*arguments, input=text)
    real = subprocess.run([*oracle_target.command, *arguments], input=text, capture_output=True,
                          text=True)
    assert done.stderr.replace("7.2.4", oracle_target_version(oracle_target)) == real.stderr
    assert done.returncode == real.returncode == 1
    assert messages(done) == messages(real)


def oracle_target_version(target: Target) -> str:
    return ".".join(str(part) for part in target.version)


def test_sentinel_is_refused_with_exit_code_1():
    done = run("--sentinel")
    assert done.returncode == 1 and "no Sentinel mode" in done.stderr


def test_the_start_is_logged_as_redis_logs_it(tmp_path: Path):
    done = serve(tmp_path, "--port", "7777", "--io-threads-do-reads", "yes")
    lines = messages(done)
    assert lines[0].count("oO0OoO0OoO0Oo") == 2
    assert "version=" in lines[1] and "bits=" in lines[1] and "pid=" in lines[1]
    assert lines[2] == "Configuration loaded"
    assert "io-threads-do-reads" in lines[3]
    assert lines[-2] == "Running mode=standalone, port=7777."
    assert lines[-1] == "Ready to accept connections tcp"
    assert [line.split(" ")[0].split(":")[1] for line in done.stdout.splitlines()][-1] == "M"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_start_without_arguments_says_that_defaults_are_used(tmp_path: Path):
    assert "No configuration given" in messages(serve(tmp_path))[2]


def test_a_start_as_replica_logs_as_s(tmp_path: Path):
    done = serve(tmp_path, "--replicaof", "127.0.0.1", "1")
    assert ":S " in done.stdout.splitlines()[-1]


def test_the_logo_is_shown_where_it_is_always_wanted(tmp_path: Path):
    assert "/_  _/" in serve(tmp_path, "--always-show-logo", "yes").stdout


def test_the_exit_code_is_that_of_the_server(tmp_path: Path):
    assert serve(tmp_path, "--hz", "3").returncode == 3


def test_lines_of_standard_input_are_configuration(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SERVE, "-"], input="port 7778\n", capture_output=True, text=True,
        cwd=tmp_path, timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT), "REPORT": str(tmp_path / "report")})
    assert (tmp_path / "report").read_text().endswith(" 7778")
    assert messages(done)[0] == "Reading config from stdin"


def test_the_policy_layer_loads_without_the_engine_and_without_much_else():
    heavy = ("argparse", "asyncio", "uvloop", "ctypes", "typing", "socket", "subprocess", "locale",
             "tempfile", "glob", "json", "fastredis._engine")
    if sys.version_info < (3, 14):
        heavy += ("inspect",)    # from then on logging itself loads it, by way of traceback
    code = ("import sys, fastredis.cli, fastredis.server.logs, fastredis.server.process; "
            "from fastredis.server.config import Config; Config.load(['--port', '0']); "
            f"print([name for name in {heavy} if name in sys.modules])")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, "
                           f"{str(ROOT)!r}); {code}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Background and pid file


def wait_for(path: Path) -> str:
    eventually(lambda: path.exists() and path.read_text() != "")
    return path.read_text()


def test_daemonize_leaves_the_session_and_the_caller(tmp_path: Path):
    started = time.monotonic()
    done = serve(tmp_path, "--daemonize", "yes", "--hz", "77", "--logfile", "a.log", "--pidfile",
                 "a.pid")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - started < 20
    pid, parent, session, _ = map(int, wait_for(tmp_path / "report").split(" "))
    assert parent != os.getpid() and session == pid
    assert wait_for(tmp_path / "a.pid") == f"{pid}\n"
    (tmp_path / "report.stop").touch()
    eventually(lambda: not (tmp_path / "a.pid").exists())
    text = (tmp_path / "a.log").read_text()
    assert text.splitlines()[-1].endswith(" * Removing the pid file.")


def test_a_pid_file_in_the_foreground_is_written_only_when_asked_for(tmp_path: Path):
    assert process.PidFile(Config(), background=False).path is None
    assert process.PidFile(Config(), background=True).path == "/var/run/redis.pid"
    config = Config.load(["--pidfile", "x.pid", "--dir", str(tmp_path)], change_directory=False)
    file = process.PidFile(config, background=False)
    file.write()
    assert (tmp_path / "x.pid").read_text() == f"{os.getpid()}\n"
    file.remove()
    file.remove()
    assert not (tmp_path / "x.pid").exists()


def test_a_child_does_not_remove_the_pid_file_of_its_parent(tmp_path: Path):
    config = Config.load(["--pidfile", str(tmp_path / "x.pid")])
    file = process.PidFile(config, background=False)
    file.write()
    child = os.fork()
    if child == 0:
        file.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / "x.pid").exists()


def test_a_pid_file_that_cannot_be_written_is_logged_only(caplog: pytest.LogCaptureFixture):
    file = process.PidFile(Config.load(["--pidfile", "/nonexistent/x.pid"]), background=False)
    file.write()
    file.remove()
    assert caplog.messages == [
        "Failed to write PID file /nonexistent/x.pid: No such file or directory"]


def test_a_start_without_standard_streams_serves_and_stops_in_order(tmp_path: Path):
    """The event loop got their numbers, and aborted at the end when it closed one."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "fastredis", "--port", str(port), "--dir", str(tmp_path)], cwd=ROOT,
        preexec_fn=lambda: [os.close(descriptor) for descriptor in range(3)])
    try:
        client = eventually(lambda: try_connect(port))
        assert client.call("PING") == b"PONG"
        if sys.platform == "linux":
            assert os.path.realpath(f"/proc/{server.pid}/fd/1") == os.devnull
        client.close()
        server.terminate()
        assert server.wait(10) == 0
    finally:
        server.kill()


# Supervisors


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[Callable[[str], socket.socket]]:
    opened = []

    def bind(address: str) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        channel.bind(address)
        channel.settimeout(5)
        opened.append(channel)
        return channel

    yield bind
    for channel in opened:
        channel.close()


@pytest.mark.parametrize("abstract", [False, True])
@pytest.mark.parametrize("mode", ["systemd", "auto"])
def test_systemd_is_told_of_start_readiness_and_stop(
        tmp_path: Path, notify_socket: Callable, mode: str, abstract: bool):
    if abstract and sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's")
    name = f"fastredis-test-{os.getpid()}-{mode}" if abstract else str(tmp_path / "notify")
    channel = notify_socket("\0" + name if abstract else name)
    environment = {"NOTIFY_SOCKET": "@" + name if abstract else name}
    supervisor = process.Supervisor(mode, environment)
    assert supervisor.kind == "systemd" and environment == {}
    supervisor.starting()
    assert channel.recv(500).startswith(b"STATUS=")
    supervisor.ready()
    assert b"READY=1\n" in channel.recv(500)
    supervisor.stopping()
    assert b"STOPPING=1\n" in channel.recv(500)


def test_the_program_tells_systemd_in_this_order(tmp_path: Path, notify_socket: Callable):
    name = str(tmp_path / "notify")
    channel = notify_socket(name)
    done = serve(tmp_path, "--supervised", "systemd", "--daemonize", "yes", NOTIFY_SOCKET=name)
    states = [channel.recv(500).decode() for _ in range(3)]
    assert ["READY=1" in s for s in states] == [False, True, False]
    assert "STOPPING=1" in states[2]
    # A supervised server stays in the foreground.
    assert done.returncode == 0 and "Ready to accept" in done.stdout


def test_nobody_supervises_without_the_variables(caplog: pytest.LogCaptureFixture):
    assert process.Supervisor("auto", {}).kind is None
    assert process.Supervisor("no", {"NOTIFY_SOCKET": "/x"}).kind is None
    assert caplog.messages == []
    assert process.Supervisor("systemd", {}).kind is None
    assert process.Supervisor("upstart", {}).kind is None
    assert "NOTIFY_SOCKET" in caplog.messages[0] and "UPSTART_JOB" in caplog.messages[1]


def test_a_supervisor_that_does_not_listen_is_logged_only(caplog: pytest.LogCaptureFixture):
    supervisor = process.Supervisor("systemd", {"NOTIFY_SOCKET": "/nonexistent/notify"})
    assert supervisor.notify("READY=1") is False
    assert caplog.messages == ["Can't notify systemd: No such file or directory"]
    assert process.Supervisor("systemd", {"NOTIFY_SOCKET": "relative"}).notify("x") is False


def test_upstart_sees_the_server_stop_itself():
    child = os.fork()
    if child == 0:
        process.Supervisor("auto", {"UPSTART_JOB": "x"}).starting()
        os._exit(5)
    _, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
    os.kill(child, signal.SIGCONT)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) == 5


# Limits


def in_a_child(action: Callable[[], object]) -> str:
    """What `action` returns or logs in a process that may change its limits."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = str(action())
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def drop_privileges() -> None:
    if os.geteuid() == 0:
        os.setuid(65534)


def limited(soft: int, hard: int, maxclients: int) -> str:
    def action() -> object:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        drop_privileges()
        room = process.raise_open_files(maxclients)
        return room, resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    return in_a_child(action)


def test_the_soft_limit_is_raised_for_all_clients():
    assert limited(100, 1000, 500) == "(500, 532)"


def test_a_limit_that_suffices_is_left_alone():
    assert limited(1000, 1000, 500) == "(500, 1000)"


def test_clients_are_reduced_to_what_the_hard_limit_allows():
    assert limited(100, 300, 500) == "(268, 300)"


def test_a_limit_without_room_for_a_client_stops_the_start():
    assert limited(20, 32, 500).startswith("StartError: Your current 'ulimit -n' of 20")


def test_config_set_maxclients_past_the_limit_is_refused_with_the_possible_number():
    def action() -> object:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
        drop_privileges()
        config = Config.load(["--maxclients", "200"])
        process.follow_max_clients(config)
        config.set([(b"maxclients", b"250")])
        try:
            config.set([(b"maxclients", b"5000")])
        except ConfigError as error:
            return config["maxclients"], str(error)

    assert in_a_child(action) == str((250, (
        "CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is "
        "not able to handle the specified number of clients, try with 268")))


def test_a_start_with_too_few_descriptors_serves_fewer_clients_and_says_so():
    def action() -> object:
        config = Config.load(["--maxclients", "500"])
        seen: List[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: seen.append(record.getMessage())
        logs.logger.addHandler(handler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        drop_privileges()
        process.follow_max_clients(config)
        return config["maxclients"], any("reduced to 268" in message for message in seen)

    assert in_a_child(action) == "(268, True)"


def test_a_short_queue_of_the_kernel_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "somaxconn"
    path.write_text("128\n")
    process.check_backlog(511, str(path))
    assert "511" in caplog.text and "128" in caplog.text
    caplog.clear()
    path.write_text("4096\n")
    process.check_backlog(511, str(path))
    process.check_backlog(511, str(tmp_path / "missing"))
    assert caplog.messages == []


def test_oom_scores_follow_mode_and_role(tmp_path: Path):
    path = tmp_path / "oom_score_adj"
    path.write_text("100\n")
    config = Config()
    score = process.OomScore(config, str(path))
    score.follow()
    assert path.read_text() == "100\n"
    config.set([(b"oom-score-adj", b"absolute"), (b"oom-score-adj-values", b"10 20 30")])
    assert path.read_text() == "10"
    score.set_role(process.REPLICA)
    assert path.read_text() == "20"
    config.set([(b"oom-score-adj", b"relative")])
    assert path.read_text() == "120"
    config.set([(b"oom-score-adj-values", b"0 2000 30")])
    assert path.read_text() == "1000"
    config.set([(b"oom-score-adj", b"no")])
    assert path.read_text() == "100"


def test_an_oom_score_that_is_refused_fails_the_config_set(tmp_path: Path):
    config = Config()
    process.OomScore(config, str(tmp_path / "none" / "x")).follow()
    with pytest.raises(ConfigError) as refused:
        config.set([(b"oom-score-adj", b"yes")])
    assert str(refused.value) == (
        "CONFIG SET failed (possibly related to argument 'oom-score-adj') - "
        "Failed to set current oom_score_adj. Check server logs.")
    assert config["oom-score-adj"] == "no"


# Title, mask, checks


def test_the_title_names_the_process():
    if sys.platform != "linux":
        assert process.set_title("x") is False
        return

    def action() -> str:
        process.set_title("a-title-that-is-too-long")
        return Path("/proc/self/comm").read_text()

    assert in_a_child(action) == "a-title-that-is\n"


@pytest.mark.parametrize("arguments, expected", [
    ([], "fastredis-server *:6379"),
    (["--bind", "-::1", "--port", "7"], "fastredis-server ::1:7"),
    (["--port", "0", "--unixsocket", "/s"], "fastredis-server /s"),
    (["--cluster-enabled", "yes"], "fastredis-server *:6379 [cluster]"),
    (["--proc-title-template", "{{x}} {port} {config-file}"], "{x}} 6379 -"),
])
def test_the_title_template_is_filled_in(arguments: List[str], expected: str):
    assert process.title_of(Config.load(arguments)) == expected


def test_reading_the_mask_leaves_it_alone():
    before = os.umask(0o022)
    try:
        assert process.current_umask() == 0o022
        assert process.current_umask() == 0o022
    finally:
        os.umask(before)


def test_the_system_check_names_every_check_and_answers_by_exit_code(tmp_path: Path):
    with open(tmp_path / "out", "w") as out:
        fit = check_system(out)
    text = (tmp_path / "out").read_text()
    for name in ("slow-clocksource", "xen-clocksource", "overcommit", "THP"):
        assert f"[{name}]..." in text
    assert fit is ("WARNING" not in text)


def test_the_memory_check_passes_on_sound_memory(tmp_path: Path):
    with open(tmp_path / "out", "w") as out:
        assert check_memory(2, out, rounds=1)
    assert "2 MB of memory passed the test" in (tmp_path / "out").read_text()

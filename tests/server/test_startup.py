"""From the first line of the log to the exit code: starting, listening, refusing, stopping.

Every test starts servers of its own, in a temporary directory, on ports that were free.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from support.server_process import ServerError, free_port, process_exists
from support.wire import Client, ConnectionClosed, Error, eventually

LOG_LINE = re.compile(r"\d+:[XCSM] \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [.\-*#] \S.*")
READY = "Ready to accept connections"


def start_bare(fresh_server, *args, **options):
    """A server with exactly these arguments, not waited for."""
    return fresh_server(*args, bare=True, wait=False, **options)


def wait_for_output(server, text: str) -> str:
    eventually(lambda: text in server.output() or not server.is_alive(), what=f"output {text!r}")
    assert text in server.output()
    return server.output()


def ipv6_works() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6 loopback")


def outer_address() -> str:
    """An address of this machine that is not of the loopback, or an empty string."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            address = sock.getsockname()[0]
        except OSError:
            return ""
    return "" if address.startswith("127.") else address


def test_log_says_when_connections_are_accepted(fresh_server):
    server = fresh_server()
    lines = wait_for_output(server, READY).splitlines()
    ready = next(line for line in lines if READY in line)
    assert LOG_LINE.fullmatch(ready)
    assert ready.split(":")[0] == str(server.pid)


@pytest.mark.target("fastredis", "redis", reason="Valkey prints a line of another form")
def test_log_lines_have_the_form_of_redis(fresh_server):
    server = fresh_server()
    lines = [line for line in wait_for_output(server, READY).splitlines()
             if re.match(r"\d+:", line)]
    assert lines and all(LOG_LINE.fullmatch(line) for line in lines), lines


@pytest.mark.parametrize("option", ["--version", "-v"])
def test_version_is_printed_and_the_exit_code_is_zero(fresh_server, option, target):
    server = start_bare(fresh_server, option)
    assert server.wait_exit() == 0
    name = "Valkey" if target.name == "valkey" else "Redis"
    assert re.match(rf"{name} server v=\d+\.\d+\.\d+ ", server.output())


def test_second_start_on_a_used_port_fails_and_leaves_the_first_alone(fresh_server):
    first = fresh_server()
    second = start_bare(fresh_server, "--port", first.port, "--bind", "127.0.0.1", "--save", "")
    assert second.wait_exit() == 1
    output = second.output()
    assert f"Could not create server TCP listening socket 127.0.0.1:{first.port}" in output
    assert "Address already in use" in output
    assert f"Failed listening on port {first.port}" in output
    assert READY not in output
    first.client().expect_alive()


@pytest.mark.parametrize("nowhere", [("--port", "0"), ("--port", "1", "--bind", "-192.0.2.77")])
def test_nothing_to_listen_on_is_fatal(fresh_server, nowhere):
    server = start_bare(fresh_server, *nowhere, "--save", "")
    assert server.wait_exit() == 1
    assert "Configured to not listen anywhere, exiting." in server.output()


def test_address_that_is_not_ours_is_fatal(fresh_server):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "192.0.2.1", "--save", "")
    assert server.wait_exit() == 1
    assert f"192.0.2.1:{port}" in server.output()


@pytest.mark.parametrize("name", ["..", "a..b", "x" * 64, "\udcff\udcfe", "-127.0.0.1"])
def test_name_that_no_host_can_have_is_fatal_and_logged(fresh_server, name):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", f"-{name}", "--save", "")
    assert server.wait_exit() == 1
    line = f"Could not create server TCP listening socket {name}:{port}: ".encode(
        "utf-8", "surrogateescape")
    assert line in Path(server.output_path).read_bytes()
    assert "Traceback" not in server.output()


def test_optional_address_that_is_not_ours_is_passed_over(fresh_server):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "-192.0.2.1", "127.0.0.1",
                        "--save", "")
    wait_for_output(server, READY)
    with Client.connect("127.0.0.1", port) as client:
        client.expect_alive()


def test_several_addresses_are_listened_on_at_once(fresh_server):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "127.0.0.1", "127.0.0.2",
                        "--save", "")
    wait_for_output(server, READY)
    for host in ("127.0.0.1", "127.0.0.2"):
        with Client.connect(host, port) as client:
            assert client.call("INCR", "visits") == int(host[-1])
    with pytest.raises(OSError):
        Client.connect("127.0.0.3", port)


@pytest.mark.target("fastredis", reason="deliberate difference: bind")
@pytest.mark.parametrize("addresses", [("127.0.0.1", "127.0.0.1"), ("localhost",)])
def test_addresses_that_are_given_twice_or_by_name_are_listened_on_once(fresh_server, addresses):
    server = fresh_server("--bind", *addresses)
    assert server.client().call("CONFIG", "GET", "bind") == [b"bind", b" ".join(
        address.encode() for address in addresses)]


@needs_ipv6
def test_ipv6_and_ipv4_together(fresh_server):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "127.0.0.1", "::1", "--save", "")
    wait_for_output(server, READY)
    with Client.connect("::1", port) as client:
        number = client.call("CLIENT", "ID")
        assert b" addr=[::1]:" in client.call("CLIENT", "LIST", "ID", number)
        assert b" laddr=[::1]:%d " % port in client.call("CLIENT", "INFO")
    with Client.connect("127.0.0.1", port) as client:
        client.expect_alive()


@needs_ipv6
def test_every_address_of_both_families(fresh_server):
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "*", "-::*", "--save", "")
    wait_for_output(server, READY)
    for host in ("127.0.0.1", "::1"):
        with Client.connect(host, port) as client:
            client.expect_alive()


def test_unix_socket_beside_tcp(fresh_server, target):
    server = fresh_server()
    path = server.unix_path
    server.stop()
    again = fresh_server("--unixsocket", target.sees(path), "--unixsocketperm", "700")
    with Client.connect_unix(path) as client:
        client.ok("SET", "k", "v")
        info = client.call("CLIENT", "INFO")
        assert re.search(rb" flags=\w*U\w* ", info)
        if target.name != "valkey":
            assert b" addr=" + target.sees(path).encode() + b":0 " in info
    assert again.client().call("GET", "k") == b"v"
    assert os.stat(path).st_mode & 0o777 == 0o700
    assert again.stop() == 0
    assert not os.path.exists(path)


def test_unix_socket_alone(fresh_server, target):
    first = fresh_server()
    path = first.unix_path
    first.stop()
    server = start_bare(fresh_server, "--port", "0", "--save", "",
                        "--unixsocket", target.sees(path))
    wait_for_output(server, "eady to accept connections")
    with Client.connect_unix(path) as client:
        client.expect_alive()
        assert client.call("CONFIG", "GET", "port")[1] == b"0"


def test_unix_socket_that_was_left_behind_is_replaced(fresh_server, target):
    first = fresh_server()
    path = first.unix_path
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    assert os.path.exists(path)
    fresh_server("--unixsocket", target.sees(path))
    with Client.connect_unix(path) as client:
        client.expect_alive()


@pytest.mark.parametrize("path, reason", [
    ("/", "Address already in use"), ("/etc/passwd/x", "Not a directory"),
    ("/nonexistent/x", "No such file or directory"), ("/tmp/" + "x" * 127, "path too long"),
], ids=["a directory", "below a file", "in no directory", "too long"])
def test_unix_socket_that_cannot_be_made_is_fatal_and_logged(fresh_server, path, reason):
    """What was in the way of removing an old one ended in a traceback, and a path that is too long
    was logged with the reason "Success"."""
    server = start_bare(fresh_server, "--port", "0", "--save", "", "--unixsocket", path)
    assert server.wait_exit() == 1
    line = next(line for line in server.output().splitlines() if "Unix socket" in line)
    assert "# Failed opening Unix socket: " in line and reason in line
    assert "Traceback" not in server.output()


@pytest.mark.target("fastredis", reason="a target in a chroot has a directory of its own")
def test_start_in_a_directory_that_was_deleted(target, tmp_path):
    port, gone = free_port(), tmp_path / "gone"
    gone.mkdir()
    server = subprocess.Popen(
        ["sh", "-c", 'cd "$1" && rmdir "$1" && shift && exec "$@"', "sh", str(gone),
         *target.command, "--port", str(port), "--save", ""],
        env={**os.environ, **target.environment}, stdout=subprocess.PIPE)
    try:
        def answer():
            try:
                with Client.connect("127.0.0.1", port) as client:
                    return client.call("CONFIG", "GET", "dir")
            except OSError:
                return None

        assert eventually(answer, what="the first reply") == [b"dir", b""]
    finally:
        server.terminate()
        output = server.communicate()[0].decode()
    assert server.returncode == 0 and READY in output


@pytest.mark.parametrize("option", [
    ("--tls-port", "0"), ("--tls-cluster", "yes"), ("--tls-replication", "yes")])
def test_missing_certificates_end_the_start_before_anything_is_listened_on(fresh_server, option):
    """Clients were let in by the plain port, and lost when the certificates were looked at."""
    first = fresh_server()
    option = ("--tls-port", str(free_port())) if option[0] == "--tls-port" else option
    server = start_bare(fresh_server, "--port", first.port, "--save", "", *option)
    assert server.wait_exit() == 1
    assert "Failed to configure TLS. Check logs for more info." in server.output()
    assert "Could not create server TCP listening socket" not in server.output()


@pytest.mark.parametrize("name", ["tls-cluster", "tls-replication"])
def test_connections_by_tls_are_not_promised_without_certificates(fresh_server, name):
    client = fresh_server().client()
    assert client.raw("CONFIG", "SET", name, "yes") == (
        f"-ERR CONFIG SET failed (possibly related to argument '{name}') - Unable to update TLS "
        "configuration. Check server logs.\r\n").encode()
    assert client.call("CONFIG", "GET", name) == [name.encode(), b"no"]
    client.ok("CONFIG", "SET", name, "no")


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGALRM], ids=["SIGUSR2", "SIGALRM"])
def test_signals_that_mean_nothing_leave_the_server_alone(fresh_server, number):
    """The default action of both ends a process."""
    server = fresh_server()
    server.send_signal(number)
    time.sleep(0.05)
    server.client().expect_alive()


def test_configuration_from_standard_input(fresh_server):
    server = fresh_server("-", stdin_text="maxclients 77\n# a comment\n\ntimeout 123\n")
    assert server.client().pipeline([("CONFIG", "GET", "maxclients"), ("CONFIG", "GET", "timeout")]
                                    ) == [[b"maxclients", b"77"], [b"timeout", b"123"]]


def test_configuration_file_and_arguments_that_override_it(fresh_server):
    server = fresh_server("--timeout", "456", config="maxclients 77\ntimeout 123\n"
                          "maxmemory 3mb\nproc-title-template \"{title} x\"\n")
    client = server.client()
    assert client.call("CONFIG", "GET", "maxclients") == [b"maxclients", b"77"]
    assert client.call("CONFIG", "GET", "timeout") == [b"timeout", b"456"]
    assert client.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"3145728"]


@pytest.mark.parametrize("config, shown, reason", [
    ("port 1 2\n", "port 1 2", "wrong number of arguments"),
    ("# first\n\nport x\n", "port x", "argument couldn't be parsed into an integer"),
    ("port 70000\n", "port 70000", "argument must be between 0 and 65535 inclusive"),
    ('maxmemory "1\n', 'maxmemory "1', "Unbalanced quotes in configuration line"),
])
def test_bad_configuration_line_is_fatal_and_shown(fresh_server, config, shown, reason):
    server = start_bare(fresh_server, config=config)
    assert server.wait_exit() == 1
    lines = server.output().splitlines()
    start = next(number for number, line in enumerate(lines)
                 if line.startswith("*** FATAL CONFIG FILE ERROR ("))
    line_number = config.rstrip("\n").count("\n") + 1
    assert lines[start + 1] == f"Reading the configuration file, at line {line_number}"
    assert lines[start + 2:start + 4] == [f">>> '{shown}'", reason]


@pytest.mark.target("fastredis", "redis<8", "valkey", reason="Redis 8 leaves them to modules")
@pytest.mark.parametrize("arguments, config, shown", [
    ([], "nosuch 1\n", "nosuch 1"), (["--nosuch", "x"], None, 'nosuch "x"'),
])
def test_unknown_directive_is_fatal(fresh_server, arguments, config, shown):
    server = start_bare(fresh_server, *arguments, config=config)
    assert server.wait_exit() == 1
    assert "*** FATAL CONFIG FILE ERROR (" in server.output()
    assert f">>> '{shown}'\nBad directive or wrong number of arguments" in server.output()


def test_missing_configuration_file_is_fatal(fresh_server):
    server = start_bare(fresh_server, "/nonexistent/server.conf")
    assert server.wait_exit() == 1
    assert ("Fatal error, can't open config file '/nonexistent/server.conf': "
            "No such file or directory") in server.output()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_signal_ends_the_server_with_exit_code_zero(fresh_server, number):
    server = fresh_server()
    client = server.client()
    client.ok("SET", "k", "v")
    server.send_signal(number)
    assert server.wait_exit() == 0
    client.expect_closed()
    output = server.output()
    assert f"Received {signal.Signals(number).name} scheduling shutdown..." in output
    assert "User requested shutdown..." in output
    assert "is now ready to exit, bye bye..." in output


def test_signal_at_the_moment_of_readiness_is_not_lost(fresh_server):
    """One that came between the log line and the first turn of the event loop was ignored."""
    for _ in range(5):
        server = fresh_server(wait=False)
        while "Ready to accept connections" not in server.output():
            assert server.is_alive(), server.output()
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 0


@pytest.mark.target("fastredis", reason="a signal ends DEBUG SLEEP of Redis")
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_interrupt_after_a_first_signal_ends_the_server_though_a_command_runs(
        fresh_server, first):
    server = fresh_server("--enable-debug-command", "yes")
    server.client().request("DEBUG", "SLEEP", "20")
    time.sleep(0.2)
    server.send_signal(first)
    time.sleep(0.2)
    assert server.is_alive(), "the first signal waits for the command"
    server.send_signal(signal.SIGINT)
    assert server.wait_exit(5) == 1


def test_termination_signals_wait_for_the_command_however_often_they_come(fresh_server):
    server = fresh_server("--enable-debug-command", "yes")
    server.client().request("DEBUG", "SLEEP", "1")
    time.sleep(0.2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
        server.send_signal(number)
        time.sleep(0.1)
    assert server.wait_exit() == 0


def test_signal_ends_a_server_that_is_under_load(fresh_server):
    server = fresh_server()
    clients = [server.client() for _ in range(50)]
    for client in clients:
        client.send(b"INCR n\r\n" * 1000)
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("arguments", [["NOSAVE"], ["NOSAVE", "NOW"], ["nosave", "force"], []])
def test_shutdown_closes_without_a_reply_and_exits_with_zero(fresh_server, arguments):
    server = fresh_server()
    client = server.client()
    client.request("SHUTDOWN", *arguments)
    client.expect_closed()
    assert server.wait_exit() == 0


@pytest.mark.parametrize("arguments", [["foo"], ["NOSAVE", "SAVE"], ["NOSAVE", "x"]])
def test_shutdown_with_a_bad_option_is_refused(client, arguments):
    assert client.raw("SHUTDOWN", *arguments) == b"-ERR syntax error\r\n"


def test_shutdown_abort_without_a_shutdown(client):
    for words in (["ABORT"], ["ABORT", "abort"]):
        assert client.raw("SHUTDOWN", *words) == b"-ERR No shutdown in progress.\r\n"


def test_pidfile_holds_the_pid_and_goes_with_the_server(fresh_server, target, tmp_path):
    probe = fresh_server()
    path = os.path.join(probe.directory, "server.pid")
    server = fresh_server("--pidfile", target.sees(path))
    assert Path(path).read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not os.path.exists(path)


def test_daemonized_server_detaches_writes_its_pid_and_log(fresh_server, target):
    base = fresh_server()
    pid_path, log_path = (os.path.join(base.directory, name) for name in ("d.pid", "d.log"))
    port = free_port()
    started = start_bare(
        fresh_server, "--port", port, "--bind", "127.0.0.1", "--daemonize", "yes", "--save", "",
        "--pidfile", target.sees(pid_path), "--logfile", target.sees(log_path),
        "--dir", target.sees(base.directory))
    assert started.wait_exit() == 0
    pid = eventually(lambda: os.path.exists(pid_path) and int(Path(pid_path).read_text() or 0),
                     what="pidfile")
    try:
        eventually(lambda: os.path.exists(log_path) and READY in Path(log_path).read_text(),
                   what="log of the daemon")
        assert pid != started.pid and os.getsid(pid) == pid
        with Client.connect("127.0.0.1", port) as client:
            assert b"process_id:%d\r\n" % pid in client.call("INFO", "server")
            client.request("SHUTDOWN", "NOSAVE")
            client.expect_closed()
        eventually(lambda: not process_exists(pid), what="end of the daemon")
        assert not os.path.exists(pid_path)
    finally:
        if process_exists(pid):
            os.kill(pid, signal.SIGKILL)


def test_logfile_takes_the_log_and_leaves_the_terminal_empty(fresh_server, target):
    base = fresh_server()
    path = os.path.join(base.directory, "own.log")
    server = fresh_server("--logfile", target.sees(path))
    assert READY in Path(path).read_text()
    assert READY not in server.output()


def test_loglevel_warning_hides_the_notices(fresh_server):
    server = fresh_server("--loglevel", "warning")
    assert READY not in server.output()
    assert server.client().call("CONFIG", "GET", "loglevel") == [b"loglevel", b"warning"]


def test_protected_mode_serves_the_loopback_only(fresh_server):
    address = outer_address()
    if not address:
        pytest.skip("this machine has no address beside the loopback")
    port = free_port()
    server = start_bare(fresh_server, "--port", port, "--bind", "0.0.0.0", "--save", "")
    wait_for_output(server, READY)
    with Client.connect("127.0.0.1", port) as local:
        local.expect_alive()
        with Client.connect(address, port) as stranger:
            refusal = stranger.read_until_closed()
        assert refusal.startswith(b"-DENIED ") and refusal.endswith(b"\r\n")
        assert refusal.count(b"\n") == 1
        local.ok("CONFIG", "SET", "protected-mode", "no")
        with Client.connect(address, port) as stranger:
            stranger.expect_alive()
        local.ok("CONFIG", "SET", "protected-mode", "yes", "requirepass", "pw")
        with Client.connect(address, port) as stranger:
            assert stranger.raw("PING") == b"-NOAUTH Authentication required.\r\n"


def test_maxclients_refuses_with_an_error_and_a_close(fresh_server):
    server = fresh_server("--maxclients", "3")
    clients = [server.client() for _ in range(3)]
    for client in clients:
        client.expect_alive()
    refused = server.client()
    assert refused.read_until_closed() == b"-ERR max number of clients reached\r\n"
    assert b"rejected_connections:1\r\n" in clients[0].call("INFO", "stats")
    clients[2].close()
    eventually(lambda: b"connected_clients:2\r\n" in clients[0].call("INFO", "clients"))
    server.client().expect_alive()


def test_maxclients_changes_while_running(fresh_server):
    server = fresh_server("--maxclients", "2")
    client = server.client()
    client.expect_alive()
    client.ok("CONFIG", "SET", "maxclients", "4")
    more = [server.client() for _ in range(3)]
    for other in more:
        other.expect_alive()
    assert server.client().read_until_closed() == b"-ERR max number of clients reached\r\n"


def test_timeout_closes_idle_connections_only(fresh_server):
    server = fresh_server("--timeout", "1")
    idle, busy = server.client(), server.client()
    idle.expect_alive()
    started = time.monotonic()
    while time.monotonic() - started < 0.8:
        busy.expect_alive()
        time.sleep(0.1)
    idle.socket.settimeout(0.001)
    eventually(lambda: (busy.call("PING") == b"PONG"
                        and b"connected_clients:1\r\n" in busy.call("INFO", "clients")))
    idle.expect_closed()
    busy.expect_alive()


def test_hard_output_limit_closes_a_client_that_does_not_read(fresh_server):
    server = fresh_server("--client-output-buffer-limit", "normal 1mb 0 0")
    client, other = server.client(), server.client()
    other.ok("SET", "big", b"x" * 20_000_000)
    client.send(b"GET big\r\n" * 5)
    eventually(lambda: b"connected_clients:1\r\n" in other.call("INFO", "clients"))
    received = client.read_until_closed()
    assert b"$20000000\r\nxxx".startswith(received[:14]) and len(received) < 20_000_000
    other.expect_alive()


def test_soft_output_limit_closes_after_its_seconds(fresh_server):
    server = fresh_server("--client-output-buffer-limit", "normal 0 1mb 1")
    client, other = server.client(), server.client()
    other.ok("SET", "big", b"x" * 20_000_000)
    started = time.monotonic()
    client.send(b"GET big\r\n")
    while time.monotonic() - started < 0.7:
        assert b"connected_clients:2\r\n" in other.call("INFO", "clients")
        time.sleep(0.05)
    eventually(lambda: b"connected_clients:1\r\n" in other.call("INFO", "clients"), timeout_s=8)


def test_output_limit_spares_clients_that_read(fresh_server):
    server = fresh_server("--client-output-buffer-limit", "normal 40mb 30mb 1")
    client = server.client()
    client.ok("SET", "big", b"x" * 10_000_000)
    for _ in range(5):
        assert len(client.call("GET", "big")) == 10_000_000


def test_start_needs_no_file_and_writes_none(fresh_server):
    server = fresh_server()
    server.client().ok("SET", "k", "v")
    assert server.stop() == 0
    assert sorted(os.listdir(server.directory)) == ["output.log"]


def test_restart_on_the_same_port_at_once(fresh_server):
    port = free_port()
    for _ in range(3):
        server = fresh_server(port=port)
        clients = [server.client() for _ in range(10)]
        for client in clients:
            client.expect_alive()
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_server_that_is_killed_closes_its_connections(fresh_server):
    server = fresh_server()
    client = server.client()
    client.ok("PING")
    server.send_signal(signal.SIGKILL)
    assert server.wait_exit() == -signal.SIGKILL
    with pytest.raises((ConnectionClosed, OSError)):
        client.call("PING")


def test_harness_reports_a_server_that_does_not_start(fresh_server):
    with pytest.raises(ServerError, match="exited with 1"):
        fresh_server("--port", "x")


def test_config_get_knows_what_the_command_line_said(fresh_server):
    server = fresh_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    client = server.client()
    assert client.call("CONFIG", "GET", "maxmemory", ) == [b"maxmemory", b"104857600"]
    assert client.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"allkeys-lru"]
    assert client.call("CONFIG", "GET", "bind") == [b"bind", b"127.0.0.1"]
    assert client.call("CONFIG", "GET", "port") == [b"port", b"%d" % server.port]
    assert not isinstance(client.call("CONFIG", "GET", "*"), Error)

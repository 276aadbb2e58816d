"""TLS: the same server behind uvloop's transports, certificates by the openssl program."""

from __future__ import annotations

import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
import redis

from support.programs import program
from support.server_process import ServerProcess, free_port
from support.wire import TIME_SCALE, Client, ConnectionClosed, encode_command, eventually

MEGABYTE = 1 << 20
PING = encode_command("PING")
pytestmark = pytest.mark.target("fastredis", reason="other builds may come without TLS")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with server.crt (its own authority, for localhost) and server.key."""
    program("openssl")
    directory = tmp_path_factory.mktemp("tls")
    make_certificate(directory)
    return directory


@pytest.fixture
def tls_server(fresh_server: Callable[..., ServerProcess], certificates: Path
               ) -> Iterator[Callable[..., ServerProcess]]:
    """Factory: a server with a TLS port (`server.tls_port`) beside the plain one."""
    def start(*args: str) -> ServerProcess:
        port = free_port()
        server = fresh_server(
            "--tls-port", str(port), "--tls-cert-file", str(certificates / "server.crt"),
            "--tls-key-file", str(certificates / "server.key"),
            "--tls-ca-cert-file", str(certificates / "server.crt"),
            "--tls-auth-clients", "no", *args)
        server.tls_port = port
        return server

    yield start


def connect_tls(server: ServerProcess, certificates: Path, timeout_s: float = 10.0,
                receive_buffer: int = 0) -> Client:
    """A verified TLS connection as a Client."""
    context = ssl.create_default_context(cafile=str(certificates / "server.crt"))
    plain = socket.socket()
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.settimeout(timeout_s)
    plain.connect((server.host, server.tls_port))
    return Client(context.wrap_socket(plain, server_hostname="localhost"), timeout_s)


def push(client: Client, data: memoryview, seconds: float) -> memoryview:
    """Sends what a client that does not block can send in a time; returns the rest. An ssl object
    may not be used by two threads, so that who receives meanwhile calls this in between."""
    until = time.monotonic() + seconds
    while data:
        try:
            data = data[client.socket.send(data[:16384]):]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            left = until - time.monotonic()
            if left <= 0:
                break
            select.select([], [client.socket], [], left)
    return data


def test_redis_py_works_over_tls(tls_server, certificates):
    server = tls_server()
    for protocol in (2, 3):
        with redis.Redis(port=server.tls_port, ssl=True, protocol=protocol,
                         ssl_ca_certs=str(certificates / "server.crt")) as client:
            assert client.set("k", "v", ex=100)
            assert client.get("k") == b"v"
            with client.pipeline() as pipe:
                for number in range(2000):
                    pipe.set(f"k{number}", number)
                    pipe.get(f"k{number}")
                replies = pipe.execute()
            assert replies[1::2] == [b"%d" % number for number in range(2000)]
            assert client.client_list()[-1]["addr"].startswith("127.0.0.1:")


def test_plain_and_tls_clients_share_the_data(tls_server, certificates):
    server = tls_server()
    plain, secure = server.client(), connect_tls(server, certificates)
    secure.ok("SET", "k", "v")
    assert plain.call("GET", "k") == b"v"
    plain.ok("CLIENT", "PAUSE", "100", "ALL")
    started = time.monotonic()
    assert secure.call("INCR", "n") == 1
    assert time.monotonic() - started > 0.05


@pytest.mark.parametrize("size", [20_000, 3 * MEGABYTE, 64 * MEGABYTE])
def test_big_values_travel_whole_over_tls(tls_server, certificates, size):
    client = connect_tls(tls_server(), certificates, 30 * TIME_SCALE)
    value = bytes(range(256)) * (size // 256)
    client.ok("SET", "k", value)
    client.send(encode_command("GET", "k") + PING)
    assert client.read() == value
    assert client.read() == b"PONG"


@pytest.mark.memory_bound
def test_unread_replies_over_tls_cost_bounded_memory_and_arrive_in_order(tls_server, certificates):
    """Every reply was copied for the transport at once: a copy of each giant for each reader."""
    server = tls_server()
    other = server.client()
    value = b"0123456789" * MEGABYTE
    other.ok("SET", "big", value)
    other.expect_alive()
    before = server.rss_bytes()
    clients = [connect_tls(server, certificates, 30 * TIME_SCALE, 65536) for _ in range(20)]
    for client in clients:
        client.send(encode_command("GET", "big") * 3 + PING)
    for _ in range(20):
        other.expect_alive()
        time.sleep(0.02)
    assert server.rss_bytes() - before < 60 * MEGABYTE
    for client in clients[:3]:
        for _ in range(3):
            assert client.read() == value
        assert client.read() == b"PONG"
    for client in clients:
        client.close()
    eventually(lambda: b"connected_clients:1\r\n" in other.call("INFO", "clients"))


@pytest.mark.memory_bound
def test_endless_requests_whose_replies_nobody_reads_are_held_back_over_tls(
        tls_server, certificates):
    server = tls_server()
    other = server.client()
    other.ok("SET", "k", bytes(5000))
    before = server.rss_bytes()
    client = connect_tls(server, certificates)
    client.socket.setblocking(False)
    count = 20_000
    unsent = push(client, memoryview(encode_command("GET", "k") * count), 0.7)
    other.expect_alive()
    assert server.rss_bytes() - before < 24 * MEGABYTE
    received, expected = 0, count * len(b"$5000\r\n" + bytes(5000) + b"\r\n")
    until = time.monotonic() + 20 * TIME_SCALE
    while received < expected and time.monotonic() < until:
        unsent = push(client, unsent, 0)
        try:
            received += len(client.socket.recv(1 << 16))
        except ssl.SSLWantReadError:
            select.select([client.socket], [client.socket] if unsent else [], [], 1)
    assert received == expected


def test_replies_that_were_held_back_over_tls_wait_for_no_timer(tls_server, certificates):
    """Where all replies had been written at once, the next command ran at the next tick."""
    client = connect_tls(tls_server(), certificates)
    client.ok("SET", "k", bytes(5000))
    count = 4000
    began = time.monotonic()
    client.send(encode_command("GET", "k") * count)
    for _ in range(count):
        client.read_raw()
    assert time.monotonic() - began < 2.5 * TIME_SCALE


@pytest.mark.memory_bound
def test_flood_before_auth_over_tls_is_bounded(tls_server, certificates):
    server = tls_server("--requirepass", "secret")
    other = Client.connect(server.host, server.port)
    other.ok("AUTH", "secret")
    before = server.rss_bytes()
    client = connect_tls(server, certificates, 3 * TIME_SCALE)

    def push() -> None:
        try:
            client.socket.sendall(PING * 500_000)
        except OSError:
            pass

    sender = threading.Thread(target=push, daemon=True)
    sender.start()
    slowest = 0.0
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        started = time.monotonic()
        other.expect_alive()
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.005)
    assert slowest < 0.25 * TIME_SCALE
    assert server.rss_bytes() - before < 12 * MEGABYTE
    sender.join(5)
    other.close()


@pytest.mark.memory_bound
def test_a_tls_client_that_waits_is_not_read_from_without_bound(tls_server, certificates):
    """Only what has replies to write was held back. While it waits it may send as much as the
    limit allows, and is cut off then."""
    server = tls_server("--client-query-buffer-limit", "4mb")
    other = server.client()
    client = connect_tls(server, certificates, 10)
    client.send(encode_command("BLPOP", "list", "0"))
    eventually(lambda: b"blocked_clients:1" in other.call("INFO", "clients"))
    before = server.rss_bytes()
    with pytest.raises(OSError):
        for _ in range(100):
            client.socket.sendall(PING * 100_000)
    assert server.rss_bytes() - before < 24 * MEGABYTE
    eventually(lambda: b"blocked_clients:0" in other.call("INFO", "clients"))
    assert b"client_query_buffer_limit_disconnections:1" in other.call("INFO", "stats")
    assert [other.call("RPUSH", "list", "v"), other.call("LLEN", "list")] == [1, 1]


def test_end_of_a_tls_client_is_seen_while_it_waits(tls_server, certificates):
    """A suspended session was not read from, so its end was not seen either."""
    server = tls_server()
    other = server.client()
    for _ in range(3):
        client = connect_tls(server, certificates)
        client.send(encode_command("WAIT", "1", "0") + PING)
        eventually(lambda: b"blocked_clients:1" in other.call("INFO", "clients"))
        client.close()
        eventually(lambda: b"blocked_clients:0" in other.call("INFO", "clients"))
    assert b"connected_clients:1\r\n" in other.call("INFO", "clients")


def test_wait_over_tls_ends_in_time_and_goes_on(tls_server, certificates):
    client = connect_tls(tls_server(), certificates)
    started = time.monotonic()
    client.send(encode_command("WAIT", "1", "80") + PING)
    assert client.read() == 0
    assert client.read() == b"PONG"
    assert 0.07 < time.monotonic() - started < 1.0 * TIME_SCALE


def test_half_close_over_tls_answers_what_was_sent(tls_server, certificates):
    client = connect_tls(tls_server(), certificates)
    client.send(encode_command("SET", "k", "v") + encode_command("GET", "k"))
    assert client.read() == b"OK"
    assert client.read() == b"v"
    client.socket.shutdown(socket.SHUT_WR)
    assert client.socket.recv(10) == b""


def test_killed_tls_client_that_does_not_read_is_gone_at_once(tls_server, certificates):
    """close() waits for the peer to read what is written; a kill does not."""
    server = tls_server()
    other = server.client()
    other.ok("SET", "big", bytes(8 * MEGABYTE))
    client = connect_tls(server, certificates, 10, 65536)
    identifier = client.ok("CLIENT", "ID")
    client.send(encode_command("GET", "big") * 4)
    time.sleep(0.1)
    assert other.call("CLIENT", "KILL", "ID", str(identifier)) == 1
    eventually(lambda: b"connected_clients:1\r\n" in other.call("INFO", "clients"))
    with pytest.raises(OSError):
        while client.socket.recv(1 << 16):
            pass
        raise ConnectionResetError


def test_idle_tls_client_is_closed_after_the_timeout(tls_server, certificates):
    """Only sockets of the edge were looked at."""
    server = tls_server("--timeout", "1")
    client = connect_tls(server, certificates)
    client.expect_alive()
    client.expect_closed()


def test_output_limit_holds_for_tls_clients(tls_server, certificates):
    server = tls_server("--client-output-buffer-limit", "normal 1mb 0 0")
    other = server.client()
    other.ok("SET", "big", bytes(12 * MEGABYTE))
    client = connect_tls(server, certificates, 10, 65536)
    client.send(encode_command("GET", "big"))
    eventually(lambda: b"connected_clients:1\r\n" in other.call("INFO", "clients"))
    other.expect_alive()


def test_tls_clients_are_evicted_when_clients_take_too_much(tls_server, certificates):
    server = tls_server("--maxmemory-clients", "3mb")
    client = connect_tls(server, certificates)
    with pytest.raises((OSError, ConnectionClosed)):
        client.ok("MULTI")
        for _ in range(20):
            client.ok("SET", "k", b"x" * 1_000_000)
    connect_tls(server, certificates).expect_alive()
    assert b"evicted_clients:1\r\n" in server.client().call("INFO", "stats")


def test_protocol_error_over_tls_is_told_and_closes(tls_server, certificates):
    client = connect_tls(tls_server(), certificates)
    client.send(b"*1\r\n:3\r\n")
    assert client.read_until_closed() == b"-ERR Protocol error: expected '$', got ':'\r\n"


def test_plain_bytes_on_the_tls_port_are_refused_without_harm(tls_server, certificates):
    server = tls_server()
    with socket.create_connection((server.host, server.tls_port), 10) as plain:
        plain.sendall(PING * 10)
        try:
            while plain.recv(100):
                pass
        except OSError:
            pass
    connect_tls(server, certificates).expect_alive()


def test_server_with_tls_clients_that_do_not_read_stops_at_once(tls_server, certificates):
    server = tls_server()
    server.client().ok("SET", "big", bytes(8 * MEGABYTE))
    clients = [connect_tls(server, certificates, 10, 65536) for _ in range(5)]
    for client in clients:
        client.send(encode_command("GET", "big") * 4)
    time.sleep(0.1)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 3 * TIME_SCALE


def certificate_of(server: ServerProcess) -> bytes:
    """What the TLS port shows to a client that does not look."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((server.host, server.tls_port), 10) as plain:
        with context.wrap_socket(plain) as connection:
            return connection.getpeercert(binary_form=True)


def make_certificate(directory: Path) -> None:
    """server.crt (its own authority, for localhost) and server.key, new ones at each call."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "server.key",
         "-out", "server.crt"],
        cwd=directory, check=True, capture_output=True)


def test_tls_port_opens_moves_and_closes_while_the_server_runs(fresh_server, certificates):
    """CONFIG SET tls-port used to answer OK and do nothing."""
    server = fresh_server()
    client = server.client()
    server.tls_port = free_port()
    reply = client.call("CONFIG", "SET", "tls-port", server.tls_port)
    assert reply == (b"ERR CONFIG SET failed (possibly related to argument 'tls-port') - "
                     b"Unable to update TLS configuration. Check server logs.")
    assert client.call("CONFIG", "GET", "tls-port") == [b"tls-port", b"0"]
    client.ok("CONFIG", "SET", "tls-port", server.tls_port, "tls-auth-clients", "no",
              "tls-cert-file", str(certificates / "server.crt"),
              "tls-key-file", str(certificates / "server.key"))
    over_tls = connect_tls(server, certificates)
    assert over_tls.call("PING") == b"PONG"
    before, server.tls_port = server.tls_port, free_port()
    client.ok("CONFIG", "SET", "tls-port", server.tls_port)
    assert connect_tls(server, certificates).call("PING") == b"PONG"
    client.ok("CONFIG", "SET", "tls-port", "0")
    for port in (before, server.tls_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((server.host, port), 10)
    assert over_tls.call("PING") == b"PONG", "who is connected stays so"


def test_certificates_are_wanted_for_as_long_as_connections_are_to_use_tls(
        fresh_server, certificates):
    client = fresh_server().client()
    names = [f"tls-{name}" for name in ("cert-file", "key-file", "ca-cert-file")]
    files = [str(certificates / name) for name in ("server.crt", "server.key", "server.crt")]
    pairs = [word for pair in zip(names, files) for word in pair]
    client.ok("CONFIG", "SET", *pairs, "tls-replication", "yes")
    refused = client.raw("CONFIG", "SET", "tls-cert-file", "/nonexistent")
    assert refused.startswith(b"-ERR CONFIG SET failed (possibly related to argument "
                              b"'tls-cert-file') - Unable to update TLS configuration.")
    assert client.call("CONFIG", "GET", "tls-cert-file")[1] == files[0].encode()
    client.ok("CONFIG", "SET", "tls-replication", "no")
    client.ok("CONFIG", "SET", "tls-cert-file", "/nonexistent")


def test_tls_port_follows_bind(tls_server, certificates):
    server = tls_server()
    client = server.client()
    client.ok("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2")
    server.host = "127.0.0.2"
    assert connect_tls(server, certificates).call("PING") == b"PONG"
    client.ok("CONFIG", "SET", "bind", "127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        connect_tls(server, certificates)


def test_new_certificate_is_shown_after_config_set_of_the_same_name(fresh_server, tmp_path):
    """The way in which certificates that run out are replaced."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program to make a certificate with")
    make_certificate(tmp_path)
    port = free_port()
    files = ("tls-cert-file", str(tmp_path / "server.crt"),
             "tls-key-file", str(tmp_path / "server.key"))
    server = fresh_server("--tls-port", str(port), "--tls-auth-clients", "no",
                          *(f"--{word}" if word.startswith("tls") else word for word in files))
    server.tls_port = port
    client = server.client()
    first = certificate_of(server)
    make_certificate(tmp_path)
    assert certificate_of(server) == first
    client.ok("CONFIG", "SET", *files)
    second = certificate_of(server)
    assert second != first
    (tmp_path / "server.key").write_text("no key")
    assert client.call("CONFIG", "SET", *files).endswith(b"Check server logs.")
    assert certificate_of(server) == second


def test_info_names_the_listeners_by_the_number_of_their_kind(tls_server, certificates):
    """A server without a plain port said that its port is 0, and left the TLS port out."""
    server = tls_server("--unixsocket", "s")

    def listeners() -> dict:
        with Client.connect_unix(server.unix_path) as client:
            lines = client.call("INFO", "server").decode().splitlines()
        return {name: text for name, _, text in (line.partition(":") for line in lines)
                if name == "tcp_port" or name.startswith("listener")}

    both = {"listener1": "name=unix,bind=s",
            "listener2": f"name=tls,bind=127.0.0.1,port={server.tls_port}"}
    assert listeners() == {**both, "tcp_port": str(server.port),
                           "listener0": f"name=tcp,bind=127.0.0.1,port={server.port}"}
    server.client().ok("CONFIG", "SET", "port", "0")
    assert listeners() == {**both, "tcp_port": str(server.tls_port)}

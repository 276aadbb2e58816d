"""The connections that MIGRATE keeps, and a transfer without a server around it."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Iterator

import pytest

from support.server_process import ServerProcess

pytest.importorskip("fastredis._engine")
from fastredis.server import migrate  # noqa: E402

EMBEDDED = """
import sys
from fastredis import _engine
_engine.create_engine()
session = _engine.EmbeddedSession()
port = sys.argv[1]
print(session.feed(
    f"MSET a 1 b 2\\r\\nMIGRATE 127.0.0.1 {port} a 0 1000\\r\\nKEYS *\\r\\n"
    f"MIGRATE 127.0.0.1 1 b 0 1000\\r\\n".encode()))
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def link_to(listener: socket.socket) -> migrate.Link:
    host, port = listener.getsockname()
    return migrate.Link(host.encode(), port, 1000)


def test_a_connection_is_given_out_once_and_only_under_its_key(listener: socket.socket) -> None:
    connections = migrate.Connections()
    link = link_to(listener)
    connections.keep(("a",), link)
    assert connections.take(("b",)) is None
    assert connections.take(("a",)) is link
    assert connections.take(("a",)) is None
    link.close()


def test_connections_are_closed_when_their_time_is_over(listener: socket.socket,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(migrate.time, "monotonic", lambda: now)
    connections = migrate.Connections()
    connections.keep(("a",), link_to(listener))
    peer = listener.accept()[0]
    now += migrate.KEPT_S - 1
    connections.keep(("b",), link_to(listener))
    assert len(connections) == 2
    now += 2
    assert connections.take(("a",)) is None
    connections.sweep()
    assert len(connections) == 1
    assert peer.recv(1) == b""
    connections.take(("b",)).close()
    peer.close()


def test_a_connection_that_the_target_has_closed_is_not_given_out(listener: socket.socket) -> None:
    connections = migrate.Connections()
    connections.keep(("a",), link_to(listener))
    listener.accept()[0].close()
    assert connections.take(("a",)) is None
    assert not connections


def test_the_oldest_connection_leaves_when_there_are_too_many(
        listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "KEPT_MAX", 2)
    connections = migrate.Connections()
    for key in "abc":
        connections.keep((key,), link_to(listener))
    assert connections.take(("a",)) is None
    connections.take(("b",)).close()
    connections.take(("c",)).close()


def test_an_embedded_session_transfers_in_place(server: ServerProcess) -> None:
    run = subprocess.run([sys.executable, "-c", EMBEDDED, str(server.port)], capture_output=True,
                         text=True, timeout=30, check=True)
    assert run.stdout == (r"b'+OK\r\n+OK\r\n*1\r\n$1\r\nb\r\n"
                          r"-IOERR error or timeout writing to target instance\r\n'" "\n")
    assert server.client().call("GET", "a") == b"1"


def test_a_host_ends_at_its_first_zero(server: ServerProcess) -> None:
    """It is a zero-terminated text from then on, and was freed as a shorter block than it is."""
    client = server.client()
    command = ["MIGRATE", b"127.0.0.1\0" + b"x" * 5000, str(server.port), "k", "1", "1000"]
    for _ in range(100):
        assert client.raw(*command) == b"+NOKEY\r\n"
    client.ok("SET", "k", "v")
    assert client.raw(*command) == b"+OK\r\n"
    client.ok("SELECT", "1")
    assert client.call("GET", "k") == b"v"

"""CONFIG SET port and bind: the listening sockets follow, or everything stays as it was."""

from __future__ import annotations

import socket

import pytest

from support.server_process import free_port
from support.wire import Client, Error


def can_connect(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True


def config(client: Client, name: str) -> bytes:
    return client.call("CONFIG", "GET", name)[1]


def test_a_new_port_is_served_and_the_old_one_closed(fresh_server):
    server = fresh_server()
    client, port = server.client(), free_port()
    client.ok("CONFIG", "SET", "port", str(port))
    assert can_connect(port) and not can_connect(server.port)
    assert b"tcp_port:%d\r\n" % port in client.call("INFO", "server")
    assert client.call("PING") == b"PONG"
    client.ok("CONFIG", "SET", "port", "0")
    assert not can_connect(port) and client.call("PING") == b"PONG"


def test_a_port_in_use_is_refused_and_nothing_changes(fresh_server):
    server = fresh_server()
    client = server.client()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        reply = client.call("CONFIG", "SET", "hz", "33", "port", str(taken))
    assert isinstance(reply, Error) and b"related to argument 'port'" in reply
    assert b"Unable to listen on this port" in reply
    assert config(client, "port") == b"%d" % server.port and config(client, "hz") == b"10"
    assert can_connect(server.port)


@pytest.mark.parametrize("addresses", ["127.0.0.1 127.0.0.2", "*", "127.0.0.1 -192.0.2.77"])
def test_addresses_change_under_a_connected_client(fresh_server, addresses: str):
    server = fresh_server()
    client = server.client()
    for value in (addresses, "127.0.0.1", addresses):
        client.ok("CONFIG", "SET", "bind", value)
        assert config(client, "bind") == value.encode() and can_connect(server.port)
    assert can_connect(server.port, "127.0.0.2") is (addresses != "127.0.0.1 -192.0.2.77")


@pytest.mark.parametrize("name", [b"..", b"a..b", b"x" * 64, b"\xff\xfe", b"-\xff", b"-a..b"])
def test_a_name_that_no_host_can_have_is_refused(fresh_server, name: bytes):
    """The rules of international names are Python's, and it raised another error than the others:
    the client read of an internal one, and the log had a traceback."""
    server = fresh_server()
    client = server.client()
    for value in (name, b"127.0.0.1 " + name):
        assert client.raw("CONFIG", "SET", "bind", value) == (
            b"-ERR CONFIG SET failed (possibly related to argument 'bind') - "
            b"Failed to bind to specified addresses.\r\n")
    assert config(client, "bind") == b"127.0.0.1" and can_connect(server.port)
    assert "Traceback" not in server.output()


@pytest.mark.parametrize("addresses", [
    b"--::1", b"--127.0.0.1", b"127.0.0.1 ---127.0.0.1", b"-", b"--*"])
def test_one_dash_means_optional_and_another_belongs_to_the_name(fresh_server, addresses: bytes):
    """Every dash was taken off, so that a typing error became an address."""
    server = fresh_server()
    client = server.client()
    assert client.raw("CONFIG", "SET", "bind", addresses) == (
        b"-ERR CONFIG SET failed (possibly related to argument 'bind') - "
        b"Failed to bind to specified addresses.\r\n")
    assert config(client, "bind") == b"127.0.0.1" and can_connect(server.port)


@pytest.mark.parametrize("nowhere", ["", "-192.0.2.77"])
def test_no_address_keeps_the_clients_and_takes_no_more(fresh_server, nowhere: str):
    server = fresh_server()
    client = server.client()
    client.ok("CONFIG", "SET", "bind", nowhere)
    assert config(client, "bind") == nowhere.encode() and not can_connect(server.port)
    client.ok("CONFIG", "SET", "bind", "127.0.0.1")
    assert can_connect(server.port)


def test_an_address_that_is_not_there_is_refused(fresh_server):
    server = fresh_server()
    client = server.client()
    before = config(client, "bind")
    reply = client.call("CONFIG", "SET", "bind", "127.0.0.1 192.0.2.77")
    assert isinstance(reply, Error) and b"Failed to bind to specified addresses." in reply
    assert config(client, "bind") == before and can_connect(server.port)


def test_a_password_that_is_set_asks_new_clients_only(fresh_server):
    server = fresh_server()
    client = server.client()
    client.ok("CONFIG", "SET", "requirepass", "sesame")
    other = server.client()
    assert client.call("PING") == b"PONG"
    assert other.raw("PING").startswith(b"-NOAUTH")
    other.ok("AUTH", "sesame")
    other.ok("CONFIG", "SET", "requirepass", "")
    assert server.client().call("PING") == b"PONG"

"""Bytes stay what they are in every locale: passwords, names of files, lines of the log.

Each test starts servers in environments where Python would decode and encode otherwise than in
UTF-8: the plain C locale, and German in ISO 8859-1 where `localedef` can make it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from support.server_process import ServerProcess, Target
from support.wire import Client, Error

WORD = b"caf\xc3\xa9"  # in UTF-8
LATIN = b"caf\xe9"  # the same in ISO 8859-1
EURO = b"\xe2\x82\xac"  # not to be had in ISO 8859-1
ANY = b"\xff\xfe\x80"  # no text in UTF-8
NAMES = [WORD, LATIN, EURO, ANY]
GERMAN = "de_DE.ISO-8859-1"

Start = Callable[..., ServerProcess]


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for LOCPATH that holds the German locale."""
    directory = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        pytest.skip("localedef is not installed")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(directory / GERMAN)],
                   capture_output=True, check=False)
    if not (directory / GERMAN).exists():
        pytest.skip("this machine has no source of the German locale")
    return directory


@pytest.fixture(params=["C", GERMAN])
def locale(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, target: Target) -> str:
    """The locale of the servers that the test starts; Python does not leave it for UTF-8."""
    if request.param != "C":
        if target.root:
            pytest.skip("the target does not see the locale")
        monkeypatch.setenv("LOCPATH", str(request.getfixturevalue("locales")))
    for name, value in (("LC_ALL", request.param), ("PYTHONUTF8", "0"),
                        ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    return request.param


def argument(data: bytes) -> str:
    """An argument that reaches the program as these bytes."""
    return os.fsdecode(data)


def logs_in(server: ServerProcess, password: bytes) -> bool:
    return server.client().raw("AUTH", password) == b"+OK\r\n"


@pytest.mark.parametrize("password", NAMES)
def test_the_bytes_of_a_password_are_those_of_the_configuration(
        locale: str, fresh_server: Start, password: bytes):
    """One of é in UTF-8 let in whoever sent ISO 8859-1, and nobody else; one of € stopped the
    start."""
    file = f'requirepass "{"".join(f"{chr(92)}x{byte:02x}" for byte in password)}"\n'
    for server in (fresh_server("--requirepass", argument(password)), fresh_server(config=file)):
        assert logs_in(server, password)
        assert not logs_in(server, LATIN if password == WORD else WORD)


@pytest.mark.parametrize("password", NAMES)
def test_a_password_that_was_set_while_running_locks_nobody_out(
        locale: str, fresh_server: Start, password: bytes):
    server = fresh_server()
    client = server.client()
    client.ok("CONFIG", "SET", "requirepass", password)
    assert client.call("CONFIG", "GET", "requirepass") == [b"requirepass", password]
    assert logs_in(server, password)
    assert isinstance(server.client().call("PING"), Error)


@pytest.mark.parametrize("name", NAMES)
def test_files_have_the_names_that_were_configured(
        locale: str, fresh_server: Start, target: Target, name: bytes):
    base = fresh_server()
    seen = os.fsencode(target.sees(base.directory)) + b"/" + name
    here = os.fsencode(base.directory) + b"/" + name
    os.mkdir(here)
    server = fresh_server(
        "--logfile", argument(seen + b"/log" + name), "--pidfile", argument(seen + b"/pid" + name),
        "--unixsocket", argument(seen + b"/s" + name))
    assert set(os.listdir(here)) == {b"log" + name, b"pid" + name, b"s" + name}
    with Client.connect_unix(os.fsdecode(here + b"/s" + name)) as client:
        client.ok("CONFIG", "SET", "requirepass", "")
    assert server.stop() == 0
    assert os.listdir(here) == [b"log" + name]
    assert Path(os.fsdecode(here + b"/log" + name)).stat().st_size


@pytest.mark.parametrize("name", NAMES)
def test_configuration_files_and_the_directory_have_any_name(
        locale: str, fresh_server: Start, target: Target, name: bytes):
    base = fresh_server()
    here = os.fsencode(base.directory) + b"/" + name
    seen = os.fsencode(target.sees(base.directory)) + b"/" + name
    os.mkdir(here)
    Path(os.fsdecode(here + b"/a" + name)).write_bytes(b"include " + seen + b"/b*" + name + b"\n")
    Path(os.fsdecode(here + b"/bb" + name)).write_bytes(b"timeout 77\nrename-command GET " + name)
    port = str(base.port)
    base.stop()
    server = fresh_server(
        argument(seen + b"/a" + name), "--port", port, "--dir", argument(seen),
        "--enable-protected-configs", "yes", "--bind", "127.0.0.1", "--save", "",
        bare=True, wait=False, port=int(port))
    server.wait_ready()
    client = server.client()
    assert client.call("CONFIG", "GET", "timeout") == [b"timeout", b"77"]
    assert client.call("CONFIG", "GET", "dir") == [b"dir", seen]
    assert b"config_file:" + seen + b"/a" + name + b"\r\n" in client.call("INFO", "server")
    client.ok("SET", "k", "v")
    assert client.call(name, "k") == b"v"
    client.ok("CONFIG", "SET", "dir", "/")
    client.ok("CONFIG", "SET", "dir", seen)
    client.ok("CONFIG", "REWRITE")
    assert b"timeout 77" in Path(os.fsdecode(here + b"/a" + name)).read_bytes()


def test_lines_of_the_log_hold_the_bytes_as_they_came(
        locale: str, fresh_server: Start):
    server = fresh_server("--port", "1", "--bind", argument(WORD + ANY), "--save", "",
                          bare=True, wait=False)
    assert server.wait_exit() == 1
    assert WORD + ANY + b":1:" in Path(server.output_path).read_bytes()


def test_a_bad_line_is_shown_in_its_bytes(locale: str, fresh_server: Start):
    base = fresh_server()
    path = os.path.join(base.directory, "bad.conf")
    Path(path).write_bytes(b"port " + WORD + ANY + b"\n")
    server = fresh_server(base.target.sees(path), bare=True, wait=False)
    assert server.wait_exit() == 1
    assert b">>> 'port " + WORD + ANY + b"'\n" in Path(server.output_path).read_bytes()


@pytest.mark.target("fastredis", reason="other builds may come without TLS")
def test_certificates_have_any_name(locale: str, fresh_server: Start):
    server = fresh_server()
    client = server.client()
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    reply = client.call("CONFIG", "SET", "tls-port", str(free.getsockname()[1]),
                        "tls-auth-clients", "no", "tls-cert-file", WORD + EURO + ANY,
                        "tls-key-file", WORD, "tls-key-file-pass", EURO + ANY)
    free.close()
    assert isinstance(reply, Error) and b"Unable to update TLS configuration" in reply
    assert "No such file or directory" in server.output()

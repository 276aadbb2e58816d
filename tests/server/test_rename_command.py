"""rename-command: what a configuration file makes of the names of commands.

The lines used to be read and forgotten, so that a FLUSHALL that was renamed away still ran.
"""

from __future__ import annotations

import pytest

from support.wire import NULL_BULK

RENAMES = """
rename-command FLUSHALL ""
rename-command CONFIG k3y
rename-command get Fetch
rename-command OBJECT ""
rename-command PING ping
"""


def unknown(name: str, *arguments: str) -> bytes:
    shown = "".join(f"'{argument}' " for argument in arguments)
    return f"ERR unknown command '{name}', with args beginning with: {shown}".encode()


@pytest.fixture
def client(fresh_server):
    """A connection to a server with these renames."""
    return fresh_server(config=RENAMES).client()


def test_a_command_renamed_to_nothing_is_unknown(client):
    client.ok("SET", "k", "v")
    assert client.call("FLUSHALL") == unknown("FLUSHALL")
    assert client.call("object", "encoding", "k") == unknown("object", "encoding", "k")
    assert client.call("DBSIZE") == 1


def test_a_renamed_command_answers_to_its_new_name_in_any_case_and_to_no_other(client):
    client.ok("SET", "k", "v")
    assert client.call("fetch", "k") == client.call("FETCH", "k") == b"v"
    assert client.call("GET", "k") == unknown("GET", "k")
    assert client.call("PING") == b"PONG"
    assert client.call("k3y", "GET", "hz") == [b"hz", b"10"]
    assert client.call("CONFIG", "GET", "hz") == unknown("CONFIG", "GET", "hz")


def test_a_renamed_command_stands_in_transactions(client):
    assert client.pipeline([("MULTI",), ("fetch", "none"), ("GET", "none")])[1:] == [
        b"QUEUED", unknown("GET", "none")]
    assert client.call("EXEC").startswith(b"EXECABORT")


def test_errors_show_the_own_name_of_a_command_and_help_the_typed_one(client):
    assert client.call("fetch") == b"ERR wrong number of arguments for 'get' command"
    assert client.call("k3y", "GET") == b"ERR wrong number of arguments for 'config|get' command"
    assert client.call("k3y", "no") == b"ERR unknown subcommand 'no'. Try K3Y HELP."


def test_help_of_a_renamed_container_begins_with_what_was_typed(client):
    assert client.call("k3y", "HELP")[0].startswith(b"K3Y <subcommand> ")


def test_a_name_of_signs_is_not_taken_for_another_byte(fresh_server):
    """Names are looked up by a form in which '-' and a carriage return are the same."""
    client = fresh_server(config="rename-command ECHO a-b").client()
    assert client.call("A-b", "x") == b"x"
    assert client.call("a\rb", "x").startswith(b"ERR unknown command")


def test_command_finds_what_can_be_called_and_shows_its_own_name(client):
    shown = client.call("COMMAND", "INFO", "fetch", "get", "flushall", "k3y|get", "config")
    assert [entry[0] if entry else entry for entry in shown] == [
        b"get", NULL_BULK, NULL_BULK, b"config|get", NULL_BULK]
    names = client.call("COMMAND", "LIST")
    assert b"get" in names and b"config|get" in names
    assert not {b"flushall", b"object", b"object|freq", b"fetch"} & set(names)
    assert client.call("COMMAND", "COUNT") == len([name for name in names if b"|" not in name])
    assert client.call("COMMAND", "DOCS", "fetch", "get")[0] == b"get"
    assert client.call("COMMAND", "GETKEYS", "fetch", "k") == [b"k"]


@pytest.mark.parametrize("line, reason", [
    ("rename-command nosuch other", "No such command in rename-command"),
    ("rename-command GET set", "Target command name already exists"),
    ("rename-command TTL \"\"\nrename-command TTL other", "No such command in rename-command"),
    ("rename-command GET", "wrong number of arguments"),
])
def test_a_rename_that_cannot_be_stops_the_start(fresh_server, line, reason):
    server = fresh_server(config=line, wait=False)
    assert server.wait_exit() == 1
    assert "*** FATAL CONFIG FILE ERROR" in server.output() and reason in server.output()


def test_a_name_that_was_given_up_is_free_for_another_command(fresh_server):
    client = fresh_server(config="rename-command SET s\nrename-command GET set").client()
    client.ok("s", "k", "v")
    assert client.call("set", "k") == b"v"

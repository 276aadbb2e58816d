"""HELLO and AUTH: the handshake of every client library, with and without a password."""

from __future__ import annotations

import pytest

from support.wire import Array, Bulk, Map

NOAUTH = b"-NOAUTH Authentication required.\r\n"
HELLO_NOAUTH = (
    b"-NOAUTH HELLO must be called with the client already authenticated, otherwise the "
    b"HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
    b"select the RESP protocol version at the same time\r\n")
WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NO_PASSWORD_SET = (
    b"-ERR AUTH <password> called without any password configured for the default user. "
    b"Are you sure your configuration is correct?\r\n")
BAD_VERSION = b"-ERR Protocol version is not an integer or out of range\r\n"
NOPROTO = b"-NOPROTO unsupported protocol version\r\n"
BAD_NAME = b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
FIELDS = [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"]
SERVER_NAMES = {"fastredis": b"redis", "redis": b"redis", "valkey": b"valkey"}


def version_of(client) -> bytes:
    """The version of the server as INFO tells it: Valkey has a field of its own."""
    fields = dict(line.split(b":", 1) for line in client.call("INFO", "server").splitlines()
                  if b":" in line)
    return fields.get(b"valkey_version", fields[b"redis_version"])


def protocol_of(client) -> int:
    return 3 if client.raw("GET", "a-key-that-is-not-there") == b"_\r\n" else 2


def hello_dict(reply) -> dict:
    return reply.to_dict() if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))


@pytest.mark.parametrize("arguments, kind, protocol", [
    ([], Array, 2), (["2"], Array, 2), (["3"], Map, 3),
])
def test_hello_describes_server_and_connection(connect, target, arguments, kind, protocol):
    client = connect()
    reply = client.call("HELLO", *arguments)
    assert type(reply) is kind
    fields = hello_dict(reply)
    assert list(fields) == FIELDS
    assert fields[b"server"] == SERVER_NAMES[target.name]
    assert fields[b"proto"] == protocol
    assert (fields[b"mode"], fields[b"role"]) == (b"standalone", b"master")
    assert type(fields[b"modules"]) is Array
    assert fields[b"id"] == client.call("CLIENT", "ID")
    assert fields[b"version"] == version_of(client)
    assert {type(fields[name]) for name in (b"server", b"version", b"mode", b"role")} == {Bulk}


@pytest.mark.target("fastredis", "redis<8", reason="Redis 8 and Valkey list built-in modules")
def test_hello_in_exact_bytes(client, target):
    number = client.call("CLIENT", "ID")
    version = version_of(client)
    pairs = (b"$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$%d\r\n%b\r\n"
             b"$5\r\nproto\r\n:%%d\r\n$2\r\nid\r\n:%d\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
             b"$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
             % (len(version), version, number))
    assert client.raw("HELLO", "3") == b"%7\r\n" + pairs % 3
    assert client.raw("HELLO") == b"%7\r\n" + pairs % 3
    assert client.raw("HELLO", "2") == b"*14\r\n" + pairs % 2
    assert client.raw("HELLO") == b"*14\r\n" + pairs % 2


@pytest.mark.parametrize("version", ["0", "1", "4", "-1", "300", "9223372036854775807"])
def test_hello_with_an_unknown_version_changes_nothing(client3, version):
    assert client3.raw("HELLO", version) == NOPROTO
    assert protocol_of(client3) == 3


@pytest.mark.parametrize("version", ["x", "", "03", "+3", " 3", "3.0", "3 ", "99999999999999999999",
                                     "AUTH", "SETNAME"])
def test_hello_version_must_be_an_integer(client, version):
    assert client.raw("HELLO", version) == BAD_VERSION
    assert client.raw("HELLO", version, "AUTH", "default", "x") == BAD_VERSION


@pytest.mark.parametrize("options, shown", [
    (["FOO"], "FOO"), (["AUTH"], "AUTH"), (["AUTH", "default"], "AUTH"), (["SETNAME"], "SETNAME"),
    (["setname"], "setname"), (["3"], "3"), (["SETNAME", "a", "surplus"], "surplus"),
    (["AUTH", "default", "x", "AUTH"], "AUTH"), ([""], ""),
])
def test_hello_names_the_option_that_it_does_not_understand(client, options, shown):
    expected = f"-ERR Syntax error in HELLO option '{shown}'\r\n".encode()
    assert client.raw("HELLO", "3", *options) == expected
    assert protocol_of(client) == 2


def test_hello_sets_the_name_of_the_connection(client):
    assert hello_dict(client.call("HELLO", "2", "SETNAME", "worker:1"))[b"proto"] == 2
    assert client.call("CLIENT", "GETNAME") == b"worker:1"
    client.ok("HELLO", "3", "setname", "")
    assert client.raw("CLIENT", "GETNAME") == b"_\r\n"


@pytest.mark.parametrize("name", ["a b", "a\n", "\x7f", "\t", "\xe9"])
def test_hello_refuses_a_bad_name_and_keeps_the_protocol(client, name):
    assert client.raw("HELLO", "3", "SETNAME", name) == BAD_NAME
    assert protocol_of(client) == 2
    assert client.raw("CLIENT", "GETNAME") == b"$-1\r\n"


def test_hello_options_come_in_any_order_and_any_case(client):
    client.ok("HELLO", "3", "SETNAME", "one", "AUTH", "default", "any")
    assert client.call("CLIENT", "GETNAME") == b"one"
    client.ok("hello", "3", "auth", "default", "any", "setname", "two", "SETNAME", "three")
    assert client.call("CLIENT", "GETNAME") == b"three"


def test_hello_with_wrong_credentials_changes_nothing(client):
    assert client.raw("HELLO", "3", "AUTH", "nobody", "x", "SETNAME", "n") == WRONGPASS
    assert protocol_of(client) == 2
    assert client.raw("CLIENT", "GETNAME") == b"$-1\r\n"


def test_hello_with_wrong_credentials_keeps_the_earlier_login(client):
    assert client.raw("HELLO", "2", "AUTH", "nobody", "x") == WRONGPASS
    assert client.raw("PING") == b"+PONG\r\n"


def test_hello_within_a_transaction_is_queued(client):
    assert client.pipeline_raw([("MULTI",), ("HELLO", "3"), ("GET", "x")]) == [
        b"+OK\r\n", b"+QUEUED\r\n", b"+QUEUED\r\n"]
    raw = client.raw("EXEC")
    assert raw.startswith(b"*2\r\n%7\r\n") and raw.endswith(b"_\r\n")


@pytest.mark.parametrize("command, answer", [
    (("AUTH",), b"-ERR wrong number of arguments for 'auth' command\r\n"),
    (("AUTH", "x"), NO_PASSWORD_SET),
    (("AUTH", ""), NO_PASSWORD_SET),
    (("AUTH", "nobody", "x"), WRONGPASS),
    (("AUTH", "", ""), WRONGPASS),
    (("AUTH", "default", "anything"), b"+OK\r\n"),
    (("AUTH", "a", "b", "c"), b"-ERR syntax error\r\n"),
])
def test_auth_without_a_password_configured(client, command, answer):
    assert client.raw(*command) == answer
    assert client.raw("PING") == b"+PONG\r\n"


@pytest.fixture
def locked(server):
    """The shared server with a password; the reset between tests takes it away again."""
    server.client().ok("CONFIG", "SET", "requirepass", "secret word")
    return server.client()


@pytest.mark.parametrize("command", [
    ("PING",), ("GET", "k"), ("SET", "k", "v"), ("ECHO", "x"), ("CLIENT", "ID"), ("MULTI",),
    ("SELECT", "0"), ("INFO",), ("CONFIG", "GET", "requirepass"), ("COMMAND",), ("FLUSHALL",),
    ("RANDOMKEY",), ("CLIENT", "SETNAME", "x"), ("SHUTDOWN",), ("DEBUG", "SLEEP", "0"),
])
def test_commands_before_login_are_refused(locked, command):
    assert locked.raw(*command) == NOAUTH


@pytest.mark.target("fastredis", "redis", reason="Valkey says NOAUTH to them too")
def test_unknown_commands_and_wrong_arities_are_reported_before_login(locked):
    assert locked.raw("NOSUCH") == b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
    assert locked.raw("GET") == b"-ERR wrong number of arguments for 'get' command\r\n"
    assert locked.raw("CLIENT", "NOSUCH") == (
        b"-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n")


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 words it otherwise")
@pytest.mark.parametrize("arguments", [[], ["2"], ["3"], ["3", "SETNAME", "x"]])
def test_hello_without_credentials_is_refused_before_login(locked, arguments):
    assert locked.raw("HELLO", *arguments) == HELLO_NOAUTH
    assert locked.raw("GET", "k") == NOAUTH


def test_reset_and_quit_are_allowed_before_login(locked):
    assert locked.raw("RESET") == b"+RESET\r\n"
    assert locked.raw("QUIT") == b"+OK\r\n"
    locked.expect_closed()


@pytest.mark.parametrize("command, answer", [
    (("AUTH", "wrong"), WRONGPASS),
    (("AUTH", ""), WRONGPASS),
    (("AUTH", "secret wor"), WRONGPASS),
    (("AUTH", "secret word "), WRONGPASS),
    (("AUTH", "default", "wrong"), WRONGPASS),
    (("AUTH", "Default", "secret word"), WRONGPASS),
    (("AUTH", "nobody", "secret word"), WRONGPASS),
    (("HELLO", "3", "AUTH", "default", "wrong"), WRONGPASS),
    (("HELLO", "4"), NOPROTO),
    (("HELLO", "x"), BAD_VERSION),
])
def test_failed_login_leaves_the_connection_locked(locked, command, answer):
    assert locked.raw(*command) == answer
    assert locked.raw("GET", "k") == NOAUTH


@pytest.mark.parametrize("command", [("AUTH", "secret word"), ("AUTH", "default", "secret word")])
def test_login_opens_the_connection(locked, command):
    assert locked.raw(*command) == b"+OK\r\n"
    assert locked.raw("GET", "k") == b"$-1\r\n"


def test_hello_logs_in_and_switches_at_once(locked):
    fields = hello_dict(locked.call("HELLO", "3", "AUTH", "default", "secret word", "SETNAME", "n"))
    assert fields[b"proto"] == 3
    assert locked.call("CLIENT", "GETNAME") == b"n"


def test_failed_login_does_not_log_out(locked):
    locked.ok("AUTH", "secret word")
    assert locked.raw("AUTH", "wrong") == WRONGPASS
    assert locked.raw("GET", "k") == b"$-1\r\n"


def test_reset_logs_out(locked):
    locked.ok("AUTH", "secret word")
    assert locked.raw("RESET") == b"+RESET\r\n"
    assert locked.raw("GET", "k") == NOAUTH


def test_setting_a_password_keeps_the_connections_that_are_logged_in(server):
    before = server.client()
    before.ok("PING")
    server.client().ok("CONFIG", "SET", "requirepass", "pw")
    assert before.raw("PING") == b"+PONG\r\n"
    assert server.client().raw("PING") == NOAUTH


@pytest.mark.target("fastredis", "redis<8", "valkey", reason="Redis 8.0.6 never answers it")
def test_login_within_a_pipeline_takes_effect_for_the_next_command(locked):
    replies = locked.pipeline_raw([("PING",), ("AUTH", "bad"), ("PING",), ("AUTH", "secret word"),
                                   ("PING",)])
    assert replies == [NOAUTH, WRONGPASS, NOAUTH, b"+OK\r\n", b"+PONG\r\n"]


def test_password_of_every_byte_value(server):
    password = bytes(range(1, 256)) + b"\0"
    server.client().ok("CONFIG", "SET", "requirepass", password)
    client = server.client()
    assert client.raw("AUTH", password[:-1]) == WRONGPASS
    assert client.raw("AUTH", password) == b"+OK\r\n"


def test_password_from_the_command_line(fresh_server):
    server = fresh_server("--requirepass", "pw")
    client = server.client()
    assert client.raw("PING") == NOAUTH
    assert client.raw("AUTH", "pw") == b"+OK\r\n"
    assert client.raw("CONFIG", "GET", "requirepass") == b"*2\r\n$11\r\nrequirepass\r\n$2\r\npw\r\n"

"""CLIENT and its subcommands, PING, ECHO, SELECT, RESET and QUIT, byte for byte.

What the versions of Redis and Valkey answer differently says so at the test; Redis 7.2 and 8 are
followed. CLIENT REPLY, PAUSE, KILL and UNBLOCK are in test_client_control.py.
"""

from __future__ import annotations

import pytest

from support.wire import Error, Verbatim, encode_commands, eventually

SINCE_7_2 = pytest.mark.target(
    "fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 does not have it yet")
BAD_NAME = b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def arity(name: str) -> bytes:
    return f"-ERR wrong number of arguments for '{name}' command\r\n".encode()


def info_fields(line: bytes) -> dict:
    """The fields of one line of CLIENT LIST or CLIENT INFO."""
    return dict(part.split(b"=", 1) for part in line.rstrip(b"\n").split(b" "))


def own_info(client) -> dict:
    return info_fields(client.call("CLIENT", "INFO"))


@pytest.mark.parametrize("command, answer", [
    (("SELECT", "0"), b"+OK\r\n"),
    (("SELECT", "15"), b"+OK\r\n"),
    (("SELECT", "16"), b"-ERR DB index is out of range\r\n"),
    (("SELECT", "-1"), b"-ERR DB index is out of range\r\n"),
    (("SELECT", "x"), NOT_AN_INTEGER),
    (("SELECT", ""), NOT_AN_INTEGER),
    (("SELECT", "01"), NOT_AN_INTEGER),
    (("SELECT", "+1"), NOT_AN_INTEGER),
    (("SELECT", " 1"), NOT_AN_INTEGER),
    (("SELECT", "1.0"), NOT_AN_INTEGER),
    (("SELECT", "2147483648"),
     b"-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"),
    (("SELECT", "99999999999999999999"), NOT_AN_INTEGER),
    (("SELECT", "1", "2"), arity("select")),
    (("PING", "a", "b"), arity("ping")),
    (("ECHO",), arity("echo")),
    (("ECHO", "a", "b"), arity("echo")),
    (("RESET", "a"), arity("reset")),
    (("CLIENT",), arity("client")),
    (("CLIENT", "HELP", "x"), arity("client|help")),
    (("CLIENT", "ID", "x"), arity("client|id")),
    (("CLIENT", "GETNAME", "x"), arity("client|getname")),
    (("CLIENT", "SETNAME"), arity("client|setname")),
    (("CLIENT", "SETNAME", "a", "b"), arity("client|setname")),
    (("client", "setname"), arity("client|setname")),
    (("CLIENT", "INFO", "x"), arity("client|info")),
    (("CLIENT", "KILL"), arity("client|kill")),
    (("CLIENT", "REPLY"), arity("client|reply")),
    (("CLIENT", "REPLY", "ON", "x"), arity("client|reply")),
    (("CLIENT", "NO-EVICT"), arity("client|no-evict")),
    (("CLIENT", "PAUSE"), arity("client|pause")),
    (("CLIENT", "UNPAUSE", "x"), arity("client|unpause")),
])
def test_errors_of_connection_commands(client, command, answer):
    assert client.raw(*command) == answer
    client.expect_alive()


def test_select_changes_the_database_of_this_connection_only(connect):
    one, other = connect(), connect()
    one.ok("SELECT", "7")
    one.ok("SET", "k", "seven")
    assert other.raw("GET", "k") == b"$-1\r\n"
    assert own_info(one)[b"db"] == b"7" and own_info(other)[b"db"] == b"0"
    assert one.raw("SELECT", "16") == b"-ERR DB index is out of range\r\n"
    assert one.call("GET", "k") == b"seven"


def test_number_of_databases_follows_the_configuration(fresh_server):
    client = fresh_server("--databases", "3").client()
    assert client.raw("SELECT", "2") == b"+OK\r\n"
    assert client.raw("SELECT", "3") == b"-ERR DB index is out of range\r\n"


@pytest.mark.parametrize("command", [("QUIT",), ("quit",), ("QUIT", "ignored")])
def test_quit_answers_ok_and_closes(connect, command):
    client = connect()
    assert client.raw(*command) == b"+OK\r\n"
    client.expect_closed()


def test_quit_answers_what_came_before_and_drops_what_follows(connect):
    data = encode_commands([("SET", "a", "1"), ("QUIT",), ("SET", "b", "1"), ("PING",)])
    assert connect().exchange(data) == b"+OK\r\n+OK\r\n"
    assert connect().call("EXISTS", "a", "b") == 1


def test_quit_within_a_transaction_closes_and_discards_it(connect):
    client = connect()
    client.pipeline([("MULTI",), ("SET", "k", "v")])
    assert client.raw("QUIT") == b"+OK\r\n"
    client.expect_closed()
    assert connect().call("EXISTS", "k") == 0


def test_reset_drops_transaction_watch_database_and_name(client, connect):
    client.pipeline([("SELECT", "3"), ("CLIENT", "SETNAME", "n"), ("WATCH", "k"), ("MULTI",),
                     ("SET", "k", "v")])
    assert client.raw("RESET") == b"+RESET\r\n"
    assert client.raw("EXEC") == b"-ERR EXEC without MULTI\r\n"
    assert client.raw("CLIENT", "GETNAME") == b"$-1\r\n"
    assert own_info(client)[b"db"] == b"0"
    connect().pipeline([("SELECT", "3"), ("SET", "k", "changed")])
    assert client.pipeline_raw([("MULTI",), ("PING",), ("EXEC",)])[-1] == b"*1\r\n+PONG\r\n"


def test_reset_returns_to_resp2(client3):
    assert client3.raw("RESET") == b"+RESET\r\n"
    assert client3.raw("GET", "missing") == b"$-1\r\n"
    assert own_info(client3)[b"resp"] == b"2"


def test_reset_within_a_pipeline_ends_the_transaction_at_its_place(client):
    assert client.pipeline_raw([("MULTI",), ("SET", "a", "1"), ("RESET",), ("GET", "a")]) == [
        b"+OK\r\n", b"+QUEUED\r\n", b"+RESET\r\n", b"$-1\r\n"]


def test_reset_turns_replies_on_again(client):
    client.request("CLIENT", "REPLY", "OFF")
    client.request("RESET")
    assert client.read_raw() == b"+RESET\r\n"


@SINCE_7_2
def test_reset_keeps_the_library_and_clears_the_flags(client):
    client.pipeline([("CLIENT", "SETINFO", "lib-name", "lib"), ("CLIENT", "NO-TOUCH", "on")])
    assert own_info(client)[b"flags"] == b"T"
    client.ok("RESET")
    fields = own_info(client)
    assert fields[b"lib-name"] == b"lib" and fields[b"flags"] == b"N"


def test_client_ids_grow_and_are_never_used_twice(connect):
    ids = []
    for _ in range(5):
        with connect() as client:
            ids.append(client.call("CLIENT", "ID"))
            assert client.call("CLIENT", "ID") == ids[-1]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("name", ["a", "worker:1", "!~", "x" * 1000, "{[(<'\"`$%&"])
def test_client_name_is_kept_and_shown(client, name):
    assert client.raw("CLIENT", "SETNAME", name) == b"+OK\r\n"
    assert client.call("CLIENT", "GETNAME") == name.encode()
    assert own_info(client)[b"name"] == name.encode()


@pytest.mark.parametrize("name", ["a b", " ", "a\n", "\r", "\t", "\x1f", "\x7f", "\x80", "\xe9"])
def test_bad_client_name_is_refused_and_the_old_one_kept(client, name):
    client.ok("CLIENT", "SETNAME", "old")
    assert client.raw("CLIENT", "SETNAME", name) == BAD_NAME
    assert client.call("CLIENT", "GETNAME") == b"old"


@pytest.mark.target("fastredis", "redis<7.2", reason="deliberate difference: NUL in a name")
def test_nul_in_a_client_name_is_refused(client):
    assert client.raw("CLIENT", "SETNAME", "\0") == BAD_NAME
    assert client.raw("CLIENT", "SETNAME", "a\0b") == BAD_NAME


def test_empty_client_name_takes_the_name_away(client):
    client.ok("CLIENT", "SETNAME", "n")
    assert client.raw("CLIENT", "SETNAME", "") == b"+OK\r\n"
    assert client.raw("CLIENT", "GETNAME") == b"$-1\r\n"
    assert own_info(client)[b"name"] == b""


@SINCE_7_2
def test_library_name_and_version_are_shown(client):
    assert client.raw("CLIENT", "SETINFO", "lib-name", "redis-py(x_v1)") == b"+OK\r\n"
    assert client.raw("CLIENT", "SETINFO", "LIB-VER", "8.1.0") == b"+OK\r\n"
    fields = own_info(client)
    assert (fields[b"lib-name"], fields[b"lib-ver"]) == (b"redis-py(x_v1)", b"8.1.0")
    assert client.raw("CLIENT", "SETINFO", "lib-name", "") == b"+OK\r\n"
    assert own_info(client)[b"lib-name"] == b""


@SINCE_7_2
@pytest.mark.parametrize("arguments, answer", [
    ([], arity("client|setinfo")),
    (["lib-name"], arity("client|setinfo")),
    (["lib-name", "a", "b"], arity("client|setinfo")),
    (["foo", "x"], b"-ERR Unrecognized option 'foo'\r\n"),
    (["", "x"], b"-ERR Unrecognized option ''\r\n"),
    (["lib-name", "a b"], BAD_NAME.replace(b"Client names", b"lib-name")),
    (["LIB-VER", "a\n"], BAD_NAME.replace(b"Client names", b"LIB-VER")),
    (["lib-ver", "\x7f"], BAD_NAME.replace(b"Client names", b"lib-ver")),
])
def test_errors_of_client_setinfo(client, arguments, answer):
    assert client.raw("CLIENT", "SETINFO", *arguments) == answer


@pytest.mark.parametrize("arguments", [
    [], ["on"], ["off"], ["ON", "moving-endpoint-type", "internal-ip"],
])
def test_maintenance_notifications_are_answered_with_a_plain_error(client, arguments):
    """redis-py 8 asks for them in its handshake, and goes on when it gets this error."""
    assert client.raw("CLIENT", "MAINT_NOTIFICATIONS", *arguments) == (
        b"-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n")


@pytest.mark.target("fastredis", "redis>=7.2", reason="Redis 7.0 and Valkey have other fields")
def test_client_info_has_the_fields_of_redis_in_their_order(client):
    names = list(own_info(client))
    expected = (b"id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free "
                b"argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp "
                b"lib-name lib-ver").split()
    assert names[:len(expected)] == expected
    assert set(names[len(expected):]) <= {b"io-thread"}


def test_client_info_describes_this_connection(client, server):
    client.ok("CLIENT", "SETNAME", "me")
    text = client.call("CLIENT", "INFO")
    assert text.endswith(b"\n") and text.count(b"\n") == 1
    fields = info_fields(text)
    assert int(fields[b"id"]) == client.call("CLIENT", "ID")
    assert fields[b"addr"] == client.address
    assert fields[b"laddr"] == b"127.0.0.1:%d" % server.port
    expected = {b"name": b"me", b"flags": b"N", b"db": b"0", b"sub": b"0", b"psub": b"0",
                b"ssub": b"0", b"multi": b"-1", b"cmd": b"client|info", b"user": b"default",
                b"redir": b"-1", b"resp": b"2", b"events": b"r", b"qbuf": b"26"}
    assert {name: fields[name] for name in expected} == expected
    for name in (b"fd", b"age", b"idle", b"qbuf-free", b"argv-mem", b"multi-mem", b"rbs",
                 b"rbp", b"obl", b"oll", b"omem", b"tot-mem"):
        assert int(fields[name]) >= 0


def test_client_info_is_verbatim_text_in_resp3(client3):
    text = client3.call("CLIENT", "INFO")
    assert type(text) is Verbatim and text.format == b"txt"
    assert info_fields(text)[b"resp"] == b"3"
    assert type(client3.call("CLIENT", "LIST")) is Verbatim


def test_client_list_shows_transactions_of_others(client, connect):
    busy = connect()
    busy.pipeline([("WATCH", "a", "b"), ("MULTI",), ("PING",), ("SET", "a", "1")])
    [fields] = [info_fields(line) for line in client.call("CLIENT", "LIST").splitlines()
                if b"addr=" + busy.address + b" " in line]
    assert (fields[b"flags"], fields[b"multi"], fields[b"cmd"]) == (b"x", b"2", b"set")
    assert fields.get(b"watch", b"2") == b"2" and int(fields[b"multi-mem"]) > 0
    number = fields[b"id"]
    assert client.call("CLIENT", "LIST", "ID", number).count(b"\n") == 1


def test_client_list_holds_every_connection_once_in_order_of_age(client, connect):
    ids = [client.call("CLIENT", "ID")] + [connect().call("CLIENT", "ID") for _ in range(9)]
    listed = [int(info_fields(line)[b"id"]) for line in client.call("CLIENT", "LIST").splitlines()]
    assert [number for number in listed if number in ids] == ids
    assert len(set(listed)) == len(listed)


@pytest.mark.target("fastredis", "redis", reason="Valkey lists them in order of age")
def test_client_list_by_id_keeps_the_order_of_the_arguments(client, connect):
    one, two = client.call("CLIENT", "ID"), connect().call("CLIENT", "ID")
    text = client.call("CLIENT", "LIST", "ID", two, "999999", one)
    assert [int(info_fields(line)[b"id"]) for line in text.splitlines()] == [two, one]


@pytest.mark.needs_command("subscribe")
def test_client_list_by_type(client, connect):
    subscriber = connect()
    subscriber.ok("SUBSCRIBE", "c")
    number = subscriber.address
    assert number in client.call("CLIENT", "LIST", "TYPE", "pubsub")
    assert number not in client.call("CLIENT", "LIST", "TYPE", "NORMAL")
    assert client.address in client.call("CLIENT", "LIST", "type", "normal")
    for empty in ("replica", "slave", "master"):
        assert client.raw("CLIENT", "LIST", "TYPE", empty) == b"$0\r\n\r\n"


@pytest.mark.parametrize("arguments, answer", [
    (["TYPE"], SYNTAX), (["TYPE", "x"], b"-ERR Unknown client type 'x'\r\n"), (["ID"], SYNTAX),
    (["FOO"], SYNTAX), (["FOO", "bar"], SYNTAX), (["TYPE", "normal", "x"], SYNTAX),
    (["ID", "999999"], b"$0\r\n\r\n"),
])
def test_errors_of_client_list(client, arguments, answer):
    assert client.raw("CLIENT", "LIST", *arguments) == answer


@pytest.mark.target("fastredis", "redis", reason="Valkey checks the number first")
@pytest.mark.parametrize("arguments, answer", [
    (["ID", "x"], b"-ERR Invalid client ID\r\n"), (["ID", "1", "x"], b"-ERR Invalid client ID\r\n"),
    (["ID", ""], b"-ERR Invalid client ID\r\n"), (["ID", "0"], b"$0\r\n\r\n"),
    (["ID", "-1"], b"$0\r\n\r\n"),
])
def test_client_list_with_bad_ids(client, arguments, answer):
    assert client.raw("CLIENT", "LIST", *arguments) == answer


@pytest.mark.parametrize("mode, flags", [("on", b"e"), ("ON", b"e"), ("off", b"N")])
def test_no_evict_is_a_flag_of_the_connection(client, mode, flags):
    assert client.raw("CLIENT", "NO-EVICT", mode) == b"+OK\r\n"
    assert own_info(client)[b"flags"] == flags
    assert client.raw("CLIENT", "NO-EVICT", "x") == SYNTAX


@SINCE_7_2
def test_no_touch_is_a_flag_and_leaves_the_access_time_alone(client, connect):
    assert client.raw("CLIENT", "NO-TOUCH") == arity("client|no-touch")
    assert client.raw("CLIENT", "NO-TOUCH", "x") == SYNTAX
    client.pipeline([("SET", "k", "v"), ("CLIENT", "NO-TOUCH", "on"), ("CLIENT", "NO-EVICT", "on")])
    assert own_info(client)[b"flags"] == b"eT"
    eventually(lambda: client.call("OBJECT", "IDLETIME", "k") >= 1, what="idle time of a second")
    client.ok("GET", "k")
    assert client.call("OBJECT", "IDLETIME", "k") >= 1
    client.ok("TOUCH", "k")
    assert client.call("OBJECT", "IDLETIME", "k") == 0
    client.ok("CLIENT", "NO-TOUCH", "off")
    assert own_info(client)[b"flags"] == b"e"


@SINCE_7_2
def test_writes_under_no_touch_leave_the_access_time_alone(client):
    """Only reads did: SET, APPEND and INCR over a key made it a fresh one."""
    client.pipeline([("SET", "k", "1"), ("SET", "n", "1"), ("SET", "a", "1"), ("SET", "nx", "1"),
                     ("CLIENT", "NO-TOUCH", "on")])
    eventually(lambda: client.call("OBJECT", "IDLETIME", "nx") >= 1, what="idle time of a second")
    client.pipeline([("SET", "k", "2"), ("INCR", "n"), ("APPEND", "a", "2"), ("SETNX", "nx", "2")])
    assert [client.call("OBJECT", "IDLETIME", key) >= 1 for key in ("k", "n", "a", "nx")] == [
        True] * 4
    client.ok("CLIENT", "NO-TOUCH", "off")
    client.ok("SET", "k", "3")
    assert client.call("OBJECT", "IDLETIME", "k") == 0


@pytest.mark.parametrize("words", [("SETNX", "k", "2"), ("SET", "k", "2", "NX"),
                                   ("MSETNX", "new", "1", "k", "2")])
def test_a_write_that_a_present_key_refuses_is_an_access_to_it(client, words):
    client.ok("SET", "k", "1")
    eventually(lambda: client.call("OBJECT", "IDLETIME", "k") >= 1, what="idle time of a second")
    client.call(*words)
    assert client.pipeline([("OBJECT", "IDLETIME", "k"), ("GET", "k")]) == [0, b"1"]


@pytest.mark.needs_command("subscribe")
def test_subscribed_resp2_connection_runs_only_a_few_commands(client):
    assert client.raw("SUBSCRIBE", "c") == b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    assert client.raw("PING") == b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
    assert client.raw("PING", "a") == b"*2\r\n$4\r\npong\r\n$1\r\na\r\n"
    assert client.raw("GET", "k") == (
        b"-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
        b"are allowed in this context\r\n")
    assert client.raw("RESET") == b"+RESET\r\n"
    assert client.raw("GET", "k") == b"$-1\r\n"


@pytest.mark.needs_command("subscribe")
def test_subscribed_resp3_connection_runs_everything(client3):
    assert client3.raw("SUBSCRIBE", "c") == b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    assert client3.pipeline_raw([("PING",), ("PING", "a"), ("GET", "k")]) == [
        b"+PONG\r\n", b"$1\r\na\r\n", b"_\r\n"]


def test_connections_are_counted(client, connect, server):
    def connected() -> int:
        text = client.call("INFO", "clients")
        return int(next(line for line in text.split() if line.startswith(b"connected_clients:"))
                   .split(b":")[1])

    before = connected()
    others = [connect() for _ in range(10)]
    for other in others:
        other.expect_alive()
    assert connected() == before + 10
    for other in others:
        other.close()
    eventually(lambda: connected() == before, what="count after the close")


def test_errors_of_connection_commands_leave_no_trace_in_a_transaction(client):
    client.ok("MULTI")
    assert isinstance(client.call("SELECT"), Error)
    assert client.raw("EXEC") == (
        b"-EXECABORT Transaction discarded because of previous errors.\r\n")

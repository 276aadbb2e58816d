"""RESP2 and RESP3 as bytes: which wire type each kind of reply has in either protocol.

Every case runs on a RESP2 and on a RESP3 connection. Where both columns are equal the type does
not depend on the protocol, and that is as much a promise as a difference is.
"""

from __future__ import annotations

import pytest

from support.wire import Array, Bulk, Error, Map, Null, Verbatim, encode_command

SETUP = [("SET", "s", "hello"), ("SET", "n", "10"), ("SET", "other", "yellow"),
         ("SET", "volatile", "x", "EX", "1000")]

BOTH = [
    (("PING",), b"+PONG\r\n"),
    (("PING", ""), b"$0\r\n\r\n"),
    (("PING", "a\r\nb"), b"$4\r\na\r\nb\r\n"),
    (("ECHO", ""), b"$0\r\n\r\n"),
    (("SET", "k", "v"), b"+OK\r\n"),
    (("GET", "s"), b"$5\r\nhello\r\n"),
    (("TYPE", "s"), b"+string\r\n"),
    (("TYPE", "missing"), b"+none\r\n"),
    (("EXISTS", "s"), b":1\r\n"),
    (("TTL", "missing"), b":-2\r\n"),
    (("TTL", "s"), b":-1\r\n"),
    (("TTL", "volatile"), b":1000\r\n"),
    (("INCR", "n"), b":11\r\n"),
    (("DECRBY", "n", "20"), b":-10\r\n"),
    (("INCRBYFLOAT", "n", "0.5"), b"$4\r\n10.5\r\n"),
    (("APPEND", "s", "!"), b":6\r\n"),
    (("GETRANGE", "missing", "0", "-1"), b"$0\r\n\r\n"),
    (("EXPIRE", "s", "100"), b":1\r\n"),
    (("EXPIRE", "missing", "100"), b":0\r\n"),
    (("MSETNX", "s", "1", "z", "2"), b":0\r\n"),
    (("RENAMENX", "s", "n"), b":0\r\n"),
    (("PERSIST", "s"), b":0\r\n"),
    (("KEYS", "nothing*"), b"*0\r\n"),
    (("KEYS", "oth*"), b"*1\r\n$5\r\nother\r\n"),
    (("SCAN", "0", "MATCH", "nothing*", "COUNT", "1000"), b"*2\r\n$1\r\n0\r\n*0\r\n"),
    (("LCS", "s", "other"), b"$4\r\nello\r\n"),
    (("LCS", "s", "other", "LEN"), b":4\r\n"),
    (("OBJECT", "ENCODING", "n"), b"$3\r\nint\r\n"),
    (("DBSIZE",), b":4\r\n"),
    (("SELECT", "1"), b"+OK\r\n"),
    (("MULTI",), b"+OK\r\n"),
    (("UNWATCH",), b"+OK\r\n"),
    (("CONFIG", "SET", "maxmemory-samples", "6"), b"+OK\r\n"),
    (("COMMAND", "GETKEYS", "GET", "a"), b"*1\r\n$1\r\na\r\n"),
    (("GET",), b"-ERR wrong number of arguments for 'get' command\r\n"),
    (("INCR", "s"), b"-ERR value is not an integer or out of range\r\n"),
]

DIFFERENT = [
    (("GET", "missing"), b"$-1\r\n", b"_\r\n"),
    (("GETDEL", "missing"), b"$-1\r\n", b"_\r\n"),
    (("SET", "s", "x", "NX"), b"$-1\r\n", b"_\r\n"),
    (("SET", "missing", "x", "GET"), b"$-1\r\n", b"_\r\n"),
    (("MGET", "missing", "other"), b"*2\r\n$-1\r\n$6\r\nyellow\r\n",
     b"*2\r\n_\r\n$6\r\nyellow\r\n"),
    (("OBJECT", "ENCODING", "missing"), b"$-1\r\n", b"_\r\n"),
    (("MEMORY", "USAGE", "missing"), b"$-1\r\n", b"_\r\n"),
    (("CLIENT", "GETNAME"), b"$-1\r\n", b"_\r\n"),
    (("CONFIG", "GET", "nosuchthing"), b"*0\r\n", b"%0\r\n"),
    (("CONFIG", "GET", "maxmemory-samples"), b"*2\r\n$17\r\nmaxmemory-samples\r\n$1\r\n5\r\n",
     b"%1\r\n$17\r\nmaxmemory-samples\r\n$1\r\n5\r\n"),
    (("LCS", "s", "other", "IDX"),
     b"*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:1\r\n:4\r\n*2\r\n:1\r\n:4\r\n$3\r\nlen\r\n:4\r\n",
     b"%2\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:1\r\n:4\r\n*2\r\n:1\r\n:4\r\n$3\r\nlen\r\n:4\r\n"),
    (("COMMAND", "INFO", "nosuch"), b"*1\r\n$-1\r\n", b"*1\r\n_\r\n"),
    (("COMMAND", "DOCS", "nosuch"), b"*0\r\n", b"%0\r\n"),
]


@pytest.mark.parametrize("command, answer", BOTH, ids=lambda value: repr(value)[:60])
def test_reply_that_is_the_same_in_both_protocols(connect, server, command, answer):
    assert all(reply == b"OK" for reply in connect().pipeline(SETUP))
    assert connect(protocol=2).raw(*command) == answer


@pytest.mark.parametrize("command, answer", BOTH, ids=lambda value: repr(value)[:60])
def test_reply_that_is_the_same_in_both_protocols_over_resp3(connect, command, answer):
    assert all(reply == b"OK" for reply in connect().pipeline(SETUP))
    assert connect(protocol=3).raw(*command) == answer


@pytest.mark.parametrize("command, resp2, resp3", DIFFERENT, ids=lambda value: repr(value)[:60])
def test_reply_that_differs_between_the_protocols(connect, command, resp2, resp3):
    connect().pipeline(SETUP)
    assert connect(protocol=2).raw(*command) == resp2
    connect().pipeline([("FLUSHALL",)] + SETUP)
    assert connect(protocol=3).raw(*command) == resp3


@pytest.mark.parametrize("protocol, answer", [(2, b"*-1\r\n"), (3, b"_\r\n")])
def test_exec_aborted_by_a_watched_key_is_a_null_array_or_null(connect, protocol, answer):
    client = connect(protocol)
    client.pipeline([("WATCH", "k"), ("SET", "k", "1"), ("MULTI",), ("GET", "k")])
    assert client.raw("EXEC") == answer


def test_exec_nests_the_replies_in_the_protocol_of_the_moment(client):
    client.pipeline([("MULTI",), ("GET", "missing"), ("HELLO", "3"), ("GET", "missing"),
                     ("CONFIG", "GET", "nosuchthing")])
    replies = client.call("EXEC")
    assert [type(reply) for reply in replies] == [Null, Map, Null, Map]
    assert [reply.wire for reply in replies if isinstance(reply, Null)] == [b"$-1\r\n", b"_\r\n"]


def test_exec_holds_errors_of_its_commands(client):
    client.pipeline([("SET", "s", "text"), ("MULTI",), ("INCR", "s"), ("GET", "s")])
    assert client.raw("EXEC") == (
        b"*2\r\n-ERR value is not an integer or out of range\r\n$4\r\ntext\r\n")


def test_info_is_a_bulk_in_resp2_and_verbatim_text_in_resp3(connect):
    assert type(connect(2).call("INFO", "server")) is Bulk
    text = connect(3).call("INFO", "server")
    assert type(text) is Verbatim and text.format == b"txt" and text.startswith(b"# Server\r\n")


def test_command_docs_is_a_flat_array_in_resp2_and_nested_maps_in_resp3(connect):
    flat = connect(2).call("COMMAND", "DOCS", "get")
    assert type(flat) is Array and flat[0] == b"get" and type(flat[1]) is Array
    docs = connect(3).call("COMMAND", "DOCS", "get")
    assert type(docs) is Map and docs[0][0] == b"get" and type(docs[0][1]) is Map
    assert docs[0][1].to_dict()[b"group"] == b"string"


def test_command_info_of_get_in_resp2(client):
    assert client.raw("COMMAND", "INFO", "get") == (
        b"*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
        b"*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
        b"*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
        b"$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
        b"$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
        b"$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n"
        b"$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n"
        b"$5\r\nlimit\r\n:0\r\n*0\r\n")


@pytest.mark.target("fastredis", "redis", reason="Valkey sends subcommands as an array")
def test_command_info_of_get_in_resp3_has_sets_and_maps(client3):
    assert client3.raw("COMMAND", "INFO", "get") == (
        b"*1\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
        b"~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n"
        b"~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
        b"$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
        b"$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
        b"$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n"
        b"$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n"
        b"$5\r\nlimit\r\n:0\r\n~0\r\n")


def test_switching_back_to_resp2_changes_the_next_reply(client3):
    assert client3.raw("GET", "missing") == b"_\r\n"
    client3.ok("HELLO", "2")
    assert client3.raw("GET", "missing") == b"$-1\r\n"


def test_protocol_switch_inside_a_pipeline_takes_effect_between_commands(client):
    replies = client.pipeline_raw([("GET", "x"), ("HELLO", "3"), ("GET", "x"), ("HELLO", "2"),
                                   ("GET", "x")])
    assert replies[0::2] == [b"$-1\r\n", b"_\r\n", b"$-1\r\n"]


def test_protocol_belongs_to_the_connection_alone(client, client3):
    assert client.raw("GET", "x") == b"$-1\r\n"
    assert client3.raw("GET", "x") == b"_\r\n"


@pytest.mark.parametrize("name", ["get", "GET", "GeT", "gEt"])
def test_command_names_ignore_case(client, name):
    assert client.raw(name, "k") == b"$-1\r\n"


def test_keys_and_values_keep_their_case_and_bytes(client):
    key = bytes(range(256))
    client.ok("SET", key, key[::-1])
    assert client.call("GET", key) == key[::-1]
    assert client.call("GET", key.lower()) == Null(b"$-1\r\n")
    assert client.call("KEYS", "*") == [key]


def test_empty_key_and_empty_value_are_ordinary(client):
    assert client.pipeline_raw([("SET", "", ""), ("GET", ""), ("EXISTS", ""), ("DEL", "")]) == [
        b"+OK\r\n", b"$0\r\n\r\n", b":1\r\n", b":1\r\n"]


def test_command_of_100_000_arguments_is_one_command(client):
    keys = [b"key:%d" % number for number in range(50_000)]
    pairs = [part for key in keys for part in (key, key[::-1])]
    client.send_while_reading(encode_command("MSET", *pairs))
    assert client.read_raw() == b"+OK\r\n"
    client.send_while_reading(encode_command("MGET", *keys))
    assert client.read() == [key[::-1] for key in keys]
    client.send_while_reading(encode_command("DEL", *keys))
    assert client.read_raw() == b":50000\r\n"


@pytest.mark.parametrize("command, answer", [
    (("FOO",), b"'FOO', with args beginning with: "),
    (("foo", "a", "b", "c"), b"'foo', with args beginning with: 'a' 'b' 'c' "),
    (("",), b"'', with args beginning with: "),
    (("", "a"), b"'', with args beginning with: 'a' "),
    (("foo", ""), b"'foo', with args beginning with: '' "),
    (("foo", "'"), b"'foo', with args beginning with: ''' "),
    (("F\r\nOO", "a\r\nb"), b"'F  OO', with args beginning with: 'a  b' "),
    (("foo", b"\xff\x01"), b"'foo', with args beginning with: '\xff\x01' "),
    (("foo", "c\0d"), b"'foo', with args beginning with: 'c' "),
    (("client|id",), b"'client|id', with args beginning with: "),
    (("F" * 300, "x"), b"'" + b"F" * 128 + b"', with args beginning with: 'x' "),
    (("foo", "b" * 127), b"'foo', with args beginning with: '" + b"b" * 127 + b"' "),
    (("foo", "b" * 200, "x"), b"'foo', with args beginning with: '" + b"b" * 128 + b"' "),
    (("foo", "b" * 50, "b" * 50, "b" * 50, "x"), b"'foo', with args beginning with: '"
     + b"b" * 50 + b"' '" + b"b" * 50 + b"' '" + b"b" * 22 + b"' "),
    (("foo", *map(str, range(60))), b"'foo', with args beginning with: "
     + b"".join(b"'%d' " % number for number in range(28))),
], ids=lambda value: repr(value)[:40])
def test_unknown_command_is_quoted_and_cut_at_128_bytes(client, command, answer):
    assert client.raw(*command) == b"-ERR unknown command " + answer + b"\r\n"


@pytest.mark.parametrize("command", [
    "auth", "echo", "select", "get", "set", "append", "incrby", "mset", "getrange", "expire",
    "rename", "object", "config", "client", "move", "copy", "setex", "swapdb", "watch", "scan",
    "keys", "type", "del", "exists", "touch", "unlink", "getex", "setrange", "strlen", "persist",
])
def test_command_without_its_arguments_names_itself_in_lower_case(client, command):
    answer = f"-ERR wrong number of arguments for '{command}' command\r\n".encode()
    assert client.raw(command.upper()) == answer


@pytest.mark.parametrize("command", [
    "multi", "discard", "unwatch", "dbsize", "randomkey", "time", "reset",
])
def test_command_that_takes_no_argument_refuses_one(client, command):
    answer = f"-ERR wrong number of arguments for '{command}' command\r\n".encode()
    assert client.raw(command, "surplus") == answer


def test_exec_with_an_argument_discards_the_transaction(client):
    client.pipeline([("MULTI",), ("SET", "k", "v")])
    assert client.raw("EXEC", "surplus") == (
        b"-EXECABORT Transaction discarded because of: "
        b"wrong number of arguments for 'exec' command\r\n")
    assert client.raw("EXEC") == b"-ERR EXEC without MULTI\r\n"


@pytest.mark.parametrize("container, arguments, name", [
    ("CONFIG", ["GET"], "config|get"), ("CONFIG", ["set", "a"], "config|set"),
    ("CONFIG", ["RESETSTAT", "x"], "config|resetstat"), ("OBJECT", ["FREQ"], "object|freq"),
    ("OBJECT", ["ENCODING"], "object|encoding"), ("COMMAND", ["COUNT", "x"], "command|count"),
    ("MEMORY", ["USAGE"], "memory|usage"), ("COMMAND", ["GETKEYS"], "command|getkeys"),
])
def test_subcommand_with_wrong_arity_is_named_in_full(client, container, arguments, name):
    answer = f"-ERR wrong number of arguments for '{name}' command\r\n".encode()
    assert client.raw(container, *arguments) == answer


@pytest.mark.parametrize("container", ["CLIENT", "CONFIG", "OBJECT", "COMMAND", "MEMORY"])
@pytest.mark.parametrize("name, shown", [
    ("foo", b"foo"), ("FOO", b"FOO"), ("", b""), ("a\r\nb", b"a  b"), ("a\0b", b"a"),
    ("f" * 300, b"f" * 128),
], ids=["lower", "upper", "empty", "crlf", "nul", "long"])
def test_unknown_subcommand_is_quoted_and_points_to_help(client, container, name, shown):
    answer = b"-ERR unknown subcommand '%b'. Try %b HELP.\r\n" % (shown, container.encode())
    assert client.raw(container, name) == answer
    assert client.raw(container.lower(), name, "x", "y") == answer


@pytest.mark.parametrize("container", ["CLIENT", "CONFIG", "OBJECT", "COMMAND", "MEMORY", "DEBUG"])
def test_help_is_an_array_of_simple_strings_that_ends_with_help_itself(client, container):
    lines = client.call(container, "HELP")
    assert {type(line).__name__ for line in lines} == {"SimpleString"}
    assert lines[0] == container.encode() + (
        b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    assert lines[-2] == b"HELP" and lines[-1].startswith(b"    ")


def test_error_texts_never_hold_a_line_break(client):
    for command in [("F\nOO",), ("CLIENT", "x\r\ny"), ("CONFIG", "SET", "a\r\nb", "c"),
                    ("FOO", "a\nb\rc")]:
        reply = client.call(*command)
        assert isinstance(reply, Error) and b"\n" not in reply and b"\r" not in reply
        client.expect_alive()

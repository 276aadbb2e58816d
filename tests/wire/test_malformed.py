"""The catalogue of malformed requests: exact error, exact moment of the close, nobody else hurt.

Each case is sent on a connection of its own. Redis answers a protocol error once, after the
replies of the commands before it, and closes; bytes after the error are never looked at. Where
the versions differ the case names the answer of each; Redis 7.2 and 8 are followed unless
data/deliberate-differences.md has a row.
"""

from __future__ import annotations

import pytest

from support.wire import encode_command

INVALID_MULTIBULK = b"-ERR Protocol error: invalid multibulk length\r\n"
INVALID_BULK = b"-ERR Protocol error: invalid bulk length\r\n"
UNBALANCED = b"-ERR Protocol error: unbalanced quotes in request\r\n"
BAD_TERMINATOR = b"-ERR Protocol error: invalid bulk terminator\r\n"
PING = b"*1\r\n$4\r\nPING\r\n"


def expected_dollar(got: bytes) -> bytes:
    return b"-ERR Protocol error: expected '$', got '" + got + b"'\r\n"


MULTIBULK_LENGTHS = [
    b"", b"x", b"+1", b" 1", b"1 ", b"01", b"00", b"-0", b"0x1", b"1.0", b"1e3", b"1\t", b"--1",
    b"- 1", b"-", b"+", b"-x", b"2147483648", b"4294967297", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551617", b"99999999999999999999999", b"\xff", b"*",
    b"$", b"1\n", b"1" * 60000,
]
BULK_LENGTHS = [
    b"", b"x", b"+4", b" 4", b"4 ", b"04", b"-0", b"-1", b"-2", b"0x4", b"4.0", b"4e0", b"-", b"+",
    b"536870913", b"2147483648", b"4294967300", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551620", b"99999999999999999999999999", b"\xff", b"$", b"4\n", b"1" * 60000,
]


@pytest.mark.parametrize("length", MULTIBULK_LENGTHS, ids=lambda value: repr(value[:24]))
def test_multibulk_length_that_is_no_plain_integer_is_refused(connect, length):
    assert connect().exchange(b"*" + length + b"\r\n" + PING) == INVALID_MULTIBULK


@pytest.mark.parametrize("length", [b"0", b"-1", b"-5", b"-9223372036854775808"])
def test_multibulk_length_of_zero_or_less_is_an_empty_command_without_reply(client, length):
    client.send(b"*" + length + b"\r\n" + PING)
    assert client.read_raw() == b"+PONG\r\n"
    client.expect_silence()


def test_multibulk_line_that_ends_in_lf_only_swallows_the_next_line(connect):
    assert connect().exchange(b"*1\n$4\r\nPING\r\n") == INVALID_MULTIBULK


@pytest.mark.target("fastredis", "redis", reason="Valkey says invalid CRLF in request")
def test_cr_without_lf_ends_a_length_line_and_its_next_byte_is_skipped(connect):
    assert connect().exchange(b"*1\r$4\r\nPING\r\n") == expected_dollar(b"4")


@pytest.mark.parametrize("length", BULK_LENGTHS, ids=lambda value: repr(value[:24]))
def test_bulk_length_that_is_no_plain_integer_in_range_is_refused(connect, length):
    assert connect().exchange(b"*1\r\n$" + length + b"\r\nPING\r\n") == INVALID_BULK


@pytest.mark.parametrize("line, got", [
    (b"+4", b"+"), (b"PING", b"P"), (b":4", b":"), (b"*4", b"*"), (b"", b" "), (b"\n", b" "),
    (b"\xff", b"\xff"), (b"'", b"'"), (b" $4", b" "), (b"4", b"4"), (b"-1", b"-"),
], ids=repr)
def test_argument_that_does_not_begin_with_a_dollar_is_refused(connect, line, got):
    assert connect().exchange(b"*1\r\n" + line + b"\r\nPING\r\n") == expected_dollar(got)


def test_second_argument_is_checked_as_the_first(connect):
    assert connect().exchange(b"*2\r\n$4\r\nECHO\r\n:1\r\n") == expected_dollar(b":")
    assert connect().exchange(b"*2\r\n$4\r\nECHO\r\n$-1\r\n") == INVALID_BULK


@pytest.mark.target("fastredis", "valkey", reason="Redis waits until 64 KB have come")
@pytest.mark.parametrize("request_bytes, answer", [
    (b"*1\0\r\n", INVALID_MULTIBULK),
    (b"*\0\r\n", INVALID_MULTIBULK),
    (b"*1\r\n$4\0\r\nPING\r\n", INVALID_BULK),
], ids=repr)
def test_nul_in_a_length_line_is_an_error_of_that_line(connect, request_bytes, answer):
    """Deliberate difference: NUL in a length line."""
    assert connect().exchange(request_bytes) == answer


@pytest.mark.target("fastredis", "valkey", reason="Redis waits until 64 KB have come")
def test_nul_where_a_dollar_belongs_is_refused(connect):
    """Deliberate difference: NUL in a length line. Error text of fastredis holds no raw NUL."""
    answer = connect().exchange(b"*1\r\n\0\r\n")
    assert answer.startswith(b"-ERR Protocol error: expected '$', got '")
    assert answer.endswith(b"'\r\n") and answer.count(b"\r\n") == 1


@pytest.mark.target("fastredis", reason="deliberate difference: bulk terminator")
@pytest.mark.parametrize("request_bytes", [
    b"*1\r\n$4\r\nPINGxx", b"*1\r\n$4\r\nPING\n\n", b"*1\r\n$4\r\nPING\r\r",
    b"*1\r\n$4\r\nPINGPING\r\n", b"*1\r\n$3\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$1\r\nab\r\n",
    b"*1\r\n$0\r\nPING\r\n",
], ids=repr)
def test_bulk_that_does_not_end_in_crlf_is_refused(connect, request_bytes):
    assert connect().exchange(request_bytes) == BAD_TERMINATOR


@pytest.mark.target("fastredis", reason="deliberate difference: bulk terminator")
def test_large_bulk_that_does_not_end_in_crlf_is_refused_and_not_executed(connect):
    bad = encode_command("SET", "bad-terminator", b"v" * 200_000)[:-2] + b"xx"
    assert connect().exchange(bad) == BAD_TERMINATOR
    assert connect().call("EXISTS", "bad-terminator") == 0


@pytest.mark.parametrize("request_bytes, answer", [
    (b"*" + b"1" * 65537, b"-ERR Protocol error: too big mbulk count string\r\n"),
    (b"*1\r\n$" + b"1" * 65537, b"-ERR Protocol error: too big bulk count string\r\n"),
    (b"a" * 65537, b"-ERR Protocol error: too big inline request\r\n"),
    (b"*1\r\n$4\r\nECHO\r\n*" + b"1" * 65537,
     b"-ERR wrong number of arguments for 'echo' command\r\n"
     b"-ERR Protocol error: too big mbulk count string\r\n"),
], ids=["multibulk", "bulk", "inline", "after-a-command"])
def test_length_line_or_inline_of_more_than_64_kb_is_refused(connect, request_bytes, answer):
    assert connect().exchange(request_bytes) == answer


@pytest.mark.parametrize("head", [b"*", b"*1\r\n$", b""], ids=["multibulk", "bulk", "inline"])
def test_unfinished_line_of_64_kb_is_still_waited_for(client, connect, head):
    client.send(head + b"1" * 65535)
    connect().expect_alive()
    client.expect_silence()


@pytest.mark.parametrize("line", [
    b'"', b"'", b'SET a "b', b"SET a 'b", b'"SET" "', b"PING '\"", b'PING a"b',
], ids=repr)
def test_unbalanced_quotes_of_an_inline_request_are_refused(connect, line):
    assert connect().exchange(line + b"\r\nPING\r\n") == UNBALANCED


@pytest.mark.target("fastredis", "redis", reason="Valkey takes a backslash at the end as text")
@pytest.mark.parametrize("line", [b'SET a "b\\"', b"SET a 'b\\'", b'PING "\\'], ids=repr)
def test_escaped_quote_does_not_close_an_inline_word(connect, line):
    assert connect().exchange(line + b"\r\nPING\r\n") == UNBALANCED


@pytest.mark.target("fastredis", "redis", reason="Valkey joins the parts to one word")
@pytest.mark.parametrize("line", [b'SET a "b"c', b"SET a 'b'c", b'"PING"x', b"''x", b'"a""b"'])
def test_closing_quote_must_be_followed_by_a_space_or_the_end(connect, line):
    assert connect().exchange(line + b"\r\n") == UNBALANCED


def test_commands_before_the_error_are_answered_and_what_follows_is_not_run(connect):
    request = (encode_command("SET", "before", "1") + b"PING\r\n" + PING + b"*x\r\n"
               + encode_command("SET", "after", "1"))
    assert connect().exchange(request) == b"+OK\r\n+PONG\r\n+PONG\r\n" + INVALID_MULTIBULK
    assert connect().pipeline([["EXISTS", "before"], ["EXISTS", "after"]]) == [1, 0]


def test_error_in_the_middle_of_a_command_leaves_the_command_unexecuted(connect):
    assert connect().exchange(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$x\r\n") == INVALID_BULK
    assert connect().call("EXISTS", "key") == 0


def test_error_split_over_several_reads_is_answered_the_same(connect):
    client = connect()
    barrier = connect()
    for byte in b"*1\r\n$+4":
        client.send(bytes([byte]))
        barrier.expect_alive()
    assert client.exchange(b"\r\n") == INVALID_BULK


def test_protocol_error_discards_a_transaction(connect):
    client = connect()
    client.ok("MULTI")
    assert client.call("SET", "queued", "1") == b"QUEUED"
    assert client.exchange(b"*x\r\n") == INVALID_MULTIBULK
    assert connect().call("EXISTS", "queued") == 0


def test_protocol_error_in_resp3_has_the_same_form(client3):
    assert client3.exchange(b"*x\r\n") == INVALID_MULTIBULK


@pytest.mark.target("fastredis", reason="deliberate difference: protocol error, replies off")
def test_protocol_error_closes_a_connection_whose_replies_are_off(connect):
    """Redis leaves such a connection open and deaf."""
    client = connect()
    client.request("CLIENT", "REPLY", "OFF")
    assert client.exchange(b"*x\r\n") == b""


def test_other_clients_are_unaffected_by_protocol_errors(connect):
    bystander = connect()
    bystander.ok("SET", "k", "v")
    bystander.send(b"*2\r\n$3\r\nGET\r\n$1")
    for length in MULTIBULK_LENGTHS:
        assert connect().exchange(b"*" + length + b"\r\n") == INVALID_MULTIBULK
    bystander.send(b"\r\nk\r\n")
    assert bystander.read_raw() == b"$1\r\nv\r\n"


@pytest.mark.parametrize("request_bytes", [
    b"POST / HTTP/1.1\r\n", b"post / HTTP/1.1\r\nPING\r\n", b"PoSt\r\n", b"POST a b c d\r\n",
    b"Host: example.org\r\nPING\r\n", b"host: x\r\n", b"HOST:\r\n", b"Host: a b c\r\n",
    b"*1\r\n$4\r\nPOST\r\n" + PING, b"*1\r\n$5\r\nHOST:\r\n", b"*3\r\n$5\r\nhost:\r\n$1\r\na\r\n"
    b"$1\r\nb\r\n",
], ids=repr)
def test_http_request_of_a_browser_is_cut_without_a_reply(connect, request_bytes):
    connect().send(request_bytes)
    assert connect().exchange(request_bytes) == b""


def test_http_request_runs_no_command_of_its_body(connect):
    request = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nSET smuggled 1\r\n"
    assert connect().exchange(request) == b""
    assert connect().call("EXISTS", "smuggled") == 0


def test_http_get_is_cut_at_its_host_header(connect):
    assert connect().exchange(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n") == b""


@pytest.mark.parametrize("word", [b"POSTS", b"HOST", b"xHost:", b"Host:x"])
def test_words_that_only_resemble_http_are_unknown_commands(client, word):
    answer = client.send_read_raw(word + b"\r\n")
    assert answer == b"-ERR unknown command '" + word + b"', with args beginning with: \r\n"
    client.expect_alive()


@pytest.mark.parametrize("line", [b"$4", b"+PING", b"-ERR", b":1", b"_", b"%1", b"(1", b"!x"])
def test_reply_types_sent_as_requests_are_inline_words(client, line):
    answer = client.send_read_raw(line + b"\r\n")
    assert answer == b"-ERR unknown command '" + line + b"', with args beginning with: \r\n"
    client.expect_alive()


def test_client_that_goes_away_in_the_middle_of_a_request_leaves_nothing(connect, server):
    for part in (b"*", b"*3\r\n", b"*3\r\n$3\r\nSET\r\n$3\r\nhal", b"*1\r\n$536870912\r\nabc"):
        with connect() as client:
            client.send(part)
    connect().expect_alive()
    assert connect().call("DBSIZE") == 0

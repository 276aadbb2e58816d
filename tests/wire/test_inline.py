"""Inline requests: what a person types into a bare connection.

A line ends in LF, with or without CR. Words are separated by blanks; double quotes know escapes,
single quotes know only \\'. Expected bytes are what Redis 7.0, Redis 8 and Valkey 9 send.
"""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("line", [
    b"PING\r\n", b"PING\n", b"ping\r\n", b"PiNg\n", b"  PING\r\n", b"\tPING\r\n", b"PING  \r\n",
    b"PING\t\r\n", b"PING\r\r\n", b'"PING"\r\n', b"'PING'\r\n", b'"\\x50ING"\r\n', b"\v\fPING\r\n",
    b"\r\n\r\nPING\r\n", b"\n\nPING\n", b"   \r\nPING\r\n",
], ids=repr)
def test_ping_in_every_inline_form_is_answered_once(client, line):
    assert client.send_read_raw(line) == b"+PONG\r\n"
    client.expect_silence(0.01)


@pytest.mark.parametrize("word, value", [
    (b'"a b"', b"a b"),
    (b"'a b'", b"a b"),
    (b'""', b""),
    (b"''", b""),
    (b'"\\n\\r\\t\\b\\a"', b"\n\r\t\x08\x07"),
    (b'"\\\\ \\" \\q"', b'\\ " q'),
    (b'"\\x00\\x41\\xff\\xFf"', b"\x00A\xff\xff"),
    (b'"\\xZZ\\x4"', b"xZZx4"),
    (b'"\\x4g"', b"x4g"),
    (b"'it\\'s'", b"it's"),
    (b"'\\n\\x41\\\\x'", b"\\n\\x41\\\\x"),
    (b"'\"'", b'"'),
    (b'"\'"', b"'"),
    (b'b"c d"', b"bc d"),
    (b"b'c d'", b"bc d"),
    (b"a\\nb", b"a\\nb"),
    (b"a,b;c=d", b"a,b;c=d"),
    (b"$1", b"$1"),
    (b"*1", b"*1"),
], ids=repr)
def test_inline_word_means_these_bytes(client, word, value):
    expected = b"$%d\r\n%b\r\n" % (len(value), value)
    assert client.send_read_raw(b"ECHO " + word + b"\r\n") == expected


@pytest.mark.target("fastredis", "redis", reason="Valkey drops words that are not ASCII")
def test_bytes_beyond_ascii_need_no_quotes(client):
    assert client.send_read_raw(b"ECHO \xc3\xa9\xff\r\n") == b"$3\r\n\xc3\xa9\xff\r\n"


def test_vertical_tab_and_form_feed_separate_no_words(client):
    assert client.send_read_raw(b"ECHO a\vb\fc\r\n") == b"$5\r\na\vb\fc\r\n"


def test_an_empty_word_is_not_taken_for_the_quoted_one_behind_it(client):
    """Both stand at the same place of the unquoted line, and the first key's hash is known."""
    client.pipeline([("SET", "", "empty"), ("SET", "k", "old")])
    assert client.send_read_raw(b'MSET "" new "k" new\r\n') == b"+OK\r\n"
    assert client.send_read_raw(b'COPY "" "k" REPLACE\r\n') == b":1\r\n"
    assert client.send_read_raw(b'RENAME "" "k"\r\n') == b"+OK\r\n"
    assert client.pipeline([("GET", "k"), ("DBSIZE",), ("DEL", "k"), ("DBSIZE",)]) == [
        b"new", 1, 1, 0]


def test_quoted_words_are_separated_by_any_blank(client):
    assert client.send_read_raw(b"SET 'k 1'\t\"v 1\"\r\n") == b"+OK\r\n"
    assert client.raw("GET", "k 1") == b"$3\r\nv 1\r\n"


def test_cr_within_a_line_separates_words(client):
    assert client.send_read_raw(b"PING\rX\r\n") == b"$1\r\nX\r\n"


def test_line_without_its_end_is_waited_for(client):
    client.send(b"PING")
    client.expect_silence()
    client.send(b"\r")
    client.expect_silence()
    client.send(b"\n")
    assert client.read_raw() == b"+PONG\r\n"


def test_empty_lines_get_no_reply(client):
    client.send(b"\r\n\n\r\n \r\n\t\n")
    client.expect_silence()
    client.expect_alive()


def test_inline_and_multibulk_alternate_in_one_pipeline(client):
    client.send(b"SET k 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"
                b"INCR k\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
    replies = [client.read_raw() for _ in range(4)]
    assert replies == [b"+OK\r\n", b":2\r\n", b":3\r\n", b"$1\r\n3\r\n"]


def test_inline_request_of_many_words_is_one_command(client):
    keys = [b"k%d" % number for number in range(5000)]
    client.send(b"EXISTS " + b" ".join(keys) + b"\r\n")
    assert client.read_raw() == b":0\r\n"


def test_whole_inline_line_of_more_than_64_kb_is_accepted_when_it_arrives_at_once(client):
    word = b"v" * 60_000
    assert client.send_read_raw(b"ECHO " + word + b"\r\n") == b"$60000\r\n" + word + b"\r\n"


def test_unknown_inline_command_is_named_as_typed(client):
    assert client.send_read_raw(b"Frobnicate 'a b' c\r\n") == (
        b"-ERR unknown command 'Frobnicate', with args beginning with: 'a b' 'c' \r\n")


@pytest.mark.target("fastredis", reason="deliberate difference: NUL in an inline request")
def test_nul_is_a_byte_of_its_inline_word(client):
    assert client.send_read_raw(b"ECHO a\0b\r\n") == b"$3\r\na\0b\r\n"
    client.expect_alive()


def test_inline_values_reach_every_byte_through_escapes(client):
    every_byte = bytes(range(256))
    escaped = b"".join(b"\\x%02x" % byte for byte in every_byte)
    assert client.send_read_raw(b'SET bytes "' + escaped + b'"\n') == b"+OK\r\n"
    assert client.call("GET", "bytes") == every_byte


def test_inline_requests_in_resp3_get_resp3_replies(client3):
    assert client3.send_read_raw(b"GET missing\r\n") == b"_\r\n"

"""The raw client must be beyond doubt: its reader against every reply type, cut at every byte."""

from __future__ import annotations

import socket
import threading

import pytest

from support.wire import (
    NULL, NULL_ARRAY, NULL_BULK, Array, Attributed, BigNumber, Bulk, Client, ConnectionClosed,
    Double, Error, Map, ProtocolViolation, Push, ReplyReader, Set, SimpleString, Verbatim,
    WireTimeout, encode_command, split_replies)

REPLIES = [
    (b"+OK\r\n", SimpleString(b"OK")), (b"-ERR x y\r\n", Error(b"ERR x y")), (b":-12\r\n", -12),
    (b"$0\r\n\r\n", Bulk(b"")), (b"$4\r\na\r\nb\r\n", Bulk(b"a\r\nb")), (b"$-1\r\n", NULL_BULK),
    (b"*-1\r\n", NULL_ARRAY), (b"*0\r\n", Array()), (b"_\r\n", NULL), (b"#t\r\n", True),
    (b"#f\r\n", False), (b",1.5\r\n", Double(1.5)), (b",-inf\r\n", Double("-inf")),
    (b"(12345678901234567890123\r\n", BigNumber(12345678901234567890123)),
    (b"!5\r\nERR x\r\n", Error(b"ERR x")), (b"=7\r\ntxt:a\r\n\r\n", Verbatim(b"a\r\n")),
    (b"%2\r\n+a\r\n:1\r\n$1\r\nb\r\n*1\r\n_\r\n", Map([(b"a", 1), (b"b", [NULL])])),
    (b"~2\r\n:1\r\n:2\r\n", Set([1, 2])), (b">2\r\n$1\r\na\r\n*0\r\n", Push([b"a", []])),
    (b"|1\r\n+k\r\n:1\r\n:5\r\n", Attributed(5, Map([(b"k", 1)]))),
    (b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", Array([[1], b"x"])),
]


def same(left: object, right: object) -> bool:
    return left == right and type(left) is type(right)


@pytest.mark.parametrize("raw, value", REPLIES, ids=lambda part: repr(part)[:30])
def test_reply_is_read_exactly_however_it_is_cut(raw, value):
    for size in range(1, len(raw) + 1):
        chunks = [raw[start:start + size] for start in range(0, len(raw), size)] + [b"+next\r\n"]
        reader = ReplyReader(lambda: chunks.pop(0))
        reply = reader.read()
        assert reply.raw == raw and same(reply.value, value)
        assert reader.read().value == b"next" and reader.pending == b""


def test_replies_of_one_chunk_are_told_apart():
    stream = b"".join(raw for raw, _ in REPLIES)
    assert [reply.raw for reply in split_replies(stream)] == [raw for raw, _ in REPLIES]


@pytest.mark.parametrize("raw", [
    b"?\r\n", b":x\r\n", b":1_0\r\n", b":\r\n", b"$1\r\nab\r\n", b"$-2\r\n", b"*-2\r\n", b"OK\r\n",
    b"+OK\n", b"#x\r\n", b"_x\r\n", b",x\r\n", b"=1\r\na\r\n", b"%-1\r\n", b"\r\n", b"$1\r\na",
])
def test_bytes_that_are_not_resp_are_reported(raw):
    with pytest.raises(ProtocolViolation):
        split_replies(raw)


def test_nulls_are_false_and_differ():
    assert not NULL and not NULL_BULK and len({NULL, NULL_BULK, NULL_ARRAY}) == 3


def test_encoded_command_is_a_multibulk():
    assert encode_command("SET", b"\r\n", 12, 0.5) == (
        b"*4\r\n$3\r\nSET\r\n$2\r\n\r\n\r\n$2\r\n12\r\n$3\r\n0.5\r\n")


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with Client(left, timeout_s=0.2) as client, right:
        yield client, right


def test_timeout_in_the_middle_of_a_reply_loses_nothing(pair):
    client, server = pair
    server.sendall(b"*2\r\n$3\r\nab")
    with pytest.raises(WireTimeout):
        client.read()
    server.sendall(b"c\r\n:1\r\n")
    assert client.read_raw() == b"*2\r\n$3\r\nabc\r\n:1\r\n"


def test_close_in_the_middle_of_a_reply_is_told_from_silence(pair):
    client, server = pair
    server.sendall(b"$5\r\nab")
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionClosed) as raised:
        client.read()
    assert raised.value.pending == b"$5\r\nab"


def test_expectations_fail_when_they_should(pair):
    client, server = pair
    with pytest.raises(WireTimeout):
        client.expect_closed()
    server.sendall(b"+x\r\n")
    with pytest.raises(AssertionError, match="unexpected bytes"):
        client.expect_silence()
    server.sendall(b"+late\r\n")
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(AssertionError, match="bytes before the close"):
        client.expect_closed()


def test_large_pipelines_are_sent_while_answers_are_read(pair):
    """Both socket buffers are smaller than either direction's bytes."""
    client, server = pair
    client.timeout_s = 10

    def echo() -> None:
        left = 5_000_000
        while left:
            data = server.recv(65536)
            server.sendall(b":1\r\n" * (len(data) // 10))
            left -= len(data)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    client.send_while_reading(b"x" * 5_000_000)
    assert client.read() == 1
    thread.join(5)

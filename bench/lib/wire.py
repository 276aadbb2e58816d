"""RESP over plain blocking sockets: a small client and a fast pipelined loader.

Why not redis-py: a tool that measures servers must know exactly what it sends and when, and
its own cost must stay small and even. The parser below reads every RESP2 reply.

    Connection.call(...)  -> one request, one reply
    Connection.send(...)  -> request only; read() takes the replies in order
    load(connection, requests) -> bounded chunks, two in flight, replies counted

An error reply is returned as a ReplyError by read(), raised by call() and load().
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Iterator
from typing import Union

Reply = Union[bytes, int, None, "ReplyError", list]
Argument = Union[bytes, str, int]

CHUNK_REQUESTS = 1000  # of two chunks in flight, the replies must fit the socket buffers


class ReplyError(Exception):
    """An error that the server replied with."""


def to_bytes(argument: Argument) -> bytes:
    """Wire form of one argument."""
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()


def encode(arguments: Iterable[Argument]) -> bytes:
    """A request as an array of bulk strings."""
    parts = [to_bytes(argument) for argument in arguments]
    body = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), body)


class Connection:
    """A blocking connection with its own reply buffer; close() it, or use it in a with."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout_s: float = 60.0) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._position = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def send(self, *arguments: Argument) -> None:
        """Send one request without waiting for its reply."""
        self.socket.sendall(encode(arguments))

    def call(self, *arguments: Argument) -> Reply:
        """Send one request and return its reply. Raises ReplyError for an error reply."""
        self.send(*arguments)
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def supports(self, *arguments: Argument) -> bool:
        """Whether the server answers this request with anything but an error."""
        self.send(*arguments)
        return not isinstance(self.read(), ReplyError)

    def _fill(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        if self._position:
            del self._buffer[:self._position]
            self._position = 0
        self._buffer += data

    def _line(self) -> bytes:
        searched = self._position
        while (end := self._buffer.find(b"\r\n", searched)) < 0:
            # The last byte may be half of the CRLF; _fill moves the unread part to the start.
            searched = max(len(self._buffer) - 1, self._position) - self._position
            self._fill()
        line = bytes(self._buffer[self._position:end])
        self._position = end + 2
        return line

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) - self._position < count + 2:
            self._fill()
        data = bytes(self._buffer[self._position:self._position + count])
        self._position += count + 2
        return data

    def read(self) -> Reply:
        """The next reply; nested replies come as lists."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ValueError(f"unexpected reply {line!r}")

    def info(self, section: str = "") -> dict[str, str]:
        """INFO as a mapping of its fields."""
        text = self.call("INFO", section) if section else self.call("INFO")
        if not isinstance(text, bytes):
            raise ValueError(f"INFO replied {text!r}")
        return parse_info(text.decode("utf-8", "replace"))


def parse_info(text: str) -> dict[str, str]:
    """Fields of INFO's text; headings and blank lines are left out."""
    pairs = (line.split(":", 1) for line in text.splitlines()
             if ":" in line and not line.startswith("#"))
    return {name: value.strip() for name, value in pairs}


def chunks(requests: Iterable[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Requests joined size at a time, with the number in each."""
    iterator = iter(requests)
    while batch := list(itertools.islice(iterator, size)):
        yield b"".join(batch), len(batch)


class LineReplies:
    """Counts replies that are one line each (+OK, :1) without parsing them one by one."""

    def __init__(self, connection: Connection) -> None:
        self._socket = connection.socket
        self._tail = b""
        self._seen = 0

    def wait_for(self, total: int) -> None:
        """Return once total replies have come. Raises ReplyError for the first error."""
        while self._seen < total:
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed the connection")
            data = self._tail + data
            end = data.rfind(b"\r\n") + 2
            if end < 2:
                self._tail = data
                continue
            self._tail = data[end:]
            raise_first_error(data[:end])
            self._seen += data.count(b"\r\n", 0, end)


class AnyReplies:
    """The same for replies of any shape, at the price of parsing each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen = 0

    def wait_for(self, total: int) -> None:
        """Return once total replies have come. Raises ReplyError for the first error."""
        while self._seen < total:
            reply = self._connection.read()
            if isinstance(reply, ReplyError):
                raise reply
            self._seen += 1


def raise_first_error(lines: bytes) -> None:
    """Raise ReplyError for the first of these whole lines that is an error."""
    start = 0 if lines.startswith(b"-") else lines.find(b"\n-") + 1
    if start or lines.startswith(b"-"):
        end = lines.index(b"\r\n", start)
        raise ReplyError(lines[start + 1:end].decode("utf-8", "replace"))


def load(connection: Connection, requests: Iterable[bytes], *, one_line: bool = True,
         chunk_requests: int = CHUNK_REQUESTS) -> int:
    """Send encoded requests in a pipeline of bounded chunks; returns their number.

    The next chunk is made and sent before the replies of the last one are read, so that the
    server never waits for Python's formatting. one_line: every reply is a single line.
    Raises ReplyError for the first error reply.
    """
    replies = LineReplies(connection) if one_line else AnyReplies(connection)
    sent = 0
    for data, count in chunks(requests, chunk_requests):
        connection.socket.sendall(data)
        replies.wait_for(sent)
        sent += count
    replies.wait_for(sent)
    return sent

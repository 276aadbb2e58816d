"""A RESP client that hides nothing: exact bytes out, exact bytes in.

Why not redis-py: a test of the wire must see what a library normalises away - the difference
between `$-1`, `*-1` and `_`, between `+OK` and `$2`, where one reply ends, whether the server
closed. So a reply has two forms here, side by side:

    Reply.raw    b"*2\\r\\n:1\\r\\n$1\\r\\na\\r\\n"     the bytes of exactly one reply
    Reply.value  Array([1, Bulk(b"a")])              a Python form with one type per wire type

    wire      type here             wire      type here
    +         SimpleString(bytes)   %         Map(list of pairs; .to_dict())
    -  !      Error(bytes; .code)   ~         Set(list)
    :         int                   >         Push(list)
    $         Bulk(bytes)           ,         Double(float; .text)
    $-1       NULL_BULK             #         bool
    *-1       NULL_ARRAY            (         BigNumber(int)
    _         NULL                  =         Verbatim(bytes; .format)
    *         Array(list)           |         Attributed(value, attributes)

The byte and list types equal plain bytes and lists, so `client.call("GET", "k") == b"v"` reads
well, and `type(reply) is Bulk` is there when the type is the point. All nulls are falsy, differ
from one another, and are never None.

Invariants: every blocking call has a deadline; a reader consumes a reply whole or not at all, so
a timeout in the middle of a reply loses nothing; errors are values and are never raised.
Complexity: linear in the bytes received (nothing is parsed twice while more bytes are awaited).
"""

from __future__ import annotations

import os
import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

Argument = Union[bytes, bytearray, memoryview, str, int, float]

TIME_SCALE = float(os.environ.get("FASTREDIS_TEST_TIME_SCALE", "1"))
"""Multiplies every timeout of the harness: raise it under sanitizers or emulation."""

DEFAULT_TIMEOUT_S = 10.0 * TIME_SCALE
READ_SIZE = 1 << 18


class SimpleString(bytes):
    """A `+` reply."""


class Bulk(bytes):
    """A `$` reply that is not null."""


class Error(bytes):
    """A `-` or `!` reply; an error is a value here, never an exception."""

    @property
    def code(self) -> bytes:
        """The first word, as clients dispatch on it: b"ERR", b"WRONGTYPE" ..."""
        return self.split(b" ", 1)[0]


class Verbatim(bytes):
    """A `=` reply without its three-letter format, which is in `.format`."""

    format: bytes = b""


class Double(float):
    """A `,` reply; `.text` is what stood on the wire."""

    text: bytes = b""


class BigNumber(int):
    """A `(` reply."""


class Array(list):
    """A `*` reply that is not null."""


class Set(list):
    """A `~` reply, in wire order."""


class Push(list):
    """A `>` message."""


class Map(list):
    """A `%` reply: a list of (key, value) pairs in wire order."""

    def to_dict(self) -> dict:
        """The pairs as a dict (later duplicates win)."""
        return dict(self)


@dataclass(frozen=True)
class Null:
    """One of the three nulls, told apart by how it stood on the wire."""

    wire: bytes

    def __bool__(self) -> bool:
        return False


NULL_BULK = Null(b"$-1\r\n")
NULL_ARRAY = Null(b"*-1\r\n")
NULL = Null(b"_\r\n")


@dataclass(frozen=True)
class Attributed:
    """A reply that was preceded by a `|` attribute map."""

    value: Any
    attributes: Map


@dataclass(frozen=True)
class Reply:
    """One reply in both forms."""

    raw: bytes
    value: Any


class ProtocolViolation(AssertionError):
    """The server sent bytes that are not RESP."""


class ConnectionClosed(AssertionError):
    """The server closed the connection while a reply was awaited; `.pending` came before."""

    def __init__(self, pending: bytes) -> None:
        super().__init__(f"connection closed by the server; unconsumed bytes: {pending[:200]!r}")
        self.pending = pending


class WireTimeout(AssertionError):
    """Nothing, or only part of a reply, came before the deadline."""


def encode_command(*args: Argument) -> bytes:
    """The multibulk form of one command."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = to_bytes(arg)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def encode_commands(commands: Iterable[Sequence[Argument]]) -> bytes:
    """Several commands in multibulk form, back to back."""
    return b"".join(encode_command(*command) for command in commands)


def to_bytes(arg: Argument) -> bytes:
    """An argument as the bytes to send; text is UTF-8, floats print as repr does."""
    if isinstance(arg, str):
        return arg.encode()
    if isinstance(arg, (bytes, bytearray, memoryview)):
        return bytes(arg)
    if isinstance(arg, float):
        return repr(float(arg)).encode()
    return b"%d" % arg


class ReplyReader:
    """Cuts a byte stream into replies. `fill` returns more bytes (never b"") or raises.

    The reader owns its buffer. `position` is where the next reply begins; it moves only when a
    reply has been parsed whole, so an exception of `fill` leaves the reader as it was.
    """

    def __init__(self, fill: Callable[[], bytes]) -> None:
        self._fill = fill
        self._buffer = bytearray()
        self._position = 0
        self._cursor = 0

    @property
    def pending(self) -> bytes:
        """Bytes received that belong to no reply returned yet."""
        return bytes(self._buffer[self._position:])

    def feed(self, data: bytes) -> None:
        """Appends bytes that came by another way."""
        self._buffer += data

    def read(self) -> Reply:
        """The next reply, waiting for `fill` as needed."""
        self._cursor = self._position
        value = self._value()
        raw = bytes(self._buffer[self._position:self._cursor])
        self._position = self._cursor
        if self._position == len(self._buffer):
            self._buffer.clear()
            self._position = 0
        elif self._position > 1 << 20:
            del self._buffer[:self._position]
            self._position = 0
        return Reply(raw, value)

    def _line(self) -> bytes:
        start = self._cursor
        searched = start
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                break
            searched = len(self._buffer)
            self._buffer += self._fill()
        if self._buffer[end - 1:end] != b"\r" or end == start:
            raise ProtocolViolation(f"line without CR: {bytes(self._buffer[start:end + 1])!r}")
        self._cursor = end + 1
        return bytes(self._buffer[start:end - 1])

    def _exactly(self, count: int) -> bytes:
        end = self._cursor + count + 2
        while len(self._buffer) < end:
            self._buffer += self._fill()
        data = bytes(self._buffer[self._cursor:end - 2])
        if self._buffer[end - 2:end] != b"\r\n":
            raise ProtocolViolation(f"bulk of {count} bytes does not end in CRLF")
        self._cursor = end
        return data

    def _value(self) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        try:
            parse = _PARSERS[kind]
        except KeyError:
            raise ProtocolViolation(f"unknown reply type in line {line!r}") from None
        return parse(self, rest)

    def _values(self, count: int) -> List[Any]:
        return [self._value() for _ in range(count)]

    def _pairs(self, count: int) -> List[Tuple[Any, Any]]:
        return [(self._value(), self._value()) for _ in range(count)]

    def _bulk(self, rest: bytes) -> Union[Bulk, Null]:
        count = _number(rest)
        return NULL_BULK if count == -1 else Bulk(self._exactly(_length(count)))

    def _array(self, rest: bytes) -> Union[Array, Null]:
        count = _number(rest)
        return NULL_ARRAY if count == -1 else Array(self._values(_length(count)))

    def _verbatim(self, rest: bytes) -> Verbatim:
        data = self._exactly(_length(_number(rest)))
        if data[3:4] != b":":
            raise ProtocolViolation(f"verbatim string without format: {data[:20]!r}")
        text = Verbatim(data[4:])
        text.format = data[:3]
        return text

    def _attributed(self, rest: bytes) -> Attributed:
        attributes = Map(self._pairs(_length(_number(rest))))
        return Attributed(self._value(), attributes)


def _number(text: bytes) -> int:
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit():
        raise ProtocolViolation(f"not a number: {text!r}")
    return int(text)


def _length(count: int) -> int:
    if count < 0:
        raise ProtocolViolation(f"negative length {count}")
    return count


def _double(rest: bytes) -> Double:
    if rest not in (b"inf", b"-inf", b"nan", b"-nan") and rest.strip(b"0123456789+-.eE"):
        raise ProtocolViolation(f"not a double: {rest!r}")
    value = Double(rest)
    value.text = rest
    return value


def _boolean(rest: bytes) -> bool:
    if rest not in (b"t", b"f"):
        raise ProtocolViolation(f"not a boolean: {rest!r}")
    return rest == b"t"


def _null(rest: bytes) -> Null:
    if rest:
        raise ProtocolViolation(f"null with content: {rest!r}")
    return NULL


_PARSERS: dict = {
    b"+": lambda reader, rest: SimpleString(rest),
    b"-": lambda reader, rest: Error(rest),
    b":": lambda reader, rest: _number(rest),
    b"$": ReplyReader._bulk,
    b"*": ReplyReader._array,
    b"_": lambda reader, rest: _null(rest),
    b",": lambda reader, rest: _double(rest),
    b"#": lambda reader, rest: _boolean(rest),
    b"(": lambda reader, rest: BigNumber(_number(rest)),
    b"!": lambda reader, rest: Error(reader._exactly(_length(_number(rest)))),
    b"=": ReplyReader._verbatim,
    b"%": lambda reader, rest: Map(reader._pairs(_length(_number(rest)))),
    b"~": lambda reader, rest: Set(reader._values(_length(_number(rest)))),
    b">": lambda reader, rest: Push(reader._values(_length(_number(rest)))),
    b"|": ReplyReader._attributed,
}


def split_replies(data: bytes) -> List[Reply]:
    """All replies in `data`, which must hold whole replies only."""

    def no_more() -> bytes:
        raise ProtocolViolation(f"data ends inside a reply: {data[-80:]!r}")

    reader = ReplyReader(no_more)
    reader.feed(data)
    replies = []
    while reader.pending:
        replies.append(reader.read())
    return replies


class Client:
    """One connection to a server. Close it, or use it in a `with` block."""

    def __init__(self, sock: socket.socket, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.socket = sock
        self.timeout_s = timeout_s
        self._deadline: Optional[float] = None
        self.reader = ReplyReader(self._receive)
        sock.settimeout(timeout_s)
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def connect(cls, host: str, port: int, timeout_s: float = DEFAULT_TIMEOUT_S) -> Client:
        """Connects over TCP, IPv4 or IPv6."""
        return cls(socket.create_connection((host, port), timeout_s), timeout_s)

    @classmethod
    def connect_unix(cls, path: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> Client:
        """Connects over a unix socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout_s)
        try:
            sock.connect(path)
        except OSError:
            sock.close()
            raise
        return cls(sock, timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes this side; harmless when closed already."""
        self.socket.close()

    @property
    def address(self) -> bytes:
        """This end as the server prints it in CLIENT LIST `addr=`, for IPv4."""
        host, port = self.socket.getsockname()[:2]
        return f"{host}:{port}".encode()

    def send(self, data: bytes) -> None:
        """Sends exactly these bytes."""
        self.socket.settimeout(self.timeout_s)
        self.socket.sendall(data)

    def request(self, *args: Argument) -> None:
        """Sends one command and does not wait."""
        self.send(encode_command(*args))

    def read_reply(self, timeout_s: Optional[float] = None) -> Reply:
        """Exactly one reply in both forms."""
        limit = self.timeout_s if timeout_s is None else timeout_s * TIME_SCALE
        self._deadline = time.monotonic() + limit
        return self.reader.read()

    def read(self, timeout_s: Optional[float] = None) -> Any:
        """The Python form of exactly one reply."""
        return self.read_reply(timeout_s).value

    def read_raw(self, timeout_s: Optional[float] = None) -> bytes:
        """The bytes of exactly one reply."""
        return self.read_reply(timeout_s).raw

    def call(self, *args: Argument) -> Any:
        """Sends one command; the Python form of its reply."""
        self.request(*args)
        return self.read()

    def raw(self, *args: Argument) -> bytes:
        """Sends one command; the bytes of its reply."""
        self.request(*args)
        return self.read_raw()

    def ok(self, *args: Argument) -> Any:
        """Like call, but fails the test on an error reply: for the setting-up of a test."""
        value = self.call(*args)
        assert not isinstance(value, Error), f"{args!r} failed: {value!r}"
        return value

    def send_read_raw(self, data: bytes) -> bytes:
        """Sends exactly these bytes; the bytes of one reply."""
        self.send(data)
        return self.read_raw()

    def pipeline(self, commands: Iterable[Sequence[Argument]]) -> List[Any]:
        """Sends all commands at once; the Python forms of their replies, in order."""
        return [reply.value for reply in self._pipeline(commands)]

    def pipeline_raw(self, commands: Iterable[Sequence[Argument]]) -> List[bytes]:
        """Sends all commands at once; the bytes of each reply, in order."""
        return [reply.raw for reply in self._pipeline(commands)]

    def _pipeline(self, commands: Iterable[Sequence[Argument]]) -> Iterator[Reply]:
        listed = list(commands)
        data = encode_commands(listed)
        if len(data) <= 1 << 16:
            self.send(data)
        else:
            self.send_while_reading(data)
        return (self.read_reply() for _ in listed)

    def send_while_reading(self, data: bytes) -> None:
        """Sends much, keeping what the server answers meanwhile, so neither side blocks."""
        view = memoryview(data)
        deadline = time.monotonic() + self.timeout_s
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | select.POLLOUT)
        self.socket.setblocking(False)
        try:
            while view:
                events = poll.poll(max(deadline - time.monotonic(), 0) * 1000)
                if not events:
                    raise WireTimeout(f"{len(view)} bytes could not be sent in time")
                if events[0][1] & ~select.POLLOUT:
                    self.reader.feed(self._received(self.socket.recv(READ_SIZE)))
                if events[0][1] & select.POLLOUT:
                    view = view[self.socket.send(view[:READ_SIZE]):]
        finally:
            self.socket.settimeout(self.timeout_s)

    def read_until_closed(self, timeout_s: Optional[float] = None) -> bytes:
        """Every byte up to the server's close; fails when it does not close in time."""
        limit = self.timeout_s if timeout_s is None else timeout_s * TIME_SCALE
        deadline = time.monotonic() + limit
        data = bytearray(self.reader.pending)
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self.socket.recv(READ_SIZE)
            except socket.timeout:
                raise WireTimeout(f"server did not close; received {bytes(data[:200])!r}") from None
            except ConnectionResetError:
                return bytes(data)
            if not chunk:
                return bytes(data)
            data += chunk

    def exchange(self, data: bytes) -> bytes:
        """Sends exactly these bytes; everything the server sends until it closes."""
        self.send(data)
        return self.read_until_closed()

    def expect_closed(self, timeout_s: Optional[float] = None) -> None:
        """Fails unless the server closes, and sends nothing before it does."""
        rest = self.read_until_closed(timeout_s)
        assert rest == b"", f"bytes before the close: {rest[:200]!r}"

    def expect_silence(self, duration_s: float = 0.05) -> None:
        """Fails when the server sends anything, or closes, within the duration."""
        assert not self.reader.pending, f"unread bytes: {self.reader.pending[:200]!r}"
        self.socket.settimeout(duration_s)
        try:
            data = self.socket.recv(READ_SIZE)
        except socket.timeout:
            return
        finally:
            self.socket.settimeout(self.timeout_s)
        raise AssertionError(f"unexpected bytes, or a close: {data[:200]!r}")

    def expect_alive(self) -> None:
        """Fails unless the connection still answers, with nothing unread before the answer."""
        assert self.raw("ECHO", "still-alive") == b"$11\r\nstill-alive\r\n"

    def _receive(self) -> bytes:
        left = self.timeout_s
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
        self.socket.settimeout(max(left, 0.001))
        try:
            return self._received(self.socket.recv(READ_SIZE))
        except socket.timeout:
            raise WireTimeout(
                f"no whole reply within the timeout; so far {self.reader.pending[:200]!r}"
            ) from None
        except ConnectionResetError:
            raise ConnectionClosed(self.reader.pending) from None

    def _received(self, data: bytes) -> bytes:
        if not data:
            raise ConnectionClosed(self.reader.pending)
        return data


def eventually(check: Callable[[], Any], timeout_s: float = 5.0, what: str = "condition") -> Any:
    """Calls `check` until it returns something true, and returns that; fails at the deadline."""
    deadline = time.monotonic() + timeout_s * TIME_SCALE
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout_s} s; last {value!r}")
        time.sleep(0.002)

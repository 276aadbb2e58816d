"""Tests of commands as dialogues: a command line, and the exact bytes of its reply.

    dialogue.check([
        ("SET k 12 EX 100", OK),
        ("INCR k",          13),                       an int stands for  :13
        ("GET k",           "13"),                     a str for a bulk string
        ("GET missing",     NULL),                     $-1 in RESP2, _ in RESP3
        ('SET k "a\\x00b"', OK),                       quoting as in redis-cli
        (["SET", "k", b"\\xff"], OK),                  or arguments as they are
        ("INCR k x",        arity("incr")),
    ])

A reply is compared with its whole encoding, so a wrong type, a wrong kind of null or one byte of
an error text fails. Each test that takes the fixture `dialogue` runs in RESP2 and in RESP3.
"""

from __future__ import annotations

import re
from typing import Any, Callable, List, Sequence, Tuple, Union

from support.server_process import ServerProcess
from support.wire import Argument, Client, encode_command, encode_commands, to_bytes

Rendered = Callable[[int], bytes]
Expected = Union[bytes, int, str, Rendered, "re.Pattern[bytes]"]
Command = Union[str, Sequence[Argument]]
Row = Tuple[Command, Expected]

OK = b"+OK\r\n"
QUEUED = b"+QUEUED\r\n"
WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_FLOAT = b"-ERR value is not a valid float\r\n"
ANY = re.compile(rb".*", re.DOTALL)

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")


def NULL(protocol: int) -> bytes:
    """The null in place of a bulk string."""
    return b"_\r\n" if protocol == 3 else b"$-1\r\n"


def NULL_ARRAY(protocol: int) -> bytes:
    """The null in place of an array."""
    return b"_\r\n" if protocol == 3 else b"*-1\r\n"


def simple(text: str) -> bytes:
    """A simple string."""
    return b"+%b\r\n" % text.encode()


def error(text: str) -> bytes:
    """An error reply."""
    return b"-%b\r\n" % text.encode()


def arity(name: str) -> bytes:
    """The error of a wrong number of arguments."""
    return error(f"ERR wrong number of arguments for '{name}' command")


def invalid_expire(name: str) -> bytes:
    """The error of a time that is not positive or overflows."""
    return error(f"ERR invalid expire time in '{name}' command")


def bulk(data: Union[str, bytes]) -> bytes:
    """A bulk string."""
    raw = to_bytes(data)
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def array(*items: Expected) -> Rendered:
    """An array."""
    return lambda protocol: b"*%d\r\n" % len(items) + _joined(items, protocol)


def set_of(*items: Expected) -> Rendered:
    """A set in RESP3, an array in RESP2."""
    return lambda protocol: (b"~" if protocol == 3 else b"*") + \
        b"%d\r\n" % len(items) + _joined(items, protocol)


def mapping(*items: Expected) -> Rendered:
    """A map in RESP3, a flat array in RESP2; keys and values by turns."""
    return lambda protocol: (b"%%%d\r\n" % (len(items) // 2) if protocol == 3
                             else b"*%d\r\n" % len(items)) + _joined(items, protocol)


def double(text: str) -> Rendered:
    """A double in RESP3, a bulk string in RESP2."""
    return lambda protocol: b",%b\r\n" % text.encode() if protocol == 3 else bulk(text)


def scored(*items: str) -> Rendered:
    """Members and scores by turns: an array of pairs in RESP3, a flat array in RESP2."""
    pairs = list(zip(items[::2], items[1::2]))
    return lambda protocol: (
        array(*[array(member, double(score)) for member, score in pairs])(protocol)
        if protocol == 3 else array(*items)(protocol))


def verbatim(text: str) -> Rendered:
    """A verbatim string in RESP3, a bulk string in RESP2."""
    data = text.encode()
    return lambda protocol: b"=%d\r\ntxt:%b\r\n" % (len(data) + 4, data) \
        if protocol == 3 else bulk(data)


def _joined(items: Sequence[Expected], protocol: int) -> bytes:
    return b"".join(render(item, protocol) for item in items)


def render(expected: Expected, protocol: int) -> bytes:
    """The bytes that stand for an expectation."""
    if isinstance(expected, int):
        return b":%d\r\n" % expected
    if isinstance(expected, str):
        return bulk(expected)
    return expected(protocol) if callable(expected) else expected


def words(command: Command) -> List[bytes]:
    """The arguments of a command line: double quotes, and \\xHH \\n \\r \\t in them."""
    if not isinstance(command, str):
        return [to_bytes(arg) for arg in command]
    found = []
    for quoted, plain in _WORD.findall(command):
        found.append(plain.encode() if plain else _ESCAPE.sub(_unescape, quoted).encode("latin-1"))
    return found


def _unescape(match: "re.Match[str]") -> str:
    text = match.group(1)
    if text[0] == "x":
        return chr(int(text[1:], 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(text, text)


class Dialogue:
    """A connection that is asked rows of (command, expected reply)."""

    def __init__(self, server: ServerProcess, protocol: int) -> None:
        self.server = server
        self.protocol = protocol
        self.client: Client = server.client(protocol)

    def other(self) -> Dialogue:
        """A second connection with the same protocol."""
        return Dialogue(self.server, self.protocol)

    def check(self, rows: Sequence[Row]) -> None:
        """Sends each command and compares each reply, byte for byte."""
        for number, (command, expected) in enumerate(rows):
            raw = self.client.raw(*words(command))
            if isinstance(expected, re.Pattern):
                assert expected.fullmatch(raw), self._message(number, command, expected, raw)
            else:
                wanted = render(expected, self.protocol)
                assert raw == wanted, self._message(number, command, wanted, raw)

    def check_all(self, commands: Sequence[Command], expected: Expected) -> None:
        """The same reply to each of the commands."""
        self.check([(command, expected) for command in commands])

    def ok(self, *commands: Command) -> None:
        """Runs commands that set a test up; none may fail."""
        for command in commands:
            self.client.ok(*words(command))

    def call(self, command: Command) -> Any:
        """The Python form of a reply."""
        return self.client.call(*words(command))

    def begin(self, *commands: Command) -> None:
        """Sends commands without reading the replies."""
        self.client.send(encode_commands([words(command) for command in commands]))

    def raw(self, command: Command) -> bytes:
        """The bytes of a reply."""
        return self.client.raw(*words(command))

    def _message(self, number: int, command: Command, wanted: Any, raw: bytes) -> str:
        shown = command if isinstance(command, str) else encode_command(*command)[:200]
        return (f"row {number}, RESP{self.protocol}: {shown}\n"
                f"  expected {wanted!r}\n  got      {raw!r}")

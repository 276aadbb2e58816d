"""What Python code answers a client with: the few types that plain Python values do not have.

A Python handler returns plain values, and the edge encodes them for the protocol that the client
speaks. Most wire types have a Python type of their own; the ones here are those that have none:

    Python                     RESP2            RESP3
    str, bytes                 $ bulk           $ bulk
    int                        : integer        : integer
    bool                       : 1 or 0         # boolean
    float                      $ bulk           , double
    None                       $-1              _
    list, tuple                * array          * array
    dict                       * flat array     % map
    set, frozenset, ReplySet   * array          ~ set
    Status                     + status         + status
    Verbatim                   $ bulk           = verbatim
    raise CommandError         - error          - error

Why classes and not flags on a reply: a nested value (a status inside a set inside a map) then
needs no description beside it.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator


class Status(str):
    """A short reply without CR or LF, sent as a simple string: Status("OK")."""

    __slots__ = ()


class Verbatim(bytes):
    """Text that RESP3 clients show as it is.

    `format` is the three letters of the wire: "txt", or "mkd" for Markdown.
    """

    format: str

    def __new__(cls, data: bytes, format: str = "txt") -> Verbatim:
        """Raises ValueError when `format` has not exactly three characters."""
        if len(format) != 3:
            raise ValueError(f"a verbatim format has three characters, not {format!r}")
        self = super().__new__(cls, data)
        self.format = format
        return self


class ReplySet(frozenset):
    """A set that is sent in the order given, so that equal questions get equal bytes."""

    __slots__ = ("_in_order",)
    _in_order: tuple

    def __new__(cls, items: Iterable[Any] = ()) -> ReplySet:
        """Repeated items are kept once, at their first place."""
        in_order = tuple(dict.fromkeys(items))
        self = super().__new__(cls, in_order)
        self._in_order = in_order
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._in_order)


class CommandError(Exception):
    """Raised by a Python handler: its text, code first ("ERR ..."), is sent as the error."""

"""Kinds of configuration directives: how a value is read, checked, shown and written back.

A directive is one row of `directives.py`; its kind is one class here. The kind is the only place
that knows the three texts of a value, so that a config file, CONFIG SET, CONFIG GET and CONFIG
REWRITE can never disagree:

    words of a file line or of CONFIG SET --parse()--> typed value --show()--> text of CONFIG GET
                                                           |
                                                           +--lines()--> lines of a config file

Every error text is what redis-server answers, read off the servers 7.0 and 8.0 by sending them
each kind of bad value; clients and configuration tools match on these texts.

Text is `str` as `text.decode` makes it, so any byte string survives a round trip.

Typed values (what `config[name]` returns):

    Flag         bool                        Text        str
    Number       int                         Directory   str, absolute
    Memory       int, bytes                  Words       tuple of str
    Percent      int, bytes; -N means N %    Save        tuple of (seconds, changes)
    Octal        int                         Limits      {class: (hard bytes, soft bytes, seconds)}
    Choice       str, lower case             Integers    tuple of int
    Choices      tuple of str                Percentiles tuple of float
    Events       str, canonical order        Address     (host, port) or None

Invariant: parse() has no side effect and never changes `current`; values are immutable or treated
so. All calls are O(length of the text).
"""

from __future__ import annotations

import math
import re

from fastredis.server.text import encode, fold

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
UINT_MAX = 2**32 - 1
LONG_MAX = 2**63 - 1
ULONG_MAX = 2**64 - 1

WRONG_COUNT = "wrong number of arguments"

# Patterns are compiled at their first use: most starts of a server need none of the rare ones.
_LOOSE_INTEGER = r"[ \t\n\v\f\r]*[+-]?[0-9]+"
_LOOSE_OCTAL = r"[ \t\n\v\f\r]*[+-]?[0-7]+"
_FLOAT = r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity)"
_HEX_FLOAT = r"[+-]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?[0-9]+)?"
_UNITS = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1 << 10,
    "m": 1000**2, "mb": 1 << 20,
    "g": 1000**3, "gb": 1 << 30,
}


class ConfigError(Exception):
    """A value that is refused; the text is the reason that a client reads."""


def quote(text: str) -> str:
    """`text` in double quotes, as a config file, the log and CONFIG REWRITE write it."""
    out = ['"']
    for byte in encode(text):
        char = chr(byte)
        if char in '\\"':
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif 0x20 <= byte <= 0x7E:
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    out.append('"')
    return "".join(out)


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}


def parse_integer(text: str) -> int | None:
    """A 64-bit integer in its one canonical spelling: no sign `+`, no leading zero, no blank."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    if digits[0] == "0" and text != "0":
        return None
    value = int(text)
    return value if -LONG_MAX - 1 <= value <= LONG_MAX else None


def parse_memory(text: str) -> int | None:
    """Bytes of `10`, `1k` (1000), `1kb` (1024) ...; None when it is no amount of memory.

    An amount past 64 bits becomes the largest one. (redis-server does so only without a unit; with
    one it computes modulo 2**64, so that a typing error can turn a limit off.)
    """
    digits = text.rstrip("bBkKmMgG")
    unit = _UNITS.get(text[len(digits) :].lower())
    if unit is None or (digits and not (digits.isascii() and digits.isdigit())):
        return None
    # More digits than redis-server has room for; it also keeps int() from quadratic work.
    if len(digits) > 127:
        return None
    return min(int(digits or "0") * unit, ULONG_MAX)


def show_memory(value: int) -> str:
    """The shortest exact spelling of a number of bytes: `1gb`, `100mb`, `3kb`, `1023`."""
    for shift, unit in ((30, "gb"), (20, "mb"), (10, "kb")):
        if value and value % (1 << shift) == 0:
            return f"{value >> shift}{unit}"
    return str(value)


def until_zero(text: str) -> str:
    """What a zero-terminated string keeps of `text`."""
    return text.partition("\0")[0]


def loose_integer(text: str) -> int | None:
    """An integer as C's strtoll reads a whole string: blanks and `+` may lead, nothing is 0."""
    if text == "":
        return 0
    if len(text) > 100 or re.fullmatch(_LOOSE_INTEGER, text) is None:
        return None
    return max(-LONG_MAX - 1, min(int(text), LONG_MAX))


class Directive:
    """One configuration directive of a simple, single-valued kind; the others derive from it.

    `immutable`: only a file or the command line sets it. `protected`: CONFIG SET only when
    enable-protected-configs allows. `hidden`: patterns of CONFIG GET skip it. `names_file`: setting
    it to the name that it has means that the file is to be read again. `multi`: takes several
    words. `accumulates`: repeated lines of one load add up. `counts_zeros`: a zero byte is part of
    the text; redis-server reads the words of all other directives up to the first one.
    """

    __slots__ = ("name", "default", "immutable", "protected", "hidden", "names_file")
    multi = False
    accumulates = False
    counts_zeros = False

    def __init__(self, name, default, *, immutable=False, protected=False, hidden=False,
                 names_file=False):
        self.name = name
        self.default = default
        self.immutable = immutable
        self.protected = protected
        self.hidden = hidden
        self.names_file = names_file

    def parse(self, words: list[str], current):
        """The typed value of `words`; raises ConfigError with redis-server's reason."""
        if len(words) != 1:
            raise ConfigError(WRONG_COUNT)
        return self.parse_text(words[0])

    def parse_text(self, text: str):
        """The typed value of one word."""
        raise NotImplementedError

    def show(self, value) -> str:
        """The text that CONFIG GET returns."""
        return str(value)

    def lines(self, value) -> list[tuple[str, bool]]:
        """(line, must be written even if the file has none) for each line of a config file."""
        return [(f"{self.name} {self.show(value)}", value != self.default)]


class Flag(Directive):
    """`yes` or `no`."""

    __slots__ = ()

    def parse_text(self, text: str) -> bool:
        lower = fold(text)
        if lower not in ("yes", "no"):
            raise ConfigError("argument must be 'yes' or 'no'")
        return lower == "yes"

    def show(self, value: bool) -> str:
        return "yes" if value else "no"


class Number(Directive):
    """A decimal integer in [low, high]; `clamp` moves a permitted value into the working range."""

    __slots__ = ("low", "high", "clamp")
    counts_zeros = True

    def __init__(self, name, default, low, high, clamp=None, **flags):
        super().__init__(name, default, **flags)
        self.low = low
        self.high = high
        self.clamp = clamp

    def parse_text(self, text: str) -> int:
        value = parse_integer(text)
        if value is None:
            raise ConfigError("argument couldn't be parsed into an integer")
        return self.bounded(value)

    def bounded(self, value: int) -> int:
        if not self.low <= value <= self.high:
            low, high = self.show_bound(self.low), self.show_bound(self.high)
            raise ConfigError(f"argument must be between {low} and {high} inclusive")
        return value if self.clamp is None else self.clamp(value)

    def show_bound(self, value: int) -> str:
        return str(value)


class Memory(Number):
    """An amount of memory, with units; always shown in bytes."""

    __slots__ = ()
    counts_zeros = False

    def parse_text(self, text: str) -> int:
        value = parse_memory(text)
        if value is None:
            raise ConfigError("argument must be a memory value")
        return self.bounded(value)

    def lines(self, value: int) -> list[tuple[str, bool]]:
        return [(f"{self.name} {show_memory(value)}", value != self.default)]


class Percent(Directive):
    """An amount of memory or a percentage; a percentage N is the value -N.

    An amount past 63 bits becomes the largest one. (redis-server takes it for a negative number:
    18446744073709551615 means 1 % there, and 9223372036854775808 is refused.)
    """

    __slots__ = ()
    counts_zeros = True

    def parse_text(self, text: str) -> int:
        percent = parse_integer(text[:-1]) if text.endswith("%") else None
        if percent is not None and percent >= 0:
            value = -percent
        else:
            amount = parse_memory(until_zero(text))
            if amount is None:
                raise ConfigError("argument must be a memory or percent value")
            value = min(amount, LONG_MAX)
        if value < -100:
            raise ConfigError("percentage argument must be less or equal to 100")
        return value

    def show(self, value: int) -> str:
        return f"{-value}%" if value < 0 else str(value)

    def lines(self, value: int) -> list[tuple[str, bool]]:
        text = self.show(value) if value < 0 else show_memory(value)
        return [(f"{self.name} {text}", value != self.default)]


class Octal(Number):
    """File permissions, in octal digits."""

    __slots__ = ()
    counts_zeros = False

    def parse_text(self, text: str) -> int:
        if text == "":
            return self.bounded(0)
        if len(text) > 100 or re.fullmatch(_LOOSE_OCTAL, text) is None:
            raise ConfigError("argument couldn't be parsed as an octal number")
        return self.bounded(int(text, 8))

    def show(self, value: int) -> str:
        return f"{value:o}"

    show_bound = show


class Choice(Directive):
    """One of several words, in any case."""

    __slots__ = ("choices",)

    def __init__(self, name, default, choices: str, **flags):
        super().__init__(name, default, **flags)
        self.choices = tuple(choices.split())

    def parse_text(self, text: str) -> str:
        lower = fold(text)
        if lower not in self.choices:
            listed = ", ".join(self.choices)
            raise ConfigError(f"argument(s) must be one of the following: {listed}")
        return lower


class Choices(Choice):
    """Several of several words (shutdown-on-sigint, shutdown-on-sigterm).

    The value holds them in the order of the table; `default` stands for none of the others.
    """

    __slots__ = ()
    multi = True

    def parse(self, words: list[str], current) -> tuple[str, ...]:
        if not words:
            words = [""]
        given = {self.parse_text(word) for word in words}
        if "save" in given and "nosave" in given:
            raise ConfigError("shutdown options SAVE and NOSAVE can't be used simultaneously")
        others = tuple(name for name in self.choices if name in given and name != "default")
        return others or ("default",)

    def show(self, value: tuple[str, ...]) -> str:
        return " ".join(value)


class Text(Directive):
    """Free text. `check` returns a reason to refuse it, or None.

    `kept_empty`: a file keeps the line `name ""`; the other directives mean "not set" by it.
    """

    __slots__ = ("check", "kept_empty")

    def __init__(self, name, default="", check=None, kept_empty=False, **flags):
        super().__init__(name, default, **flags)
        self.check = check
        self.kept_empty = kept_empty

    def parse_text(self, text: str) -> str:
        reason = self.check(text) if self.check is not None else None
        if reason is not None:
            raise ConfigError(reason)
        return text

    def lines(self, value: str) -> list[tuple[str, bool]]:
        if value == "" and self.default == "" and not self.kept_empty:
            return []
        return [(f"{self.name} {quote(value)}", value != self.default)]


class Bytes(Text):
    """Free text in which a zero byte counts (passwords)."""

    __slots__ = ()
    counts_zeros = True


class Directory(Text):
    """The working directory: always written to the file, because it has no default there."""

    __slots__ = ()

    def lines(self, value: str) -> list[tuple[str, bool]]:
        return [(f"{self.name} {quote(value)}", True)]


class Events(Text):
    """Classes of keyspace events; shown in one canonical order, `A` for all of the usual ones."""

    __slots__ = ()
    # What `A` stands for, in the order that CONFIG GET shows; K, E, m and n are apart from it.
    usual = "g$lshzxetd"

    def parse_text(self, text: str) -> str:
        given = set(text)
        if not given <= set("A" + self.usual + "KEmn"):
            raise ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        if "A" in given or given >= set(self.usual):
            # `n` is lost beside `A`: redis-server 7.0 and 8.0 do the same.
            return "A" + "".join(c for c in "KEm" if c in given)
        return "".join(c for c in self.order if c in given)

    order = "g$lshzxetdnKEm"

    def lines(self, value: str) -> list[tuple[str, bool]]:
        return [(f"{self.name} {quote(value)}", value != self.default)]


class Words(Directive):
    """A list of words (bind)."""

    __slots__ = ("most", "reason")
    multi = True

    def __init__(self, name, default, most, reason, **flags):
        super().__init__(name, default, **flags)
        self.most = most
        self.reason = reason

    def parse(self, words: list[str], current) -> tuple[str, ...]:
        if len(words) > self.most:
            raise ConfigError(self.reason)
        return () if words == [""] else tuple(words)

    def show(self, value: tuple[str, ...]) -> str:
        return " ".join(value)

    def lines(self, value: tuple[str, ...]) -> list[tuple[str, bool]]:
        return [(f"{self.name} {self.show(value) or quote('')}", value != self.default)]


class Save(Directive):
    """Points in time of snapshots: (seconds, changes) pairs."""

    __slots__ = ()
    multi = True
    accumulates = True

    def parse(self, words: list[str], current) -> tuple[tuple[int, int], ...]:
        if words == [""]:
            return ()
        numbers = [loose_integer(word) for word in words]
        if len(numbers) % 2 or None in numbers:
            raise ConfigError("Invalid save parameters")
        pairs = tuple(zip(numbers[::2], numbers[1::2]))
        # redis-server cuts a count of changes to 32 bits without a word; it is refused here.
        if any(seconds < 1 or not 0 <= changes <= INT_MAX for seconds, changes in pairs):
            raise ConfigError("Invalid save parameters")
        return pairs

    def show(self, value: tuple[tuple[int, int], ...]) -> str:
        return " ".join(f"{seconds} {changes}" for seconds, changes in value)

    def lines(self, value: tuple[tuple[int, int], ...]) -> list[tuple[str, bool]]:
        if not value:
            return [(f'{self.name} ""', True)]
        return [(f"{self.name} {seconds} {changes}", True) for seconds, changes in value]


class Limits(Directive):
    """Output buffer limits of the client classes; what is not named keeps its limits."""

    __slots__ = ()
    multi = True
    _classes = {"normal": "normal", "slave": "replica", "replica": "replica", "pubsub": "pubsub"}

    def parse(self, words: list[str], current) -> dict[str, tuple[int, int, int]]:
        if len(words) % 4:
            raise ConfigError("Wrong number of arguments in buffer limit configuration.")
        value = dict(current)
        for at in range(0, len(words), 4):
            name = self._classes.get(fold(words[at]))
            if name is None:
                raise ConfigError("Invalid client class specified in buffer limit configuration.")
            hard, soft = parse_memory(words[at + 1]), parse_memory(words[at + 2])
            seconds = loose_integer(words[at + 3])
            bad = hard is None or soft is None or seconds is None
            # Seconds past 32 bits are refused, where redis-server would keep the low half of them.
            if bad or not 0 <= seconds <= INT_MAX:
                raise ConfigError(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                )
            value[name] = (hard, soft, seconds)
        return value

    def show(self, value: dict[str, tuple[int, int, int]]) -> str:
        return " ".join(
            f"{'slave' if name == 'replica' else name} {hard} {soft} {seconds}"
            for name, (hard, soft, seconds) in value.items()
        )

    def lines(self, value: dict[str, tuple[int, int, int]]) -> list[tuple[str, bool]]:
        return [
            (
                f"{self.name} {name} {show_memory(hard)} {show_memory(soft)} {seconds}",
                (hard, soft, seconds) != self.default[name],
            )
            for name, (hard, soft, seconds) in value.items()
        ]


class Integers(Directive):
    """A fixed number of integers in [low, high] (oom-score-adj-values)."""

    __slots__ = ("low", "high")
    multi = True

    def __init__(self, name, default, low, high, **flags):
        super().__init__(name, default, **flags)
        self.low = low
        self.high = high

    def parse(self, words: list[str], current) -> tuple[int, ...]:
        if len(words) != len(self.default):
            raise ConfigError(WRONG_COUNT)
        numbers = tuple(loose_integer(word) for word in words)
        if any(n is None or not self.low <= n <= self.high for n in numbers):
            raise ConfigError(
                f"Invalid {self.name}, elements must be between {self.low} and {self.high}."
            )
        return numbers

    def show(self, value: tuple[int, ...]) -> str:
        return " ".join(map(str, value))


class Percentiles(Directive):
    """A list of percentiles in [0, 100]."""

    __slots__ = ()
    multi = True
    counts_zeros = True

    def parse(self, words: list[str], current) -> tuple[float, ...]:
        values = []
        for word in words:
            value = self._parse_one(word)
            if value is None:
                raise ConfigError(f"Invalid {self.name} parameters")
            if not 0.0 <= value <= 100.0:
                raise ConfigError(f"{self.name} parameters should sit between [0.0,100.0]")
            values.append(value)
        return tuple(values)

    def show(self, value: tuple[float, ...]) -> str:
        return " ".join(self._show_one(one) for one in value)

    @staticmethod
    def _parse_one(word: str) -> float | None:
        """A number as C's strtod reads it; None when it is none, or outside of a double."""
        if len(word) > 200:
            return None
        if re.fullmatch(_FLOAT, word, re.IGNORECASE | re.ASCII):
            value, digits = float(word), word.lower().partition("e")[0]
            if math.isinf(value) and "inf" not in digits:
                return None
        elif re.fullmatch(_HEX_FLOAT, word):
            digits = word.lower().partition("x")[2].partition("p")[0]
            try:
                value = float.fromhex(word)
            except OverflowError:
                return None
        else:
            return None
        # A zero that was written as something else is too small to be held.
        return None if value == 0 and digits.strip("+-0.") else value

    @staticmethod
    def _show_one(value: float) -> str:
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".")

    def lines(self, value: tuple[float, ...]) -> list[tuple[str, bool]]:
        return [(f"{self.name} {self.show(value) or quote('')}", True)]


class Address(Directive):
    """Host and port of a primary, or `no one` (replicaof)."""

    __slots__ = ()
    multi = True

    def parse(self, words: list[str], current) -> tuple[str, int] | None:
        if len(words) != 2:
            raise ConfigError(WRONG_COUNT)
        if [fold(word) for word in words] == ["no", "one"]:
            return None
        port = loose_integer(words[1])
        if port is None or not 0 <= port <= 65535:
            raise ConfigError("Invalid master port")
        return words[0], port

    def show(self, value: tuple[str, int] | None) -> str:
        return "" if value is None else f"{value[0]} {value[1]}"

    def lines(self, value: tuple[str, int] | None) -> list[tuple[str, bool]]:
        return [] if value is None else [(f"{self.name} {self.show(value)}", True)]

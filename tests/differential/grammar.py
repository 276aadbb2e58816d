"""Rules that draw commands, the mutations that spoil them, and what must never be sent.

A rule is a name and parts; a part draws a list of arguments from a Random:

    rule(10, "SET", key, value, any_order(maybe(0.3, word("NX", "XX")), maybe(0.3, EXPIRY)))
         |    |
    weight  literal words (a space separates a subcommand)

After a rule has drawn a command, a mutation may drop, add, repeat or replace an argument, which
yields wrong arity, conflicting options and numbers that are none; and the case of the name and
of option words is shuffled. Every command then passes `is_safe`: see there for what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Callable, Collection, List, Optional, Sequence, Tuple, Union

from . import alphabet

Argv = List[bytes]
Draw = Callable[[Random], bytes]
Part = Callable[[Random], Argv]

MUTATION_PROBABILITY = 0.06
SHUFFLED_CASE_PROBABILITY = 0.15
SCRIPT_PROBABILITY = 0.02
MAX_BURST = 8
MAX_SETRANGE_OFFSET = 100_000
MAX_STRING_BYTES = 512 << 20
MAX_DRAWN_FIELDS = 1000
MAX_BIT_OFFSET = MAX_SETRANGE_OFFSET * 8
LARGEST_RELATIVE_MS = (1 << 63) - (1 << 43)
MAX_DRAWS = 100


@dataclass(frozen=True)
class Rule:
    """One shape of one command."""

    weight: float
    name: Tuple[bytes, ...]
    parts: Tuple[Part, ...]

    def draw(self, rng: Random) -> Argv:
        """A command of this shape, before mutation."""
        argv = list(self.name)
        for part in self.parts:
            argv += part(rng)
        return argv


@dataclass(frozen=True)
class Family:
    """Commands that belong together.

    requires   a command that both servers must know for the family to be used
    scripts    sequences of commands that clients really send, one after the other
    reads      for each type that the family brings: commands that read a key of it whole,
               the key standing where b"KEY" stands; the deep comparison sends them
    """

    name: str
    rules: Sequence[Rule]
    requires: bytes = b"GET"
    scripts: Sequence[Callable[[Random], List[Argv]]] = ()
    reads: dict = field(default_factory=dict)


def rule(weight: float, name: str, *parts: Union[Part, Draw]) -> Rule:
    """A rule whose parts may also be plain draws of one argument."""
    return Rule(weight, tuple(name.encode().split()), tuple(_as_part(part) for part in parts))


def _as_part(draw: Union[Part, Draw]) -> Part:
    def part(rng: Random) -> Argv:
        drawn = draw(rng)
        return drawn if isinstance(drawn, list) else [drawn]
    return part


def word(*choices: str) -> Part:
    """One of these words; words separated by a space become several arguments."""
    split = [choice.encode().split() for choice in choices]
    return lambda rng: list(rng.choice(split))


def maybe(probability: float, *parts: Union[Part, Draw]) -> Part:
    """All the parts, or nothing."""
    inner = sequence(*parts)
    return lambda rng: inner(rng) if rng.random() < probability else []


def sequence(*parts: Union[Part, Draw]) -> Part:
    """The parts one after the other."""
    listed = [_as_part(part) for part in parts]
    return lambda rng: [arg for part in listed for arg in part(rng)]


def one_of(*parts: Union[Part, Draw]) -> Part:
    """One of the parts."""
    listed = [_as_part(part) for part in parts]
    return lambda rng: rng.choice(listed)(rng)


def several(low: int, high: int, *parts: Union[Part, Draw]) -> Part:
    """The parts, drawn afresh between `low` and `high` times."""
    inner = sequence(*parts)
    return lambda rng: [arg for _ in range(rng.randint(low, high)) for arg in inner(rng)]


def any_order(*parts: Union[Part, Draw]) -> Part:
    """The parts in random order."""
    listed = [_as_part(part) for part in parts]

    def draw(rng: Random) -> Argv:
        order = list(listed)
        rng.shuffle(order)
        return [arg for part in order for arg in part(rng)]
    return draw


RELATIVE_EXPIRY = one_of(sequence(word("EX"), alphabet.relative_s),
                         sequence(word("PX"), alphabet.relative_ms))
ABSOLUTE_EXPIRY = one_of(sequence(word("EXAT"), alphabet.absolute_s),
                         sequence(word("PXAT"), alphabet.absolute_ms))
EXPIRY = one_of(RELATIVE_EXPIRY, ABSOLUTE_EXPIRY)


class Generator:
    """Draws commands from families, each rule by its weight; `absent` are the names of commands
    that are not sent."""

    def __init__(self, families: Sequence[Family], absent: Collection[bytes] = ()) -> None:
        self._absent = frozenset(absent)
        self._scripts = [script for family in families for script in family.scripts]
        self._rules = [rule for family in families for rule in family.rules]
        self._weights: List[float] = []
        total = 0.0
        for each in self._rules:
            total += each.weight
            self._weights.append(total)

    def draw(self, rng: Random) -> Argv:
        """One command that is safe to send."""
        for _ in range(MAX_DRAWS):
            chosen = rng.choices(self._rules, cum_weights=self._weights)[0]
            argv = chosen.draw(rng)
            if rng.random() < MUTATION_PROBABILITY:
                argv = mutate(argv, len(chosen.name), rng)
            if rng.random() < SHUFFLED_CASE_PROBABILITY:
                argv = shuffle_case(argv, len(chosen.name), rng)
            if self._may_send(argv):
                return argv
        return [b"PING"]

    def _may_send(self, argv: Argv) -> bool:
        return is_safe(argv) and self._absent.isdisjoint(names_in(argv))

    def draw_burst(self, rng: Random) -> List[Argv]:
        """A few commands for one connection, unrelated or as a client library sends them."""
        if self._scripts and rng.random() < SCRIPT_PROBABILITY:
            script = [argv for argv in rng.choice(self._scripts)(rng) if self._may_send(argv)]
            return script or [self.draw(rng)]
        return [self.draw(rng) for _ in range(rng.randint(1, MAX_BURST))]


def names_in(argv: Argv) -> List[bytes]:
    """The command that is sent, and the one that COMMAND GETKEYS looks into."""
    names = [argv[0].upper()]
    if names[0] == b"COMMAND" and len(argv) > 2 and argv[1].upper().startswith(b"GETKEYS"):
        names.append(argv[2].upper())
    return names


def commands_named(families: Sequence[Family]) -> List[bytes]:
    """Every command that a rule sends, sorted."""
    return sorted({rule.name[0] for family in families for rule in family.rules})


def mutate(argv: Argv, name_length: int, rng: Random) -> Argv:
    """Spoils one thing; the name itself stays."""
    argv = list(argv)
    kind = rng.choice(["drop", "add", "repeat", "replace", "cut"])
    arguments = len(argv) - name_length
    if kind == "add" or arguments == 0:
        argv.append(alphabet.anything(rng))
    elif kind == "cut":
        del argv[rng.randint(name_length, len(argv) - 1):]
    else:
        at = rng.randint(name_length, len(argv) - 1)
        if kind == "drop":
            del argv[at]
        elif kind == "repeat":
            argv.insert(at, argv[at])
        else:
            argv[at] = alphabet.anything(rng)
    return argv


def shuffle_case(argv: Argv, name_length: int, rng: Random) -> Argv:
    """Random case for the name and for arguments that are option words."""
    words = set(alphabet.TEXT_OF_OPTIONS)

    def shuffled(arg: bytes) -> bytes:
        return bytes(byte ^ 0x20 if 65 <= byte <= 90 and rng.random() < 0.5 else byte
                     for byte in arg)
    return [shuffled(arg) if at < name_length or arg in words else arg
            for at, arg in enumerate(argv)]


_RELATIVE_SLOTS = {b"EXPIRE": (2, 1000), b"PEXPIRE": (2, 1), b"SETEX": (2, 1000),
                   b"PSETEX": (2, 1), b"RESTORE": (2, 1), b"HEXPIRE": (2, 1000),
                   b"HPEXPIRE": (2, 1)}
_FIELD_TIMES = frozenset((b"HEXPIRE", b"HPEXPIRE", b"HGETEX", b"HSETEX"))
_RELATIVE_WORDS = {b"EX": 1000, b"PX": 1}
_REPLICAS_AT = {b"WAIT": 1, b"WAITAOF": 2}
# Where a command that waits has its limit, in seconds.
_WAITS_AT = {b"BLPOP": -1, b"BRPOP": -1, b"BZPOPMIN": -1, b"BZPOPMAX": -1, b"BLMOVE": 5,
             b"BRPOPLPUSH": 3, b"BLMPOP": 1, b"BZMPOP": 1}
LONGEST_WAIT_S = 0.01
# Where a time to be idle stands, or its word; it is in milliseconds.
_IDLE_AT = {b"XCLAIM": 4, b"XAUTOCLAIM": 4, b"XPENDING": 4}
SHORTEST_IDLE_MS = 10**8
LONGEST_BLOCK_MS = 5
_CLIENT_REFUSES = {b"PAUSE": lambda text: (_strict_integer(text) or 0) > 0,
                   b"REPLY": lambda text: text.upper() in (b"OFF", b"SKIP")}


def is_safe(argv: Argv) -> bool:
    """False for a command whose outcome depends on timing, or that needs very much memory.

    - A relative time must be rejected by every server, not positive, or one of the ranges that
      `alphabet` draws relative times from; see there. RESTORE does not reject one that overflows,
      and what it does then is not defined.
    - DEBUG and MEMORY USAGE see keys that are expired and not yet deleted: no rule draws the one,
      and the other only asks for a key that is never set.
    - A failed AUTH is left to other tests: Redis 8.0 loses its reply when others stand before it in
      the output, that of EXEC included.
    - WAIT and WAITAOF may not wait for replicas.
    - A command may wait for a few milliseconds, not longer and not without limit.
    - XREAD may wait for a few milliseconds, not longer and not without limit; and what is idle may
      only be asked for no time or for days.
    - CLIENT PAUSE may not begin a pause, and CLIENT REPLY may not silence the connection.
    - The keys for ranges of members hold sorted sets whose scores are all 0.
    - HRANDFIELD and its like may not ask for more than 1000 elements with repetition, and no field
      may be due in a few milliseconds: see families/hashes.py.
    - SPOP may only ask for none or for 1000, which is more than there are: which ones it takes is
      left to chance.
    - SETRANGE, SETBIT and BITFIELD may not create a value of more than 100 KB, short of the limit.
    - SORT may not cut or store an order that is nobody's: see `_order_is_settled`.
    """
    name = argv[0].upper()
    if name in (b"ZADD", b"GEOADD", b"ZINCRBY") and argv[1:2] and argv[1] in alphabet.LEX_KEYS:
        if name != b"ZADD" or set(argv[2::2]) != {b"0"}:
            return False
    if name == b"SETRANGE" and len(argv) == 4:
        offset = _strict_integer(argv[2])
        if offset is not None and MAX_SETRANGE_OFFSET < offset + len(argv[3]) <= MAX_STRING_BYTES:
            return argv[3] == b""
    if not all(offset <= MAX_BIT_OFFSET or offset >= MAX_STRING_BYTES * 8
               for offset in _bit_offsets(name, argv)):
        return False
    if name in (b"SORT", b"SORT_RO") and not _order_is_settled(argv):
        return False
    if name == b"AUTH" and len(argv) == 3 and argv[1] != b"default":
        return False
    if name == b"HELLO" and any(arg.upper() == b"AUTH" and argv[at + 3:at + 4] != [b"default"]
                                for at, arg in enumerate(argv[2:])):
        return False
    if name in (b"HRANDFIELD", b"ZRANDMEMBER", b"SRANDMEMBER") and len(argv) > 2:
        if alphabet.LONG_MIN != argv[2] and (_strict_integer(argv[2]) or 0) < -MAX_DRAWN_FIELDS:
            return False
    if name == b"SPOP" and (len(argv) == 2 or len(argv) == 3
                            and 0 < (_strict_integer(argv[2]) or 0) < 1000):
        return False
    if name in _FIELD_TIMES and short_time_ms(argv):
        return False
    if name in _REPLICAS_AT and len(argv) > _REPLICAS_AT[name]:
        if (_strict_integer(argv[_REPLICAS_AT[name]]) or 0) > 0:
            return False
    if name in _WAITS_AT and len(argv) > abs(_WAITS_AT[name]):
        if not _wait_is_short(argv[_WAITS_AT[name]]):
            return False
    if not _stream_times_are_safe(name, argv):
        return False
    if name == b"MEMORY" and len(argv) > 2 and argv[2] != alphabet.UNWRITTEN_KEY:
        return False
    if name == b"CLIENT" and len(argv) > 2 and argv[1].upper() in _CLIENT_REFUSES:
        if _CLIENT_REFUSES[argv[1].upper()](argv[2]):
            return False
    return all(_relative_time_is_safe(text, unit_ms, overflow_is_safe=name != b"RESTORE")
               for text, unit_ms in _relative_times(argv))


def _wait_is_short(text: bytes) -> bool:
    """Whether a limit is refused by every server, or short. A negative one that rounds to zero is
    without limit."""
    try:
        limit_s = float(text) if text.strip() == text and b"_" not in text else -1.0
    except ValueError:
        return b"0x" not in text.lower()
    return limit_s <= -1 or 0 < limit_s <= LONGEST_WAIT_S or limit_s != limit_s


def _stream_times_are_safe(name: bytes, argv: Argv) -> bool:
    if name in (b"XREAD", b"XREADGROUP"):
        limits = [_strict_integer(after) for arg, after in zip(argv, argv[1:])
                  if arg.upper() == b"BLOCK"]
        return all(limit is None or limit < 0 or 0 < limit <= LONGEST_BLOCK_MS
                   for limit in limits)
    idle_ms = _strict_integer(argv[4]) if name in _IDLE_AT and len(argv) > 4 else None
    return idle_ms is None or idle_ms <= 0 or idle_ms >= SHORTEST_IDLE_MS


def _bit_offsets(name: bytes, argv: Argv) -> List[int]:
    """Numbers of bits that the command may write to."""
    if name == b"SETBIT":
        return [_strict_integer(arg) or 0 for arg in argv[2:3]]
    offsets = []
    if name == b"BITFIELD":
        for kind, text in zip(argv[2:], argv[3:]):
            if kind[:1] in (b"i", b"u") and kind[1:].isdigit():
                unit = int(kind[1:]) if text[:1] == b"#" else 1
                offsets.append((_strict_integer(text.lstrip(b"#")) or 0) * unit)
    return offsets


def _order_is_settled(argv: Argv) -> bool:
    """Whether a SORT that cuts or stores does so in an order that every server has.

    ALPHA compares texts up to their first NUL, and weights that may all be missing; BY without a
    pattern leaves a set in the order of its table. Elements that tie come in any order.
    """
    words = {arg.upper() for arg in argv[2:]}
    if not {b"LIMIT", b"STORE"} & words:
        return True
    if argv[1:2] == [alphabet.SORTED_KEY]:
        return not {b"ALPHA", b"BY"} <= words
    return not {b"ALPHA", b"BY"} & words


def _relative_times(argv: Argv) -> List[Tuple[bytes, int]]:
    """The arguments that are relative times, or stand where one would, and their units."""
    name = argv[0].upper()
    times = []
    slot = _RELATIVE_SLOTS.get(name)
    if slot is not None and len(argv) > slot[0] and not (
            name == b"RESTORE" and b"ABSTTL" in [arg.upper() for arg in argv[4:]]):
        times.append((argv[slot[0]], slot[1]))
    return times + [(argv[at + 1], _RELATIVE_WORDS[arg.upper()])
                    for at, arg in enumerate(argv[:-1]) if arg.upper() in _RELATIVE_WORDS]


def short_time_ms(argv: Argv) -> int:
    """How long to wait until what the command makes short-lived is gone; 0: nothing is."""
    numbers = [(_strict_integer(text) or 0) * unit_ms for text, unit_ms in _relative_times(argv)]
    return max([number for number in numbers if 0 < number <= alphabet.SHORT_HIGH_MS], default=0)


def _relative_time_is_safe(text: bytes, unit_ms: int, overflow_is_safe: bool = True) -> bool:
    number = _strict_integer(text)
    if number is None or number <= 0:
        return True
    if overflow_is_safe and number * unit_ms > LARGEST_RELATIVE_MS:
        return True
    low, high = alphabet.RELATIVE_LOW_S * 1000, alphabet.RELATIVE_HIGH_S * 1000
    return (low <= number * unit_ms <= high
            or alphabet.SHORT_LOW_MS <= number * unit_ms <= alphabet.SHORT_HIGH_MS)


def _strict_integer(text: bytes) -> Optional[int]:
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > 19 or b"%d" % int(text) != text:
        return None
    return int(text)

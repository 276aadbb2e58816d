"""Differences between the real oracle and the server under test that are meant.

An entry is as narrow as it can be: the oracle's versions that it concerns, the commands, and a
predicate on both replies. `diverges` says that the data differ afterwards, so that the session
ends there. An entry whose oracle is no longer tested is removed.

fastredis follows Redis 8.0 where versions disagree; the oracle that distributions ship is 7.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple

from support.wire import NULL, NULL_BULK, Array, Error

from .grammar import Argv

Version = Tuple[int, ...]
SHARED_REFCOUNT = 2147483647


@dataclass(frozen=True)
class Context:
    """Which servers are compared: "redis", "valkey" or "fastredis", and their versions."""

    oracle: str
    oracle_version: Version
    target: str
    target_version: Version


@dataclass(frozen=True)
class KnownDifference:
    """One deliberate difference; see the module."""

    name: str
    reason: str
    explains: Callable[[Argv, Any, Any], bool]
    oracle_before: Optional[Version] = None
    diverges: bool = False
    oracle: str = "redis"

    def applies(self, context: Context) -> bool:
        """True when this pair of servers is concerned."""
        older = self.oracle_before is None or context.oracle_version < self.oracle_before
        newer = (context.target == "fastredis" or self.oracle_before is None
                 or context.target_version >= self.oracle_before)
        return context.oracle == self.oracle and older and newer


def _is(argv: Argv, *names: bytes) -> bool:
    return [arg.upper() for arg in argv[:len(names)]] == list(names)


def _cursor_text(argv: Argv, oracle: Any, target: Any) -> bool:
    """One side takes a cursor that the other calls invalid, and it is a text of the odd kind."""
    if not _is(argv, b"SCAN") or len(argv) < 2:
        return False
    odd = argv[1] == b"" or argv[1][:1] in b"- \t\r\n\v\f"
    invalid = [isinstance(reply, Error) and reply == b"ERR invalid cursor"
               for reply in (oracle, target)]
    return odd and sum(invalid) == 1


def _keys_of_no_command(argv: Argv, _oracle: Any, target: Any) -> bool:
    """A mutation has named a command that only the oracle has."""
    return (_is(argv, b"COMMAND") and argv[1:2] and argv[1].upper().startswith(b"GETKEYS")
            and isinstance(target, Error) and target == b"ERR Invalid command specified")


def _novalues(argv: Argv, _oracle: Any, target: Any) -> bool:
    return _is(argv, b"SCAN") and target == b"ERR NOVALUES option can only be used in HSCAN"


def _hscan_novalues(argv: Argv, oracle: Any, _target: Any) -> bool:
    return (_is(argv, b"HSCAN") and b"NOVALUES" in [arg.upper() for arg in argv[3:]]
            and oracle == b"ERR syntax error")


def _getkeys_arity(argv: Argv, oracle: Any, target: Any) -> bool:
    """7.0 wants an argument after the name of the command that it looks into."""
    return (_is(argv, b"COMMAND") and len(argv) == 3
            and isinstance(oracle, Error) and isinstance(target, Error)
            and oracle.startswith(b"ERR wrong number of arguments for 'command|getkeys"))


def _getkeys_arity_queued(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"COMMAND") and len(argv) == 3 and target == b"QUEUED"
            and isinstance(oracle, Error)
            and oracle.startswith(b"ERR wrong number of arguments for 'command|getkeys"))


def _unknown_in_old(argv: Argv, oracle: Any, _target: Any) -> bool:
    return _is(argv, b"WAITAOF") and isinstance(oracle, Error)


def _range_before_key(argv: Argv, oracle: Any, target: Any) -> bool:
    """The options are wrong; 7.0 has not come to them, for want of a string."""
    wrong = (b"ERR syntax error", b"ERR value is not an integer or out of range")
    return ((_is(argv, b"BITCOUNT") or _is(argv, b"BITPOS"))
            and isinstance(target, Error) and target in wrong
            and (oracle in (0, -1) or isinstance(oracle, Error)))


def _simd(argv: Argv, oracle: Any, _target: Any) -> bool:
    return _is(argv, b"PFDEBUG", b"SIMD") and isinstance(oracle, Error)


def _hello_half_done(argv: Argv, oracle: Any, target: Any) -> bool:
    """Another option is refused first."""
    return (_is(argv, b"HELLO") and len(argv) > 3
            and isinstance(oracle, Error) and isinstance(target, Error))


def _name_of_half_done_hello(argv: Argv, _oracle: Any, target: Any) -> bool:
    return _is(argv, b"CLIENT", b"GETNAME") and not isinstance(target, Error)


def _newer_subcommand(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"CLIENT") and len(argv) > 1
            and argv[1].upper() in (b"SETINFO", b"NO-TOUCH") and isinstance(oracle, Error)
            and oracle.startswith(b"ERR unknown subcommand") and target != b"QUEUED")


def _newer_subcommand_queued(argv: Argv, oracle: Any, target: Any) -> bool:
    return target == b"QUEUED" and _newer_subcommand(argv, oracle, b"")


def _name_with_nul(argv: Argv, _oracle: Any, _target: Any) -> bool:
    return any(b"\0" in arg for arg in argv[2:]) and (
        _is(argv, b"CLIENT", b"SETNAME") or _is(argv, b"CLIENT", b"SETINFO")
        or _is(argv, b"HELLO"))


def _embstr_limit(argv: Argv, oracle: Any, target: Any) -> bool:
    return _is(argv, b"OBJECT", b"ENCODING") and {oracle, target} == {b"embstr", b"raw"}


def _nested(argv: Argv, _oracle: Any, target: Any) -> bool:
    return target in (b"ERR MULTI calls can not be nested",
                      b"ERR WATCH inside MULTI is not allowed")


def _scan_type(argv: Argv, oracle: Any, _target: Any) -> bool:
    return (_is(argv, b"SCAN") and isinstance(oracle, Error)
            and oracle.startswith(b"ERR unknown type name"))


def _valkey_getex(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"GETEX") and isinstance(oracle, Error)
            and (target is NULL_BULK or target is NULL
                 or isinstance(target, Error) and target.startswith(b"WRONGTYPE")))


def _help(argv: Argv, oracle: Any, target: Any) -> bool:
    return (len(argv) == 2 and argv[1].upper() == b"HELP" and isinstance(oracle, Array)
            and isinstance(target, Array))


def _refcount(argv: Argv, oracle: Any, target: Any) -> bool:
    """One, or two while the queue of a transaction holds it too, or the count of a shared one."""
    return (_is(argv, b"OBJECT", b"REFCOUNT") and oracle in (1, 2)
            and target in (1, SHARED_REFCOUNT))


KNOWN_DIFFERENCES = (
    KnownDifference(
        "scan cursor text", "7.2 and later take only an unsigned decimal number as a cursor",
        _cursor_text, oracle_before=(7, 2)),
    KnownDifference(
        "scan novalues", "8.0 names the option NOVALUES in its error, 7.0 knows no such option",
        _novalues, oracle_before=(7, 4)),
    KnownDifference(
        "hscan novalues", "HSCAN NOVALUES came with 7.4", _hscan_novalues, oracle_before=(7, 4)),
    KnownDifference(
        "getkeys of no command", "the command is not there yet", _keys_of_no_command),
    KnownDifference(
        "getkeys arity", "7.2 and later look into a command without arguments, and say what is "
        "wrong with it", _getkeys_arity, oracle_before=(7, 2)),
    KnownDifference(
        "getkeys arity in MULTI", "the same arity decides what may be queued",
        _getkeys_arity_queued, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "waitaof", "WAITAOF came with 7.2", _unknown_in_old, oracle_before=(7, 2)),
    KnownDifference(
        "range before key", "8.0 reads the range of BITCOUNT and BITPOS before it looks for the "
        "key", _range_before_key, oracle_before=(8, 0)),
    KnownDifference(
        "PFDEBUG SIMD", "the switch came with 8.0", _simd, oracle_before=(8, 0)),
    KnownDifference(
        "hello option by option", "7.2 and later look at all options of HELLO before they act on "
        "one", _hello_half_done, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "name of a failed hello", "7.0 keeps the name of a HELLO that fails at a later option",
        _name_of_half_done_hello, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "client setinfo", "CLIENT SETINFO and NO-TOUCH came with 7.2", _newer_subcommand,
        oracle_before=(7, 2)),
    KnownDifference(
        "client setinfo in MULTI", "the same decides what may be queued",
        _newer_subcommand_queued, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "client name with NUL", "Redis 7.2 and later check a name up to its first NUL; 7.0 and "
        "fastredis refuse a NUL as any other unprintable byte", _name_with_nul, diverges=True),
    KnownDifference(
        "help text", "help texts are written for this project", _help),
    KnownDifference(
        "refcount", "fastredis answers by the value alone; in Redis a small number is shared or "
        "not by the way in which it came, and the queue of MULTI holds the values that it has set",
        _refcount),
    KnownDifference(
        "embstr limit of Valkey", "Valkey decides by the size of key and value together, Redis "
        "and fastredis by 44 bytes of value", _embstr_limit, oracle="valkey"),
    KnownDifference(
        "nested MULTI in Valkey", "Valkey aborts the transaction, Redis and fastredis go on with "
        "it", _nested, diverges=True, oracle="valkey"),
    KnownDifference(
        "unknown type in Valkey", "Valkey refuses a type that it does not know, Redis and "
        "fastredis find nothing", _scan_type, oracle="valkey"),
    KnownDifference(
        "refcount in Valkey", "Valkey shares no numbers", _refcount, oracle="valkey"),
    KnownDifference(
        "getex in Valkey", "Valkey looks at the time before the key, Redis and fastredis after it",
        _valkey_getex, oracle="valkey"),
)

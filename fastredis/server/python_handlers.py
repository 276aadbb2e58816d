"""The commands that are answered in Python, bound to the rows of the engine's table.

    engine --handler(session_id, arguments)--> method below --> Config, metrics, reports ...

A handler runs inside the loop, so none of them waits: each reads counters, or changes settings,
and returns. What only people or exporters ask for (metrics, reports, lolwut, command_docs) is
imported when it is first asked for: an empty server stays small and starts quickly.
"""

from __future__ import annotations

import os
import sys
import time

from fastredis import _engine
from fastredis.server import logs
from fastredis.server.directive_kinds import ConfigError
from fastredis.server.replies import CommandError, Status, Verbatim
from fastredis.server.text import absolute, decode, encode, fold, from_system

OK = Status("OK")
_SYNTAX = "ERR syntax error"
_NOT_INTEGER = "ERR value is not an integer or out of range"


def bind_all(server) -> None:
    """Give the commands of the table their Python sides; `server` is the `app.Server`.

    To be called when everything else is set up: what memory is in use then counts as the server's
    own.
    """
    commands = ServerCommands(server)
    for name, handler in commands.handlers().items():
        _engine.bind_command(name, handler)
    if unbound := _engine.unbound_commands():
        raise RuntimeError(f"commands without a handler: {', '.join(unbound)}")


def _integer(text: bytes) -> int:
    """A decimal argument; raises the error that clients know."""
    digits = text[1:] if text.startswith(b"-") else text
    if not digits.isdigit() or len(digits) > 19:
        raise CommandError(_NOT_INTEGER)
    number = int(text)
    if b"%d" % number != text or not -(1 << 63) <= number < 1 << 63:
        raise CommandError(_NOT_INTEGER)
    return number


# How many numbers the pictures of Redis take; the other versions of it look at none.
_LOLWUT_DIMENSIONS = {5: 3, 6: 2}


class ServerCommands:
    """The commands about the server, and what INFO must know of this run of it.

    `started` is wall time, `started_monotonic` the same moment of the monotonic clock, both in
    seconds; `startup_bytes` is the memory in use then.
    """

    def __init__(self, server) -> None:
        self.server = server
        self.config = server.config
        self.run_id = os.urandom(20).hex()
        self.replication_id = os.urandom(20).hex()
        self.started = time.time()
        self.started_monotonic = time.monotonic()
        self.startup_bytes = _engine.read_memory()["used"]
        self.executable = absolute(from_system(sys.argv[0])) if sys.argv else ""
        self._metrics = None

    def handlers(self) -> dict:
        """Command name -> method."""
        return {
            "command|docs": self.command_docs,
            "config|get": self.config_get,
            "config|set": self.config_set,
            "config|resetstat": self.config_resetstat,
            "config|rewrite": self.config_rewrite,
            "info": self.info,
            "latency|doctor": self.latency_doctor,
            "latency|graph": self.latency_graph,
            "latency|histogram": self.latency_histogram,
            "lolwut": self.lolwut,
            "memory|doctor": self.memory_doctor,
            "memory|malloc-stats": self.memory_malloc_stats,
            "memory|stats": self.memory_stats,
            "shutdown": self.shutdown,
        }

    @property
    def metrics(self):
        """The `metrics.Metrics` of this server."""
        if self._metrics is None:
            from fastredis.server.metrics import Metrics

            self._metrics = Metrics(self)
        return self._metrics

    def info(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """INFO [section ...]"""
        names = [decode(name) for name in arguments[1:]]
        return Verbatim(encode(self.metrics.info(names)))

    def config_get(self, session_id: int, arguments: list[bytes]) -> dict[bytes, bytes]:
        """CONFIG GET pattern [pattern ...]"""
        return dict(self.config.get(arguments[2:]))

    def config_set(self, session_id: int, arguments: list[bytes]) -> Status:
        """CONFIG SET directive value [directive value ...]"""
        given = arguments[2:]
        if len(given) % 2:
            raise CommandError(_SYNTAX)
        try:
            self.config.set(list(zip(given[::2], given[1::2])), _engine.caller_is_local())
        except ConfigError as error:
            raise CommandError(f"ERR {error}") from None
        return OK

    def config_resetstat(self, session_id: int, arguments: list[bytes]) -> Status:
        """CONFIG RESETSTAT"""
        _engine.reset_statistics()
        self.server.cron_ns = 0
        return OK

    def config_rewrite(self, session_id: int, arguments: list[bytes]) -> Status:
        """CONFIG REWRITE"""
        try:
            self.config.rewrite()
        except ConfigError as error:
            logs.warning("CONFIG REWRITE failed: %s", error)
            raise CommandError(f"ERR {error}") from None
        logs.notice("CONFIG REWRITE executed with success.")
        return OK

    def command_docs(self, session_id: int, arguments: list[bytes]) -> dict:
        """COMMAND DOCS [name ...]"""
        from fastredis.server.command_docs import command_docs

        if len(arguments) == 2:
            return command_docs(None, _engine.command_names())
        found = map(_engine.command_full_name, arguments[2:])
        return command_docs([name for name in found if name], _engine.command_names())

    def latency_doctor(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """LATENCY DOCTOR"""
        from fastredis.server import reports

        return Verbatim(reports.latency_doctor(self.config).encode())

    def latency_graph(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """LATENCY GRAPH event"""
        from fastredis.server import reports

        name = decode(arguments[2])
        text = reports.latency_graph(name)
        if text is None:
            raise CommandError(f"ERR No samples available for event '{name}'")
        return Verbatim(text.encode())

    def latency_histogram(self, session_id: int, arguments: list[bytes]) -> dict:
        """LATENCY HISTOGRAM [command ...]; a container stands for its subcommands."""
        wanted = {fold(decode(name)) for name in arguments[2:]}
        return {
            name: {"calls": calls, "histogram_usec": counts}
            for name, calls, counts in _engine.read_histograms()
            if not wanted or name in wanted or name.partition("|")[0] in wanted
        }

    def memory_doctor(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """MEMORY DOCTOR"""
        from fastredis.server import reports

        return Verbatim(reports.memory_doctor(self.metrics).encode())

    def memory_malloc_stats(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """MEMORY MALLOC-STATS"""
        from fastredis.server import reports

        return Verbatim(reports.malloc_stats(self.metrics).encode())

    def memory_stats(self, session_id: int, arguments: list[bytes]) -> dict:
        """MEMORY STATS"""
        from fastredis.server import reports

        return reports.memory_stats(self.metrics)

    def lolwut(self, session_id: int, arguments: list[bytes]) -> Verbatim:
        """LOLWUT [VERSION version [columns [rows]]]"""
        from fastredis import __version__
        from fastredis.server import lolwut

        size = [lolwut.COLUMNS, lolwut.ROWS]
        if len(arguments) >= 3 and arguments[1].lower() == b"version":
            dimensions = _LOLWUT_DIMENSIONS.get(_integer(arguments[2]), 0)
            numbers = [_integer(argument) for argument in arguments[3 : 3 + dimensions]]
            size[: len(numbers[:2])] = numbers[:2]
        version = self.config["reported-redis-version"]
        text = f"{lolwut.pond(*size)}\nfastredis {__version__}, speaking Redis ver. {version}\n"
        return Verbatim(text.encode())

    def shutdown(self, session_id: int, arguments: list[bytes]) -> None:
        """SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]; the connection ends without a reply."""
        options = [option.lower() for option in arguments[1:]]
        chosen = set(options)
        if not chosen <= {b"nosave", b"save", b"now", b"force", b"abort"}:
            raise CommandError(_SYNTAX)
        if {b"nosave", b"save"} <= chosen or (b"abort" in chosen and len(chosen) > 1):
            raise CommandError(_SYNTAX)
        if b"abort" in chosen:
            raise CommandError("ERR No shutdown in progress.")
        logs.warning("User requested shutdown...")
        _engine.close_caller()
        self.server.stop()

"""Log lines in Redis's format, on top of the standard `logging` module.

    1234:M 20 Nov 2026 11:15:44.733 * Ready to accept connections
    pid  |                          level: . debug, - verbose, * notice, # warning
         role: M primary, S replica, C until the start is done and in children

Everything is logged to the logger `fastredis` (`logs.logger`). A program that embeds the server
does not call `configure()` and receives ordinary records; the server calls it and gets Redis's
lines.

Design: the log file is opened for each line and closed again, as Redis does it. A file that
logrotate moved away is thus replaced by a new one with the next line and no signal, and a full or
vanished disk costs lines but never an exception. At the rate a server logs, two system calls more
are nothing.

Levels: `loglevel` debug, verbose, notice, warning, nothing are logging's 10, 15, 20, 30 and above
CRITICAL; ERROR and CRITICAL are written as warnings, since the format has no higher one.

Invariant: one line is one write() call, so lines of the server and of its children do not mix.
"""

from __future__ import annotations

import logging
import os
import time

from fastredis.server.text import absolute, encode, encode_any, printable

VERBOSE = 15
NOTHING = logging.CRITICAL + 10
LEVELS = {
    "debug": logging.DEBUG,
    "verbose": VERBOSE,
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "nothing": NOTHING,
}
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

logging.addLevelName(VERBOSE, "VERBOSE")
logger = logging.getLogger("fastredis")


def level_char(level: int) -> str:
    """The character of a logging level in a line."""
    if level >= logging.WARNING:
        return "#"
    if level >= logging.INFO:
        return "*"
    return "-" if level >= VERBOSE else "."


class RedisFormatter(logging.Formatter):
    """Formats a record as one line of Redis's log, without the end of line.

    `role` is the letter of the process `server_pid`; every other process is a child, `C`.
    """

    def __init__(self, role: str = "C") -> None:
        super().__init__()
        self.role = role
        self.server_pid: int | None = None
        self._second = -1
        self._stamp = ""

    def format(self, record: logging.LogRecord) -> str:
        """`PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL message`, and a traceback below, if any."""
        pid = os.getpid()
        role = self.role if pid == self.server_pid else "C"
        second = int(record.created)
        if second != self._second:
            at = time.localtime(second)
            self._stamp = f"{at.tm_mday:02d} {_MONTHS[at.tm_mon - 1]} " + time.strftime(
                "%Y %H:%M:%S", at
            )
            self._second = second
        millisecond = int(record.created * 1000) % 1000
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        return (
            f"{pid}:{role} {self._stamp}.{millisecond:03d} {level_char(record.levelno)} {message}"
        )


class FileHandler(logging.Handler):
    """Appends lines to `path`, or writes them to standard output when it is empty."""

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self.path = absolute(path) if path else ""
        self._name = encode(self.path)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a failure loses the line, because a log must never stop the server."""
        try:
            line = encode_any(self.format(record) + "\n")
        except (TypeError, ValueError):
            self.handleError(record)
            return
        try:
            if not self.path:
                _write_all(1, line)
                return
            descriptor = os.open(self._name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _write_all(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError:
            return


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class SyslogHandler(logging.Handler):
    """Sends messages, without Redis's prefix, to the system's log by the `syslog` module."""

    def __init__(self, ident: str, facility: str) -> None:
        super().__init__()
        import syslog

        self._syslog = syslog
        syslog.openlog(
            printable(ident),
            syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT,
            getattr(syslog, "LOG_" + facility.upper()),
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Send one message, with the priority of its level."""
        try:
            message = printable(record.getMessage()).replace("\0", "")
            self._syslog.syslog(self._priority(record.levelno), message)
        except (TypeError, ValueError):
            self.handleError(record)

    def _priority(self, level: int) -> int:
        if level >= logging.WARNING:
            return self._syslog.LOG_WARNING
        if level >= logging.INFO:
            return self._syslog.LOG_NOTICE
        return self._syslog.LOG_INFO if level >= VERBOSE else self._syslog.LOG_DEBUG

    def close(self) -> None:
        """Close the connection to the system's log."""
        self._syslog.closelog()
        super().close()


def configure(config) -> None:
    """Send `logger` where a `Config` says, at its level, and follow CONFIG SET loglevel.

    May be called again with another Config: handlers of the call before are replaced.
    """
    formatter = _formatter() or RedisFormatter()
    for handler in list(logger.handlers):
        if isinstance(handler, (FileHandler, SyslogHandler)):
            logger.removeHandler(handler)
            handler.close()
    path = config["logfile"]
    handlers: list[logging.Handler] = [FileHandler(config.path_of(path) if path else "")]
    if config["syslog-enabled"]:
        handlers.append(SyslogHandler(config["syslog-ident"], config["syslog-facility"]))
    for handler in handlers:
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    logger.propagate = False
    _follow_level(config)
    config.on_change("loglevel", _follow_level)


def _follow_level(config) -> None:
    logger.setLevel(LEVELS[config["loglevel"]])


def _formatter() -> RedisFormatter | None:
    for handler in logger.handlers:
        if isinstance(handler.formatter, RedisFormatter):
            return handler.formatter
    return None


def set_role(role: str) -> None:
    """From now on this process logs as `role`: M (primary) or S (replica); its children as C."""
    formatter = _formatter()
    if formatter is not None:
        formatter.role = role
        formatter.server_pid = os.getpid()


def debug(message: str, *args: object) -> None:
    """Log at level debug."""
    logger.debug(message, *args)


def verbose(message: str, *args: object) -> None:
    """Log at level verbose."""
    logger.log(VERBOSE, message, *args)


def notice(message: str, *args: object) -> None:
    """Log at level notice, the usual one."""
    logger.info(message, *args)


def warning(message: str, *args: object) -> None:
    """Log at level warning, the highest."""
    logger.warning(message, *args)

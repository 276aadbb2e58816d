"""The configuration of a running server: read by name, changed as a whole or not at all.

    command line, file, stdin --load()--> values --get()--> CONFIG GET
                                          |   ^
                              rewrite()   |   | set(): parse all -> apply all -> tell the callbacks
                                          v   |                     ^_______ veto: restore all
                                     config file

`set()` is atomic because it works on a copy: every value is parsed before any is applied, and a
callback that raises ConfigError (a port that cannot be bound) makes the old values come back,
with the callbacks that had already run told again. Callbacks may therefore assume nothing but the
values they see, and must be repeatable.

Invariants: `_values` has exactly one value for each directive of the table; an alias is a second
name, never a second value; `file` is absolute, because the process changes its directory.

Cost: get() is O(pattern + directives) for each pattern and O(1) for each plain name; set() is
O(pairs).

Error texts are those of redis-server, without the leading `ERR `.
"""

from __future__ import annotations

import errno
import os

from fastredis.server.config_file import (
    CommandLine,
    Wanted,
    expand,
    merge,
    read_text,
    replace_file,
    split_words,
)
from fastredis.server.directive_kinds import WRONG_COUNT, ConfigError, quote, until_zero
from fastredis.server.directives import ALIASES, DEPRECATED, DIRECTIVES, WITHOUT_EFFECT, find
from fastredis.server.text import absolute, decode, encode, fold, working_directory

__all__ = ["Config", "ConfigError", "ConfigFileError", "ConfigOpenError"]

MAX_INCLUDE_DEPTH = 16
_BAD_DIRECTIVE = "Bad directive or wrong number of arguments"


class ConfigFileError(Exception):
    """The configuration cannot be used; the text is what goes to standard error before exit 1."""


class ConfigOpenError(ConfigFileError):
    """A config file cannot be read; the text is one line for the log, before exit 1."""


class Line:
    """A line of configuration that another part of the server gives meaning to."""

    __slots__ = ("words", "number", "text")

    def __init__(self, words: list[str], number: int, text: str) -> None:
        self.words = words
        self.number = number
        self.text = text


class Config:
    """All directives of one server.

    `config["maxclients"]` is the typed value (types: see `directive_kinds`). `file` is the absolute
    path of the config file or None. `users` and `renames` hold the `user` and `rename-command`
    lines as `Line` objects, whose `words` are [name, rules ...] and [old name, new name]; what is
    wrong with one is reported by `raise config.line_error(line, reason)`. `notes` holds what is to
    be logged once there is a log. `user_lines`, if set, is called by rewrite() for the `user`
    lines that shall be in the file.

    `supervisor` and `pid_file` are the `process.Supervisor` and `process.PidFile` of a server that
    was started as a program: serve() calls `pid_file.write()` once its ports are bound, so that a
    second server by mistake does not take the file of the first, and then `supervisor.ready()`.

    `change_directory=False` is for programs that embed the server: `dir` is then only remembered.
    """

    def __init__(self, change_directory: bool = True) -> None:
        self.file: str | None = None
        self.from_stdin = False
        self.users: list[Line] = []
        self.renames: list[Line] = []
        self.notes: list[str] = []
        self.user_lines = None
        self.supervisor = None
        self.pid_file = None
        self._change_directory = change_directory
        self._values = {name: row.default for name, row in DIRECTIVES.items()}
        self._values["dir"] = working_directory()
        self._callbacks: list[tuple[frozenset[str], object]] = []
        self._seen: set[str] = set()

    @classmethod
    def load(cls, arguments: list[str], stdin=None, change_directory: bool = True) -> Config:
        """The configuration that the arguments (without the program's name) describe.

        `stdin` is a binary stream, read when an argument is `-`. Raises ConfigFileError, or
        ConfigOpenError when a file cannot be opened.
        """
        config = cls(change_directory)
        line = CommandLine(arguments, quote)
        if line.sentinel:
            raise ConfigFileError("fastredis has no Sentinel mode; --sentinel is refused")
        text = b""
        if line.path is not None:
            config.file = absolute(line.path)
            text = config._open_text(config.file)
        if line.from_stdin:
            config.from_stdin = True
            text += read_text(stdin) if stdin is not None else b""
        if line.text:
            text += b"\n" + encode(line.text)
        config._read(text, 0)
        if config["replicaof"] is not None and config["cluster-enabled"]:
            raise config._file_error("replicaof directive not allowed in cluster mode")
        config._check_log_file()
        config._note_what_has_no_effect()
        return config

    def __getitem__(self, name: str):
        """The typed value of a directive, by its canonical name; KeyError for any other."""
        return self._values[name]

    def limit(self, name: str, value) -> None:
        """Lower a value at start to what the machine allows; no callback is told."""
        self._values[name] = value

    # Loading

    def _open_text(self, path: str) -> bytes:
        try:
            with open(encode(path), "rb") as stream:
                return read_text(stream)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            text = f"Fatal error, can't open config file '{path}': {reason}"
            raise ConfigOpenError(text) from None

    def _read(self, text: bytes, depth: int) -> None:
        for number, raw in enumerate(text.split(b"\n"), 1):
            raw = raw.strip(b" \t\r\n")
            if not raw or raw.startswith(b"#"):
                continue
            line = Line([], number, decode(raw))
            words = split_words(raw)
            if words is None:
                raise self.line_error(line, "Unbalanced quotes in configuration line")
            if not words:
                continue
            try:
                self._read_line(fold(words[0]), words[1:], line, depth)
            except ConfigError as error:
                raise self.line_error(line, str(error)) from None

    def _read_line(self, name: str, words: list[str], line: Line, depth: int) -> None:
        line.words = words
        row = find(name)
        if row is not None:
            self._read_value(row, words)
        elif name == "include" and len(words) == 1:
            if depth >= MAX_INCLUDE_DEPTH:
                raise ConfigError(f"include files are nested more than {MAX_INCLUDE_DEPTH} deep")
            for path in expand(words[0]):
                self._read(self._open_text(path), depth + 1)
        elif name == "rename-command" and len(words) == 2:
            self.renames.append(line)
        elif name == "user" and words:
            if any(user.words[0] == words[0] for user in self.users):
                raise ConfigError(
                    f"Error in user declaration '{words[0]}': Duplicate user found. "
                    "A user can only be defined once in config files"
                )
            self.users.append(line)
        elif name == "loadmodule" and words:
            raise ConfigError("fastredis does not load modules; extensions are Python hooks")
        elif name == "sentinel" and words:
            raise ConfigError("sentinel directive while not in sentinel mode")
        elif name in DEPRECATED and len(words) == 1:
            self.notes.append(f"The directive '{name}' has no effect any more and is ignored")
        elif name != "sentinel":
            raise ConfigError(_BAD_DIRECTIVE)

    def _read_value(self, row, words: list[str]) -> None:
        if not row.multi and len(words) != 1:
            raise ConfigError(WRONG_COUNT)
        if row.multi and len(words) == 1:
            words = split_words(encode(words[0]))
            if words is None:
                raise ConfigError("Unbalanced quotes in the value")
        value = row.parse(words, self._values[row.name])
        if row.accumulates and row.name in self._seen and value:
            value = self._values[row.name] + value
        self._seen.add(row.name)
        self._values[row.name] = value
        if row.name == "dir":
            self._enter_directory()

    def _check_log_file(self) -> None:
        """A log file that cannot be opened stops the start; losing it later stops nothing."""
        if not self._values["logfile"]:
            return
        path = self.path_of(self._values["logfile"])
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            os.close(os.open(encode(path), flags, 0o644))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._file_error(f"Can't open the log file: {reason}") from None

    def _note_what_has_no_effect(self) -> None:
        """Who relies on access rules, or on files, must not learn later that there are none."""
        for name, meaning in WITHOUT_EFFECT.items():
            if self._values[name]:
                self.notes.append(f"The directive '{name}' has no effect yet: {meaning}")
        if self.users:
            self.notes.append(
                "The 'user' lines have no effect yet: requirepass alone decides who is let in, "
                "and whoever is may do everything"
            )

    def path_of(self, name: str) -> str:
        """The absolute path of a file that a directive names, relative to `dir`."""
        return os.path.join(self._values["dir"], name)

    def _file_error(self, reason: str) -> ConfigFileError:
        version = self._values["reported-redis-version"]
        return ConfigFileError(f"\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n{reason}")

    def line_error(self, line: Line, reason: str) -> ConfigFileError:
        """The error that says where the configuration is wrong, and why."""
        place = f"Reading the configuration file, at line {line.number}\n>>> '{line.text}'"
        return self._file_error(f"{place}\n{reason}")

    # CONFIG GET and SET

    def get(self, patterns: list[bytes]) -> list[tuple[bytes, bytes]]:
        """(name, value) of every directive and alias that a pattern names, each name once.

        A plain name comes back as it was written.
        """
        from fastredis import _engine  # here alone: a start that fails loads no engine

        found: dict[str, tuple[bytes, bytes]] = {}
        for raw in patterns:
            pattern = fold(decode(raw))
            if not any(char in pattern for char in "*?["):
                row = find(pattern)
                if row is not None:
                    found.setdefault(pattern, (raw, self._shown(row)))
                continue
            folded = encode(pattern)
            for position in _engine.matching_names(folded, _SHOWN_BYTES):
                name, row = _SHOWN_NAMES[position]
                if name not in found:
                    found[name] = (_SHOWN_BYTES[position], self._shown(row))
        return list(found.values())

    def _shown(self, row) -> bytes:
        return encode(row.show(self._values[row.name]))

    def set(self, pairs: list[tuple[bytes, bytes]], is_local: bool = False) -> None:
        """Change several directives, all or none; raises ConfigError with the client's error text.

        `is_local` says that the client came over loopback or a unix socket, which is what
        `enable-protected-configs local` asks for.
        """
        rows = self._check_names(pairs, is_local)
        old = dict(self._values)
        new: dict[str, object] = {}
        for (_, raw), (name, row) in zip(pairs, rows):
            text = decode(raw)
            try:
                words = _split(text) if row.multi else [text]
                if not row.counts_zeros:
                    words = [until_zero(word) for word in words]
                new[row.name] = row.parse(words, new.get(row.name, old[row.name]))
            except ConfigError as error:
                raise _failed(name, str(error)) from None
        changed = {
            name for name, value in new.items()
            if value != old[name] or DIRECTIVES[name].names_file
        }
        self._values.update(new)
        self._apply(changed, old, rows)

    def _check_names(self, pairs, is_local: bool) -> list[tuple[str, object]]:
        """(name, row) of what CONFIG SET names; what is wrong with a name precedes any value."""
        rows: list[tuple[str, object]] = []
        seen: set[str] = set()
        for raw, _ in pairs:
            given = decode(raw)
            name = fold(given)
            row = find(name)
            if row is None:
                raise ConfigError(
                    "Unknown option or number of arguments for CONFIG SET - "
                    f"'{until_zero(given)}'"
                )
            if row.immutable:
                raise _failed(given, "can't set immutable config")
            if row.protected and not self._may_set_protected(is_local):
                raise _failed(given, "can't set protected config")
            if name in seen:
                raise _failed(given, "duplicate parameter")
            seen.add(name)
            rows.append((name, row))
        return rows

    def _may_set_protected(self, is_local: bool) -> bool:
        allowed = self._values["enable-protected-configs"]
        return allowed == "yes" or (allowed == "local" and is_local)

    def on_change(self, names, callback) -> None:
        """Call `callback(config)` after a CONFIG SET that changed one of `names` (one or several).

        It sees all new values. Raising ConfigError vetoes the whole CONFIG SET; the callbacks that
        already ran are then called again with the old values back in place.
        """
        names = frozenset((names,) if isinstance(names, str) else names)
        unknown = names.difference(DIRECTIVES)
        if unknown:
            raise KeyError(f"no such directive: {', '.join(sorted(unknown))}")
        self._callbacks.append((names, callback))

    def _apply(self, changed: set[str], old: dict[str, object], rows) -> None:
        effects = [(names, call) for names, call in self._callbacks if names & changed]
        if "dir" in changed:
            effects.insert(0, (frozenset(("dir",)), Config._enter_directory))
        if "locale-collate" in changed:
            effects.insert(0, (frozenset(("locale-collate",)), Config.apply_collation))
        done: list[object] = []
        for names, call in effects:
            done.append(call)
            try:
                call(self)
            except ConfigError as error:
                self._restore(old, done)
                culprit = next(name for name, row in rows if row.name in names & changed)
                raise _failed(culprit, str(error)) from None
            except BaseException:
                self._restore(old, done)
                raise

    def _restore(self, old: dict[str, object], done: list[object]) -> None:
        self._values.update(old)
        for call in done:
            try:
                call(self)
            except ConfigError:
                # The old state was refused too; the first refusal is the one worth reporting.
                continue

    def _enter_directory(self) -> None:
        path = self._values["dir"]
        if self._change_directory:
            try:
                os.chdir(encode(path))
            except OSError as error:
                raise ConfigError(error.strerror) from None
            path = working_directory()
        self._values["dir"] = absolute(path)

    def apply_collation(self) -> None:
        """Set the process's order of text; an empty `locale-collate` is the environment's."""
        import locale

        try:
            locale.setlocale(locale.LC_COLLATE, self._values["locale-collate"])
        except locale.Error:
            raise ConfigError("Invalid locale name") from None

    # CONFIG REWRITE

    def rewrite(self) -> None:
        """Write the current values to the config file; raises ConfigError as a client reads it."""
        if self.file is None:
            raise ConfigError("The server is running without a config file")
        wanted = Wanted()
        for name, row in DIRECTIVES.items():
            wanted.add(name, row.lines(self._values[name]))
        if self.user_lines is not None:
            wanted.add("user", [(line, True) for line in self.user_lines()])
        try:
            try:
                with open(encode(self.file), "rb") as stream:
                    old = decode(read_text(stream))
            except FileNotFoundError:
                old = ""
            replace_file(self.file, encode(merge(old, wanted, _canonical)))
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
            raise ConfigError(f"Rewriting config file: {reason}") from None


# What patterns of CONFIG GET see: names and aliases, without the hidden ones, sorted.
_SHOWN_NAMES = sorted(
    [(name, row) for name, row in DIRECTIVES.items() if not row.hidden]
    + [(alias, DIRECTIVES[name]) for alias, name in ALIASES.items()],
    key=lambda pair: pair[0],
)
_SHOWN_BYTES = tuple(name.encode() for name, _ in _SHOWN_NAMES)


def _split(text: str) -> list[str]:
    """Words between single spaces, as redis-server splits the value of a many-worded directive."""
    return text.split(" ") if text else []


def _canonical(name: str) -> str | None:
    row = find(name)
    return row.name if row is not None else None


def _failed(name: str, reason: str) -> ConfigError:
    return ConfigError(f"CONFIG SET failed (possibly related to argument '{name}') - {reason}")

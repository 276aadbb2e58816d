"""The command `fastredis-server`, which takes what redis-server takes.

    arguments -> special options -> Config.load -> detach -> log, limits, pid file -> app.serve

Exit codes: 0 after a clean stop, -v and --test-memory; 1 for a configuration that cannot be used,
for --help (as redis-server has it) and for a failed --check-system.

The modules are imported when they are needed, because the first reply is due 150 ms after the
start: `-v` loads next to nothing, and the engine is loaded only when the configuration is known
to be good.
"""

from __future__ import annotations

import os
import sys

_USAGE = """\
Usage: fastredis-server [/path/to/redis.conf] [options] [-]
       fastredis-server - (configuration from standard input)
       fastredis-server -v or --version
       fastredis-server -h or --help
       fastredis-server --test-memory <megabytes>
       fastredis-server --check-system

Options are the directives of redis.conf: --directive value [value ...]

       fastredis-server                                     default configuration
       fastredis-server --port 7777 --save ''               another port, no snapshots
       fastredis-server /etc/redis.conf --loglevel verbose  a file, and one change to it
       echo 'maxmemory 128mb' | fastredis-server -          lines from standard input
"""

_BANNER = r"""
      __   fastredis {version}, {bits} bit
   __/ /   speaks as Redis {reported}
  /_  _/   Port: {port}
   / /     PID: {pid}
  /_/
"""


def main(argv: list[str] | None = None) -> int:
    """Run the server with the given arguments (default: those of the process); the exit code.

    Text is as `server.text.decode` makes it.
    """
    from fastredis.server.text import from_system

    arguments = list(map(from_system, sys.argv[1:])) if argv is None else list(argv)
    first = arguments[0] if arguments else ""
    if first in ("-v", "--version"):
        print(version_line())
        return 0
    if first in ("-h", "--help"):
        sys.stderr.write(_USAGE)
        return 1
    if first == "--test-memory":
        return _test_memory(arguments[1:])
    if first == "--check-system":
        from fastredis.server.system_check import check_system

        return 0 if check_system(sys.stdout) else 1
    return _run(arguments)


def version_line() -> str:
    """What `-v` prints: the line that tools expect of redis-server, and our own version."""
    from fastredis import __version__
    from fastredis.server.directives import DEFAULT_REPORTED_VERSION
    from fastredis.server.identity import build_id

    bits = 64 if sys.maxsize > 2**32 else 32
    return (
        f"Redis server v={DEFAULT_REPORTED_VERSION} sha=00000000:0 malloc=fastredis-slab "
        f"bits={bits} build={build_id()} fastredis={__version__}"
    )


def _test_memory(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write(
            "Please specify the amount of memory to test in megabytes.\n"
            "Example: fastredis-server --test-memory 4096\n\n"
        )
        return 1
    from fastredis.server.system_check import check_memory

    megabytes = int(arguments[0]) if arguments[0].isascii() and arguments[0].isdigit() else 0
    return 0 if check_memory(megabytes, sys.stdout) else 1


def _keep_standard_descriptors() -> None:
    """Stand /dev/null in for standard streams that the caller has closed.

    A socket would get such a number otherwise; lines of the log would then go to a client, and
    libuv aborts when it is to close one.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _run(arguments: list[str]) -> int:
    from fastredis.server import logs
    from fastredis.server.config import Config, ConfigFileError, ConfigOpenError

    _keep_standard_descriptors()
    if "-" in arguments[:1] + arguments[-1:]:
        _early_log("notice", "Reading config from stdin")
    try:
        config = Config.load(arguments, sys.stdin.buffer if sys.stdin is not None else None)
        if config.renames:
            _rename_commands(config)
    except ConfigOpenError as error:
        _early_log("warning", str(error))
        return 1
    except ConfigFileError as error:
        _write_error(str(error))
        return 1
    logs.configure(config)
    return _start(config, bool(arguments))


def _write_error(text: str) -> None:
    """A line on standard error, in the bytes that it was read in, whatever the locale."""
    from fastredis.server.text import encode

    if sys.stderr is not None:
        sys.stderr.flush()
        sys.stderr.buffer.write(encode(text) + b"\n")
        sys.stderr.buffer.flush()


def _rename_commands(config) -> None:
    from fastredis import _engine
    from fastredis.server.text import encode

    for line in config.renames:
        try:
            _engine.rename_command(*map(encode, line.words))
        except KeyError:
            raise config.line_error(line, "No such command in rename-command") from None
        except ValueError:
            raise config.line_error(line, "Target command name already exists") from None


def _early_log(level: str, message: str) -> None:
    """Log to standard output, before a configuration says otherwise."""
    from fastredis.server import logs
    from fastredis.server.config import Config

    logs.configure(Config(change_directory=False))
    getattr(logs, level)("%s", message)


def _start(config, configured: bool) -> int:
    from fastredis.server import logs, process

    supervisor = process.Supervisor(config["supervised"])
    background = config["daemonize"] and supervisor.kind is None
    if background:
        process.detach()
    _log_start(config, configured)
    pid_file = process.PidFile(config, background)
    try:
        process.follow_max_clients(config)
        process.OomScore(config).follow()
        if config["set-proc-title"]:
            process.set_title(process.title_of(config))
        process.check_backlog(config["tcp-backlog"])
        _apply_collation(config)
        logs.set_role("S" if config["replicaof"] else "M")
        _log_banner(config)
        config.supervisor, config.pid_file = supervisor, pid_file
        supervisor.starting()
        from fastredis.server.app import serve

        return serve(config)
    except process.StartError as error:
        logs.warning("%s", error)
        return 1
    finally:
        supervisor.stopping()
        pid_file.remove()


def _apply_collation(config) -> None:
    """Set the order of text, unless it is the plain one, which needs no module."""
    from fastredis.server.text import from_system

    named = config["locale-collate"] or from_system(next(
        filter(None, map(os.environ.get, ("LC_ALL", "LC_COLLATE", "LANG"))), "C"
    ))
    if named in ("C", "POSIX"):
        return
    from fastredis.server import logs
    from fastredis.server.config import ConfigError

    try:
        config.apply_collation()
    except ConfigError as error:
        # Only the environment can name a locale that is missing: directives were checked.
        logs.warning("The environment's locale %s cannot be used: %s", named, error)


def _log_start(config, configured: bool) -> None:
    from fastredis import __version__
    from fastredis.server import logs

    logs.notice("oO0OoO0OoO0Oo fastredis is starting oO0OoO0OoO0Oo")
    logs.notice(
        "fastredis version=%s, reported Redis version=%s, bits=%d, pid=%d, just started",
        __version__,
        config["reported-redis-version"],
        64 if sys.maxsize > 2**32 else 32,
        os.getpid(),
    )
    if configured:
        logs.notice("Configuration loaded")
    else:
        logs.warning(
            "No configuration given, using the defaults; "
            "a file is given as: fastredis-server /path/to/redis.conf"
        )
    for note in config.notes:
        logs.warning("%s", note)


def _log_banner(config) -> None:
    """A picture for people: on a terminal, or wherever always-show-logo asks for it."""
    from fastredis import __version__
    from fastredis.server import logs

    mode = "cluster" if config["cluster-enabled"] else "standalone"
    port = config["port"] or config["tls-port"]
    on_terminal = not config["logfile"] and not config["syslog-enabled"] and os.isatty(1)
    if not on_terminal and not config["always-show-logo"]:
        logs.notice("Running mode=%s, port=%d.", mode, port)
        return
    logs.notice(
        "%s",
        _BANNER.format(
            version=__version__,
            bits=64 if sys.maxsize > 2**32 else 32,
            reported=config["reported-redis-version"],
            port=port,
            pid=os.getpid(),
        ),
    )

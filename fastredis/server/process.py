"""The server as a process of the operating system: background, pid file, supervisor, limits.

Everything here happens once, in this order, and most of it before the event loop exists:

    detach()                 daemonize yes: two forks, a session of its own, /dev/null
    Supervisor               systemd or upstart: told when ready, stopping
    raise_open_files()       room for maxclients descriptors, or fewer clients
    set_title()              the name that ps and top show
    PidFile                  written, and removed at a clean exit by the process that wrote it
    OomScore                 how early the kernel kills the server and its children

Why two forks: a session leader could acquire a terminal again, its child cannot. Why before the
loop: neither threads nor an epoll descriptor survive a fork in a usable state.

Failures of conveniences (pid file, title, notification) are logged and ignored. Only what would
break a promise to clients stops the start: too few descriptors for a single client.

Nothing here imports ctypes: the kernel takes a thread's name through /proc, which costs no
memory.
"""

from __future__ import annotations

import os
import sys

from fastredis.server import logs
from fastredis.server.directive_kinds import ConfigError
from fastredis.server.directives import expand_title
from fastredis.server.text import encode

DEFAULT_PID_FILE = "/var/run/redis.pid"
# Descriptors that the server needs besides those of clients: listeners, files, the loop, spares.
RESERVED_DESCRIPTORS = 32
PRIMARY, REPLICA, CHILD = 0, 1, 2


class StartError(Exception):
    """The server cannot run on this machine as configured; the text is for the log."""


def detach() -> None:
    """Go on in the background, in a session of its own, with /dev/null for the standard streams.

    The process that was started ends at once with status 0. To be called while there is one thread.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)


class Supervisor:
    """systemd (sd_notify over $NOTIFY_SOCKET) or upstart (SIGSTOP once), as `supervised` says.

    `kind` is "systemd", "upstart" or None. `auto` looks at the environment. Variables of a
    supervisor are removed, so that children do not speak in the server's name.
    """

    def __init__(self, mode: str, environment=None) -> None:
        environment = os.environ if environment is None else environment
        self.kind: str | None = None
        self._address = ""
        if mode in ("auto", "upstart") and environment.get("UPSTART_JOB"):
            self.kind = "upstart"
        elif mode in ("auto", "systemd") and environment.get("NOTIFY_SOCKET"):
            self.kind = "systemd"
            self._address = environment["NOTIFY_SOCKET"]
        elif mode in ("upstart", "systemd"):
            variable = "UPSTART_JOB" if mode == "upstart" else "NOTIFY_SOCKET"
            logs.warning(f"{mode} supervision requested, but {variable} is not in the environment")
        if self.kind == "upstart":
            environment.pop("UPSTART_JOB", None)
        elif self.kind == "systemd":
            environment.pop("NOTIFY_SOCKET", None)

    def starting(self) -> None:
        """The server is not ready yet; upstart learns only here that it is alive."""
        if self.kind == "upstart":
            import signal

            logs.notice("supervised by upstart, stopping to signal readiness")
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            self.notify("STATUS=fastredis is loading...")

    def ready(self, status: str = "Ready to accept connections") -> None:
        """Clients are served from now on."""
        self.notify(f"STATUS={status}\nREADY=1\n")

    def stopping(self) -> None:
        """The server is shutting down."""
        self.notify("STATUS=fastredis is shutting down\nSTOPPING=1\n")

    def notify(self, state: str) -> bool:
        """Send a state to systemd; False when there is none or it did not take it."""
        if self.kind != "systemd":
            return False
        import socket

        address: str | bytes = self._address
        if address.startswith("@"):
            address = b"\0" + os.fsencode(address[1:])
        elif not address.startswith("/"):
            logs.warning("NOTIFY_SOCKET is neither a path nor an abstract socket: ignored")
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.sendto(state.encode(), address)
        except OSError as error:
            logs.warning("Can't notify systemd: %s", error.strerror or error)
            return False
        return True


class PidFile:
    """The file that names the server's process; `path` is None when none is kept."""

    def __init__(self, config, background: bool) -> None:
        path = config["pidfile"] or (DEFAULT_PID_FILE if background else "")
        self.path: str | None = config.path_of(path) if path else None
        self._owner: int | None = None

    def write(self) -> None:
        """Write the process id; a failure is logged."""
        if self.path is None:
            return
        try:
            with open(encode(self.path), "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
            self._owner = os.getpid()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            logs.warning("Failed to write PID file %s: %s", self.path, reason)

    def remove(self) -> None:
        """Remove the file, if this very process wrote it."""
        if self.path is None or self._owner != os.getpid():
            return
        self._owner = None
        logs.notice("Removing the pid file.")
        try:
            os.unlink(encode(self.path))
        except OSError as error:
            logs.verbose("Can't remove PID file %s: %s", self.path, error.strerror)


def set_title(title: str) -> bool:
    """Name the process for ps and top (at most 15 bytes are kept); False where that is unknown."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(encode(title)[:15])
    except OSError:
        return False
    return True


def title_of(config, title: str = "fastredis-server") -> str:
    """The text of proc-title-template, with its variables filled in."""
    port = config["port"] or config["tls-port"]
    host = config["bind"][0].removeprefix("-") if config["bind"] else "*"
    values = {
        "title": title,
        "listen-addr": f"{host}:{port}" if port else config["unixsocket"],
        "server-mode": "[cluster]" if config["cluster-enabled"] else "",
        "port": str(config["port"]),
        "tls-port": str(config["tls-port"]),
        "unixsocket": config["unixsocket"],
        "config-file": config.file or "-",
    }
    return (expand_title(config["proc-title-template"], values) or title).rstrip()


def current_umask() -> int:
    """The file creation mask; reading it means setting it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _raise_soft_limit(wanted: int) -> tuple[int, str]:
    """Raise the soft limit of open files as near to `wanted` as allowed: (limit, reason)."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted, ""
    reason = ""
    # A privileged process may raise the hard limit too; others get what the hard limit leaves.
    for limit in (wanted, min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted):
        try:
            ceiling = hard if hard == resource.RLIM_INFINITY else max(limit, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, ceiling))
            return limit, reason
        except (OSError, ValueError) as error:
            reason = reason or str(getattr(error, "strerror", None) or error)
    return soft, reason


def raise_open_files(maxclients: int) -> int:
    """Make room for that many clients; the number there is room for, which may be smaller.

    Raises StartError when not a single client would fit.
    """
    import resource

    wanted = maxclients + RESERVED_DESCRIPTORS
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limit, reason = _raise_soft_limit(wanted)
    if limit >= wanted:
        if before != resource.RLIM_INFINITY and before < wanted:
            logs.notice(
                "Increased maximum number of open files to %d (it was originally set to %d).",
                wanted,
                before,
            )
        return maxclients
    room = limit - RESERVED_DESCRIPTORS
    if room <= 0:
        raise StartError(
            f"Your current 'ulimit -n' of {before} is not enough: the server needs {wanted} open "
            "files for maxclients and itself. Exiting."
        )
    logs.warning("maxclients %d needs %d open files", maxclients, wanted)
    logs.warning("The limit of open files stays at %d, not %d: %s", limit, wanted, reason)
    logs.warning("maxclients has been reduced to %d; a higher 'ulimit -n' allows more", room)
    return room


def follow_max_clients(config) -> None:
    """Adjust the limit now and after each CONFIG SET maxclients, which fails when it cannot."""
    room = raise_open_files(config["maxclients"])
    if room < config["maxclients"]:
        config.limit("maxclients", room)

    def changed(config) -> None:
        limit, _ = _raise_soft_limit(config["maxclients"] + RESERVED_DESCRIPTORS)
        if limit < config["maxclients"] + RESERVED_DESCRIPTORS:
            raise ConfigError(
                "The operating system is not able to handle the specified number of clients, "
                f"try with {max(limit - RESERVED_DESCRIPTORS, 0)}"
            )

    config.on_change("maxclients", changed)


def check_backlog(backlog: int, path: str = "/proc/sys/net/core/somaxconn") -> None:
    """Warn when the kernel will cut the queue of connections short."""
    try:
        with open(path, encoding="ascii") as file:
            limit = int(file.read())
    except (OSError, ValueError):
        return
    if 0 < limit < backlog:
        logs.warning(
            "The TCP backlog setting of %d cannot be enforced: %s is set to the lower value of %d.",
            backlog,
            path,
            limit,
        )


class OomScore:
    """Keeps /proc/self/oom_score_adj at what `oom-score-adj` says for the role of the server."""

    def __init__(self, config, path: str = "/proc/self/oom_score_adj") -> None:
        self._config = config
        self._path = path
        self._base: int | None = None
        self.role = PRIMARY

    def follow(self) -> None:
        """Apply the setting now, and after each CONFIG SET, which fails when it cannot."""
        self.apply()
        self._config.on_change(("oom-score-adj", "oom-score-adj-values"), self._changed)

    def set_role(self, role: int) -> bool:
        """Become PRIMARY or REPLICA, or, in a forked process, CHILD."""
        self.role = role
        return self.apply()

    def _changed(self, config) -> None:
        if not self.apply():
            raise ConfigError("Failed to set current oom_score_adj. Check server logs.")

    def apply(self) -> bool:
        """Write the value of the current role; False when the kernel refuses it."""
        mode = self._config["oom-score-adj"]
        if mode == "no" and self._base is None:
            return True
        try:
            if self._base is None:
                with open(self._path, encoding="ascii") as file:
                    self._base = int(file.read())
            value = self._base
            if mode != "no":
                value = self._config["oom-score-adj-values"][self.role]
                if mode in ("relative", "yes"):
                    value += self._base
            value = max(-1000, min(value, 1000))
            with open(self._path, "w", encoding="ascii") as file:
                file.write(str(value))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            logs.warning("Unable to write oom_score_adj: %s", reason)
            return False
        if mode == "no":
            self._base = None
        return True

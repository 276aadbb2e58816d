"""The listening sockets: several addresses, IPv4 and IPv6, and a unix socket.

`bind` takes addresses as redis.conf does: `*` is every IPv4 address, `::*` every IPv6 address, and
a leading `-` means that it is no error if the address is not there.

CONFIG SET port and bind keep the sockets that stay, so that no client in their queue is lost:

    wanted    127.0.0.1:7000   ::1:7000        open now    127.0.0.1:7000   10.0.0.5:7000
                   kept        opened                            kept            closed

Those that go and share their port with one that comes are closed first, because `*` and a single
address of the same port exclude each other; the others go last, when the new ones stand.
"""

from __future__ import annotations

import errno
import os
import socket

from fastredis.server import logs
from fastredis.server.directive_kinds import ConfigError
from fastredis.server.process import StartError
from fastredis.server.text import encode

_NOT_THERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENOPROTOOPT)

Place = tuple[str, int]
"""Address as `bind` has it, without the `-`, and port."""


class Listeners:
    """The sockets of a server, told to its `edge`; owns them until `close()`."""

    def __init__(self, edge) -> None:
        self._edge = edge
        self._tcp: dict[Place, socket.socket] = {}
        self._unix: socket.socket | None = None
        self._port = 0

    def open(self, config) -> None:
        """Bind and listen on every address of the configuration.

        Raises StartError when one that is not optional cannot be had, or when the server would
        listen nowhere.
        """
        try:
            self._follow(config)
            if config["unixsocket"]:
                self._unix = _open_unix(config)
        except BaseException:
            self.close()
            raise
        if not self._tcp and self._unix is None and not config["tls-port"]:
            raise StartError("Configured to not listen anywhere, exiting.")
        self._tell_edge()

    def change(self, config) -> None:
        """Follow a CONFIG SET of port or bind; raises ConfigError where that cannot be.

        What then is open is a part of the old sockets: a second call, with the old configuration,
        brings the others back.
        """
        port_changed = config["port"] != self._port
        self._edge.stop_listening()
        try:
            self._follow(config)
        except StartError:
            raise ConfigError(
                "Unable to listen on this port. Check server logs." if port_changed
                else "Failed to bind to specified addresses."
            ) from None
        finally:
            self._tell_edge()

    def close(self) -> None:
        """Close the sockets, and remove the file of the unix socket."""
        self._edge.stop_listening()
        for place in list(self._tcp):
            self._tcp.pop(place).close()
        if self._unix is None:
            return
        path = self._unix.getsockname()
        self._unix.close()
        self._unix = None
        try:
            os.unlink(path)
        except OSError:
            return
        logs.notice("Removing the unix socket file.")

    def _tell_edge(self) -> None:
        for listener in self._tcp.values():
            self._edge.listen(listener.fileno(), False)
        if self._unix is not None:
            self._edge.listen(self._unix.fileno(), True)

    def _follow(self, config) -> None:
        """Open what is wanted and not open, close what is open and not wanted."""
        port = config["port"]
        wanted = [(host_of(address), port) for address in config["bind"]] if port else []
        gone = [place for place in self._tcp if place not in wanted]
        for place in gone:
            if place[1] == port:
                self._tcp.pop(place).close()
        if port:
            self._open_missing(config, port)
        for place in gone:
            if place[1] != port:
                self._tcp.pop(place).close()
        self._port = port

    def _open_missing(self, config, port: int) -> None:
        opened: dict[Place, socket.socket] = {}
        try:
            for address in config["bind"]:
                place = (host_of(address), port)
                if place not in self._tcp and place not in opened:
                    listener = _open_tcp(address, port, config["tcp-backlog"])
                    if listener is not None:
                        opened[place] = listener
        except BaseException:
            for listener in opened.values():
                listener.close()
            raise
        self._tcp.update(opened)


def needs_tls(config) -> bool:
    """Whether certificates must be there, be it for connections that are yet to be made."""
    return bool(config["tls-port"] or config["tls-cluster"] or config["tls-replication"])


def host_of(address: str) -> str:
    """A word of `bind` without the one `-` that makes it optional."""
    return address.removeprefix("-")


def open_tcp(config, port: int) -> list[socket.socket]:
    """Listen on a port of every address of `bind`, beside the edge.

    Raises StartError when an address that is not optional cannot be had.
    """
    opened: list[socket.socket] = []
    try:
        for address in dict.fromkeys(config["bind"]):
            listener = _open_tcp(address, port, config["tcp-backlog"])
            if listener is not None:
                opened.append(listener)
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def _open_tcp(address: str, port: int, backlog: int) -> socket.socket | None:
    """A listening socket; None where an optional address is not there."""
    optional = address.startswith("-")
    host = host_of(address)
    try:
        return _open_one(host, port, backlog)
    except OSError as error:
        if optional and error.errno in _NOT_THERE:
            return None
        logs.warning(
            "Warning: Could not create server TCP listening socket %s:%d: bind: %s",
            host, port, error.strerror or error,
        )
        raise StartError(f"Failed listening on port {port} (tcp), aborting.") from error


def _open_one(host: str, port: int, backlog: int) -> socket.socket:
    if host in ("*", "0.0.0.0"):
        family, target = socket.AF_INET, ("0.0.0.0", port)
    elif host == "::*":
        family, target = socket.AF_INET6, ("::", port)
    else:
        # As bytes: for text Python looks at the rules of international names first, and raises.
        found = socket.getaddrinfo(
            encode(host), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, target = found[0][0], found[0][4]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(target)
        listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _open_unix(config) -> socket.socket:
    path = encode(config["unixsocket"])
    try:
        os.unlink(path)
    except OSError:
        pass  # whatever else is in the way, bind() says so
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        if config["unixsocketperm"]:
            os.chmod(path, config["unixsocketperm"])
        listener.listen(config["tcp-backlog"])
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        logs.warning("Failed opening Unix socket: bind: %s", error.strerror or error)
        raise StartError(
            f"Failed listening on unix socket {config['unixsocket']}, aborting."
        ) from error
    return listener

"""The listening sockets: several addresses, IPv4 and IPv6, and a unix socket.

`bind` takes addresses as redis.conf does: `*` is every IPv4 address, `::*` every IPv6 address, and
a leading `-` means that it is no error if the address is not there.
"""

from __future__ import annotations

import errno
import os
import socket

from fastredis.server import logs
from fastredis.server.process import StartError

_NOT_THERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENOPROTOOPT)


def open_listeners(config) -> list[socket.socket]:
    """Bind and listen on every address of the configuration.

    Raises StartError when one that is not optional cannot be had, or when none is left.
    """
    opened: list[socket.socket] = []
    port = config["port"]
    try:
        if port:
            opened.extend(open_tcp(config, port))
        if config["unixsocket"]:
            opened.append(_open_unix(config))
    except BaseException:
        close_listeners(opened)
        raise
    if not opened and not config["tls-port"]:
        raise StartError("Configured to not listen anywhere, exiting.")
    return opened


def close_listeners(opened: list[socket.socket]) -> None:
    """Close the sockets, and remove the file of a unix socket."""
    for listener in opened:
        path = listener.getsockname() if listener.family == socket.AF_UNIX else None
        listener.close()
        if path:
            try:
                os.unlink(path)
            except OSError:
                continue
            logs.notice("Removing the unix socket file.")


def open_tcp(config, port: int) -> list[socket.socket]:
    """Listen on a port of every address of `bind`; raises StartError as open_listeners does."""
    opened: list[socket.socket] = []
    for address in config["bind"]:
        optional = address.startswith("-")
        host = address.lstrip("-")
        try:
            opened.append(_open_one(host, port, config["tcp-backlog"]))
        except OSError as error:
            if optional and error.errno in _NOT_THERE:
                continue
            logs.warning(
                "Warning: Could not create server TCP listening socket %s:%d: bind: %s",
                host, port, os.strerror(error.errno) if error.errno else error,
            )
            close_listeners(opened)
            raise StartError(f"Failed listening on port {port} (tcp), aborting.") from error
    if not opened:
        raise StartError(f"Failed listening on port {port} (tcp), aborting.")
    return opened


def _open_one(host: str, port: int, backlog: int) -> socket.socket:
    if host in ("*", "0.0.0.0"):
        family, target = socket.AF_INET, ("0.0.0.0", port)
    elif host == "::*":
        family, target = socket.AF_INET6, ("::", port)
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
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
    path = config["unixsocket"]
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        if config["unixsocketperm"]:
            os.chmod(path, config["unixsocketperm"])
        listener.listen(config["tcp-backlog"])
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        logs.warning("Failed opening Unix socket: bind: %s", os.strerror(error.errno or 0))
        raise StartError(f"Failed listening on unix socket {path}, aborting.") from error
    return listener

"""The TLS port: accepted on uvloop's own transports, beside the edge, and changed by CONFIG SET.

    directives --server_context()--> context --\\
                                                create_server(a copy of each socket) --> _servers
    tls-port, bind --open_tcp()--> _sockets ---/

uvloop closes the socket of a server that it closes. It gets copies (dup), so that a new certificate
means new servers on the same sockets: their queues are kept, and no port has to be free again.
Connections that are open keep the context they began with.

The module is imported only where TLS is asked for, because `ssl` costs 6 ms at start.
"""

from __future__ import annotations

import socket

from fastredis import _engine
from fastredis.server import logs
from fastredis.server.directive_kinds import ConfigError
from fastredis.server.listeners import needs_tls, open_tcp
from fastredis.server.process import StartError
from fastredis.server.tls import TlsError, server_context


class TlsListeners:
    """The TLS sockets of a server, on its event loop; owns them until `close()`."""

    def __init__(self, loop) -> None:
        self._loop = loop
        self._context = None  # an ssl.SSLContext, once the certificates were read
        self._sockets: list[socket.socket] = []
        self._place: tuple = ()
        self._servers: list = []

    def configure(self, config) -> None:
        """Read the certificates, before anything listens; raises StartError."""
        try:
            self._context = server_context(config)
        except TlsError as error:
            logs.warning("%s", error)
            raise StartError("Failed to configure TLS. Check logs for more info.") from error

    def open(self, config) -> None:
        """Listen as the configuration says, before the loop runs; raises StartError.

        To be called behind `configure()`.
        """
        self._bind(config)
        for started in self._start_servers():
            self._servers.append(self._loop.run_until_complete(started))

    def change(self, config) -> None:
        """Follow a CONFIG SET while the loop runs; raises ConfigError where that cannot be."""
        if needs_tls(config):
            try:
                self._context = server_context(config)
            except TlsError as error:
                logs.warning("%s", error)
                text = "Unable to update TLS configuration. Check server logs."
                raise ConfigError(text) from None
        if not config["tls-port"]:
            self.close()
            return
        try:
            self._bind(config)
        except StartError:
            text = "Unable to listen on this port. Check server logs."
            raise ConfigError(text) from None
        self._close_servers()
        for started in self._start_servers():
            self._loop.create_task(started).add_done_callback(self._keep_server)

    def close(self) -> None:
        """Listen no more; clients stay."""
        self._close_servers()
        for one in self._sockets:
            one.close()
        self._sockets = []
        self._place = ()

    def _bind(self, config) -> None:
        """Have sockets for the port on every address of `bind`."""
        place = (config["tls-port"], config["bind"])
        if place == self._place:
            return
        if self._place and place[0] == self._place[0]:
            # The same port on other addresses: the old sockets may be in the way.
            self.close()
        opened = open_tcp(config, config["tls-port"])
        self.close()
        self._sockets, self._place = opened, place

    def _start_servers(self) -> list:
        _engine.share_loop(True)
        return [
            self._loop.create_server(_engine.Connection, sock=one.dup(), ssl=self._context)
            for one in self._sockets
        ]

    def _keep_server(self, task) -> None:
        self._servers.append(task.result())

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []

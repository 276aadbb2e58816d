"""The running server: engine, edge and event loop put together.

    cli --> serve(config) --> Server: create engine, bind commands, listen, run until stopped

uvloop watches one descriptor of the edge, the signals and a cron timer; everything between a
socket and a reply happens in the extension.
"""

from __future__ import annotations

import gc
import signal
import time

import uvloop

from fastredis import _engine
from fastredis.server import logs
from fastredis.server.listeners import Listeners, needs_tls
from fastredis.server.process import StartError, set_title, title_of
from fastredis.server.python_handlers import bind_all
from fastredis.server.text import encode

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# They would end the process, and scripts that look after Redis send them without harm.
_IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGUSR2, signal.SIGALRM)

# What the TLS port follows.
_TLS = (
    "bind", "tls-auth-clients", "tls-ca-cert-dir", "tls-ca-cert-file", "tls-cert-file",
    "tls-ciphers", "tls-cluster", "tls-dh-params-file", "tls-key-file", "tls-key-file-pass",
    "tls-port", "tls-prefer-server-ciphers", "tls-protocols", "tls-replication",
    "tls-session-caching",
)

# How long collections stay compact: argument of the engine, directive.
_PACKING = {
    "hash_entries": "hash-max-listpack-entries",
    "hash_value_bytes": "hash-max-listpack-value",
    "set_intset_entries": "set-max-intset-entries",
    "set_entries": "set-max-listpack-entries",
    "set_value_bytes": "set-max-listpack-value",
    "zset_entries": "zset-max-listpack-entries",
    "zset_value_bytes": "zset-max-listpack-value",
    "stream_bytes": "stream-node-max-bytes",
    "stream_entries": "stream-node-max-entries",
    "hyperloglog_sparse_bytes": "hll-sparse-max-bytes",
    "list_size": "list-max-listpack-size",
    "list_compress_depth": "list-compress-depth",
}


class Server:
    """One server in this process. `run()` returns the exit code."""

    def __init__(self, config) -> None:
        self.config = config
        self.loop = uvloop.new_event_loop()
        self.edge: _engine.Edge | None = None
        self.listeners: Listeners | None = None
        self.tls = None  # tls_listeners.TlsListeners, once TLS is asked for
        self.migrator = None  # of MIGRATE, once it is used
        self.exit_code = 0
        self.cron_ns = 0  # time spent in the cron since CONFIG RESETSTAT
        _use_huge_pages(config)
        config.on_change("prepare-huge-pages", _use_huge_pages)
        _coalesce_wakeups(config)
        config.on_change("coalesce-wakeups", _coalesce_wakeups)
        _engine.create_engine(config["databases"])
        _engine.on_unexpected_error(self._log_unexpected)
        self._follow_limits()

    def run(self) -> int:
        """Listen and serve until a signal or SHUTDOWN; the exit code of the process.

        Raises StartError when no socket can be opened.
        """
        # What asks to stop before the loop runs waits until it does: a loop hears only then.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            self._open()
        except BaseException:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
            raise
        self.loop.call_soon(signal.pthread_sigmask, signal.SIG_UNBLOCK, _STOP_SIGNALS)
        self.loop.run_forever()
        self._close()
        return self.exit_code

    def _open(self) -> None:
        """Everything up to the moment when only the loop is missing."""
        self.edge = _engine.Edge()
        self.listeners = Listeners(self.edge)
        try:
            # Bad certificates end the start before a client has come in by another port.
            if needs_tls(self.config):
                self._tls_listeners().configure(self.config)
            self.listeners.open(self.config)
            if self.config["tls-port"]:
                self.tls.open(self.config)
        except StartError:
            self.listeners.close()
            self.edge.close()
            raise
        self.config.on_change(("port", "bind"), self.listeners.change)
        self.config.on_change(_TLS, self._change_tls)
        bind_all(self)
        _engine.carry_migrations(self._carry_migration)
        for number in _STOP_SIGNALS:
            self.loop.add_signal_handler(number, self._on_signal, number)
        _engine.exit_at_second_interrupt()
        for number in _IGNORED_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.loop.add_reader(self.edge.fileno(), self.edge.drain)
        self.loop.call_later(1 / self.config["hz"], self._cron)
        self._announce()
        gc.collect()
        gc.freeze()
        gc.disable()

    def migration_connections(self) -> int:
        """How many connections of MIGRATE are kept for the next one."""
        return 0 if self.migrator is None else len(self.migrator.connections)

    def stop(self, exit_code: int = 0) -> None:
        """Leave the loop; `run()` then cleans up and returns."""
        self.exit_code = exit_code
        self.edge.interrupt()
        self.loop.stop()

    def _change_tls(self, config) -> None:
        """Follow a CONFIG SET of what TLS depends on."""
        if self.tls is None and not needs_tls(config):
            return
        self._tls_listeners().change(config)

    def _tls_listeners(self):
        if self.tls is None:
            from fastredis.server.tls_listeners import TlsListeners

            self.tls = TlsListeners(self.loop)
        return self.tls

    def _carry_migration(self, transfer) -> None:
        if self.migrator is None:
            from fastredis.server.migrate import Migrator

            self.migrator = Migrator(self.loop, self._log_unexpected)
        self.migrator.start(transfer)

    def _announce(self) -> None:
        logs.notice("Server initialized")
        if self.config["port"]:
            logs.notice("Ready to accept connections tcp")
        if self.config["tls-port"]:
            logs.notice("Ready to accept connections tls")
        if self.config["unixsocket"]:
            logs.notice("Ready to accept connections unix")
        if self.config.pid_file is not None:
            self.config.pid_file.write()
        if self.config.supervisor is not None:
            self.config.supervisor.ready()

    def _cron(self) -> None:
        self.loop.call_later(1 / self.config["hz"], self._cron)
        began_ns = time.monotonic_ns()
        self.edge.cron()
        self.cron_ns += time.monotonic_ns() - began_ns

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGINT:
            logs.warning("Received SIGINT scheduling shutdown...")
        else:
            logs.warning("Received SIGTERM scheduling shutdown...")
        logs.notice("User requested shutdown...")
        self.stop()

    def _close(self) -> None:
        self.loop.remove_reader(self.edge.fileno())
        if self.tls is not None:
            self.tls.close()
        self.listeners.close()
        self.edge.close()
        logs.warning("fastredis is now ready to exit, bye bye...")
        self.loop.close()

    def _follow_limits(self) -> None:
        self._apply_limits(self.config)
        self.config.on_change(
            (
                "proto-max-bulk-len", "client-query-buffer-limit", "client-output-buffer-limit",
                "maxmemory", "maxmemory-clients", "maxclients", "timeout", "tcp-keepalive",
                "protected-mode",
            ),
            self._apply_limits,
        )
        self._apply_identity(self.config)
        self.config.on_change(("requirepass", "reported-redis-version"), self._apply_identity)
        self._apply_observation(self.config)
        self.config.on_change(
            (
                "slowlog-log-slower-than", "slowlog-max-len", "latency-monitor-threshold",
                "latency-tracking",
            ),
            self._apply_observation,
        )
        _engine.set_permissions(
            debug=self.config["enable-debug-command"], module=self.config["enable-module-command"]
        )
        if self.config["set-proc-title"]:
            self.config.on_change(
                ("proc-title-template", "port", "bind"), lambda config: set_title(title_of(config))
            )
        self._apply_packing(self.config)
        self.config.on_change(tuple(_PACKING.values()), self._apply_packing)
        self._apply_eviction(self.config)
        self.config.on_change(
            ("maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time"),
            self._apply_eviction,
        )

    def _apply_limits(self, config) -> None:
        hard, soft, soft_seconds = config["client-output-buffer-limit"]["normal"]
        _engine.set_limits(
            bulk_max_bytes=config["proto-max-bulk-len"],
            query_buffer_max_bytes=config["client-query-buffer-limit"],
            output_hard_bytes=hard,
            output_soft_bytes=soft,
            output_soft_seconds=soft_seconds,
            memory_max_bytes=config["maxmemory"],
            clients_bytes_max=clients_bytes_max(config),
            clients_max=config["maxclients"],
            idle_timeout_seconds=config["timeout"],
            keepalive_seconds=config["tcp-keepalive"],
            protected=config["protected-mode"],
        )

    def _apply_identity(self, config) -> None:
        _engine.set_password(encode(config["requirepass"]))
        _engine.set_reported_version(config["reported-redis-version"])

    def _apply_observation(self, config) -> None:
        _engine.set_observation(
            slowlog_us=config["slowlog-log-slower-than"],
            slowlog_length=config["slowlog-max-len"],
            latency_ms=config["latency-monitor-threshold"],
            latency_tracking=config["latency-tracking"],
        )

    @staticmethod
    def _apply_packing(config) -> None:
        _engine.set_packing(**{name: config[directive] for name, directive in _PACKING.items()})

    def _apply_eviction(self, config) -> None:
        _engine.set_eviction(
            policy=config["maxmemory-policy"],
            samples=config["maxmemory-samples"],
            lfu_log_factor=config["lfu-log-factor"],
            lfu_decay_minutes=config["lfu-decay-time"],
        )

    @staticmethod
    def _log_unexpected(error: BaseException) -> None:
        import traceback

        logs.warning(
            "Unexpected error in a command:\n%s", "".join(traceback.format_exception(error))
        )


def _use_huge_pages(config) -> None:
    _engine.use_huge_pages(
        everywhere=not config["disable-thp"], prepared=config["prepare-huge-pages"]
    )


def _coalesce_wakeups(config) -> None:
    _engine.coalesce_wakeups(config["coalesce-wakeups"])


def clients_bytes_max(config) -> int:
    """maxmemory-clients in bytes; 0: no limit, as for a share of a maxmemory that is not set."""
    limit = config["maxmemory-clients"]
    if limit < 0 and config["maxmemory"]:
        return max(1, config["maxmemory"] * -limit // 100)
    return max(0, limit)


def serve(config) -> int:
    """Run a server with this configuration; the exit code of the process."""
    return Server(config).run()

"""Every directive of the configuration, one row each: the single table behind all of them.

A row says name, default, bounds, and how it may be set; the class of the row
(`directive_kinds.py`) says how its values read and look. Names, defaults, bounds and the order of
choices are those of Redis 8.0, found by asking the server for each value just past its limits;
defaults are those of a server that was started with no argument. Directives that have no effect
here (jemalloc-bg-thread, activedefrag ...) are still accepted, because configuration files in use
contain them.

Where this table differs from redis-server, on purpose:

    coalesce-wakeups        is ours: while many clients of this machine send quickly, a wake-up
                            waits until several have sent (at most 1 ms, about 0.05 ms as a rule)
    prepare-huge-pages      is ours: a helper thread backs big keyspaces with huge pages,
                            from the next growth on where CONFIG SET turns it on
    reported-redis-version  is ours: the version that clients are told, digits and dots
    activedefrag yes        is accepted; there it depends on how the server was compiled
    list-max-ziplist-entries, list-max-ziplist-value, lua-replicate-commands, io-threads-do-reads
                            are read and ignored, as Redis 8.0 does with what it has dropped

Invariants: names are unique, lower case; an alias names a row and has a value of its own nowhere.
`DIRECTIVES` maps names to rows in the order of CONFIG GET, `ALIASES` maps older names to names.
"""

from __future__ import annotations

import re

from fastredis.server.directive_kinds import (
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    UINT_MAX,
    ULONG_MAX,
    Address,
    Bytes,
    Choice,
    Choices,
    Directive,
    Directory,
    Events,
    Flag,
    Integers,
    Limits,
    Memory,
    Number,
    Octal,
    Percent,
    Percentiles,
    Save,
    Text,
    Words,
)
from fastredis.server.text import encode, fold

DEFAULT_REPORTED_VERSION = "7.2.4"

_OUTPUT_LIMITS = {
    "normal": (0, 0, 0),
    "replica": (256 << 20, 64 << 20, 60),
    "pubsub": (32 << 20, 8 << 20, 60),
}
_SHUTDOWN = "default save nosave now force"
_FACILITIES = "user local0 local1 local2 local3 local4 local5 local6 local7"
_POLICIES = (
    "volatile-lru volatile-lfu volatile-random volatile-ttl "
    "allkeys-lru allkeys-lfu allkeys-random noeviction"
)

def _hostname(text: str) -> str | None:
    if len(text) >= 256:
        return "Hostnames must be less than 256 characters"
    if re.fullmatch(r"[a-zA-Z0-9.-]*", text) is None:
        return "Hostnames may only contain alphanumeric characters, hyphens or dots"
    return None


def _node_name(text: str) -> str | None:
    if not set(text).isdisjoint("\0!#$%&()*+:;<>?@[]^{|}~"):
        return "Announced human node name contained invalid character"
    return None


def _file_name(name: str, needed: bool = False, kind: str = "filename"):
    """A check that the value of `name` is one name of a file or directory, and no path."""

    def check(text: str) -> str | None:
        if needed and not text:
            return f"{name} can't be empty"
        if "/" in text:
            return f"{name} can't be a path, just a {kind}"
        return None

    return check


_DIRECTORY_NAME = _file_name("appenddirname", True, "dirname")


def _directory(text: str) -> str | None:
    """Whether the process could change to the directory; the change itself comes later."""
    import os

    path = encode(text) or b"\0"
    try:
        with os.scandir(path):
            pass
        if not os.access(path, os.X_OK):
            return "Permission denied"
    except ValueError:
        return "No such file or directory"
    except PermissionError as error:
        # Searchable but not readable is enough to work in.
        return None if os.path.isdir(path) and os.access(path, os.X_OK) else error.strerror
    except OSError as error:
        return error.strerror
    return None


def _collation(text: str) -> str | None:
    import locale

    before = locale.setlocale(locale.LC_COLLATE)
    try:
        locale.setlocale(locale.LC_COLLATE, text)
    except (locale.Error, ValueError):
        return "Invalid locale name"
    locale.setlocale(locale.LC_COLLATE, before)
    return None


def expand_title(template: str, values: dict[str, str]) -> str | None:
    """A process title: `{name}` is replaced, `{{` is a brace; None when another brace opens."""
    out = []
    at = 0
    while True:
        brace = template.find("{", at)
        if brace < 0:
            return "".join(out) + template[at:]
        out.append(template[at:brace])
        if template.startswith("{{", brace):
            out.append("{")
            at = brace + 2
            continue
        end = template.find("}", brace)
        name = template[brace + 1 : end] if end > 0 else ""
        if name not in values:
            return None
        out.append(values[name])
        at = end + 1


def _title_template(text: str) -> str | None:
    # A title of blanks would hide the process, so title and mode alone, empty here, do not suffice.
    values = dict.fromkeys(("listen-addr", "port", "tls-port", "unixsocket", "config-file"), "-")
    values["title"] = values["server-mode"] = ""
    if not (expand_title(text, values) or "").strip(" "):
        return "template format is invalid or contains unknown variables"
    return None


def _version(text: str) -> str | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+){1,3}", text) is None:
        return "a version is two to four numbers with dots between them"
    return None


def _watchdog_period(value: int) -> int:
    return max(value, 200) if value > 0 else value


_ROWS: tuple[Directive, ...] = (
    Choice("acl-pubsub-default", "resetchannels", "allchannels resetchannels"),
    Text("aclfile", immutable=True),
    Number("acllog-max-len", 128, 0, LONG_MAX),
    Number("active-defrag-cycle-max", 25, 1, 99),
    Number("active-defrag-cycle-min", 1, 1, 99),
    Memory("active-defrag-ignore-bytes", 104857600, 1, LONG_MAX),
    Number("active-defrag-max-scan-fields", 1000, 1, LONG_MAX),
    Number("active-defrag-threshold-lower", 10, 0, 1000),
    Number("active-defrag-threshold-upper", 100, 0, 1000),
    Number("active-expire-effort", 1, 1, 10),
    Flag("activedefrag", False),
    Flag("activerehashing", True),
    Flag("always-show-logo", False, immutable=True),
    Flag("aof-disable-auto-gc", False, hidden=True),
    Flag("aof-load-truncated", True),
    Text("aof-rewrite-cpulist", immutable=True),
    Flag("aof-rewrite-incremental-fsync", True),
    Flag("aof-timestamp-enabled", False),
    Flag("aof-use-rdb-preamble", True),
    Text("appenddirname", "appendonlydir", _DIRECTORY_NAME, immutable=True),
    Text("appendfilename", "appendonly.aof", _file_name("appendfilename", True), immutable=True),
    Choice("appendfsync", "everysec", "everysec always no"),
    Flag("appendonly", False),
    Memory("auto-aof-rewrite-min-size", 67108864, 0, LONG_MAX),
    Number("auto-aof-rewrite-percentage", 100, 0, INT_MAX),
    Text("bgsave-cpulist", immutable=True),
    Words("bind", ("*", "-::*"), 16, "Too many bind addresses specified."),
    Text("bind-source-addr"),
    Text("bio-cpulist", immutable=True),
    Number("busy-reply-threshold", 5000, 0, LONG_MAX),
    Limits("client-output-buffer-limit", _OUTPUT_LIMITS),
    Memory("client-query-buffer-limit", 1073741824, 1048576, LONG_MAX),
    Flag("cluster-allow-pubsubshard-when-down", True),
    Flag("cluster-allow-reads-when-down", False),
    Flag("cluster-allow-replica-migration", True),
    Number("cluster-announce-bus-port", 0, 0, 65535),
    Text("cluster-announce-hostname", check=_hostname),
    Bytes("cluster-announce-human-nodename", check=_node_name),
    Text("cluster-announce-ip"),
    Number("cluster-announce-port", 0, 0, 65535),
    Number("cluster-announce-tls-port", 0, 0, 65535),
    Number("cluster-compatibility-sample-ratio", 0, 0, 100),
    Text("cluster-config-file", "nodes.conf", immutable=True),
    Flag("cluster-enabled", False, immutable=True),
    Memory("cluster-link-sendbuf-limit", 0, 0, ULONG_MAX),
    Number("cluster-migration-barrier", 1, 0, INT_MAX),
    Number("cluster-node-timeout", 15000, 0, LONG_MAX),
    Number("cluster-ping-interval", 0, 0, LONG_MAX, hidden=True),
    Number("cluster-port", 0, 0, 65535, immutable=True),
    Choice("cluster-preferred-endpoint-type", "ip", "ip hostname unknown-endpoint"),
    Flag("cluster-replica-no-failover", False),
    Number("cluster-replica-validity-factor", 10, 0, INT_MAX),
    Flag("cluster-require-full-coverage", True),
    Flag("coalesce-wakeups", True),
    Flag("crash-log-enabled", True),
    Flag("crash-memcheck-enabled", True),
    Flag("daemonize", False, immutable=True),
    Number("databases", 16, 1, INT_MAX, immutable=True),
    Text("dbfilename", "dump.rdb", _file_name("dbfilename"), protected=True),
    Directory("dir", "", _directory, protected=True),
    Flag("disable-thp", True, immutable=True),
    Flag("dynamic-hz", True),
    Choice("enable-debug-command", "no", "no yes local", immutable=True),
    Choice("enable-module-command", "no", "no yes local", immutable=True),
    Choice("enable-protected-configs", "no", "no yes local", immutable=True),
    Number("hash-max-listpack-entries", 512, 0, LONG_MAX),
    Memory("hash-max-listpack-value", 64, 0, LONG_MAX),
    Flag("hide-user-data-from-log", False),
    Memory("hll-sparse-max-bytes", 3000, 0, LONG_MAX),
    Number("hz", 10, 0, INT_MAX, lambda value: max(1, min(value, 500))),
    Text("ignore-warnings", kept_empty=True),
    Number("io-threads", 1, 1, 128, immutable=True),
    Flag("jemalloc-bg-thread", True),
    Number("key-load-delay", 0, INT_MIN, INT_MAX, hidden=True),
    Number("latency-monitor-threshold", 0, 0, LONG_MAX),
    Flag("latency-tracking", True),
    Percentiles("latency-tracking-info-percentiles", (50.0, 99.0, 99.9)),
    Flag("lazyfree-lazy-eviction", False),
    Flag("lazyfree-lazy-expire", False),
    Flag("lazyfree-lazy-server-del", False),
    Flag("lazyfree-lazy-user-del", False),
    Flag("lazyfree-lazy-user-flush", False),
    Number("lfu-decay-time", 1, 0, INT_MAX),
    Number("lfu-log-factor", 10, 0, INT_MAX),
    Number("list-compress-depth", 0, 0, INT_MAX),
    Number("list-max-listpack-size", -2, INT_MIN, INT_MAX),
    Number("loading-process-events-interval-bytes", 524288, 1024, INT_MAX, hidden=True),
    Text("locale-collate", check=_collation, kept_empty=True),
    Text("logfile", immutable=True, kept_empty=True),
    Choice("loglevel", "notice", "debug verbose notice warning nothing"),
    Flag("lua-enable-deprecated-api", False, immutable=True, hidden=True),
    Bytes("masterauth"),
    Text("masteruser"),
    Number("max-new-connections-per-cycle", 10, 1, 1000),
    Number("max-new-tls-connections-per-cycle", 1, 1, 1000),
    Number("maxclients", 10000, 1, UINT_MAX),
    Memory("maxmemory", 0, 0, ULONG_MAX),
    Percent("maxmemory-clients", 0),
    Number("maxmemory-eviction-tenacity", 10, 0, 100),
    Choice("maxmemory-policy", "noeviction", _POLICIES),
    Number("maxmemory-samples", 5, 1, 64),
    Number("min-replicas-max-lag", 10, 0, INT_MAX),
    Number("min-replicas-to-write", 0, 0, INT_MAX),
    Flag("no-appendfsync-on-rewrite", False),
    Events("notify-keyspace-events"),
    Choice("oom-score-adj", "no", "no yes relative absolute"),
    Integers("oom-score-adj-values", (0, 200, 800), -2000, 2000),
    Text("pidfile", immutable=True),
    Number("port", 6379, 0, 65535),
    Flag("prepare-huge-pages", False),
    Text("proc-title-template", "{title} {listen-addr} {server-mode}", _title_template),
    Choice("propagation-error-behavior", "ignore", "ignore panic panic-on-replicas"),
    Flag("protected-mode", True),
    Memory("proto-max-bulk-len", 536870912, 1048576, LONG_MAX),
    Flag("rdb-del-sync-files", False),
    Number("rdb-key-save-delay", 0, INT_MIN, INT_MAX, hidden=True),
    Flag("rdb-save-incremental-fsync", True),
    Flag("rdbchecksum", True, immutable=True),
    Flag("rdbcompression", True),
    Memory("repl-backlog-size", 1 << 20, 1, LONG_MAX, lambda value: max(value, 16384)),
    Number("repl-backlog-ttl", 3600, 0, LONG_MAX),
    Flag("repl-disable-tcp-nodelay", False),
    Choice("repl-diskless-load", "disabled", "disabled on-empty-db swapdb"),
    Flag("repl-diskless-sync", True),
    Number("repl-diskless-sync-delay", 5, 0, INT_MAX),
    Number("repl-diskless-sync-max-replicas", 0, 0, INT_MAX),
    Number("repl-ping-replica-period", 10, 1, INT_MAX),
    Flag("repl-rdb-channel", True, hidden=True),
    Number("repl-timeout", 60, 1, INT_MAX),
    Text("replica-announce-ip"),
    Number("replica-announce-port", 0, 0, 65535),
    Flag("replica-announced", True),
    Memory("replica-full-sync-buffer-limit", 0, 0, LONG_MAX),
    Flag("replica-ignore-disk-write-errors", False),
    Flag("replica-ignore-maxmemory", True),
    Flag("replica-lazy-flush", False),
    Number("replica-priority", 100, 0, INT_MAX),
    Flag("replica-read-only", True),
    Flag("replica-serve-stale-data", True),
    Address("replicaof", None, immutable=True),
    Text("reported-redis-version", DEFAULT_REPORTED_VERSION, _version),
    Bytes("requirepass"),
    Choice("sanitize-dump-payload", "no", "no yes clients"),
    Save("save", ((3600, 1), (300, 100), (60, 10000))),
    Text("server-cpulist", immutable=True),
    Number("set-max-intset-entries", 512, 0, LONG_MAX),
    Number("set-max-listpack-entries", 128, 0, LONG_MAX),
    Number("set-max-listpack-value", 64, 0, LONG_MAX),
    Flag("set-proc-title", True, immutable=True),
    Choices("shutdown-on-sigint", ("default",), _SHUTDOWN),
    Choices("shutdown-on-sigterm", ("default",), _SHUTDOWN),
    Number("shutdown-timeout", 10, 0, INT_MAX),
    Number("slowlog-log-slower-than", 10000, -1, LONG_MAX),
    Number("slowlog-max-len", 128, 0, LONG_MAX),
    Number("socket-mark-id", 0, 0, UINT_MAX, immutable=True),
    Flag("stop-writes-on-bgsave-error", True),
    Memory("stream-node-max-bytes", 4096, 0, LONG_MAX),
    Number("stream-node-max-entries", 100, 0, LONG_MAX),
    Choice("supervised", "no", "upstart systemd auto no", immutable=True),
    Flag("syslog-enabled", False, immutable=True),
    Choice("syslog-facility", "local0", _FACILITIES, immutable=True),
    Text("syslog-ident", "redis", immutable=True),
    Number("tcp-backlog", 511, 0, INT_MAX, immutable=True),
    Number("tcp-keepalive", 300, 0, INT_MAX),
    Number("timeout", 0, 0, INT_MAX),
    Choice("tls-auth-clients", "yes", "no yes optional"),
    Text("tls-ca-cert-dir", names_file=True),
    Text("tls-ca-cert-file", names_file=True),
    Text("tls-cert-file", names_file=True),
    Text("tls-ciphers"),
    Text("tls-ciphersuites"),
    Text("tls-client-cert-file"),
    Text("tls-client-key-file"),
    Text("tls-client-key-file-pass"),
    Flag("tls-cluster", False),
    Text("tls-dh-params-file", names_file=True),
    Text("tls-key-file", names_file=True),
    Text("tls-key-file-pass"),
    Number("tls-port", 0, 0, 65535),
    Flag("tls-prefer-server-ciphers", False),
    Text("tls-protocols"),
    Flag("tls-replication", False),
    Number("tls-session-cache-size", 20480, 0, INT_MAX),
    Number("tls-session-cache-timeout", 300, 0, INT_MAX),
    Flag("tls-session-caching", True),
    Number("tracking-table-max-keys", 1000000, 0, LONG_MAX),
    Text("unixsocket", immutable=True),
    Octal("unixsocketperm", 0, 0, 0o777, immutable=True),
    Flag("use-exit-on-panic", False, hidden=True),
    Number("watchdog-period", 0, 0, INT_MAX, _watchdog_period, hidden=True),
    Number("zset-max-listpack-entries", 128, 0, LONG_MAX),
    Memory("zset-max-listpack-value", 64, 0, LONG_MAX),
)

DIRECTIVES: dict[str, Directive] = {row.name: row for row in _ROWS}

ALIASES: dict[str, str] = {
    "aof_rewrite_cpulist": "aof-rewrite-cpulist",
    "bgsave_cpulist": "bgsave-cpulist",
    "bio_cpulist": "bio-cpulist",
    "cluster-slave-no-failover": "cluster-replica-no-failover",
    "cluster-slave-validity-factor": "cluster-replica-validity-factor",
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
    "lua-time-limit": "busy-reply-threshold",
    "min-slaves-max-lag": "min-replicas-max-lag",
    "min-slaves-to-write": "min-replicas-to-write",
    "repl-ping-slave-period": "repl-ping-replica-period",
    "server_cpulist": "server-cpulist",
    "slave-announce-ip": "replica-announce-ip",
    "slave-announce-port": "replica-announce-port",
    "slave-ignore-maxmemory": "replica-ignore-maxmemory",
    "slave-lazy-flush": "replica-lazy-flush",
    "slave-priority": "replica-priority",
    "slave-read-only": "replica-read-only",
    "slave-serve-stale-data": "replica-serve-stale-data",
    "slaveof": "replicaof",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
}

# Directives of older servers that mean nothing any more: read with one value, and ignored.
WITHOUT_EFFECT = {
    "aclfile": "no user of it exists",
    "appendonly": "nothing is written to disk",
    "cluster-enabled": "this is a single server",
    "replicaof": "this is a primary",
}
"""Directives of features that fastredis has not yet: what that means where one is switched on."""

DEPRECATED = frozenset(
    (
        "io-threads-do-reads",
        "list-max-ziplist-entries",
        "list-max-ziplist-value",
        "lua-replicate-commands",
    )
)


def find(name: str) -> Directive | None:
    """The directive of a name or an alias, in any case."""
    name = fold(name)
    return DIRECTIVES.get(ALIASES.get(name, name))

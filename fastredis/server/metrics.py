"""INFO: what the server tells of itself, section by section, in Redis's names, order and format.

    engine counters --_engine.read_*()--> Metrics.section() --> lines "name:value"

Exporters and client libraries parse these lines, so names and units are Redis's; where a field has
another meaning here, its place below says so. What fastredis has not (scripts, I/O threads, a
defragmentation of memory) is zero. Keysizes comes only by its name, because it looks at every key;
fields of Debug for which the loop would have to be watched more closely are left out.

Two fields identify fastredis: `server_name` and `fastredis_version`. `redis_version` is what
libraries parse to choose commands (directive reported-redis-version).

Cost: about 0.3 ms for everything, and no look at the data set.
"""

from __future__ import annotations

import os
import resource
import sys
import time

from fastredis import __version__, _engine
from fastredis.server.identity import build_id
from fastredis.server.text import fold

Fields = list[tuple[str, object]]

# Memory of scripts and functions, of which there are none.
_SCRIPTING: Fields = [
    ("used_memory_lua", 0),
    ("used_memory_vm_eval", 0),
    ("used_memory_lua_human", "0B"),
    ("used_memory_scripts_eval", 0),
    ("number_of_cached_scripts", 0),
    ("number_of_functions", 0),
    ("number_of_libraries", 0),
    ("used_memory_vm_functions", 0),
    ("used_memory_vm_total", 0),
    ("used_memory_vm_total_human", "0B"),
    ("used_memory_functions", 0),
    ("used_memory_scripts", 0),
    ("used_memory_scripts_human", "0B"),
]


# Sizes of values, in the order of the engine's types.
_SIZES = ("strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items")
_ONLY_BY_NAME = ("keysizes", "debug")


def human_bytes(count: int) -> str:
    """A size as people read it: 999B, 1.50K, 23.54G."""
    if count < 1024:
        return f"{count}B"
    size = float(count)
    for unit in "KMGTPE":
        size /= 1024
        if size < 1024:
            break
    return f"{size:.2f}{unit}"


def resident_bytes() -> int:
    """Resident memory of the process; where the system tells only its maximum, that."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def system_bytes() -> int:
    """Memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _percent(part: float, whole: float) -> str:
    return f"{100 * _ratio(part, whole):.2f}%"


def _short(power: int) -> str:
    """A power of two with its largest unit: 512, 1K, 64K, 2M."""
    for unit in ("", "K", "M"):
        if power < 1024:
            return f"{power}{unit}"
        power >>= 10
    return f"{power}G"


class Metrics:
    """INFO of one server. `facts` is the `commands.ServerCommands` that knows the server."""

    def __init__(self, facts) -> None:
        self._facts = facts
        self._config = facts.config

    def info(self, names: list[str]) -> str:
        """The text of INFO for these sections, in the fixed order; none: the default ones.

        Unknown names are ignored.
        """
        wanted = {fold(name) for name in names} or {"default"}
        if not wanted.isdisjoint(("all", "everything")):
            wanted.update(name for name, *_ in self._SECTIONS if name not in _ONLY_BY_NAME)
        texts = []
        for name, title, is_default, method in self._SECTIONS:
            if name in wanted or (is_default and "default" in wanted):
                lines = [f"{field}:{value}\r\n" for field, value in method(self)]
                texts.append(f"# {title}\r\n" + "".join(lines))
        return "\r\n".join(texts)

    def _server(self) -> Fields:
        config, facts = self._config, self._facts
        system = os.uname()
        uptime = int(time.monotonic() - facts.started_monotonic)
        supervisor = config.supervisor.kind if config.supervisor is not None else None
        return [
            ("redis_version", config["reported-redis-version"]),
            ("server_name", "fastredis"),
            ("fastredis_version", __version__),
            ("redis_git_sha1", "00000000"),
            ("redis_git_dirty", 0),
            ("redis_build_id", build_id()),
            ("redis_mode", "cluster" if config["cluster-enabled"] else "standalone"),
            ("os", f"{system.sysname} {system.release} {system.machine}"),
            ("arch_bits", 64 if sys.maxsize > 2**32 else 32),
            ("monotonic_clock", "POSIX clock_gettime"),
            ("multiplexing_api", "epoll" if sys.platform == "linux" else "kqueue"),
            ("atomicvar_api", "c11-builtin"),
            ("gcc_version", _engine.compiler_version()),
            ("process_id", os.getpid()),
            ("process_supervised", supervisor or "no"),
            ("run_id", facts.run_id),
            ("tcp_port", config["port"] or config["tls-port"]),
            ("server_time_usec", time.time_ns() // 1000),
            ("uptime_in_seconds", uptime),
            ("uptime_in_days", uptime // 86400),
            ("hz", config["hz"]),
            ("configured_hz", config["hz"]),
            ("lru_clock", int(time.time()) & 0xFFFFFF),
            ("executable", facts.executable),
            ("config_file", config.file or ""),
            ("io_threads_active", 0),
            *self._listeners(),
        ]

    def _listeners(self) -> Fields:
        """What is listened on; each kind has a number of its own."""
        config, found = self._config, []
        binds = "".join(f"bind={address}," for address in config["bind"])
        if config["port"]:
            found.append(("listener0", f"name=tcp,{binds}port={config['port']}"))
        if config["unixsocket"]:
            found.append(("listener1", f"name=unix,bind={config['unixsocket']}"))
        if config["tls-port"]:
            found.append(("listener2", f"name=tls,{binds}port={config['tls-port']}"))
        return found

    def _clients(self) -> Fields:
        clients = _engine.read_clients()
        return [
            ("connected_clients", clients["connected"]),
            ("cluster_connections", 0),
            ("maxclients", self._config["maxclients"]),
            ("client_recent_max_input_buffer", clients["input_max_bytes"]),
            ("client_recent_max_output_buffer", clients["output_max_bytes"]),
            ("blocked_clients", clients["blocked"]),
            ("tracking_clients", 0),
            ("pubsub_clients", 0),
            ("watching_clients", clients["watching"]),
            ("clients_in_timeout_table", clients["timeouts"]),
            ("total_watched_keys", clients["watched_keys"]),
            ("total_blocking_keys", clients["waited_keys"]),
            ("total_blocking_keys_on_nokey", clients["waited_keys_on_loss"]),
        ]

    def memory(self) -> dict[str, int]:
        """The figures of the Memory section and of MEMORY STATS, in bytes.

        overhead is all that is not keys and values: what the server took when it had started, the
        tables, and the clients. active is what blocks take with the empty slabs kept beside them.
        """
        found = dict(_engine.read_memory())
        databases = _engine.read_databases()
        found["startup"] = min(self._facts.startup_bytes, found["used"])
        clients = _engine.read_clients()
        found["clients"] = clients["bytes"]
        tables = sum(one["table_bytes"] + one["expires_bytes"] for one in databases)
        found["overhead"] = min(found["startup"] + clients["own_bytes"] + tables, found["used"])
        found["dataset"] = found["used"] - found["overhead"]
        found["active"] = found["used"] + found["reserve"]
        found["resident"] = resident_bytes()
        return found

    def _memory(self) -> Fields:
        config, m = self._config, self.memory()
        used, active, resident = m["used"], m["active"], m["resident"]
        total = system_bytes()
        return [
            ("used_memory", used),
            ("used_memory_human", human_bytes(used)),
            ("used_memory_rss", resident),
            ("used_memory_rss_human", human_bytes(resident)),
            ("used_memory_peak", m["peak"]),
            ("used_memory_peak_human", human_bytes(m["peak"])),
            ("used_memory_peak_perc", _percent(used, m["peak"])),
            ("used_memory_overhead", m["overhead"]),
            ("used_memory_startup", m["startup"]),
            ("used_memory_dataset", m["dataset"]),
            ("used_memory_dataset_perc", _percent(m["dataset"], used - m["startup"])),
            ("allocator_allocated", used),
            ("allocator_active", active),
            ("allocator_resident", resident),
            ("allocator_muzzy", 0),
            ("total_system_memory", total),
            ("total_system_memory_human", human_bytes(total)),
            *_SCRIPTING,
            ("maxmemory", config["maxmemory"]),
            ("maxmemory_human", human_bytes(config["maxmemory"])),
            ("maxmemory_policy", config["maxmemory-policy"]),
            ("allocator_frag_ratio", f"{_ratio(active, used):.2f}"),
            ("allocator_frag_bytes", active - used),
            ("allocator_rss_ratio", f"{_ratio(resident, active):.2f}"),
            ("allocator_rss_bytes", resident - active),
            # All that is resident counts as the allocator's: it cannot tell what the rest takes.
            ("rss_overhead_ratio", f"{_ratio(resident, resident):.2f}"),
            ("rss_overhead_bytes", 0),
            ("mem_fragmentation_ratio", f"{_ratio(resident, used):.2f}"),
            ("mem_fragmentation_bytes", resident - used),
            ("mem_not_counted_for_evict", 0),
            ("mem_replication_backlog", 0),
            ("mem_total_replication_buffers", 0),
            ("mem_replica_full_sync_buffer", 0),
            ("mem_clients_slaves", 0),
            ("mem_clients_normal", m["clients"]),
            ("mem_cluster_links", 0),
            ("mem_aof_buffer", 0),
            ("mem_allocator", "fastredis-slab"),
            ("mem_overhead_db_hashtable_rehashing", 0),
            ("active_defrag_running", 0),
            ("lazyfree_pending_objects", m["graves"]),
            ("lazyfreed_objects", _engine.read_counters()["freed_lazily"]),
        ]

    def _persistence(self) -> Fields:
        return [
            ("loading", 0),
            ("async_loading", 0),
            ("current_cow_peak", 0),
            ("current_cow_size", 0),
            ("current_cow_size_age", 0),
            ("current_fork_perc", "0.00"),
            ("current_save_keys_processed", 0),
            ("current_save_keys_total", 0),
            ("rdb_changes_since_last_save", _engine.read_changes()),
            ("rdb_bgsave_in_progress", 0),
            ("rdb_last_save_time", int(self._facts.started)),
            ("rdb_last_bgsave_status", "ok"),
            ("rdb_last_bgsave_time_sec", -1),
            ("rdb_current_bgsave_time_sec", -1),
            ("rdb_saves", 0),
            ("rdb_last_cow_size", 0),
            ("rdb_last_load_keys_expired", 0),
            ("rdb_last_load_keys_loaded", 0),
            ("aof_enabled", 0),
            ("aof_rewrite_in_progress", 0),
            ("aof_rewrite_scheduled", 0),
            ("aof_last_rewrite_time_sec", -1),
            ("aof_current_rewrite_time_sec", -1),
            ("aof_last_bgrewrite_status", "ok"),
            ("aof_rewrites", 0),
            ("aof_rewrites_consecutive_failures", 0),
            ("aof_last_write_status", "ok"),
            ("aof_last_cow_size", 0),
            ("module_fork_in_progress", 0),
            ("module_fork_last_cow_size", 0),
        ]

    def _threads(self) -> Fields:
        counters, clients = _engine.read_counters(), _engine.read_clients()
        return [
            ("io_thread_0", f"clients={clients['connected']},reads={counters['reads']},"
                            f"writes={counters['writes']}"),
        ]

    def _stats(self) -> Fields:
        c = _engine.read_counters()
        return [
            ("total_connections_received", c["connections"]),
            ("total_commands_processed", c["commands"]),
            ("instantaneous_ops_per_sec", round(c["commands_per_second"])),
            ("total_net_input_bytes", c["net_in"]),
            ("total_net_output_bytes", c["net_out"]),
            ("total_net_repl_input_bytes", 0),
            ("total_net_repl_output_bytes", 0),
            ("instantaneous_input_kbps", f"{c['net_in_per_second'] / 1024:.2f}"),
            ("instantaneous_output_kbps", f"{c['net_out_per_second'] / 1024:.2f}"),
            ("instantaneous_input_repl_kbps", "0.00"),
            ("instantaneous_output_repl_kbps", "0.00"),
            ("rejected_connections", c["rejected_connections"]),
            ("sync_full", 0),
            ("sync_partial_ok", 0),
            ("sync_partial_err", 0),
            ("expired_subkeys", c["expired_fields"]),
            ("expired_keys", c["expired"]),
            # As it is now; Redis shows a running mean of its samples.
            ("expired_stale_perc", f"{_engine.read_stale_percent():.2f}"),
            ("expired_time_cap_reached_count", c["expire_ticks_capped"]),
            ("expire_cycle_cpu_milliseconds", c["expire_us"] // 1000),
            ("evicted_keys", c["evicted"]),
            ("evicted_clients", c["evicted_clients"]),
            ("evicted_scripts", 0),
            ("total_eviction_exceeded_time",
             (c["exceeded_us"] + c["exceeded_now_us"]) // 1000),
            ("current_eviction_exceeded_time", c["exceeded_now_us"] // 1000),
            ("keyspace_hits", c["hits"]),
            ("keyspace_misses", c["misses"]),
            ("pubsub_channels", 0),
            ("pubsub_patterns", 0),
            ("pubsubshard_channels", 0),
            ("latest_fork_usec", 0),
            ("total_forks", 0),
            ("migrate_cached_sockets", self._facts.server.migration_connections()),
            ("slave_expires_tracked_keys", 0),
            ("active_defrag_hits", 0),
            ("active_defrag_misses", 0),
            ("active_defrag_key_hits", 0),
            ("active_defrag_key_misses", 0),
            ("total_active_defrag_time", 0),
            ("current_active_defrag_time", 0),
            ("tracking_total_keys", 0),
            ("tracking_total_items", 0),
            ("tracking_total_prefixes", 0),
            ("unexpected_error_replies", c["unexpected_errors"]),
            ("total_error_replies", c["errors"]),
            ("dump_payload_sanitizations", c["dump_checks"]),
            ("total_reads_processed", c["reads"]),
            ("total_writes_processed", c["writes"]),
            ("io_threaded_reads_processed", 0),
            ("io_threaded_writes_processed", 0),
            ("client_query_buffer_limit_disconnections", c["query_buffer_disconnects"]),
            ("client_output_buffer_limit_disconnections", c["output_buffer_disconnects"]),
            # Of a buffer that each client of Redis keeps for short replies; here is none.
            ("reply_buffer_shrinks", 0),
            ("reply_buffer_expands", 0),
            ("eventloop_cycles", c["loop_cycles"]),
            ("eventloop_duration_sum", c["loop_us"]),
            ("eventloop_duration_cmd_sum", c["command_us"]),
            ("instantaneous_eventloop_cycles_per_sec", round(c["loop_cycles_per_second"])),
            ("instantaneous_eventloop_duration_usec", round(c["loop_mean_us"])),
            ("acl_access_denied_auth", c["auth_failures"]),
            ("acl_access_denied_cmd", 0),
            ("acl_access_denied_key", 0),
            ("acl_access_denied_channel", 0),
        ]

    def _replication(self) -> Fields:
        return [
            ("role", "master"),
            ("connected_slaves", 0),
            ("master_failover_state", "no-failover"),
            ("master_replid", self._facts.replication_id),
            ("master_replid2", "0" * 40),
            ("master_repl_offset", 0),
            ("second_repl_offset", -1),
            ("repl_backlog_active", 0),
            ("repl_backlog_size", self._config["repl-backlog-size"]),
            ("repl_backlog_first_byte_offset", 0),
            ("repl_backlog_histlen", 0),
        ]

    def _cpu(self) -> Fields:
        own = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        fields = [
            ("used_cpu_sys", own.ru_stime),
            ("used_cpu_user", own.ru_utime),
            ("used_cpu_sys_children", children.ru_stime),
            ("used_cpu_user_children", children.ru_utime),
        ]
        if hasattr(resource, "RUSAGE_THREAD"):
            thread = resource.getrusage(resource.RUSAGE_THREAD)
            fields.append(("used_cpu_sys_main_thread", thread.ru_stime))
            fields.append(("used_cpu_user_main_thread", thread.ru_utime))
        return [(name, f"{seconds:.6f}") for name, seconds in fields]

    def _modules(self) -> Fields:
        return []

    def _commandstats(self) -> Fields:
        return [
            (f"cmdstat_{name}",
             f"calls={calls},usec={int(usec)},usec_per_call={_ratio(usec, calls):.2f},"
             f"rejected_calls={rejected},failed_calls={failed}")
            for name, calls, usec, rejected, failed in _engine.read_commands()
        ]

    def _errorstats(self) -> Fields:
        return [(f"errorstat_{code}", f"count={count}") for code, count in _engine.read_errors()]

    def _latencystats(self) -> Fields:
        if not self._config["latency-tracking"]:
            return []
        percentiles = self._config["latency-tracking-info-percentiles"]
        return [
            (f"latency_percentiles_usec_{name}",
             ",".join(f"p{percentile:.10g}={usec:.3f}"
                      for percentile, usec in zip(percentiles, values)))
            for name, values in _engine.read_percentiles(percentiles)
        ]

    def _cluster(self) -> Fields:
        return [("cluster_enabled", int(self._config["cluster-enabled"]))]

    def _keyspace(self) -> Fields:
        return [
            (f"db{one['id']}",
             f"keys={one['keys']},expires={one['expires']},avg_ttl={one['mean_ttl_ms']},"
             f"subexpiry={one['field_expires']}")
            for one in _engine.read_databases()
        ]

    def _key_sizes(self) -> Fields:
        return [
            (f"db{one['id']}_distrib_{name}",
             ",".join(f"{_short(size)}={count}" for size, count in counts.items()))
            for one in _engine.read_databases()
            for name, counts in zip(_SIZES, _engine.read_key_sizes(one["id"]))
            if counts
        ]

    def _debug(self) -> Fields:
        return [
            ("eventloop_duration_aof_sum", 0),
            ("eventloop_duration_cron_sum", self._facts.server.cron_ns // 1000),
            ("allocator_allocated_lua", 0),
            ("allocator_active_lua", 0),
            ("allocator_resident_lua", 0),
            ("allocator_frag_bytes_lua", 0),
        ]

    # Name, title, whether it is shown by default, and what makes its fields; in this order.
    _SECTIONS = (
        ("server", "Server", True, _server),
        ("clients", "Clients", True, _clients),
        ("memory", "Memory", True, _memory),
        ("persistence", "Persistence", True, _persistence),
        ("threads", "Threads", True, _threads),
        ("stats", "Stats", True, _stats),
        ("replication", "Replication", True, _replication),
        ("cpu", "CPU", True, _cpu),
        ("modules", "Modules", True, _modules),
        ("commandstats", "Commandstats", False, _commandstats),
        ("errorstats", "Errorstats", True, _errorstats),
        ("latencystats", "Latencystats", False, _latencystats),
        ("cluster", "Cluster", True, _cluster),
        ("keyspace", "Keyspace", True, _keyspace),
        ("keysizes", "Keysizes", False, _key_sizes),
        ("debug", "Debug", False, _debug),
    )

"""LATENCY DOCTOR and GRAPH, MEMORY DOCTOR and MALLOC-STATS: figures put into words and pictures."""

from __future__ import annotations

import time

from fastredis import _engine
from fastredis.server.metrics import Metrics, human_bytes

_GRAPH_ROWS = "_o#"
_GRAPH_COLUMNS = 80
_GRAPH_HEIGHT = 4
_SMALL_BYTES = 5 << 20


def latency_graph(name: str) -> str | None:
    """The samples of an event as columns of text, oldest first; None where there are none."""
    found = next((event for event in _engine.read_latency_events() if event[0] == name), None)
    if found is None:
        return None
    _, worst_ms, samples = found
    samples = samples[-_GRAPH_COLUMNS:]
    high = max(delay_ms for _, delay_ms in samples)
    low = min(delay_ms for _, delay_ms in samples)
    lines = [
        f"{name} - high {high} ms, low {low} ms (all time high {worst_ms} ms)",
        "-" * _GRAPH_COLUMNS,
    ]
    lines += _columns([delay_ms - low for _, delay_ms in samples], high - low)
    lines.append("")
    now = int(time.time())
    ages = [_age(now - second) for second, _ in samples]
    depth = max(map(len, ages))
    lines += ["".join(age[row : row + 1] or " " for age in ages) for row in range(depth)]
    return "".join(line.rstrip() + "\n" for line in lines)


def _columns(values: list[int], top: int) -> list[str]:
    """Rows of text, highest first; each row shows three levels."""
    levels = [
        round(value * (_GRAPH_HEIGHT * len(_GRAPH_ROWS) - 1) / top) if top else 0
        for value in values
    ]
    rows = []
    for row in reversed(range(_GRAPH_HEIGHT)):
        base = row * len(_GRAPH_ROWS)
        marks = []
        for level in levels:
            over = level - base
            inside = 0 <= over < len(_GRAPH_ROWS)
            marks.append(_GRAPH_ROWS[over] if inside else "|" if over > 0 else " ")
        rows.append("".join(marks))
    return rows


def _age(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def latency_doctor(config) -> str:
    """What the latency monitor has seen, and what can be done about it."""
    threshold_ms = config["latency-monitor-threshold"]
    events = _engine.read_latency_events()
    if not threshold_ms and not events:
        return (
            "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> "
            "makes it record what takes that long.\n"
        )
    if not events:
        return f"Nothing has taken {threshold_ms} ms or longer.\n"
    lines = ["Delays were recorded:", ""]
    for number, (name, worst_ms, samples) in enumerate(events, 1):
        delays = [delay_ms for _, delay_ms in samples]
        mean = sum(delays) / len(delays)
        deviation = sum(abs(delay - mean) for delay in delays) / len(delays)
        period = (samples[-1][0] - samples[0][0]) / max(len(samples) - 1, 1)
        lines.append(
            f"{number}. {name}: {len(samples)} times (mean {mean:.0f} ms, mean deviation "
            f"{deviation:.0f} ms, one each {period:.0f} s). The worst took {worst_ms} ms."
        )
    lines += ["", *(f"- {advice}" for advice in _latency_advice(config, events))]
    return "".join(line + "\n" for line in lines)


def _latency_advice(config, events) -> list[str]:
    names = {name for name, _, _ in events}
    advice = []
    slowlog_us = config["slowlog-log-slower-than"]
    threshold_us = config["latency-monitor-threshold"] * 1000
    if names & {"command", "fast-command"}:
        if slowlog_us < 0 or slowlog_us > threshold_us > 0:
            advice.append(
                "The slow log does not keep commands as short as these: "
                f"CONFIG SET slowlog-log-slower-than {threshold_us} makes it."
            )
        advice.append("SLOWLOG GET shows which commands took long, and their arguments.")
    if "fast-command" in names:
        advice.append(
            "Commands that cannot be slow were: look for swapping, a busy processor, or "
            "transparent huge pages (fastredis-server --check-system)."
        )
    if "expire-cycle" in names:
        advice.append("Many keys are due at the same moment: spread their times to live.")
    return advice


def memory_doctor(metrics: Metrics) -> str:
    """What stands out in the figures of memory."""
    memory = metrics.memory()
    if memory["used"] < _SMALL_BYTES:
        return "This server holds too little data for its memory to be judged.\n"
    findings = []
    if memory["peak"] > memory["used"] * 1.5:
        findings.append(
            f"At its peak {human_bytes(memory['peak'])} were in use, now "
            f"{human_bytes(memory['used'])}: resident memory may stay high. MEMORY PURGE gives "
            "back what can be."
        )
    if memory["resident"] > memory["used"] * 1.4:
        findings.append(
            f"{human_bytes(memory['resident'])} are resident for {human_bytes(memory['used'])} of "
            "data: half-empty pages remain where many keys were deleted, until new ones fill them."
        )
    if memory["clients"] > memory["used"] // 5:
        findings.append(
            f"Buffers of clients take {human_bytes(memory['clients'])}: some send large "
            "pipelines or do not read their replies (CLIENT LIST shows which)."
        )
    if not findings:
        return "Nothing stands out in this server's memory.\n"
    return "".join(f"* {finding}\n" for finding in findings)


def memory_stats(metrics: Metrics) -> dict[str, object]:
    """The reply of MEMORY STATS."""
    m = metrics.memory()
    databases = _engine.read_databases()
    keys = sum(one["keys"] for one in databases)
    used, active, resident = m["used"], m["active"], m["resident"]
    reply: dict[str, object] = {
        "peak.allocated": m["peak"],
        "total.allocated": used,
        "startup.allocated": m["startup"],
        "replication.backlog": 0,
        "replica.fullsync.buffer": 0,
        "clients.slaves": 0,
        "clients.normal": m["clients"],
        "cluster.links": 0,
        "aof.buffer": 0,
        "lua.caches": 0,
        "functions.caches": 0,
        "script.VMs": 0,
    }
    for one in databases:
        reply[f"db.{one['id']}"] = {
            "overhead.hashtable.main": one["table_bytes"],
            "overhead.hashtable.expires": one["expires_bytes"],
        }
    reply.update({
        "overhead.db.hashtable.lut": sum(one["table_bytes"] for one in databases),
        "overhead.db.hashtable.rehashing": 0,
        "overhead.total": m["overhead"],
        "db.dict.rehashing.count": 0,
        "keys.count": keys,
        "keys.bytes-per-key": (used - m["startup"]) // keys if keys else 0,
        "dataset.bytes": m["dataset"],
        "dataset.percentage": 100.0 * m["dataset"] / max(used - m["startup"], 1),
        "peak.percentage": 100.0 * used / max(m["peak"], 1),
        "allocator.allocated": used,
        "allocator.active": active,
        "allocator.resident": resident,
        "allocator.muzzy": 0,
        "allocator-fragmentation.ratio": active / max(used, 1),
        "allocator-fragmentation.bytes": active - used,
        "allocator-rss.ratio": resident / max(active, 1),
        "allocator-rss.bytes": resident - active,
        "rss-overhead.ratio": resident / max(resident, 1),
        "rss-overhead.bytes": 0,
        "fragmentation": resident / max(used, 1),
        "fragmentation.bytes": resident - used,
    })
    return reply


def malloc_stats(metrics: Metrics) -> str:
    """What the allocator knows of itself."""
    memory = metrics.memory()
    rows = (
        ("blocks in use", "used"), ("most ever in use", "peak"), ("empty slabs kept", "reserve"),
        ("address space of slabs and tables", "mapped"), ("resident, whole process", "resident"),
    )
    lines = ["Allocator: fastredis-slab (slabs up to 1 KB, the C library above)"]
    lines += [f"{title:<34} {memory[name]:>15} {human_bytes(memory[name])}" for title, name in rows]
    return "\n".join(lines) + "\n"

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, nonecheck=False, embedsignature=True
"""The one extension of fastredis: engine, command families and the edge, in reading order.

Parts are included, not imported, so that the allocator's counters, the hash seed and the command
table exist once and calls between files are direct.
"""

# The engine: keyspace, sessions, dispatch. No Python object, no socket.
include "engine/state.pyx"
include "engine/status.pyx"
include "engine/args.pyx"
include "engine/table.pyx"
include "engine/stats.pyx"
include "engine/latency.pyx"
include "engine/slowlog.pyx"
include "engine/values.pyx"
include "engine/keyspace.pyx"
include "engine/expire.pyx"
include "engine/evict.pyx"
include "engine/transactions.pyx"
include "engine/dispatch.pyx"
include "engine/blocking.pyx"
include "engine/blocking_keys.pyx"
include "engine/scan.pyx"
include "engine/sessions.pyx"

# The command families, each with its rows at the foot.
include "commands/strings.pyx"
include "commands/strings_lcs.pyx"
include "commands/sets.pyx"
include "commands/sets_algebra.pyx"
include "commands/keys.pyx"
include "commands/keys_walk.pyx"
include "commands/expiry.pyx"
include "commands/sorted_sets.pyx"
include "commands/sorted_sets_range.pyx"
include "commands/sorted_sets_pop.pyx"
include "commands/sorted_sets_algebra.pyx"
include "commands/geo.pyx"
include "commands/sorted_sets_value.pyx"
include "commands/dump.pyx"
include "commands/databases.pyx"
include "commands/transactions.pyx"
include "commands/connection.pyx"
include "commands/server.pyx"
include "commands/debug.pyx"
include "commands/clients.pyx"
include "commands/waiting.pyx"
include "commands/migrate.pyx"
# Behind all the others: it refines their rows.
include "commands/introspection.pyx"

# The edge: Python objects and sockets.
include "server/hooks.pyx"
include "server/transfer.pyx"
include "server/embed.pyx"
include "server/connection.pyx"
include "server/edge.pyx"
include "server/settings.pyx"
include "server/statistics.pyx"

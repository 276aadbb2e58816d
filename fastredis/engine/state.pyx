# state: the structures of the engine, and the one mutable global of the project.
#
# Everything that outlives a call hangs on `state`; functions get the session, database or call
# that they work on. The structures reference each other so:
#
#   State --- databases[] --- keys (hashtable of entry), expires (heap of the same entries),
#     |                       field_expires (heap of hashes whose fields have due times),
#     |                       watched (hashtable of WatchedKey)
#     |------ sessions (ring of Session) --- parser, pending input, reply, queue of MULTI, watches
#     `------ rows (command table) --- Row --- subcommands
#
#   Call = one execution of one command: session, arguments, row. Lives on the stack.
#
# Ownership: a Session owns its buffers, queue and watches; a Database owns its entries; State owns
# the rest. Sessions are freed only at the top of the loop (sessions_reap), never inside a command.

from libc.stdint cimport (int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
                          INT32_MAX, INT64_MAX, INT64_MIN, SIZE_MAX, UINT32_MAX,
                          UINT64_MAX)
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strcmp, strlen, strncmp

from fastredis.capi.alloc cimport *
from fastredis.capi.bitfield cimport *
from fastredis.capi.bits cimport *
from fastredis.capi.clock cimport *
from fastredis.capi.common cimport *
from fastredis.capi.crc64 cimport *
from fastredis.capi.entry cimport *
from fastredis.capi.expiry_heap cimport *
from fastredis.capi.field cimport *
from fastredis.capi.field_table cimport *
from fastredis.capi.geohash cimport *
from fastredis.capi.glob cimport *
from fastredis.capi.hash cimport *
from fastredis.capi.hash_fields cimport *
from fastredis.capi.hash_rdb cimport *
from fastredis.capi.hashtable cimport *
from fastredis.capi.hyperloglog cimport *
from fastredis.capi.intset cimport *
from fastredis.capi.lazyfree cimport *
from fastredis.capi.lcs cimport *
from fastredis.capi.listpack cimport *
from fastredis.capi.list cimport *
from fastredis.capi.lzf cimport *
from fastredis.capi.number cimport *
from fastredis.capi.packing cimport *
from fastredis.capi.random cimport *
from fastredis.capi.rdb_format cimport *
from fastredis.capi.reply cimport *
from fastredis.capi.resp cimport *
from fastredis.capi.set cimport *
from fastredis.capi.set_algebra cimport *
from fastredis.capi.sort cimport *
from fastredis.capi.ziplist cimport *
from fastredis.capi.stream cimport *
from fastredis.capi.zset cimport *

cdef enum:
    KEY_SPECS_MAX = 4
    ADDRESS_BYTES = 112          # longest printed address: a unix socket path and ":0"
    VERSION_BYTES = 32

# ---- command table ----

cdef enum:
    COMMAND_WRITE = 1 << 0
    COMMAND_READONLY = 1 << 1
    COMMAND_DENYOOM = 1 << 2
    COMMAND_ADMIN = 1 << 3
    COMMAND_PUBSUB = 1 << 4
    COMMAND_NOSCRIPT = 1 << 5
    COMMAND_BLOCKING = 1 << 6
    COMMAND_LOADING = 1 << 7
    COMMAND_STALE = 1 << 8
    COMMAND_SKIP_MONITOR = 1 << 9
    COMMAND_SKIP_SLOWLOG = 1 << 10
    COMMAND_SKIP_COMMANDLOG = 1 << 11
    COMMAND_ASKING = 1 << 12
    COMMAND_FAST = 1 << 13
    COMMAND_NO_AUTH = 1 << 14
    COMMAND_NO_MANDATORY_KEYS = 1 << 15
    COMMAND_NO_ASYNC_LOADING = 1 << 16
    COMMAND_NO_MULTI = 1 << 17
    COMMAND_MOVABLEKEYS = 1 << 18
    COMMAND_ALLOW_BUSY = 1 << 19
    # Not shown to clients: how dispatch treats the command.
    COMMAND_NOT_QUEUED = 1 << 24     # runs at once inside MULTI
    COMMAND_MAY_REPLICATE = 1 << 25  # held by a pause of writes, though it is none
    COMMAND_PROTECTED = 1 << 26      # needs a Permission of the configuration

cdef enum KeyBegin:
    BEGIN_INDEX
    BEGIN_KEYWORD
    BEGIN_UNKNOWN

cdef enum KeyFind:
    FIND_RANGE
    FIND_KEYNUM
    FIND_UNKNOWN

ctypedef struct KeySpec:
    const char *flags            # "RW,access,update"
    const char *note             # or NULL
    KeyBegin begin
    int index                    # position, or where a keyword search starts
    const char *keyword
    KeyFind find
    int last_key                 # range: relative to the first; negative from the end
    int step
    int limit
    int keynum_index             # keynum: where the number of keys stands, from the first
    int first_key
    bint incomplete
    bint not_key                 # names a channel, not a key

ctypedef void (*Handler)(Call *call) noexcept nogil
# Keys of commands whose specs cannot tell: writes positions, returns their number or -1.
ctypedef int (*KeyFinder)(const slice *argv, int argc, int *positions, int capacity) noexcept nogil

# Access flags of the key at a position, where they depend on the options: "RW,access".
ctypedef const char *(*KeyFlags)(const slice *argv, int argc, int position) noexcept nogil

ctypedef struct Row:
    const char *name             # full and in lower case: "client|kill"
    const char *short_name       # "kill"
    uint64_t packed_name         # see table.pyx
    bint packed_tells            # no other text is packed alike but for upper case
    int arity
    uint32_t flags
    uint32_t acl                 # bits of the categories of table.pyx
    const char *group
    const char *tips             # joined by '|'
    KeySpec key_specs[KEY_SPECS_MAX]
    int key_spec_count
    int first_key
    int last_key
    int key_step
    KeyFinder key_finder         # or NULL: the specs tell
    KeyFlags key_flags           # or NULL: those of the spec
    int element                  # position of the member or field looked up first; 0: none
    Handler handler
    Row *parent
    Row **subcommands
    int subcommand_count
    int id                       # dense, for tables on the Python side
    uint64_t calls
    uint64_t ticks
    uint64_t rejected
    uint64_t failed
    uint64_t *latency            # histogram of ticks (stats.pyx); NULL until called

# ---- databases ----

ctypedef struct Database:
    hashtable keys
    expiry_heap expires
    expiry_heap field_expires    # hashes by their first field that is due
    hashtable watched            # of WatchedKey
    hashtable waited             # of WaitedKey
    int id

ctypedef struct WatchedKey:
    Watch *first
    Database *database
    uint32_t key_length
    char key[1]

ctypedef struct Watch:
    WatchedKey *key
    Session *session
    Watch *next_of_key
    Watch *previous_of_key
    Watch *next_of_session
    bint was_expired             # already due when WATCH saw it: counts as missing

ctypedef struct WaitedKey:
    KeyWaiter *first             # who came first is served first
    KeyWaiter *last
    Database *database
    WaitedKey *next_ready
    bint is_ready                # in state.ready_keys
    bint is_served               # its waiters are being run
    uint32_t loss_count          # waiters that also run where the key goes
    uint32_t key_length
    char key[1]

# One session in the queue of one key.
ctypedef struct KeyWaiter:
    WaitedKey *key
    KeyWait *wait
    KeyWaiter *previous
    KeyWaiter *next

cdef enum BlockedWhy:
    BLOCKED_TIMEOUT              # time has run out, or CLIENT UNBLOCK says so
    BLOCKED_CANCELLED            # by CLIENT UNBLOCK ERROR; the error is already sent
    BLOCKED_CLOSED               # the session goes: nothing is to be sent

ctypedef void (*BlockedEnd)(Session *s, BlockedWhy why) noexcept nogil

# A command that waits for keys; see blocking_keys.pyx.
ctypedef struct KeyWait:
    Session *session
    Row *row
    slice *argv                  # behind the waiters, in the same block
    int argc
    entry_type wanted
    bint on_loss
    BlockedEnd timed_out
    size_t block_bytes
    int waiter_count
    KeyWaiter waiters[1]

# ---- sessions ----

cdef enum:
    SESSION_MULTI = 1 << 0
    SESSION_QUEUE_ERROR = 1 << 1        # EXEC will answer EXECABORT
    SESSION_DIRTY = 1 << 2              # a watched key has changed
    SESSION_CLOSE_AFTER_REPLY = 1 << 3
    SESSION_CLOSE_NOW = 1 << 4
    SESSION_REPLY_OFF = 1 << 5
    SESSION_REPLY_SKIP_NEXT = 1 << 6
    SESSION_REPLY_SKIP = 1 << 7
    SESSION_NO_TOUCH = 1 << 8
    SESSION_NO_EVICT = 1 << 9
    SESSION_AUTHENTICATED = 1 << 10
    SESSION_UNIX = 1 << 11
    SESSION_INTERNAL = 1 << 12          # no connection behind it: embedded calls, tests
    SESSION_IN_EXEC = 1 << 13
    SESSION_DENY_BLOCKING = 1 << 14     # inside EXEC or a script: blocking commands answer at once
    SESSION_LOCAL = 1 << 15             # the peer is on this machine
    # Suspended: input is kept and not executed.
    SESSION_HELD_BY_PAUSE = 1 << 16
    SESSION_HELD_BY_OUTPUT = 1 << 17
    SESSION_BLOCKED = 1 << 18
    SESSION_FREED = 1 << 20             # waits for sessions_reap

cdef enum:
    SESSION_HELD = SESSION_HELD_BY_PAUSE | SESSION_HELD_BY_OUTPUT | SESSION_BLOCKED
    SESSION_CLOSING = SESSION_CLOSE_AFTER_REPLY | SESSION_CLOSE_NOW | SESSION_FREED

ctypedef struct QueuedCommand:
    Row *row
    slice *argv
    int argc
    size_t owned_bytes           # 0: argv still points into the batch; else size of the block

ctypedef struct MultiQueue:
    QueuedCommand *commands
    uint32_t count
    uint32_t capacity
    uint32_t owned               # how many of the first commands own their bytes
    size_t bytes

ctypedef struct Session:
    uint64_t id
    uint32_t flags
    int fd
    Database *database
    reply out
    resp_parser parser
    char *pending                # block of input that could not be executed yet, which begins
    size_t pending_start         # here, with a command
    size_t pending_length
    size_t pending_capacity
    uint32_t offer_max           # commands that are parsed at a time
    MultiQueue queue
    uint32_t exec_count          # commands of the EXEC that runs
    Watch *watches
    uint32_t watch_count
    size_t watch_bytes           # of the watches and the names of their keys
    Row *last_row
    char *name                   # NULL or zero-terminated, as the three below
    char *lib_name
    char *lib_version
    char *user
    char *peer
    char *local
    int64_t created_ms           # monotonic, as the next three
    int64_t active_ms
    int64_t output_soft_since_ms
    int64_t blocked_until_ms     # 0: without limit
    uint32_t blocked_position    # in state.timeouts, or EXPIRY_HEAP_NOWHERE
    bint blocked_muted           # CLIENT REPLY has taken the answer away beforehand
    BlockedEnd blocked_end       # what answers when the wait is over
    void *blocked_data           # what the family that waits keeps of the wait
    uint64_t blocked_ticks       # what the command that waits has taken so far
    KeyWait *key_wait            # not NULL: waits for keys, or is being run again for one
    uint64_t turn                # of the edge, when it was served last; 0: never
    uint64_t net_in
    uint64_t net_out
    uint64_t command_count
    size_t output_peak
    size_t counted_bytes         # in state.clients_bytes; see evict_clients.pyx
    Session *previous
    Session *next
    Session *next_ready          # queue of sessions whose held input may go on
    bint is_ready
    uint32_t poll_events         # what the edge has asked the kernel to tell
    void *transport              # a Connection (borrowed), or NULL: the edge owns the socket
    Session *next_unsent         # queue of connections with replies to write
    bint is_unsent

ctypedef struct Call:
    Session *session
    reply *out
    Database *database
    const slice *argv
    int argc
    Row *row
    uint64_t hash                # of the first key, where has_hash
    bint has_hash

# ---- what is observed ----

cdef enum:
    ERROR_CODE_MAX = 24
    ERROR_CODES_MAX = 128        # codes beyond are counted under the last
    LATENCY_SAMPLES = 160
    LATENCY_EVENTS_MAX = 16
    METER_SAMPLES = 16
    METER_COMMANDS = 0
    METER_NET_IN
    METER_NET_OUT
    METER_LOOP_CYCLES
    METER_LOOP_TICKS             # a cycle
    METERS

ctypedef struct ErrorCode:
    char code[ERROR_CODE_MAX]
    uint64_t count

ctypedef struct LatencySample:
    int64_t second               # 0: unused
    int64_t worst_ms

ctypedef struct LatencyEvent:
    const char *name             # borrowed: literals only
    int64_t worst_ms
    int next
    LatencySample samples[LATENCY_SAMPLES]

ctypedef struct LatencyMonitor:
    LatencyEvent events[LATENCY_EVENTS_MAX]
    int count

ctypedef struct SlowCommand:
    SlowCommand *older
    SlowCommand *newer
    size_t block_bytes
    int64_t id
    int64_t second
    int64_t duration_us
    slice peer
    slice name
    int argc
    slice argv[1]                # argc of them

ctypedef struct SlowLog:
    SlowCommand *newest
    SlowCommand *oldest
    int64_t count
    int64_t next_id

ctypedef struct Meter:
    uint64_t last
    uint64_t last_base
    double rates[METER_SAMPLES]

ctypedef struct Meters:
    Meter of[METERS]
    int next
    int64_t sampled_us

# ---- what waits to be freed or evicted ----

cdef enum:
    POOL_SLOTS = 16
    POOL_KEY_MAX = 255           # longer keys are evicted from a sample, never kept in the pool

# Free about `budget` elements; True: the value is gone, its own block included.
ctypedef bint (*GraveStep)(void *value, size_t budget) noexcept nogil

ctypedef struct Grave:
    void *value
    GraveStep step
    uint64_t counted
    Grave *next

ctypedef enum EvictRank:
    EVICT_NONE
    EVICT_LRU
    EVICT_LFU
    EVICT_RANDOM
    EVICT_TTL

ctypedef struct Candidate:
    uint64_t score               # higher goes first; 0: the slot is free
    Database *database
    size_t key_length
    char key[POOL_KEY_MAX]

ctypedef struct Eviction:
    EvictRank rank
    bint volatile_only
    uint32_t samples
    Candidate pool[POOL_SLOTS]

# ---- the batch that runs ----

cdef enum:
    WORKS_MAX = 256

# What one session has offered to the batch.
ctypedef struct Work:
    Session *session
    char *data
    size_t length
    size_t consumed              # bytes of whole commands
    uint32_t first               # its commands in the batch
    uint32_t end
    resp_status status
    bint is_pending              # data is the session's own pending buffer
    uint32_t most                # commands that were asked for

# ---- set by the server layer ----

# Send what is in Session.out; False where the socket takes no more now.
ctypedef bint (*Flush)(Session *s) noexcept nogil
# Run a command's Python side in place.
ctypedef void (*PythonCall)(Call *call) noexcept nogil
# Of MIGRATE (commands/migrate.pyx). Start: False where there is no loop to come back to.
ctypedef bint (*MigrationStart)(void *migration) noexcept nogil
ctypedef void (*MigrationRun)(void *migration) noexcept nogil

ctypedef struct Hooks:
    Flush flush                  # NULL: there is no edge
    PythonCall python_call
    MigrationStart migration_start
    MigrationRun migration_run

# ---- the state ----

ctypedef struct Statistics:
    uint64_t connections
    uint64_t rejected_connections
    uint64_t commands
    uint64_t net_in
    uint64_t net_out
    uint64_t reads
    uint64_t writes
    uint64_t expired
    uint64_t expired_fields
    uint64_t evicted
    uint64_t evicted_clients
    uint64_t exceeded_us         # above maxmemory, before exceeded_since_us
    uint64_t expire_ticks_capped
    uint64_t expire_us
    uint64_t hits
    uint64_t misses
    uint64_t errors
    uint64_t unexpected_errors
    uint64_t query_buffer_disconnects
    uint64_t output_buffer_disconnects
    uint64_t auth_failures
    uint64_t dump_checks
    uint64_t loop_cycles
    uint64_t loop_ticks
    uint64_t freed_lazily
    uint64_t http_cut            # clients closed because they sent HTTP

# Who may use the commands that the row flag `protected` guards.
cdef enum Permission:
    PERMIT_NONE
    PERMIT_LOCAL                 # clients of this machine
    PERMIT_ALL

ctypedef struct Limits:
    int64_t bulk_max             # proto-max-bulk-len
    size_t query_buffer_max      # client-query-buffer-limit
    size_t input_watched         # kept input above which a session is looked at: at most that
    size_t clients_bytes_max     # maxmemory-clients; 0: none
    size_t output_hard           # client-output-buffer-limit of normal clients; 0: none
    size_t output_soft
    int64_t output_soft_ms
    size_t memory_max            # maxmemory; 0: none
    bint latency_tracking
    bint active_expire
    uint64_t slow_ticks          # commands that took as long are looked at: the lower of these two
    uint64_t slowlog_ticks       # UINT64_MAX: none
    uint64_t latency_ticks       # UINT64_MAX: none
    int64_t slowlog_length
    int64_t latency_ms           # latency-monitor-threshold; 0: none
    Permission debug_command
    Permission module_command
    collection_limits packing

ctypedef struct State:
    Database *databases
    int database_count
    hashtable_type entry_type
    hashtable_type watched_type
    hashtable_type waited_type
    hashtable_type session_type
    set_settings sets            # see set.h; lent to every call that may change a set
    fields_settings hashes       # see hash_fields.h; lent to every call that may change a hash
    zset_settings zsets          # see zset.h; lent to every call that may change a sorted set
    bint simd_off                # PFDEBUG SIMD OFF: registers of HyperLogLogs by portable loops
    random_state random
    int64_t now_ms               # wall clock, read by clock_update
    int64_t now_us               # the same
    int64_t now_monotonic_ms
    uint64_t clock_until_ticks   # how long these count as now
    int64_t clock_offset_ms      # the one minus the other, as it was last
    uint64_t ticks               # when the last command ended, or what runs commands began
    int64_t purge_at_ms          # monotonic: when more memory goes back to the system; 0: not
    int64_t dirty                # changes since the last save
    Session *sessions            # ring, or NULL
    uint32_t session_count
    hashtable sessions_by_id     # the same sessions
    uint64_t next_session_id
    size_t clients_bytes         # of clients, where there is a limit: evict_clients.pyx
    Session *ready
    Session *ready_last
    Session *reap
    Session *current             # whose command runs
    Limits limits
    Statistics stats
    bint password_required
    char *password               # of user default, any bytes; NULL: none
    size_t password_length
    char version[VERSION_BYTES]  # what clients are told; empty: VERSION_DEFAULT
    uint64_t blocked_count
    expiry_heap timeouts         # of blocked sessions, by monotonic time
    uint64_t waited_count        # keys that somebody waits for
    uint64_t waited_loss_count   # ... also for their end
    WaitedKey *ready_keys        # to be served behind the running command
    WaitedKey *ready_keys_last
    uint64_t watching_count
    uint64_t watched_count
    int64_t pause_until_ms       # monotonic; 0: not paused
    bint pause_all               # else writes alone
    uint32_t lru_clock
    bint lfu                     # maxmemory-policy is one of the LFU ones
    uint32_t lfu_log_factor
    uint32_t lfu_decay_minutes
    int64_t wake_ms              # wall clock: when the edge must call engine_tick next
    resp_batch batch             # of whoever executes now
    Work works[WORKS_MAX]        # whose commands are in it
    uint32_t work_count
    Grave *graves                # values.pyx
    uint64_t graves_waiting      # values in them; of a flushed database each key
    Eviction eviction
    int64_t exceeded_since_us    # monotonic: eviction could not get below maxmemory; 0: it could
    ErrorCode error_codes[ERROR_CODES_MAX]
    int error_code_count
    LatencyMonitor latency
    SlowLog slowlog
    Meters meters
    Hooks hooks

cdef State state

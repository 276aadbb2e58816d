# migrate: MIGRATE: hand keys over to another server, which gets each of them by a RESTORE.
#
#   cmd_migrate     options, lookups; all values, as DUMP would give them, into one request
#     |  may wait:     hooks.migration_start, session_block ...... off the loop: server/transfer.pyx
#     |  must not:     hooks.migration_run ....................... in place, and everybody waits
#     v
#   migration_end   deletes what the target has acknowledged, answers, frees
#
# Redis serves nobody while it transfers. Here the loop goes on, so a key may change meanwhile. It
# is deleted only where its value and its due time are still what the target was given; otherwise it
# stays, and the answer is an error: no write is lost, and the client can repeat the command with
# REPLACE. A key that has come due meanwhile counts as handed over. Inside EXEC, and for sessions
# without a connection, the transfer runs in place, so there the two commands of a transaction have
# nothing in between.
#
# Who ends the wait early:
#   the connection is gone   the command is carried out; nobody is told
#   CLIENT UNBLOCK           the keys stay, whatever the target has got: as after a broken transfer
#
# Payloads say the oldest version that has their form, so that older servers take them.
#
# Complexity: O(bytes of the values), twice: they are saved again to compare. Ownership: a Migration
# belongs to the transfer until migration_end; it borrows its session, which forgets it in its end.

cdef enum:
    MIGRATE_TIMEOUT_MS = 1000    # where the command gives none

ctypedef struct MigratedKey:
    size_t key_at                # in Migration.request, as the payload
    size_t key_length
    size_t payload_at
    size_t payload_length
    int64_t due_ms
    bint acknowledged

ctypedef struct Migration:
    Session *session             # who waits for the answer; NULL: nobody
    Row *row
    int database_id
    bint keep                    # COPY, or the wait was called off: delete nothing
    char *host                   # zero-terminated
    int port                     # 0: not a port
    int64_t timeout_ms           # longest silence of the target
    reply preamble               # AUTH and SELECT: once a connection
    int preamble_count
    reply request                # a RESTORE for each key
    MigratedKey *keys
    int count
    int capacity
    char *refusal                # first error of the target, or NULL
    Status failure               # ERROR_MIGRATE_...; or NOT_GIVEN

ctypedef struct MigrateOptions:
    bint copy
    bint replace
    slice user                   # data NULL: not given, as the password
    slice password
    int first_key
    int key_count


# ---- the command line ----

cdef bint _migrate_options_or_reply(Call *call, MigrateOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 6)
    memset(options, 0, sizeof(MigrateOptions))
    options.first_key = 3
    options.key_count = 1
    while args_left(&args):
        if args_option(&args, b"COPY"):
            options.copy = True
        elif args_option(&args, b"REPLACE"):
            options.replace = True
        elif args_option_with(&args, b"AUTH", &options.password):
            pass
        elif args_left(&args) > 2 and args_option_with(&args, b"AUTH2", &options.user):
            args_next(&args, &options.password)
        elif args_option(&args, b"KEYS"):
            if call.argv[3].length:
                error_reply(call, ERROR_MIGRATE_KEY)
                return False
            options.first_key = args.at
            options.key_count = args_left(&args)
            break
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef int _port_of(slice text) noexcept nogil:
    cdef int64_t port
    if number_parse_int64(text.data, text.length, &port) and 0 < port < 65536:
        return <int>port
    return 0


# ---- the request ----

cdef Migration *_migration_new(Call *call, const MigrateOptions *options, int64_t timeout_ms,
                               int64_t database) noexcept nogil:
    """A request without keys."""
    cdef Migration *m = <Migration *>alloc_new(sizeof(Migration))
    memset(m, 0, sizeof(Migration))
    m.row = call.row
    m.database_id = call.database.id
    m.keep = options.copy
    m.host = text_copy(call.argv[1].data, call.argv[1].length)
    m.port = _port_of(call.argv[2])
    m.timeout_ms = min(timeout_ms, INT32_MAX) if timeout_ms > 0 else MIGRATE_TIMEOUT_MS
    m.failure = NOT_GIVEN
    reply_init(&m.preamble)
    reply_init(&m.request)
    if options.password.data != NULL:
        reply_array(&m.preamble, 3 if options.user.data != NULL else 2)
        reply_text(&m.preamble, b"AUTH")
        if options.user.data != NULL:
            reply_bulk(&m.preamble, options.user.data, options.user.length)
        reply_bulk(&m.preamble, options.password.data, options.password.length)
        m.preamble_count += 1
    reply_array(&m.preamble, 2)
    reply_text(&m.preamble, b"SELECT")
    reply_bulk_int(&m.preamble, database)
    m.preamble_count += 1
    m.capacity = options.key_count
    m.keys = <MigratedKey *>alloc_new(m.capacity * sizeof(MigratedKey))
    return m


cdef void _migration_free(Migration *m) noexcept nogil:
    reply_free(&m.preamble)
    reply_free(&m.request)
    alloc_free(m.keys, m.capacity * sizeof(MigratedKey))
    text_free(&m.host)
    text_free(&m.refusal)
    alloc_free(m, sizeof(Migration))


cdef size_t _bulk_at(reply *out, const void *data, size_t length) noexcept nogil:
    """Append a bulk string; returns where its bytes stand."""
    reply_bulk(out, data, length)
    return out.length - 2 - length


cdef void _migration_add(Migration *m, slice key, const entry *e, bint replace) noexcept nogil:
    """A RESTORE of a key that is there."""
    cdef rdb_writer writer
    cdef MigratedKey *added = &m.keys[m.count]
    m.count += 1
    added.due_ms = entry_due(e)
    added.acknowledged = False
    reply_array(&m.request, 5 if replace else 4)
    reply_text(&m.request, b"RESTORE")
    added.key_length = key.length
    added.key_at = _bulk_at(&m.request, key.data, key.length)
    reply_bulk_int(&m.request, added.due_ms - state.now_ms if entry_has_due(e) else 0)
    rdb_writer_init(&writer)
    value_save(&writer, e)
    rdb_write_footer_of(&writer, value_version(e))
    added.payload_length = writer.length
    added.payload_at = _bulk_at(&m.request, writer.data, writer.length)
    rdb_writer_free(&writer)
    if replace:
        reply_text(&m.request, b"REPLACE")


cdef void cmd_migrate(Call *call) noexcept nogil:
    cdef MigrateOptions options
    cdef int64_t timeout_ms, database
    cdef Migration *m
    cdef entry *e
    cdef int i
    if not _migrate_options_or_reply(call, &options):
        return
    if not int_or_reply(call, call.argv[5], &timeout_ms):
        return
    if not int_or_reply(call, call.argv[4], &database):
        return
    m = _migration_new(call, &options, timeout_ms, database)
    for i in range(options.first_key, options.first_key + options.key_count):
        e = key_read(call, call.argv[i])
        if e != NULL:
            _migration_add(m, call.argv[i], e, options.replace)
    if m.count == 0:
        reply_status(call.out, b"NOKEY")
        _migration_free(m)
        return
    if (session_may_block(call.session) and not call.session.flags & SESSION_INTERNAL
            and state.hooks.migration_start(m)):
        m.session = call.session
        m.session.blocked_data = m
        session_block(m.session, 0, _migration_called_off)
    else:
        state.hooks.migration_run(m)
        _migration_settle(m, call)
        _migration_free(m)


# ---- the outcome ----

cdef void _migration_called_off(Session *s, BlockedWhy why) noexcept nogil:
    """The session waits no more; the transfer goes on and ends by itself."""
    cdef Migration *m = <Migration *>s.blocked_data
    cdef const char *text = STATUS_TEXTS[ERROR_MIGRATE_READ]
    m.session = NULL
    if why == BLOCKED_CLOSED:
        return
    m.keep = True
    if why == BLOCKED_TIMEOUT:
        error_count(text, strlen(text))
        reply_error(&s.out, text, strlen(text))


cdef slice _migrated_key(const Migration *m, int index) noexcept nogil:
    return slice_of(m.request.data + m.keys[index].key_at, m.keys[index].key_length)


cdef bint _is_as_given(const Migration *m, int index, Database *db) noexcept nogil:
    """Whether a key still is what the target was given; one that was due meanwhile counts as
    such."""
    cdef const MigratedKey *given = &m.keys[index]
    cdef slice key = _migrated_key(m, index)
    cdef const entry *e = <const entry *>hashtable_find(
        &db.keys, key.data, key.length, hash_bytes(&state.entry_type.seed, key.data, key.length))
    cdef rdb_writer writer
    cdef bint same
    if e == NULL:
        return given.due_ms != ENTRY_NO_DUE and given.due_ms <= state.now_ms
    if entry_due(e) != given.due_ms:
        return False
    rdb_writer_init(&writer)
    value_save(&writer, e)
    same = (writer.length + RDB_FOOTER_BYTES == given.payload_length
            and memcmp(writer.data, m.request.data + given.payload_at, writer.length) == 0)
    rdb_writer_free(&writer)
    return same


cdef bint _delete_acknowledged(Migration *m) noexcept nogil:
    """False where a key has changed meanwhile; it stays."""
    cdef Database *db = &state.databases[m.database_id]
    cdef bint unchanged = True
    cdef slice key
    cdef int i
    # First all comparisons: a key may be named twice.
    for i in range(m.count):
        if m.keys[i].acknowledged and not _is_as_given(m, i, db):
            m.keys[i].acknowledged = unchanged = False
    for i in range(m.count):
        if m.keys[i].acknowledged:
            key = _migrated_key(m, i)
            key_delete(db, key, hash_bytes(&state.entry_type.seed, key.data, key.length))
    return unchanged


cdef void _migration_settle(Migration *m, Call *call) noexcept nogil:
    """Delete and answer; call NULL: nobody is there to be told."""
    cdef bint unchanged = m.keep or _delete_acknowledged(m)
    if call == NULL:
        return
    if m.refusal != NULL:
        error_migrate_target(call, slice_of(m.refusal, strlen(m.refusal)))
    elif m.failure != NOT_GIVEN:
        error_reply(call, m.failure)
    elif not unchanged:
        error_reply(call, ERROR_MIGRATE_CHANGED)
    else:
        reply_ok(call.out)


cdef void migration_end(Migration *m) noexcept nogil:
    """The transfer is over, well or not: settle it, let the session go on, free."""
    cdef Session *s = m.session
    cdef Call call
    cdef size_t mark
    if s == NULL:
        _migration_settle(m, NULL)
    else:
        memset(&call, 0, sizeof(Call))
        call.session = s
        call.out = &s.out
        call.database = s.database
        call.row = m.row
        mark = reply_later(&s.out)
        _migration_settle(m, &call)
        blocked_wake(s, mark)
    _migration_free(m)


row(b"migrate", -6, b"write", b"generic", b"+dangerous",
    b"RW,access,delete index:3 range:0,1,0"
    b" ; RW,access,delete,incomplete keyword:KEYS,-2 range:-1,1,0",
    b"nondeterministic_output", cmd_migrate)

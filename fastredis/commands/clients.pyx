# clients: CLIENT, what connections say about themselves and do to each other.
#
# A client is a session with a connection behind it. Embedded sessions (SESSION_INTERNAL) can use
# CLIENT, but are not listed, killed or paused: nobody outside the process could know them.
#
# The ring of sessions is in order of age, which is also the order of ids: new ones go to its end.
# A client that is named by its id is found in O(1) (session_find), however many there are.

# ---- one line of CLIENT LIST ----

ctypedef enum ClientType:
    CLIENT_NORMAL
    CLIENT_MASTER
    CLIENT_REPLICA
    CLIENT_PUBSUB
    CLIENT_ANY


cdef ClientType client_type(const Session *s) noexcept nogil:
    """What kind of peer it is. A session is a normal client until it subscribes or replicates."""
    return CLIENT_NORMAL


cdef void client_flags(const Session *s, char *letters) noexcept nogil:
    """The letters of a session's state, in their fixed order; N where there is none."""
    cdef int n = 0
    if s.flags & (SESSION_MULTI | SESSION_IN_EXEC):
        letters[n] = c'x'
        n += 1
    if s.flags & (SESSION_BLOCKED | SESSION_HELD_BY_PAUSE):
        letters[n] = c'b'
        n += 1
    if s.flags & SESSION_DIRTY:
        letters[n] = c'd'
        n += 1
    if s.flags & SESSION_CLOSE_AFTER_REPLY:
        letters[n] = c'c'
        n += 1
    if s.flags & SESSION_CLOSE_NOW:
        letters[n] = c'A'
        n += 1
    if s.flags & SESSION_UNIX:
        letters[n] = c'U'
        n += 1
    if s.flags & SESSION_NO_EVICT:
        letters[n] = c'e'
        n += 1
    if s.flags & SESSION_NO_TOUCH:
        letters[n] = c'T'
        n += 1
    if n == 0:
        letters[n] = c'N'
        n += 1
    letters[n] = 0


cdef inline const char *text_or(const char *text, const char *otherwise) noexcept nogil:
    if text != NULL:
        return text
    return otherwise


cdef inline const char *text_if(bint condition, const char *text) noexcept nogil:
    if condition:
        return text
    return b""


cdef inline const char *last_command(const Session *s) noexcept nogil:
    if s.last_row != NULL:
        return s.last_row.name
    return b"NULL"


cdef size_t queue_memory(const MultiQueue *queue) noexcept nogil:
    return queue.bytes + queue.count * sizeof(QueuedCommand)


cdef size_t call_memory(const Call *call) noexcept nogil:
    """Bytes of the arguments of the running command."""
    cdef size_t total = 0
    cdef int i
    for i in range(call.argc):
        total += call.argv[i].length
    return total


cdef size_t waiting_memory(const Session *s) noexcept nogil:
    """Bytes of the arguments of a command that waits for keys."""
    cdef size_t total = 0
    cdef int i
    if s.key_wait != NULL:
        for i in range(s.key_wait.argc):
            total += s.key_wait.argv[i].length
    return total


cdef size_t input_memory(const Session *s) noexcept nogil:
    """Bytes of input: what is being executed, commands that were executed before in the same batch
    included, or what waits."""
    cdef uint32_t w
    for w in range(state.work_count):
        if state.works[w].session == s:
            return state.works[w].length
    return s.pending_length


cdef void client_text(reply *out, const char *label, const char *text) noexcept nogil:
    reply_raw(out, label, strlen(label))
    if text != NULL:
        reply_raw(out, text, strlen(text))


cdef void client_line(Call *call, const Session *s, size_t own_output) noexcept nogil:
    """Describe a session; `own_output`: what the caller's output held before this reply."""
    cdef reply *out = call.out
    cdef bint own = s == call.session
    cdef char text[640]
    cdef char letters[16]
    cdef size_t output = own_output if own else reply_bytes(&s.out)
    cdef size_t arguments = call_memory(call) if own else waiting_memory(s)
    cdef size_t queued = queue_memory(&s.queue)
    cdef bint connected = not s.flags & SESSION_INTERNAL
    cdef bint reads = connected and not s.flags & (SESSION_HELD_BY_OUTPUT | SESSION_CLOSING)
    cdef bint writes = connected and output != 0 and not own
    cdef int length, multi = -1
    # A transaction that cannot succeed any more watches nothing.
    cdef uint32_t watched = 0 if s.flags & SESSION_DIRTY else s.watch_count
    if s.flags & SESSION_MULTI:
        multi = s.queue.count
    elif s.flags & SESSION_IN_EXEC:
        multi = s.exec_count
    client_flags(s, letters)
    length = snprintf(text, sizeof(text), b"id=%llu addr=%s laddr=%s fd=%d",
                      <unsigned long long>s.id, text_or(s.peer, b"?:0"),
                      text_or(s.local, b"?:0"), s.fd)
    reply_raw(out, text, length)
    client_text(out, b" name=", s.name)
    length = snprintf(
        text, sizeof(text),
        b" age=%lld idle=%lld flags=%s db=%d sub=0 psub=0 ssub=0 multi=%d watch=%u qbuf=%zu"
        b" qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=%zu rbp=%zu obl=%zu oll=%u omem=%zu"
        b" tot-mem=%zu events=%s%s cmd=%s",
        <long long>((state.now_monotonic_ms - s.created_ms) // 1000),
        <long long>((state.now_monotonic_ms - s.active_ms) // 1000), letters, s.database.id,
        multi, watched, input_memory(s), s.pending_capacity - s.pending_length, arguments,
        queued, s.out.capacity, s.output_peak, output, s.out.reference_count,
        s.out.referenced_bytes,
        session_bytes(s) + s.out.referenced_bytes,
        text_if(reads, b"r"), text_if(writes, b"w"), last_command(s))
    reply_raw(out, text, length)
    client_text(out, b" user=", text_or(s.user, USER_DEFAULT))
    length = snprintf(text, sizeof(text), b" redir=-1 resp=%d", <int>s.out.protocol)
    reply_raw(out, text, length)
    client_text(out, b" lib-name=", s.lib_name)
    client_text(out, b" lib-ver=", s.lib_version)
    reply_raw(out, b" io-thread=0\n", 13)


# ---- CLIENT LIST, CLIENT INFO ----

cdef void write_verbatim_head(reply *out, int64_t length) noexcept nogil:
    """What stands before a text of this length, written afterwards (reply_insert)."""
    if out.protocol == 3:
        reply_header(out, c'=', length + 4)
        reply_raw(out, b"txt:", 4)
    else:
        reply_header(out, c'$', length)


cdef void client_text_end(Call *call, size_t place) noexcept nogil:
    """Turn what has been written since `place` into one verbatim text."""
    reply_insert(call.out, place, write_verbatim_head, call.out.length - place)
    reply_raw(call.out, b"\r\n", 2)


cdef bint client_type_or_reply(Call *call, slice text, ClientType *found) noexcept nogil:
    if slice_is(text, b"NORMAL"):
        found[0] = CLIENT_NORMAL
    elif slice_is(text, b"SLAVE") or slice_is(text, b"REPLICA"):
        found[0] = CLIENT_REPLICA
    elif slice_is(text, b"PUBSUB"):
        found[0] = CLIENT_PUBSUB
    elif slice_is(text, b"MASTER"):
        found[0] = CLIENT_MASTER
    else:
        error_client_type(call, text)
        return False
    return True


cdef void list_by_type(Call *call, ClientType wanted) noexcept nogil:
    cdef size_t place = reply_later(call.out), own_output = reply_bytes(call.out)
    cdef Session *s = state.sessions
    cdef uint32_t left = state.session_count
    while left:
        if not s.flags & SESSION_INTERNAL and (wanted == CLIENT_ANY or client_type(s) == wanted):
            client_line(call, s, own_output)
        s = s.next
        left -= 1
    client_text_end(call, place)


cdef void list_by_id(Call *call) noexcept nogil:
    """In the order of the arguments; ids that nobody has are left out."""
    cdef size_t place, own_output = reply_bytes(call.out)
    cdef const Session *found
    cdef int64_t id
    cdef int i
    for i in range(3, call.argc):
        if not number_parse_int64(call.argv[i].data, call.argv[i].length, &id):
            error_reply(call, ERROR_CLIENT_ID)
            return
    place = reply_later(call.out)
    for i in range(3, call.argc):
        number_parse_int64(call.argv[i].data, call.argv[i].length, &id)
        found = session_find(<uint64_t>id)
        if found != NULL and not found.flags & SESSION_INTERNAL:
            client_line(call, found, own_output)
    client_text_end(call, place)


cdef void cmd_client_list(Call *call) noexcept nogil:
    cdef ClientType wanted
    if call.argc == 2:
        list_by_type(call, CLIENT_ANY)
    elif call.argc == 4 and slice_is(call.argv[2], b"TYPE"):
        if client_type_or_reply(call, call.argv[3], &wanted):
            list_by_type(call, wanted)
    elif call.argc > 3 and slice_is(call.argv[2], b"ID"):
        list_by_id(call)
    else:
        error_reply(call, ERROR_SYNTAX)


cdef void cmd_client_info(Call *call) noexcept nogil:
    cdef size_t place = reply_later(call.out)
    client_line(call, call.session, reply_bytes(call.out))
    client_text_end(call, place)


# ---- names ----

cdef void cmd_client_id(Call *call) noexcept nogil:
    reply_int(call.out, call.session.id)


cdef void cmd_client_getname(Call *call) noexcept nogil:
    if call.session.name != NULL:
        reply_text(call.out, call.session.name)
    else:
        reply_null(call.out)


cdef void cmd_client_setname(Call *call) noexcept nogil:
    if not client_text_fits(call.argv[2]):
        error_reply(call, ERROR_CLIENT_NAME)
        return
    text_set(&call.session.name, call.argv[2])
    reply_ok(call.out)


cdef void cmd_client_setinfo(Call *call) noexcept nogil:
    cdef slice option = call.argv[2]
    cdef char **target
    if slice_is(option, b"LIB-NAME"):
        target = &call.session.lib_name
    elif slice_is(option, b"LIB-VER"):
        target = &call.session.lib_version
    else:
        error_client_attribute(call, option)
        return
    if not client_text_fits(call.argv[3]):
        error_client_attribute_value(call, option)
        return
    text_set(target, call.argv[3])
    reply_ok(call.out)


# ---- CLIENT KILL ----

ctypedef struct KillFilter:
    int64_t id                   # 0: any, as in the other fields NULL, CLIENT_ANY and 0
    slice peer
    slice local
    slice user
    ClientType type
    int64_t age_min_s
    bint spares_caller


cdef bint _text_matches(slice wanted, const char *text) noexcept nogil:
    if wanted.data == NULL:
        return True
    return text != NULL and strlen(text) == wanted.length and memcmp(wanted.data, text,
                                                                     wanted.length) == 0


cdef bint kill_matches(const KillFilter *wanted, const Session *s,
                       const Session *caller) noexcept nogil:
    if s.flags & (SESSION_INTERNAL | SESSION_CLOSE_NOW):
        return False
    if wanted.spares_caller and s == caller:
        return False
    return (
        (wanted.id == 0 or wanted.id == <int64_t>s.id)
        and _text_matches(wanted.peer, s.peer)
        and _text_matches(wanted.local, s.local)
        and _text_matches(wanted.user, text_or(s.user, USER_DEFAULT))
        and (wanted.type == CLIENT_ANY or wanted.type == client_type(s))
        and (state.now_monotonic_ms - s.created_ms) // 1000 >= wanted.age_min_s)


cdef bint kill_option_or_reply(Call *call, slice option, slice value,
                               KillFilter *wanted) noexcept nogil:
    if slice_is(option, b"ID"):
        if not number_parse_int64(value.data, value.length, &wanted.id) or wanted.id < 1:
            error_reply(call, ERROR_CLIENT_ID_POSITIVE)
            return False
    elif slice_is(option, b"MAXAGE"):
        if not number_parse_int64(value.data, value.length, &wanted.age_min_s):
            error_reply(call, ERROR_MAX_AGE)
            return False
        if wanted.age_min_s <= 0:
            error_reply(call, ERROR_MAX_AGE_POSITIVE)
            return False
    elif slice_is(option, b"TYPE"):
        return client_type_or_reply(call, value, &wanted.type)
    elif slice_is(option, b"ADDR"):
        wanted.peer = value
    elif slice_is(option, b"LADDR"):
        wanted.local = value
    elif slice_is(option, b"USER"):
        if not user_is_default(value):
            error_client_user(call, value)
            return False
        wanted.user = value
    elif slice_is(option, b"SKIPME") and slice_is(value, b"YES"):
        wanted.spares_caller = True
    elif slice_is(option, b"SKIPME") and slice_is(value, b"NO"):
        wanted.spares_caller = False
    else:
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef int64_t kill_if(Call *call, Session *s, const KillFilter *wanted) noexcept nogil:
    """Close a client if it fits; the caller only behind its reply. Returns 1 or 0."""
    if not kill_matches(wanted, s, call.session):
        return 0
    if s == call.session:
        s.flags |= SESSION_CLOSE_AFTER_REPLY
    else:
        session_kill(s)
    return 1


cdef int64_t kill_all(Call *call, const KillFilter *wanted) noexcept nogil:
    """Close every client that fits, found by its id where there is one. Returns their number."""
    cdef Session *s = state.sessions
    cdef Session *following
    cdef uint32_t left = state.session_count
    cdef int64_t killed = 0
    if wanted.id:
        s = session_find(<uint64_t>wanted.id)
        return kill_if(call, s, wanted) if s != NULL else 0
    while left:
        following = s.next
        killed += kill_if(call, s, wanted)
        s = following
        left -= 1
    return killed


cdef void cmd_client_kill(Call *call) noexcept nogil:
    cdef KillFilter wanted
    cdef int at = 2
    memset(&wanted, 0, sizeof(KillFilter))
    wanted.type = CLIENT_ANY
    if call.argc == 3:
        # The old form: one address, the caller's own included.
        wanted.peer = call.argv[2]
        if kill_all(call, &wanted):
            reply_ok(call.out)
        else:
            error_reply(call, ERROR_CLIENT_MISSING)
        return
    wanted.spares_caller = True
    while at < call.argc:
        if at + 1 == call.argc:
            error_reply(call, ERROR_SYNTAX)
            return
        if not kill_option_or_reply(call, call.argv[at], call.argv[at + 1], &wanted):
            return
        at += 2
    reply_int(call.out, kill_all(call, &wanted))


# ---- switches ----

cdef void cmd_client_reply(Call *call) noexcept nogil:
    """Only ON is answered. What is silent is decided behind each command: dispatch._muted."""
    cdef Session *s = call.session
    if slice_is(call.argv[2], b"ON"):
        s.flags &= ~<uint32_t>(SESSION_REPLY_OFF | SESSION_REPLY_SKIP)
        reply_ok(call.out)
    elif slice_is(call.argv[2], b"OFF"):
        s.flags |= SESSION_REPLY_OFF
    elif slice_is(call.argv[2], b"SKIP"):
        if not s.flags & SESSION_REPLY_OFF:
            s.flags |= SESSION_REPLY_SKIP_NEXT
    else:
        error_reply(call, ERROR_SYNTAX)


cdef void client_switch(Call *call, uint32_t flag) noexcept nogil:
    """on | off for one flag of the session."""
    if slice_is(call.argv[2], b"ON"):
        call.session.flags |= flag
    elif slice_is(call.argv[2], b"OFF"):
        call.session.flags &= ~flag
    else:
        error_reply(call, ERROR_SYNTAX)
        return
    reply_ok(call.out)


cdef void cmd_client_no_evict(Call *call) noexcept nogil:
    client_switch(call, SESSION_NO_EVICT)


cdef void cmd_client_no_touch(Call *call) noexcept nogil:
    client_switch(call, SESSION_NO_TOUCH)


# ---- pause ----

cdef bint timeout_ms_or_reply(Call *call, slice text, int64_t *timeout_ms) noexcept nogil:
    """Milliseconds from now on: not negative, and their end must be a time."""
    if not number_parse_int64(text.data, text.length, timeout_ms):
        error_reply(call, ERROR_TIMEOUT_NOT_INTEGER)
    elif timeout_ms[0] < 0:
        error_reply(call, ERROR_TIMEOUT_NEGATIVE)
    elif timeout_ms[0] > INT64_MAX - state.now_ms:
        error_reply(call, ERROR_TIMEOUT_RANGE)
    else:
        return True
    return False


cdef void cmd_client_pause(Call *call) noexcept nogil:
    cdef int64_t duration_ms
    cdef bint all = True
    if call.argc > 4:
        error_subcommand_arguments(call)
        return
    if call.argc == 4:
        all = slice_is(call.argv[3], b"ALL")
        if not all and not slice_is(call.argv[3], b"WRITE"):
            error_reply(call, ERROR_PAUSE_MODE)
            return
    if timeout_ms_or_reply(call, call.argv[2], &duration_ms):
        pause_begin(duration_ms, all)
        reply_ok(call.out)


cdef void cmd_client_unpause(Call *call) noexcept nogil:
    if state.pause_until_ms:
        pause_end()
    reply_ok(call.out)


cdef void cmd_client_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"GETNAME\n"
        b"    The name of this connection.\n"
        b"ID\n"
        b"    The id of this connection.\n"
        b"INFO\n"
        b"    This connection, as a line of LIST.\n"
        b"KILL <ip:port>\n"
        b"    Close the connection from that address.\n"
        b"KILL <option> <value> [<option> <value> [...]]\n"
        b"    Close all connections that fit every option:\n"
        b"    * ADDR (<ip:port>|<unixsocket>:0)\n"
        b"      coming from that address\n"
        b"    * ID <client-id>\n"
        b"      of that id\n"
        b"    * LADDR (<ip:port>|<unixsocket>:0)\n"
        b"      made to that address of ours\n"
        b"    * MAXAGE <seconds>\n"
        b"      at least that old\n"
        b"    * SKIPME (YES|NO)\n"
        b"      whether this connection is spared (it is, unless NO is said)\n"
        b"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)\n"
        b"      of that type\n"
        b"    * USER <username>\n"
        b"      logged in as that user\n"
        b"LIST [TYPE <type>|ID <client-id> [<client-id> ...]]\n"
        b"    All connections, those of a type, or those of the ids; a line each.\n"
        b"NO-EVICT (ON|OFF)\n"
        b"    Keep this connection when clients use too much memory.\n"
        b"NO-TOUCH (ON|OFF)\n"
        b"    Leave the access time of keys alone when this connection reads them.\n"
        b"PAUSE <milliseconds> [WRITE|ALL]\n"
        b"    Hold the writes, or all commands, of every connection.\n"
        b"REPLY (ON|OFF|SKIP)\n"
        b"    Whether commands of this connection are answered; SKIP: not the next one.\n"
        b"SETINFO (LIB-NAME|LIB-VER) <value>\n"
        b"    Say which client library this connection uses.\n"
        b"SETNAME <name>\n"
        b"    Name this connection; an empty name takes the name away.\n"
        b"UNPAUSE\n"
        b"    End a pause before its time.\n")


row(b"client", -2, b"", b"connection", b"", b"", b"", NULL)
row(b"client|getname", 2, b"noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_getname)
row(b"client|help", 2, b"loading stale", b"connection", b"", b"", b"", cmd_client_help)
row(b"client|id", 2, b"noscript loading stale", b"connection", b"", b"", b"", cmd_client_id)
row(b"client|info", 2, b"noscript loading stale", b"connection", b"", b"",
    b"nondeterministic_output", cmd_client_info)
row(b"client|kill", -3, b"admin noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_kill)
row(b"client|list", -2, b"admin noscript loading stale", b"connection", b"", b"",
    b"nondeterministic_output", cmd_client_list)
row(b"client|no-evict", 3, b"admin noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_no_evict)
row(b"client|no-touch", 3, b"noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_no_touch)
row(b"client|pause", -3, b"admin noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_pause)
row(b"client|reply", 3, b"noscript loading stale", b"connection", b"", b"", b"", cmd_client_reply)
row(b"client|setinfo", 4, b"noscript loading stale", b"connection", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", cmd_client_setinfo)
row(b"client|setname", 3, b"noscript loading stale", b"connection", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", cmd_client_setname)
row(b"client|unpause", 2, b"admin noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_unpause)

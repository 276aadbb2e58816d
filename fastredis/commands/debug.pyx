# debug: DEBUG, for tests of servers and of clients. Which clients may use it: enable-debug-command.
# What looks into values is in debug_values.pyx.

from libc.stdlib cimport strtoll
from posix.unistd cimport usleep

cdef enum:
    DEBUG_TEXT_MAX = 64
    DEBUG_SLEEP_SLICE_US = 100000


cdef void _copy_text(char *out, slice text) noexcept nogil:
    """Zero-terminated copy of the beginning, for the C library."""
    cdef size_t length = min(text.length, DEBUG_TEXT_MAX - 1)
    memcpy(out, text.data, length)
    out[length] = 0


cdef void _debug_sleep(Call *call) noexcept nogil:
    """Stops the whole server, as a slow command would: that is what it is for."""
    cdef char text[DEBUG_TEXT_MAX]
    cdef int64_t until_us, left_us
    cdef double seconds
    _copy_text(text, call.argv[2])
    seconds = strtod(text, NULL)
    if not (0 < seconds < 1e9):
        seconds = 0
    until_us = clock_monotonic_us() + <int64_t>(seconds * 1e6)
    while True:
        left_us = until_us - clock_monotonic_us()
        if left_us <= 0:
            break
        usleep(<unsigned int>min(left_us, DEBUG_SLEEP_SLICE_US))
    reply_ok(call.out)


# ---- DEBUG OBJECT ----

cdef size_t _serialized_bytes(const entry *e) noexcept nogil:
    """Bytes of the value in an RDB file, without its type."""
    cdef rdb_writer writer
    cdef size_t bytes
    rdb_writer_init(&writer)
    value_save(&writer, e)
    bytes = writer.length - 1
    rdb_writer_free(&writer)
    return bytes


cdef void _debug_object(Call *call) noexcept nogil:
    cdef char text[512]
    cdef int size
    cdef const entry *e = <const entry *>hashtable_find(
        &call.database.keys, call.argv[2].data, call.argv[2].length,
        key_hash(call, call.argv[2]))
    if e == NULL:
        error_reply(call, ERROR_NO_KEY)
        return
    size = snprintf(
        text, sizeof(text), b"Value at:%p refcount:1 encoding:%s serializedlength:%lu lru:%u "
        b"lru_seconds_idle:%u", <const void *>e, encoding_name(entry_get_encoding(e)),
        <unsigned long>_serialized_bytes(e), entry_clock(e),
        (state.lru_clock - entry_clock(e)) & 0xffffff)
    if entry_get_encoding(e) == ENTRY_QUICKLIST:
        list_describe(e, text + size, sizeof(text) - size)
    reply_status(call.out, text)


# ---- DEBUG PROTOCOL: each wire type once, for the tests of clients ----

cdef void _protocol_collection(reply *out, char kind) noexcept nogil:
    cdef int i
    if kind == c'*':
        reply_array(out, 3)
    elif kind == c'~':
        reply_set(out, 3)
    else:
        reply_map(out, 3)
    for i in range(3):
        reply_int(out, i)
        if kind == c'%':
            reply_bool(out, i == 1)


cdef void _protocol_attribute(reply *out) noexcept nogil:
    if out.protocol == 3:
        reply_header(out, c'|', 1)
        reply_text(out, b"key-popularity")
        reply_array(out, 2)
        reply_text(out, b"key:123")
        reply_int(out, 90)
    reply_text(out, b"Some real reply following the attribute")


cdef void _protocol_push(Call *call) noexcept nogil:
    if call.out.protocol != 3:
        error_reply(call, ERROR_PUSH_NEEDS_RESP3)
        return
    reply_text(call.out, b"Some real reply following the push reply")
    reply_push(call.out, 2)
    reply_text(call.out, b"server-cpu-usage")
    reply_int(call.out, 42)


cdef void _debug_protocol(Call *call) noexcept nogil:
    cdef slice kind = call.argv[2]
    cdef reply *out = call.out
    cdef const char *big = b"1234567999999999999999999999999999999"
    if slice_is(kind, b"STRING"):
        reply_text(out, b"Hello World")
    elif slice_is(kind, b"INTEGER"):
        reply_int(out, 12345)
    elif slice_is(kind, b"DOUBLE"):
        reply_double(out, 3.141)
    elif slice_is(kind, b"NULL"):
        reply_null(out)
    elif slice_is(kind, b"ARRAY"):
        _protocol_collection(out, c'*')
    elif slice_is(kind, b"SET"):
        _protocol_collection(out, c'~')
    elif slice_is(kind, b"MAP"):
        _protocol_collection(out, c'%')
    elif slice_is(kind, b"ATTRIB"):
        _protocol_attribute(out)
    elif slice_is(kind, b"PUSH"):
        _protocol_push(call)
    elif slice_is(kind, b"VERBATIM"):
        reply_verbatim(out, b"txt", b"This is a verbatim\nstring", 25)
    elif slice_is(kind, b"TRUE") or slice_is(kind, b"FALSE"):
        reply_bool(out, kind.length == 4)
    elif slice_is(kind, b"BIGNUM"):
        if out.protocol == 3:
            reply_raw(out, b"(", 1)
            reply_raw(out, big, strlen(big))
            reply_raw(out, b"\r\n", 2)
        else:
            reply_text(out, big)
    else:
        error_reply(call, ERROR_PROTOCOL_TYPE)


# ---- small ones ----

cdef void _debug_set_active_expire(Call *call) noexcept nogil:
    cdef char text[DEBUG_TEXT_MAX]
    _copy_text(text, call.argv[2])
    state.limits.active_expire = strtoll(text, NULL, 10) != 0
    expire_schedule(state.now_ms)
    reply_ok(call.out)


cdef bint _parse_memory(slice text, double *bytes) noexcept nogil:
    """A size with an optional unit: 100, 100b, 1k, 1kb, 2m, 2mb, 3g, 3gb."""
    cdef char copy[DEBUG_TEXT_MAX]
    cdef char *unit
    cdef slice rest
    _copy_text(copy, text)
    bytes[0] = <double>strtoll(copy, &unit, 10)
    if unit == copy:
        return False
    rest = slice_of_text(unit)
    if slice_is(rest, b"K") or slice_is(rest, b"M") or slice_is(rest, b"G"):
        bytes[0] *= 1e3 if unit[0] | 32 == c'k' else 1e6 if unit[0] | 32 == c'm' else 1e9
    elif slice_is(rest, b"KB") or slice_is(rest, b"MB") or slice_is(rest, b"GB"):
        bytes[0] *= 1 << (10 if unit[0] | 32 == c'k' else 20 if unit[0] | 32 == c'm' else 30)
    else:
        return rest.length == 0 or slice_is(rest, b"B")
    return True


cdef void _debug_packed_threshold(Call *call) noexcept nogil:
    """From which size on an element of a list has a node of its own; 0: the usual."""
    cdef double bytes
    if not _parse_memory(call.argv[2], &bytes) or bytes < 0 or bytes > UINT32_MAX:
        error_reply(call, ERROR_PACKED_THRESHOLD)
        return
    state.limits.packing.list_node_max = <size_t>bytes
    reply_ok(call.out)


cdef const char *DEBUG_HELP = (
    b"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\n"
    b"DIGEST\n"
    b"    A digest of all data; that of Redis for the same data.\n"
    b"DIGEST-VALUE <key> [<key> ...]\n"
    b"    A digest of each key's value; zeros where there is none.\n"
    b"ERROR <string>\n"
    b"    Answer with an error of this text, for tests of clients.\n"
    b"HTSTATS <dbid> [full]\n"
    b"    Sizes of the table of a database's keys.\n"
    b"HTSTATS-KEY <key> [full]\n"
    b"    The same of a value that is kept as a table.\n"
    b"LISTPACK <key>\n"
    b"    Sizes of a value that is kept as a listpack.\n"
    b"OBJECT <key>\n"
    b"    Describe the value of a key as it is stored.\n"
    b"POPULATE <count> [<prefix>] [<size>]\n"
    b"    Set those of the keys <prefix>:0 (key:0), <prefix>:1 ... that are missing to value:0,\n"
    b"    value:1 ..., cut, or continued by zeros, to a size if one is given.\n"
    b"PROTOCOL <type>\n"
    b"    Answer with a value of one wire type, for tests of clients.\n"
    b"    Types: string, integer, double, bignum, null, array, set, map, attrib, push,\n"
    b"    verbatim, true, false.\n"
    b"QUICKLIST <key> [<0|1>]\n"
    b"    Sizes of a value that is kept as a quicklist.\n"
    b"QUICKLIST-PACKED-THRESHOLD <size>\n"
    b"    From this size on an element of a list is stored by itself; 0: as usual.\n"
    b"SDSLEN <key>\n"
    b"    Bytes of a string and of its key, used and spare.\n"
    b"SET-ACTIVE-EXPIRE <0|1>\n"
    b"    Whether keys leave when they are due, and not only when they are touched.\n"
    b"SLEEP <seconds>\n"
    b"    Stop the server for a while; a fraction is allowed.\n"
    b"HELP\n"
    b"    Print this help.\n")


cdef void _debug_help(Call *call) noexcept nogil:
    cdef const char *line = DEBUG_HELP
    cdef const char *end
    cdef int64_t lines = 0
    while line[0]:
        lines += line[0] == c'\n'
        line += 1
    reply_array(call.out, lines)
    line = DEBUG_HELP
    while line[0]:
        end = <const char *>memchr(line, c'\n', strlen(line))
        reply_raw(call.out, b"+", 1)
        reply_raw(call.out, line, end - line)
        reply_raw(call.out, b"\r\n", 2)
        line = end + 1


cdef void cmd_debug(Call *call) noexcept nogil:
    cdef slice what = call.argv[1]
    if call.argc == 2 and slice_is(what, b"HELP"):
        _debug_help(call)
    elif debug_values(call):
        return
    elif call.argc != 3:
        error_debug(call)
    elif slice_is(what, b"SLEEP"):
        _debug_sleep(call)
    elif slice_is(what, b"OBJECT"):
        _debug_object(call)
    elif slice_is(what, b"PROTOCOL"):
        _debug_protocol(call)
    elif slice_is(what, b"ERROR"):
        reply_error(call.out, call.argv[2].data, call.argv[2].length)
    elif slice_is(what, b"SET-ACTIVE-EXPIRE"):
        _debug_set_active_expire(call)
    elif slice_is(what, b"QUICKLIST-PACKED-THRESHOLD"):
        _debug_packed_threshold(call)
    else:
        error_debug(call)


row(b"debug", -2, b"admin noscript loading stale protected", b"server", b"", b"", b"", cmd_debug)

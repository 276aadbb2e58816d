# hyperloglog: PFADD, PFCOUNT, PFMERGE, and what looks inside.
#
# The values are strings in a layout of their own (csrc/hyperloglog.h); nothing but these commands
# knows that, and any client may write such a string. So each command first looks whether a string
# is one (WRONGTYPE), and meets malformed registers on the way (INVALIDOBJ).
#
#   dense    registers are raised in place
#   sparse   a draft: the string's bytes until the first register that is raised, then a copy, which
#            is stored when the command has done all its elements
#
# Whatever looks at a value for writing, and PFCOUNT of one key, leaves it raw (OBJECT ENCODING).

cdef inline const hll_kernel *hll_loops() noexcept nogil:
    return &hll_portable if state.simd_off else hll_best()


# ---- finding values ----

cdef bint hll_bytes_or_reply(Call *call, const entry *e, slice *value) noexcept nogil:
    """The bytes of an entry that holds a value."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    if not type_or_reply(call, e, ENTRY_STRING):
        return False
    if entry_get_encoding(e) != ENTRY_INT:
        value[0] = string_bytes(e, digits)
        if hll_is_value(value[0]):
            return True
    error_reply(call, ERROR_HLL_TYPE)
    return False


cdef bint hll_merge_or_reply(Call *call, uint8_t *registers, slice value) noexcept nogil:
    if hll_merge(hll_loops(), registers, value):
        return True
    error_reply(call, ERROR_HLL_CORRUPT)
    return False


cdef bint hll_open_or_reply(Call *call, slice key, entry **e, slice *value) noexcept nogil:
    """The same for an entry whose value is to become raw. It may move."""
    if not hll_bytes_or_reply(call, e[0], value):
        return False
    if unlikely(entry_get_encoding(e[0]) == ENTRY_EMBSTR):
        hll_writable(call, key, e[0], value[0])
        e[0] = key_find(call.database, key, key_hash(call, key))
        return hll_bytes_or_reply(call, e[0], value)
    return True


cdef char *hll_writable(Call *call, slice key, entry *e, slice value) noexcept nogil:
    """The bytes, to be changed in place."""
    return string_writable(call.database, key, key_hash(call, key), e, value.length)


# ---- storing values ----

cdef void hll_store(Call *call, slice key, entry *e, slice value) noexcept nogil:
    """Set a key that holds a string, or nothing (`e` NULL), to a value in a block of its exact
    size, or in the one that it has. The due time stays."""
    cdef hashtable_position position
    cdef entry_encoding encoding = ENTRY_RAW if value.length <= ENTRY_INLINE_MAX else ENTRY_BLOB
    cdef uint64_t hash = key_hash(call, key)
    cdef blob *b
    if e == NULL:
        string_put(call.database, key, hash, encoding, value, 0, ENTRY_NO_DUE, False)
        return
    if encoding == ENTRY_BLOB and entry_get_encoding(e) == ENTRY_BLOB:
        b = entry_blob(e)
        if value.length <= b.capacity:
            b = blob_resize_own(b, value.length)
            memcpy(b.data, value.data, value.length)
            entry_set_pointer(e, b)
            return
    hashtable_locate(&call.database.keys, key.data, key.length, hash, &position)
    string_overwrite(call.database, &position, e, encoding, value, 0)


cdef inline slice draft_value(const hll_draft *draft) noexcept nogil:
    return slice_of(draft.bytes, draft.length)


# ---- PFADD ----

cdef int64_t raise_in_place(Call *call, char *bytes) noexcept nogil:
    """PFADD to a dense value; the number of registers that were raised."""
    cdef int64_t raised = 0
    cdef int i
    for i in range(2, call.argc):
        raised += hll_dense_raise(bytes, hll_place_of(call.argv[i]))
    if raised:
        hll_forget_cached(bytes)
    return raised


cdef bint raise_in_draft_or_reply(Call *call, hll_draft *draft, int64_t *raised) noexcept nogil:
    """PFADD to a sparse value, which may become dense on the way."""
    cdef hll_status status
    cdef int i
    for i in range(2, call.argc):
        status = hll_draft_raise(draft, hll_place_of(call.argv[i]),
                                 state.limits.packing.hyperloglog_sparse_bytes)
        if status == HLL_MALFORMED:
            error_reply(call, ERROR_HLL_CORRUPT)
            return False
        raised[0] += status == HLL_CHANGED
    return True


cdef void cmd_pfadd(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef entry *e = key_write(call, key)
    cdef int64_t raised = 0
    cdef hll_draft draft
    cdef slice value
    cdef bint fine = True
    draft.own = NULL
    if e == NULL:
        hll_draft_new(&draft)
        raised = 1
        raise_in_draft_or_reply(call, &draft, &raised)
    elif not hll_open_or_reply(call, key, &e, &value):
        return
    elif hll_get_encoding(value) == HLL_DENSE:
        raised = raise_in_place(call, hll_writable(call, key, e, value))
    else:
        hll_draft_open(&draft, value)
        fine = raise_in_draft_or_reply(call, &draft, &raised)
    if draft.own != NULL:
        hll_forget_cached(draft.own)
        hll_store(call, key, e, draft_value(&draft))
        hll_draft_close(&draft)
    if raised:
        key_changed(call.database, key)
        state.dirty += raised - 1
    if fine:
        reply_int(call.out, raised != 0)


# ---- PFCOUNT ----

cdef void count_one(Call *call) noexcept nogil:
    """The estimate of one key, which is then kept in its value: PFCOUNT writes."""
    cdef slice key = call.argv[1]
    cdef entry *e = key_read(call, key)
    cdef uint64_t count
    cdef slice value
    if e == NULL:
        reply_int(call.out, 0)
        return
    if not hll_open_or_reply(call, key, &e, &value):
        return
    if not hll_cached(value, &count):
        if not hll_count(hll_loops(), value, &count):
            error_reply(call, ERROR_HLL_CORRUPT)
            return
        hll_set_cached(hll_writable(call, key, e, value), count)
        key_changed(call.database, key)
    reply_int(call.out, <int64_t>count)


cdef bint merge_keys_or_reply(Call *call, uint8_t *registers, bint *dense) noexcept nogil:
    """Merge all keys of the command; `dense`: one of them is. Missing ones have seen nothing."""
    cdef entry *e
    cdef slice value
    cdef int i
    memset(registers, 0, HLL_REGISTERS)
    dense[0] = False
    for i in range(1, call.argc):
        e = key_read(call, call.argv[i])
        if e == NULL:
            continue
        if not hll_bytes_or_reply(call, e, &value):
            return False
        if not hll_merge_or_reply(call, registers, value):
            return False
        dense[0] = dense[0] or hll_get_encoding(value) == HLL_DENSE
    return True


cdef void cmd_pfcount(Call *call) noexcept nogil:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef bint dense
    if call.argc == 2:
        count_one(call)
    elif merge_keys_or_reply(call, registers, &dense):
        reply_int(call.out, <int64_t>hll_estimate(registers))


# ---- PFMERGE ----

cdef bint fill_draft_or_reply(Call *call, hll_draft *draft, const uint8_t *registers,
                              bint dense) noexcept nogil:
    """Raise a draft to the registers, of which it has none that is higher."""
    cdef hll_place place
    cdef uint32_t index
    if dense and not hll_draft_to_dense(draft):
        error_reply(call, ERROR_HLL_CORRUPT)
        return False
    if dense:
        hll_dense_fill(hll_loops(), hll_draft_own(draft), registers)
        return True
    for index in range(HLL_REGISTERS):
        if registers[index]:
            place.index = index
            place.rank = registers[index]
            hll_draft_raise(draft, place, state.limits.packing.hyperloglog_sparse_bytes)
    return True


cdef void cmd_pfmerge(Call *call) noexcept nogil:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef slice key = call.argv[1]
    cdef hll_draft draft
    cdef slice value
    cdef bint dense
    cdef entry *e
    if not merge_keys_or_reply(call, registers, &dense):
        return
    e = key_write(call, key)
    if e == NULL:
        hll_draft_new(&draft)
    else:
        if not hll_open_or_reply(call, key, &e, &value):
            return
        hll_draft_open(&draft, value)
    if fill_draft_or_reply(call, &draft, registers, dense):
        hll_forget_cached(hll_draft_own(&draft))
        hll_store(call, key, e, draft_value(&draft))
        key_changed(call.database, key)
        reply_ok(call.out)
    hll_draft_close(&draft)


# ---- PFDEBUG and PFSELFTEST ----

cdef bint make_dense_or_reply(Call *call, entry *e, slice *value, bint *changed) noexcept nogil:
    cdef slice key = call.argv[2]
    cdef hll_draft draft
    changed[0] = hll_get_encoding(value[0]) == HLL_SPARSE
    if not changed[0]:
        return True
    hll_draft_open(&draft, value[0])
    if not hll_draft_to_dense(&draft):
        error_reply(call, ERROR_HLL_CORRUPT)
        return False
    hll_store(call, key, e, draft_value(&draft))
    hll_draft_close(&draft)
    key_changed(call.database, key)
    e = key_find(call.database, key, key_hash(call, key))
    return hll_bytes_or_reply(call, e, value)


cdef void debug_registers(Call *call, entry *e, slice value) noexcept nogil:
    cdef bint changed
    cdef uint32_t index
    if not make_dense_or_reply(call, e, &value, &changed):
        return
    reply_array(call.out, HLL_REGISTERS)
    for index in range(HLL_REGISTERS):
        reply_int(call.out, hll_dense_get(value.data, index))


cdef void debug_runs(Call *call, slice value) noexcept nogil:
    """The runs of a sparse value as text, one behind the other: `z:` and `Z:` zeros in one byte
    and in two, `v:` a rank and how many registers have it. The length is counted beforehand."""
    cdef char text[32]
    cdef size_t length, total = 0
    cdef bint writing = False
    cdef slice rest
    cdef hll_run run
    if hll_get_encoding(value) != HLL_SPARSE:
        error_reply(call, ERROR_HLL_NOT_SPARSE)
        return
    while True:
        rest = slice_of(value.data + HLL_HEADER_BYTES, value.length - HLL_HEADER_BYTES)
        if writing:
            reply_header(call.out, c'$', total)
        while hll_next_run(&rest, &run):
            if run.rank:
                length = snprintf(text, sizeof(text), b"v:%u,%u ", <unsigned>run.rank, run.length)
            else:
                length = snprintf(text, sizeof(text), b"%c:%u ",
                                  <int>(c'z' if run.bytes == 1 else c'Z'), run.length)
            length -= rest.length == 0           # no blank at the end
            total += length
            if writing:
                reply_raw(call.out, text, length)
        if writing:
            reply_raw(call.out, b"\r\n", 2)
            return
        writing = True


cdef void debug_simd(Call *call) noexcept nogil:
    if slice_is(call.argv[2], b"ON"):
        state.simd_off = False
        reply_status(call.out, b"enabled")
    elif slice_is(call.argv[2], b"OFF"):
        state.simd_off = True
        reply_status(call.out, b"disabled")
    else:
        error_reply(call, ERROR_HLL_SIMD)


cdef void cmd_pfdebug(Call *call) noexcept nogil:
    cdef slice what = call.argv[1]
    cdef slice key = call.argv[2]
    cdef slice value
    cdef bint changed
    cdef entry *e
    if slice_is(what, b"SIMD"):
        debug_simd(call)
        return
    e = key_write(call, key)
    if e == NULL:
        error_reply(call, ERROR_HLL_NO_KEY)
        return
    if not hll_open_or_reply(call, key, &e, &value):
        return
    if slice_is(what, b"GETREG"):
        debug_registers(call, e, value)
    elif slice_is(what, b"DECODE"):
        debug_runs(call, value)
    elif slice_is(what, b"ENCODING"):
        reply_status(call.out, b"dense" if hll_get_encoding(value) == HLL_DENSE else b"sparse")
    elif slice_is(what, b"TODENSE"):
        if make_dense_or_reply(call, e, &value, &changed):
            reply_int(call.out, changed)
    else:
        error_pfdebug(call, what)


cdef void cmd_pfselftest(Call *call) noexcept nogil:
    if hll_self_test():
        reply_ok(call.out)
    else:
        error_reply(call, ERROR_HLL_SELF_TEST)


# name, arity, flags, group, acl, key specs, tips, handler
row(b"pfadd", -2, b"write denyoom fast", b"hyperloglog", b"",
    b"RW,insert index:1 range:0,1,0", b"", cmd_pfadd)
row(b"pfcount", -2, b"readonly may_replicate", b"hyperloglog", b"",
    b'RW,access index:1 range:-1,1,0 '
    b'note:"counting may store a cached count or convert the key, which replicas must see"', b"",
    cmd_pfcount)
row(b"pfdebug", 3, b"write denyoom admin", b"hyperloglog", b"",
    b"RW,access index:2 range:0,1,0", b"", cmd_pfdebug)
row(b"pfmerge", -2, b"write denyoom", b"hyperloglog", b"",
    b"RW,access,insert index:1 range:0,1,0 ; RO,access index:2 range:-1,1,0", b"", cmd_pfmerge)
row(b"pfselftest", 1, b"admin", b"hyperloglog", b"", b"", b"", cmd_pfselftest)

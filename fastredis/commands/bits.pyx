# bits: strings as arrays of bits: single ones, counting, searching, joining, and small integers.
#
#   SETBIT BITFIELD      in place in the string (engine string_reach): grown with zeros, raw since
#   GETBIT BITCOUNT ...  read the bytes where they are; a number's digits are written to the stack
#   BITOP                joins into a new string, which then takes the place of the target
#
# The loops over long strings are in csrc/bits.c, the integers of BITFIELD in csrc/bitfield.c.
#
# A change is told only where a bit has changed, or the string has become longer. A bit's number
# is bounded by proto-max-bulk-len; the zeros in front of a far bit are not backed by memory until
# they are written.

cdef bint bit_offset_or_reply(Call *call, slice text, int width, uint64_t *offset) noexcept nogil:
    """Number of a bit; behind '#' it counts fields of `width` bits (0: no such form). The product
    wraps around, as it does in other servers, before it is held against the bounds."""
    cdef int64_t number
    cdef bint counts_fields = width and text.length and text.data[0] == c'#'
    if counts_fields:
        text = slice_of(text.data + 1, text.length - 1)
    if number_parse_int64(text.data, text.length, &number):
        if counts_fields:
            number = <int64_t>(<uint64_t>number * <uint64_t>width)
        if number >= 0 and number >> 3 < state.limits.bulk_max:
            offset[0] = number
            return True
    error_reply(call, ERROR_BIT_OFFSET)
    return False


cdef bint string_read_or_reply(Call *call, slice key, char *digits, slice *value,
                               bint *found) noexcept nogil:
    """The bytes of a string that is read, of none where it is missing; see string_bytes."""
    cdef entry *e = key_read(call, key)
    found[0] = e != NULL
    value[0] = slice_of(b"", 0)
    if e == NULL:
        return True
    if not type_or_reply(call, e, ENTRY_STRING):
        return False
    value[0] = string_bytes(e, digits)
    return True


# ---- single bits ----

cdef void cmd_setbit(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef uint64_t hash = key_hash(call, key)
    cdef uint64_t offset
    cdef int64_t bit
    cdef size_t length = 0
    cdef uint8_t *byte
    cdef uint8_t mask, old
    cdef entry *e
    if not bit_offset_or_reply(call, call.argv[2], 0, &offset):
        return
    if not number_parse_int64(call.argv[3].data, call.argv[3].length, &bit) or bit & ~1:
        error_reply(call, ERROR_BIT)
        return
    e = key_write(call, key)
    if e != NULL:
        if not type_or_reply(call, e, ENTRY_STRING):
            return
        length = string_length(e)
    byte = <uint8_t *>string_reach(call.database, key, hash, e,
                                   max(length, <size_t>(offset // 8 + 1))) + offset // 8
    mask = <uint8_t>(128 >> (offset & 7))
    old = (byte[0] & mask) != 0
    if old != bit:
        byte[0] ^= mask
    if old != bit or offset // 8 >= length:
        key_changed(call.database, key)
    reply_int(call.out, old)


cdef void cmd_getbit(Call *call) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef uint64_t offset
    cdef slice value
    cdef bint found
    if not bit_offset_or_reply(call, call.argv[2], 0, &offset):
        return
    if not string_read_or_reply(call, call.argv[1], digits, &value, &found):
        return
    if offset // 8 >= value.length:
        reply_int(call.out, 0)
    else:
        reply_int(call.out, <uint8_t>value.data[offset // 8] >> (7 - (offset & 7)) & 1)


# ---- counting and searching ----

cdef bint bit_unit_or_reply(Call *call, slice word, bint *in_bits) noexcept nogil:
    in_bits[0] = slice_is(word, b"BIT")
    if in_bits[0] or slice_is(word, b"BYTE"):
        return True
    error_reply(call, ERROR_SYNTAX)
    return False


cdef void cmd_bitcount(Call *call) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef int64_t first = 0, last = -1, start, count, unit = 8
    cdef bint in_bits = False, found
    cdef slice value
    if call.argc == 3 or call.argc > 5:
        error_reply(call, ERROR_SYNTAX)
        return
    if call.argc > 3:
        if not int_or_reply(call, call.argv[2], &first):
            return
        if not int_or_reply(call, call.argv[3], &last):
            return
        if call.argc == 5 and not bit_unit_or_reply(call, call.argv[4], &in_bits):
            return
    if not string_read_or_reply(call, call.argv[1], digits, &value, &found):
        return
    if in_bits:
        unit = 1
    if not part_of(first, last, value.length * 8 // unit, &start, &count):
        reply_int(call.out, 0)
        return
    reply_int(call.out, bits_count_range(value.data, start * unit, (start + count) * unit))


cdef bint bitpos_range_or_reply(Call *call, int64_t *first, int64_t *last,
                                bint *in_bits) noexcept nogil:
    """The optional bounds of BITPOS. The unit is looked at before the end."""
    if call.argc > 6:
        error_reply(call, ERROR_SYNTAX)
        return False
    if call.argc > 3 and not int_or_reply(call, call.argv[3], first):
        return False
    if call.argc > 5 and not bit_unit_or_reply(call, call.argv[5], in_bits):
        return False
    return call.argc < 5 or int_or_reply(call, call.argv[4], last)


cdef void cmd_bitpos(Call *call) noexcept nogil:
    """A string without an end in the command goes on in zeros; a missing one is all zeros."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef int64_t bit, first = 0, last = -1, total, position, unit = 8
    cdef bint in_bits = False, found
    cdef slice value
    if not int_or_reply(call, call.argv[2], &bit):
        return
    if bit & ~1:
        error_reply(call, ERROR_BITPOS_BIT)
        return
    if not bitpos_range_or_reply(call, &first, &last, &in_bits):
        return
    if not string_read_or_reply(call, call.argv[1], digits, &value, &found):
        return
    if not found:
        reply_int(call.out, -1 if bit else 0)
        return
    if in_bits:
        unit = 1
    total = value.length * 8 // unit
    if first < 0:
        first = max(first + total, 0)
    if last < 0:
        last = max(last + total, 0)
    last = min(last, total - 1)
    if first > last:
        reply_int(call.out, -1)
        return
    position = bits_find(value.data, first * unit, (last + 1) * unit, bit)
    if position < 0 and not bit and call.argc < 5:
        position = value.length * 8
    reply_int(call.out, position)


# ---- joining ----

cdef enum:
    BITOP_SOURCES = 16           # so many without an allocation

ctypedef struct BitSource:
    char digits[NUMBER_INT64_MAX_LENGTH]


cdef bint bitop_or_reply(Call *call, bits_operator *op) noexcept nogil:
    cdef slice word = call.argv[1]
    if slice_is(word, b"AND"):
        op[0] = BITS_AND
    elif slice_is(word, b"OR"):
        op[0] = BITS_OR
    elif slice_is(word, b"XOR"):
        op[0] = BITS_XOR
    elif slice_is(word, b"NOT"):
        op[0] = BITS_NOT
        if call.argc != 4:
            error_reply(call, ERROR_BITOP_NOT)
            return False
    else:
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef void bitop_join(Call *call, bits_operator op, slice *sources, BitSource *digits,
                     int count) noexcept nogil:
    """Read the sources, store and answer."""
    cdef slice target = call.argv[2]
    cdef uint64_t hash = key_hash(call, target)
    cdef size_t length = 0
    cdef bint found
    cdef blob *joined
    cdef int i
    for i in range(count):
        if not string_read_or_reply(call, call.argv[3 + i], digits[i].digits, &sources[i], &found):
            return
        length = max(length, sources[i].length)
    if length == 0:
        key_delete(call.database, target, hash)
        reply_int(call.out, 0)
        return
    joined = blob_new(length, length)
    bits_combine(op, joined.data, length, sources, count)
    string_put_blob(call.database, target, hash, joined)
    key_changed(call.database, target)
    reply_int(call.out, length)


cdef void cmd_bitop(Call *call) noexcept nogil:
    cdef slice few_sources[BITOP_SOURCES]
    cdef BitSource few_digits[BITOP_SOURCES]
    cdef slice *sources = few_sources
    cdef BitSource *digits = few_digits
    cdef int count = call.argc - 3
    cdef bits_operator op
    if not bitop_or_reply(call, &op):
        return
    if count <= BITOP_SOURCES:
        bitop_join(call, op, sources, digits, count)
        return
    sources = <slice *>alloc_new(count * sizeof(slice))
    digits = <BitSource *>alloc_new(count * sizeof(BitSource))
    bitop_join(call, op, sources, digits, count)
    alloc_free(sources, count * sizeof(slice))
    alloc_free(digits, count * sizeof(BitSource))


# ---- fields ----
#
# The operations are parsed twice: before the lookup, to refuse the whole command and to learn how
# far it writes; and behind it, one by one, to do them. So their number needs no memory.

ctypedef enum FieldAction:
    FIELD_GET
    FIELD_SET
    FIELD_INCRBY
    FIELD_OVERFLOW               # holds for the operations that follow

ctypedef struct FieldOperation:
    FieldAction action
    bitfield_type type
    uint64_t offset
    int64_t value
    bitfield_overflow overflow   # in force


cdef bint field_overflow_or_reply(Call *call, slice word,
                                  bitfield_overflow *overflow) noexcept nogil:
    if slice_is(word, b"WRAP"):
        overflow[0] = BITFIELD_WRAP
    elif slice_is(word, b"SAT"):
        overflow[0] = BITFIELD_SAT
    elif slice_is(word, b"FAIL"):
        overflow[0] = BITFIELD_FAIL
    else:
        error_reply(call, ERROR_BITFIELD_OVERFLOW)
        return False
    return True


cdef bint field_operation_or_reply(Call *call, Args *args,
                                   FieldOperation *operation) noexcept nogil:
    """The next operation; `operation` is the one before it."""
    cdef slice word
    cdef int wanted
    args_next(args, &word)
    if slice_is(word, b"GET"):
        operation.action = FIELD_GET
        wanted = 2
    elif slice_is(word, b"SET"):
        operation.action = FIELD_SET
        wanted = 3
    elif slice_is(word, b"INCRBY"):
        operation.action = FIELD_INCRBY
        wanted = 3
    elif slice_is(word, b"OVERFLOW"):
        operation.action = FIELD_OVERFLOW
        wanted = 1
    else:
        error_reply(call, ERROR_SYNTAX)
        return False
    if args_left(args) < wanted:
        error_reply(call, ERROR_SYNTAX)
        return False
    args_next(args, &word)
    if operation.action == FIELD_OVERFLOW:
        return field_overflow_or_reply(call, word, &operation.overflow)
    if not bitfield_parse_type(word, &operation.type):
        error_reply(call, ERROR_BITFIELD_TYPE)
        return False
    args_next(args, &word)
    if not bit_offset_or_reply(call, word, operation.type.width, &operation.offset):
        return False
    if operation.action == FIELD_GET:
        return True
    args_next(args, &word)
    return int_or_reply(call, word, &operation.value)


cdef bint fields_survey_or_reply(Call *call, int64_t *count, size_t *reach) noexcept nogil:
    """How many operations answer, and how many bytes the string needs for those that write (0:
    none does)."""
    cdef Args args = args_from(call, 2)
    cdef FieldOperation operation
    operation.overflow = BITFIELD_WRAP
    count[0] = 0
    reach[0] = 0
    while args_left(&args):
        if not field_operation_or_reply(call, &args, &operation):
            return False
        if operation.action == FIELD_OVERFLOW:
            continue
        count[0] += 1
        if operation.action != FIELD_GET:
            reach[0] = max(reach[0],
                           <size_t>((operation.offset + operation.type.width - 1) // 8 + 1))
    return True


cdef void fields_read(Call *call, int64_t count) noexcept nogil:
    """All operations are GETs (or OVERFLOWs, which then mean nothing)."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef Args args = args_from(call, 2)
    cdef FieldOperation operation
    cdef slice value
    cdef bint found
    if not string_read_or_reply(call, call.argv[1], digits, &value, &found):
        return
    reply_array(call.out, count)
    while args_left(&args):
        field_operation_or_reply(call, &args, &operation)
        if operation.action == FIELD_GET:
            reply_int(call.out, bitfield_get(value.data, value.length, operation.offset,
                                             operation.type))


cdef bint field_write(Call *call, char *bytes, size_t length, const FieldOperation *operation,
                      bint grown) noexcept nogil:
    """Do SET or INCRBY and answer; True where that counts as a change: the field has another value
    now, or it was written to a string that has grown for it."""
    cdef int64_t old = bitfield_get(bytes, length, operation.offset, operation.type)
    cdef int64_t made
    cdef bint fits
    if operation.action == FIELD_SET:
        fits = bitfield_fit(operation.type, operation.overflow, operation.value, &made)
    else:
        fits = bitfield_add(operation.type, operation.overflow, old, operation.value, &made)
    if not fits:
        reply_null(call.out)
        return False
    bitfield_set(bytes, operation.offset, operation.type, made)
    reply_int(call.out, old if operation.action == FIELD_SET else made)
    return grown or old != made


cdef void fields_write(Call *call, int64_t count, size_t reach) noexcept nogil:
    """The string grows for all writes beforehand, also for those that OVERFLOW FAIL refuses: then
    the growth itself is the change."""
    cdef slice key = call.argv[1]
    cdef Args args = args_from(call, 2)
    cdef FieldOperation operation
    cdef entry *e = key_write(call, key)
    cdef size_t length, before = 0
    cdef int64_t changes = 0
    cdef char *bytes
    if e != NULL:
        if not type_or_reply(call, e, ENTRY_STRING):
            return
        before = string_length(e)
    length = max(before, reach)
    bytes = string_reach(call.database, key, key_hash(call, key), e, length)
    operation.overflow = BITFIELD_WRAP
    reply_array(call.out, count)
    while args_left(&args):
        field_operation_or_reply(call, &args, &operation)
        if operation.action == FIELD_GET:
            reply_int(call.out, bitfield_get(bytes, length, operation.offset, operation.type))
        elif operation.action != FIELD_OVERFLOW:
            changes += field_write(call, bytes, length, &operation, length > before)
    if changes or length > before:
        key_changed(call.database, key)
        state.dirty += max(changes, 1) - 1


cdef void cmd_bitfield(Call *call) noexcept nogil:
    cdef int64_t count
    cdef size_t reach
    if not fields_survey_or_reply(call, &count, &reach):
        return
    if reach:
        fields_write(call, count, reach)
    else:
        fields_read(call, count)


cdef void cmd_bitfield_ro(Call *call) noexcept nogil:
    cdef int64_t count
    cdef size_t reach
    if not fields_survey_or_reply(call, &count, &reach):
        return
    if reach:
        error_reply(call, ERROR_BITFIELD_READONLY)
    else:
        fields_read(call, count)


# name, arity, flags, group, acl, key specs, tips, handler
row(b"bitcount", -2, b"readonly", b"bitmap", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_bitcount)
row(b"bitfield", -2, b"write denyoom", b"bitmap", b"",
    b'RW,access,update,variable_flags index:1 range:0,1,0 '
    b'note:"its subcommands read or write"', b"", cmd_bitfield)
row(b"bitfield_ro", -2, b"readonly fast", b"bitmap", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_bitfield_ro)
row(b"bitop", -4, b"write denyoom", b"bitmap", b"",
    b"OW,update index:2 range:0,1,0 ; RO,access index:3 range:-1,1,0", b"", cmd_bitop)
row(b"bitpos", -3, b"readonly", b"bitmap", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_bitpos)
row(b"getbit", 3, b"readonly fast", b"bitmap", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_getbit)
row(b"setbit", 4, b"write denyoom", b"bitmap", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_setbit)

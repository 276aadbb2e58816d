# strings_lcs: LCS, the longest common subsequence of two strings; the algorithm is in csrc/lcs.h.
#
# The strings' sizes are limited as if the table took 4 bytes a cell and had to fit into
# proto-max-bulk-len, as clients know it: this bounds the time too. What is really taken is at
# most a quarter of that.

ctypedef struct LcsOptions:
    bint want_length
    bint want_ranges
    bint with_lengths
    int64_t shortest


cdef bint lcs_options_or_reply(Call *call, LcsOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 3)
    cdef slice number
    memset(options, 0, sizeof(LcsOptions))
    while args_left(&args):
        if (args_flag(&args, b"IDX", &options.want_ranges)
                or args_flag(&args, b"LEN", &options.want_length)
                or args_flag(&args, b"WITHMATCHLEN", &options.with_lengths)):
            continue
        if args_option_with(&args, b"MINMATCHLEN", &number):
            if not int_or_reply(call, number, &options.shortest):
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    if options.want_ranges and options.want_length:
        error_reply(call, ERROR_LCS_LEN_AND_IDX)
        return False
    return True


cdef bint lcs_size_or_reply(Call *call, slice a, slice b) noexcept nogil:
    """Whether the table of the two is small enough."""
    cdef uint64_t rows = a.length + 1, columns = b.length + 1
    if rows >= UINT32_MAX or columns >= UINT32_MAX:
        error_reply(call, ERROR_LCS_TOO_LONG)
        return False
    if columns > UINT64_MAX // sizeof(uint32_t) // rows:
        error_reply(call, ERROR_LCS_NO_MEMORY)
        return False
    if rows * columns * sizeof(uint32_t) > <uint64_t>state.limits.bulk_max:
        error_reply(call, ERROR_LCS_TOO_BIG)
        return False
    return True


cdef void lcs_reply_bytes(Call *call, lcs *table, slice a) noexcept nogil:
    """The subsequence itself, put together from its end."""
    cdef blob *common = blob_new(table.length, table.length)
    cdef size_t left = table.length
    cdef lcs_range found
    while lcs_next(table, &found):
        left -= found.length
        memcpy(common.data + left, a.data + found.a_start, found.length)
    reply_blob(call.out, common, 0, common.length)
    blob_release(common)


cdef void lcs_reply_bounds(Call *call, size_t start, size_t length) noexcept nogil:
    reply_array(call.out, 2)
    reply_int(call.out, start)
    reply_int(call.out, start + length - 1)


cdef void lcs_reply_ranges(Call *call, lcs *table, const LcsOptions *options) noexcept nogil:
    """Where the matches stand in both strings, the last one first, and the whole length."""
    cdef lcs_range found
    cdef size_t place
    cdef int64_t count = 0
    reply_map(call.out, 2)
    reply_text(call.out, b"matches")
    place = reply_later(call.out)
    while lcs_next(table, &found):
        if <int64_t>found.length < options.shortest:
            continue
        count += 1
        reply_array(call.out, 3 if options.with_lengths else 2)
        lcs_reply_bounds(call, found.a_start, found.length)
        lcs_reply_bounds(call, found.b_start, found.length)
        if options.with_lengths:
            reply_int(call.out, found.length)
    reply_insert(call.out, place, reply_write_array, count)
    reply_text(call.out, b"len")
    reply_int(call.out, table.length)


cdef void cmd_lcs(Call *call) noexcept nogil:
    cdef entry *first = key_read(call, call.argv[1])
    cdef entry *second = key_read(call, call.argv[2])
    cdef char first_digits[NUMBER_INT64_MAX_LENGTH]
    cdef char second_digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice a = slice_of(b"", 0), b = slice_of(b"", 0)
    cdef LcsOptions options
    cdef lcs table
    if first != NULL and entry_get_type(first) != ENTRY_STRING or (
            second != NULL and entry_get_type(second) != ENTRY_STRING):
        error_reply(call, ERROR_LCS_TYPE)
        return
    if not lcs_options_or_reply(call, &options):
        return
    if first != NULL:
        a = string_bytes(first, first_digits)
    if second != NULL:
        b = string_bytes(second, second_digits)
    if not lcs_size_or_reply(call, a, b):
        return
    if not lcs_begin(&table, a, b, not options.want_length):
        error_reply(call, ERROR_LCS_NO_MEMORY)
        return
    if options.want_ranges:
        lcs_reply_ranges(call, &table, &options)
    elif options.want_length:
        reply_int(call.out, table.length)
    else:
        lcs_reply_bytes(call, &table, a)
    lcs_free(&table)


row(b"lcs", -3, b"readonly", b"string", b"", b"RO,access index:1 range:1,1,0", b"", cmd_lcs)

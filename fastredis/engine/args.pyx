# args: reading a command's arguments: a cursor for options, and conversions that answer the error.
#
# `_or_reply` = where it returns False, the error is already sent.

ctypedef struct Args:
    const slice *argv
    int argc
    int at


cdef inline Args args_from(Call *call, int at) noexcept nogil:
    cdef Args args
    args.argv = call.argv
    args.argc = call.argc
    args.at = at
    return args


cdef inline bint slice_is(slice text, const char *word) noexcept nogil:
    """Equal to `word` (in capitals), whatever the case of the text."""
    cdef size_t i
    cdef char c
    for i in range(text.length):
        c = text.data[i]
        if c'a' <= c <= c'z':
            c -= 32
        if c != word[i] or word[i] == 0:
            return False
    return word[text.length] == 0


cdef inline bint slice_equal(slice a, slice b) noexcept nogil:
    return a.length == b.length and memcmp(a.data, b.data, a.length) == 0


cdef inline int args_left(const Args *args) noexcept nogil:
    return args.argc - args.at


cdef inline bint args_option(Args *args, const char *word) noexcept nogil:
    """True, and behind it, where the next argument is this word."""
    if args.at < args.argc and slice_is(args.argv[args.at], word):
        args.at += 1
        return True
    return False


cdef inline bint args_flag(Args *args, const char *word, bint *flag) noexcept nogil:
    """args_option, and the flag is set where the word was there."""
    if not args_option(args, word):
        return False
    flag[0] = True
    return True


cdef inline bint args_option_with(Args *args, const char *word, slice *value) noexcept nogil:
    """True, and behind both, where the next argument is this word and another follows."""
    if args.at + 1 < args.argc and slice_is(args.argv[args.at], word):
        value[0] = args.argv[args.at + 1]
        args.at += 2
        return True
    return False


cdef inline bint args_next(Args *args, slice *value) noexcept nogil:
    if args.at >= args.argc:
        return False
    value[0] = args.argv[args.at]
    args.at += 1
    return True


cdef inline bint int_or_reply(Call *call, slice text, int64_t *value) noexcept nogil:
    if number_parse_int64(text.data, text.length, value):
        return True
    error_reply(call, ERROR_NOT_INTEGER)
    return False


cdef inline bint positive_or_reply(Call *call, slice text, Status otherwise,
                                   int64_t *value) noexcept nogil:
    """A number from 0 on; anything else is answered with the same error."""
    if number_parse_int64(text.data, text.length, value) and value[0] >= 0:
        return True
    error_reply(call, otherwise)
    return False


cdef inline bint int32_or_reply(Call *call, slice text, int64_t *value) noexcept nogil:
    if not int_or_reply(call, text, value):
        return False
    if -INT32_MAX - 1 <= value[0] <= INT32_MAX:
        return True
    error_reply(call, ERROR_NOT_INT32)
    return False


cdef inline bint database_or_reply(Call *call, slice text, Database **database) noexcept nogil:
    """The database of an index argument."""
    cdef int64_t index
    if not int32_or_reply(call, text, &index):
        return False
    if 0 <= index < state.database_count:
        database[0] = &state.databases[index]
        return True
    error_reply(call, ERROR_DB_INDEX)
    return False


# ---- elements asked for by number, with repetition: SRANDMEMBER key -1000000000000 ----
#
# Such a reply is as long as the client claims, not as the data is: it is refused from a bound on.

cdef enum:
    REPEATS_MAX_BYTES = 512 << 20
    REPEAT_MIN_BYTES = 6         # of an empty bulk string

cdef inline bint repeats_or_reply(Call *call, uint64_t count) noexcept nogil:
    """Whether a reply of so many elements can stay within the bound."""
    if likely(count <= REPEATS_MAX_BYTES // REPEAT_MIN_BYTES):
        return True
    error_reply(call, ERROR_REPEATS)
    return False


cdef inline bint repeats_fit_or_reply(Call *call, size_t place) noexcept nogil:
    """The same for what has been written from a place on (reply_later); else it is taken back."""
    if likely(call.out.length - place <= REPEATS_MAX_BYTES):
        return True
    reply_truncate(call.out, place)
    error_reply(call, ERROR_REPEATS)
    return False

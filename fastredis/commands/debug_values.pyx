# debug_values: the subcommands of DEBUG that look into values: DIGEST, SDSLEN and their kin.
#
# Digests. Equal data give equal digests, whatever the encoding, the order of the keys, or the
# server: they are those of Redis 8, so that a test can hold two servers against each other.
#
#   xor(d, x)   d ^ SHA1(x): the order of such steps does not matter
#   mix(d, x)   SHA1(d ^ SHA1(x)): it does
#
#   value       mix the type; then
#                 string   mix it                     list     mix each element
#                 set      xor each member            zset     xor (mix member, mix score)
#                 hash     xor (mix name, mix value; a field with a due time: xor "!!hexpire!!")
#                 stream   mix each ID "ms.seq", mix its fields and values
#               with a due time: xor "!!expire!!"
#   data set    for each database that is not empty: mix its number, for each key:
#               xor (mix key, its value)
#
# What is due counts as gone. O(bytes of the data): the server stands still meanwhile.

from fastredis.capi.sha1 cimport *

# ---- digests ----

ctypedef struct Digest:
    uint8_t bytes[SHA1_BYTES]


cdef void digest_xor(Digest *digest, const void *data, size_t length) noexcept nogil:
    cdef uint8_t hash[SHA1_BYTES]
    cdef int i
    sha1_of(data, length, hash)
    for i in range(SHA1_BYTES):
        digest.bytes[i] ^= hash[i]


cdef void digest_mix(Digest *digest, const void *data, size_t length) noexcept nogil:
    cdef Digest before
    digest_xor(digest, data, length)
    before = digest[0]
    sha1_of(before.bytes, SHA1_BYTES, digest.bytes)


cdef inline void digest_mix_slice(Digest *digest, slice text) noexcept nogil:
    digest_mix(digest, text.data, text.length)


cdef void digest_mix_number(Digest *digest, uint32_t number) noexcept nogil:
    """Highest byte first."""
    cdef uint8_t bytes[4]
    bytes[0] = number >> 24
    bytes[1] = (number >> 16) & 255
    bytes[2] = (number >> 8) & 255
    bytes[3] = number & 255
    digest_mix(digest, bytes, 4)


cdef void digest_list(Digest *digest, const entry *e) noexcept nogil:
    cdef list_iterator elements
    cdef slice value
    if list_iterate(&elements, e, False):
        while list_next(&elements, &value):
            digest_mix_slice(digest, value)


cdef void digest_set(Digest *digest, const entry *e) noexcept nogil:
    cdef set_iterator members
    cdef slice member
    set_iterate(&members, e)
    while set_next(&members, &member):
        digest_xor(digest, member.data, member.length)


cdef void digest_zset(Digest *digest, const entry *e) noexcept nogil:
    cdef char text[NUMBER_DOUBLE_MAX_LENGTH]
    cdef zset_iterator members
    cdef Digest element
    cdef slice member
    cdef double score
    zset_iterate(&members, e, False)
    while zset_next(&members, &member, &score):
        memset(&element, 0, sizeof(Digest))
        digest_mix_slice(&element, member)
        digest_mix(&element, text, number_format_double(text, score))
        digest_xor(digest, element.bytes, SHA1_BYTES)


cdef void digest_hash(Digest *digest, const entry *e) noexcept nogil:
    cdef fields_iterator fields
    cdef field_item field
    cdef Digest element
    fields_iterate(&fields, e, state.now_ms)
    while fields_next(&fields, &field):
        memset(&element, 0, sizeof(Digest))
        digest_mix_slice(&element, field.name)
        digest_mix_slice(&element, field.value)
        if field.due_ms != FIELD_NO_DUE:
            digest_xor(&element, b"!!hexpire!!", 11)
        digest_xor(digest, element.bytes, SHA1_BYTES)


cdef void digest_element(Digest *digest, listpack_value value) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    if value.data != NULL:
        digest_mix(digest, value.data, value.length)
    else:
        digest_mix(digest, digits, number_format_int64(digits, value.number))


cdef void digest_stream(Digest *digest, const entry *e) noexcept nogil:
    cdef char text[STREAM_ID_TEXT_MAX]
    cdef listpack_value name, value
    cdef stream_iterator entries
    cdef size_t length
    stream_iterate(&entries, stream_of(e), STREAM_ID_MIN, STREAM_ID_MAX, False)
    while stream_next(&entries):
        length = number_format_uint64(text, entries.walk.id.ms)
        text[length] = c'.'
        length += 1
        length += number_format_uint64(text + length, entries.walk.id.seq)
        digest_mix(digest, text, length)
        while stream_walk_field(&entries.walk, &name, &value):
            digest_element(digest, name)
            digest_element(digest, value)


cdef void digest_value(Digest *digest, const entry *e) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef entry_type type = entry_get_type(e)
    digest_mix_number(digest, 6 if type == ENTRY_STREAM else <uint32_t>type)
    if type == ENTRY_STRING:
        digest_mix_slice(digest, string_bytes(e, digits))
    elif type == ENTRY_LIST:
        digest_list(digest, e)
    elif type == ENTRY_SET:
        digest_set(digest, e)
    elif type == ENTRY_ZSET:
        digest_zset(digest, e)
    elif type == ENTRY_HASH:
        digest_hash(digest, e)
    elif type == ENTRY_STREAM:
        digest_stream(digest, e)
    if entry_has_due(e):
        digest_xor(digest, b"!!expire!!", 10)


cdef void digest_reply(Call *call, const Digest *digest) noexcept nogil:
    cdef char hex[2 * SHA1_BYTES + 1]
    sha1_hex(digest.bytes, hex)
    hex[2 * SHA1_BYTES] = 0
    reply_status(call.out, hex)


cdef void debug_digest(Call *call) noexcept nogil:
    cdef hashtable_iterator entries
    cdef Digest whole, one
    cdef entry *e
    cdef int i
    memset(&whole, 0, sizeof(Digest))
    for i in range(state.database_count):
        if state.databases[i].keys.count == 0:
            continue
        digest_mix_number(&whole, i)
        hashtable_iterate(&entries, &state.databases[i].keys)
        while True:
            e = <entry *>hashtable_next(&entries)
            if e == NULL:
                break
            if entry_is_due(e):
                continue
            memset(&one, 0, sizeof(Digest))
            digest_mix_slice(&one, entry_key_slice(e))
            digest_value(&one, e)
            digest_xor(&whole, one.bytes, SHA1_BYTES)
    digest_reply(call, &whole)


cdef void debug_digest_value(Call *call) noexcept nogil:
    cdef Digest digest
    cdef entry *e
    cdef int i
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        memset(&digest, 0, sizeof(Digest))
        e = key_find(call.database, call.argv[i], key_hash(call, call.argv[i]))
        if e != NULL:
            digest_value(&digest, e)
        digest_reply(call, &digest)


# ---- sizes ----

cdef size_t value_count(const entry *e) noexcept nogil:
    """Elements of a collection."""
    cdef entry_type type = entry_get_type(e)
    if type == ENTRY_LIST:
        return list_length(e)
    if type == ENTRY_SET:
        return set_count(e)
    if type == ENTRY_ZSET:
        return zset_count(e)
    if type == ENTRY_HASH:
        return fields_count(e)
    return stream_of(e).length if type == ENTRY_STREAM else 1


cdef entry *_debug_key_or_reply(Call *call) noexcept nogil:
    cdef entry *e = key_find(call.database, call.argv[2], key_hash(call, call.argv[2]))
    if e == NULL:
        error_reply(call, ERROR_NO_KEY)
    return e


cdef void debug_encoded(Call *call, entry_encoding wanted, entry_encoding or_wanted,
                        Status otherwise) noexcept nogil:
    """Sizes of a value that is kept in one of the two encodings."""
    cdef char text[128]
    cdef entry *e = _debug_key_or_reply(call)
    if e == NULL:
        return
    if entry_get_encoding(e) != wanted and entry_get_encoding(e) != or_wanted:
        error_reply(call, otherwise)
        return
    snprintf(text, sizeof(text), b"encoding:%s elements:%lu bytes:%lu",
             encoding_name(entry_get_encoding(e)), <unsigned long>value_count(e),
             <unsigned long>value_bytes(e))
    reply_status(call.out, text)


cdef void debug_table_stats(Call *call) noexcept nogil:
    """DEBUG HTSTATS: the keys of a database."""
    cdef char text[256]
    cdef int64_t index
    cdef Database *db
    cdef int length
    if not int_or_reply(call, call.argv[2], &index):
        return
    if not 0 <= index < state.database_count:
        error_reply(call, ERROR_DATABASE_RANGE)
        return
    db = &state.databases[index]
    length = snprintf(
        text, sizeof(text), b"[Dictionary HT]\nHash table 0 stats (main hash table):\n"
        b" table bytes: %lu\n number of elements: %lu\n[Expires HT]\n number of elements: %lu\n",
        <unsigned long>hashtable_bytes(&db.keys), <unsigned long>db.keys.count,
        <unsigned long>expiry_heap_count(&db.expires))
    reply_verbatim(call.out, b"txt", text, length)


cdef void debug_key_table_stats(Call *call) noexcept nogil:
    cdef char text[256]
    cdef entry_encoding encoding
    cdef entry *e = _debug_key_or_reply(call)
    cdef int length
    if e == NULL:
        return
    encoding = entry_get_encoding(e)
    if encoding not in (ENTRY_HASHTABLE, ENTRY_HASHTABLE_EX, ENTRY_SKIPLIST):
        error_reply(call, ERROR_NOT_TABLE)
        return
    length = snprintf(text, sizeof(text), b"Hash table 0 stats (main hash table):\n"
                      b" table bytes, elements included: %lu\n number of elements: %lu\n",
                      <unsigned long>value_bytes(e), <unsigned long>value_count(e))
    reply_verbatim(call.out, b"txt", text, length)


cdef void debug_string_sizes(Call *call) noexcept nogil:
    """DEBUG SDSLEN. The key, and a value that lies within, have no block of their own: the bytes
    of the whole entry stand for both."""
    cdef char text[256]
    cdef entry *e = _debug_key_or_reply(call)
    cdef unsigned long room = 0, own
    if e == NULL:
        return
    if entry_get_type(e) != ENTRY_STRING or entry_get_encoding(e) == ENTRY_INT:
        error_reply(call, ERROR_NOT_SDS)
        return
    own = alloc_usable(entry_size(e))
    if entry_get_encoding(e) == ENTRY_BLOB:
        room = entry_blob(e).capacity - entry_blob(e).length
    snprintf(text, sizeof(text), b"key_sds_len:%lu, key_sds_avail:0, key_zmalloc: %lu, "
             b"val_sds_len:%lu, val_sds_avail:%lu, val_zmalloc: %lu",
             <unsigned long>call.argv[2].length, own, <unsigned long>string_length(e), room,
             <unsigned long>(value_bytes(e) if value_bytes(e) else own))
    reply_status(call.out, text)


# ---- DEBUG POPULATE ----

cdef bint populate_number_or_reply(Call *call, slice text, int64_t most,
                                   int64_t *number) noexcept nogil:
    if number_parse_int64(text.data, text.length, number) and 0 <= number[0] <= most:
        return True
    error_reply(call, ERROR_POSITIVE)
    return False


cdef void populate_one(Call *call, slice name, slice value) noexcept nogil:
    """Set a key that is not there."""
    cdef uint64_t hash = key_hash(call, name)
    if key_find(call.database, name, hash) == NULL:
        string_set(call.database, name, hash, value, ENTRY_NO_DUE, False)


cdef void debug_populate(Call *call) noexcept nogil:
    """Keys `prefix:0`, `prefix:1` ... with values `value:0` ..., cut or continued by zeros to a
    size if one is given."""
    cdef int64_t count, size = 0, i
    cdef slice prefix = slice_of(b"key", 3)
    cdef char text[64]
    cdef size_t name_size, value_size, length
    cdef char *name
    cdef char *value
    if not populate_number_or_reply(call, call.argv[2], INT64_MAX, &count):
        return
    if call.argc > 3:
        prefix = call.argv[3]
    if call.argc > 4 and not populate_number_or_reply(call, call.argv[4], state.limits.bulk_max,
                                                      &size):
        return
    name_size = prefix.length + 1 + NUMBER_INT64_MAX_LENGTH
    value_size = max(<size_t>size, sizeof(text))
    name = <char *>alloc_new(name_size)
    value = <char *>alloc_new_zeroed(value_size)
    memcpy(name, prefix.data, prefix.length)
    name[prefix.length] = c':'
    for i in range(count):
        memcpy(text, b"value:", 6)
        length = 6 + number_format_int64(text + 6, i)
        memcpy(value, text, length if not size else min(length, <size_t>size))
        populate_one(call, slice_of(name, prefix.length + 1 + number_format_int64(
            name + prefix.length + 1, i)), slice_of(value, size if size else length))
    alloc_free(name, name_size)
    alloc_free(value, value_size)
    reply_ok(call.out)


# ---- which ----

cdef bint debug_values(Call *call) noexcept nogil:
    """Answer one of these subcommands; False: it is none, or has a wrong number of arguments."""
    cdef slice what = call.argv[1]
    cdef int argc = call.argc
    if slice_is(what, b"DIGEST") and argc == 2:
        debug_digest(call)
    elif slice_is(what, b"DIGEST-VALUE"):
        debug_digest_value(call)
    elif slice_is(what, b"LISTPACK") and argc == 3:
        debug_encoded(call, ENTRY_LISTPACK, ENTRY_LISTPACK_EX, ERROR_NOT_LISTPACK)
    elif slice_is(what, b"QUICKLIST") and 3 <= argc <= 4:
        debug_encoded(call, ENTRY_QUICKLIST, ENTRY_QUICKLIST, ERROR_NOT_QUICKLIST)
    elif slice_is(what, b"HTSTATS") and 3 <= argc <= 4:
        debug_table_stats(call)
    elif slice_is(what, b"HTSTATS-KEY") and 3 <= argc <= 4:
        debug_key_table_stats(call)
    elif slice_is(what, b"SDSLEN") and argc == 3:
        debug_string_sizes(call)
    elif slice_is(what, b"POPULATE") and 3 <= argc <= 5:
        debug_populate(call)
    else:
        return False
    return True

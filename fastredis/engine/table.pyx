# table: the command table: its rows, how they are registered, found, and asked for keys.
#
# A row stands at the foot of its family's file:
#
#   row(b"get", 2, b"readonly fast", b"string", b"", b"RO,access index:1 range:0,1,0", b"", cmd_get)
#       name  arity flags            group     acl  key specs                           tips handler
#
#   name       "container|sub" hangs the row under its container, which must stand before it
#   arity      number of arguments with the name; negative: at least that many
#   acl        categories beside the derived ones: "+dangerous -keyspace"
#   key specs  joined by " ; ", each: FLAGS BEGIN FIND [note:"..."]
#                BEGIN  index:I | keyword:WORD,FROM | unknown
#                FIND   range:LAST,STEP,LIMIT | keynum:AT,FIRST,STEP | unknown
#   handler    NULL: answered in Python (server/hooks.py), or by its subcommands
#
# Lookup: a name of up to eight bytes is its own hash (bytes folded to lower case, in one word), so
# finding GET is two loads, a multiplication and a comparison. O(1); subcommands: a short list.

cdef enum:
    ROWS_MAX = 512
    NAME_SLOTS = 2048            # a power of two, sparsely filled

cdef Row *rows[ROWS_MAX]
cdef int row_count = 0
cdef Row *name_slots[NAME_SLOTS]

ACL_CATEGORIES = (
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
    "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous",
    "connection", "transaction", "scripting",
)
GROUP_CATEGORIES = {
    "string": "string", "generic": "keyspace", "transactions": "transaction",
    "connection": "connection", "hash": "hash", "list": "list", "set": "set",
    "sorted-set": "sortedset", "stream": "stream", "bitmap": "bitmap",
    "hyperloglog": "hyperloglog", "geo": "geo", "scripting": "scripting",
}
# In the order in which COMMAND INFO prints them.
COMMAND_FLAGS = (
    ("write", COMMAND_WRITE), ("readonly", COMMAND_READONLY), ("denyoom", COMMAND_DENYOOM),
    ("admin", COMMAND_ADMIN), ("pubsub", COMMAND_PUBSUB), ("noscript", COMMAND_NOSCRIPT),
    ("blocking", COMMAND_BLOCKING), ("loading", COMMAND_LOADING), ("stale", COMMAND_STALE),
    ("skip_monitor", COMMAND_SKIP_MONITOR), ("skip_slowlog", COMMAND_SKIP_SLOWLOG),
    ("skip_commandlog", COMMAND_SKIP_COMMANDLOG), ("asking", COMMAND_ASKING),
    ("fast", COMMAND_FAST), ("no_auth", COMMAND_NO_AUTH),
    ("no_mandatory_keys", COMMAND_NO_MANDATORY_KEYS),
    ("no_async_loading", COMMAND_NO_ASYNC_LOADING), ("no_multi", COMMAND_NO_MULTI),
    ("movablekeys", COMMAND_MOVABLEKEYS), ("allow_busy", COMMAND_ALLOW_BUSY),
)
cdef dict _flag_bits = dict(COMMAND_FLAGS)
_flag_bits["not_queued"] = COMMAND_NOT_QUEUED
_flag_bits["protected"] = COMMAND_PROTECTED
_flag_bits["may_replicate"] = COMMAND_MAY_REPLICATE
cdef const char *acl_names[32]    # with the '@', in the order of ACL_CATEGORIES
cdef const char *flag_names[32]   # in the order of COMMAND_FLAGS
cdef uint32_t flag_bits[32]
cdef int acl_name_count = 0
cdef int flag_name_count = 0
cdef list _kept_texts = []       # owns the bytes that rows point into


cdef const char *_keep(text):
    data = text.encode() if isinstance(text, str) else text
    _kept_texts.append(data)
    return <const char *>data


cdef int _fill_names() except -1:
    """Copy the names of categories and flags to where commands without the GIL can read them."""
    global acl_name_count, flag_name_count
    for name in ACL_CATEGORIES:
        acl_names[acl_name_count] = _keep("@" + name)
        acl_name_count += 1
    for name, bit in COMMAND_FLAGS:
        flag_names[flag_name_count] = _keep(name)
        flag_bits[flag_name_count] = bit
        flag_name_count += 1
    return 0


_fill_names()


cdef inline uint64_t name_pack(const char *text, size_t length) noexcept nogil:
    """The name folded to lower case in a word; names over eight bytes: a hash of that."""
    cdef uint64_t packed = 0
    cdef size_t i
    if length > 8:
        for i in range(length):
            packed = (packed ^ (<uint8_t>text[i] | 0x20)) * <uint64_t>0x9E3779B97F4A7C15
        return packed
    # Two loads that meet or overlap: what they share are the same bytes.
    if length >= 4:
        packed = load_u32(text) | <uint64_t>load_u32(text + length - 4) << (8 * (length - 4))
    elif length:
        packed = (<uint8_t>text[0] | <uint64_t><uint8_t>text[length >> 1] << (8 * (length >> 1))
                  | <uint64_t><uint8_t>text[length - 1] << (8 * (length - 1)))
    else:
        return 0
    return packed | (<uint64_t>0x2020202020202020) >> (8 * (8 - length))


cdef inline bint name_matches(const Row *candidate, const char *text, size_t length) noexcept nogil:
    """Folding maps other bytes to digits and signs, but only letters to letters: a name of up to
    eight letters is told by its packed form, others are looked at."""
    cdef size_t i
    cdef char c
    for i in range(length):
        c = text[i]
        if c'A' <= c <= c'Z':
            c += 32
        if c != candidate.short_name[i] or c == 0:
            return False
    return candidate.short_name[length] == 0


cdef void row_pack(Row *named, const char *name, size_t length) noexcept nogil:
    """Set what a name in lower case is found by."""
    cdef size_t i
    named.packed_name = name_pack(name, length)
    named.packed_tells = length <= 8
    for i in range(length):
        named.packed_tells = named.packed_tells and c'a' <= name[i] <= c'z'


cdef inline uint32_t _name_slot(uint64_t packed) noexcept nogil:
    return <uint32_t>((packed * <uint64_t>0x9E3779B97F4A7C15) >> 53)


cdef void row_enter(Row *packed) noexcept nogil:
    """Let a packed row be found."""
    cdef uint32_t slot = _name_slot(packed.packed_name)
    while name_slots[slot] != NULL:
        slot = (slot + 1) & (NAME_SLOTS - 1)
    name_slots[slot] = packed


cdef inline Row *table_find(const char *text, size_t length) noexcept nogil:
    """The row of a top-level command, or NULL."""
    cdef uint64_t packed = name_pack(text, length)
    cdef uint32_t slot = _name_slot(packed)
    while name_slots[slot] != NULL:
        if name_slots[slot].packed_name == packed and (
                name_slots[slot].packed_tells or name_matches(name_slots[slot], text, length)):
            return name_slots[slot]
        slot = (slot + 1) & (NAME_SLOTS - 1)
    return NULL


cdef Row *table_find_sub(const Row *container, slice name) noexcept nogil:
    cdef int i
    for i in range(container.subcommand_count):
        if name_matches(container.subcommands[i], name.data, name.length):
            return container.subcommands[i]
    return NULL


cdef Row *table_find_full(slice name) noexcept nogil:
    """The row of `name` or `container|sub`, or NULL."""
    cdef const char *bar = <const char *>memchr(name.data, c'|', name.length)
    cdef Row *found
    cdef slice rest
    if bar == NULL:
        return table_find(name.data, name.length)
    found = table_find(name.data, bar - name.data)
    if found == NULL:
        return NULL
    rest.data = bar + 1
    rest.length = name.length - (bar + 1 - name.data)
    return table_find_sub(found, rest)


cdef bint arity_fits(const Row *found, int argc) noexcept nogil:
    return argc == found.arity if found.arity >= 0 else argc >= -found.arity


# ---- registration (at import) ----

cdef int _parse_key_spec(KeySpec *spec, str text) except -1:
    note = None
    if ' note:"' in text:
        text, note = text.split(' note:"')
        note = note.rstrip('"')
    flags, begin, find = text.split()
    kind, _, values = begin.partition(":")
    spec.flags = _keep(flags)
    spec.note = _keep(note) if note else NULL
    spec.incomplete = "incomplete" in flags.split(",")
    spec.not_key = "not_key" in flags.split(",")
    if kind == "index":
        spec.begin = BEGIN_INDEX
        spec.index = int(values)
    elif kind == "keyword":
        word, start = values.split(",")
        spec.begin = BEGIN_KEYWORD
        spec.keyword = _keep(word)
        spec.index = int(start)
    else:
        spec.begin = BEGIN_UNKNOWN
    kind, _, values = find.partition(":")
    if kind == "range":
        spec.find = FIND_RANGE
        spec.last_key, spec.step, spec.limit = map(int, values.split(","))
    elif kind == "keynum":
        spec.find = FIND_KEYNUM
        spec.keynum_index, spec.first_key, spec.step = map(int, values.split(","))
    else:
        spec.find = FIND_UNKNOWN
    return 0


cdef void _derive_key_range(Row *made):
    """first, last and step of COMMAND INFO, from the specs that say index and range."""
    cdef int i, last
    cdef KeySpec *spec
    for i in range(made.key_spec_count):
        spec = &made.key_specs[i]
        if spec.begin != BEGIN_INDEX or spec.find != FIND_RANGE:
            made.flags |= COMMAND_MOVABLEKEYS
            continue
        if spec.incomplete:
            made.flags |= COMMAND_MOVABLEKEYS
        last = spec.last_key if spec.last_key < 0 else spec.index + spec.last_key
        if made.first_key == 0:
            made.first_key = spec.index
            made.last_key = last
            made.key_step = spec.step
        elif (made.last_key >= 0 and spec.index == made.last_key + 1 and made.key_step == 1
              and spec.step == 1):
            made.last_key = last


cdef uint32_t _derive_categories(Row *made, str group, str extra) except 0xffffffff:
    names = set()
    if made.flags & COMMAND_WRITE:
        names.add("write")
    if made.flags & COMMAND_READONLY and group != "scripting":
        names.add("read")
    if made.flags & COMMAND_ADMIN:
        names.update(("admin", "dangerous"))
    if made.flags & COMMAND_PUBSUB:
        names.add("pubsub")
    if made.flags & COMMAND_BLOCKING:
        names.add("blocking")
    names.add("fast" if made.flags & COMMAND_FAST else "slow")
    if group in GROUP_CATEGORIES:
        names.add(GROUP_CATEGORIES[group])
    for change in extra.split():
        if change[0] == "+":
            names.add(change[1:])
        else:
            names.discard(change[1:])
    bits = 0
    for name in names:
        bits |= 1 << ACL_CATEGORIES.index(name)
    return bits


cdef int _hang_under(Row *made, Row *container) except -1:
    """Add a subcommand; its container then has no category of its own from the group."""
    cdef size_t size = container.subcommand_count * sizeof(Row *)
    container.subcommands = <Row **>alloc_resize(container.subcommands, size, size + sizeof(Row *))
    container.subcommands[container.subcommand_count] = made
    container.subcommand_count += 1
    made.parent = container
    group = container.group.decode()
    if group in GROUP_CATEGORIES:
        container.acl &= ~(<uint32_t>1 << ACL_CATEGORIES.index(GROUP_CATEGORIES[group]))
    return 0


cdef Row *row(const char *name, int arity, const char *flags, const char *group, const char *acl,
              const char *key_specs, const char *tips, Handler handler) except NULL:
    """Register a command; see the head of this file. Returns the row for further settings."""
    global row_count
    cdef Row *made
    if row_count == ROWS_MAX:
        raise RuntimeError("the command table is full: raise ROWS_MAX")
    made = <Row *>alloc_new(sizeof(Row))
    memset(made, 0, sizeof(Row))
    made.name = made.short_name = name
    made.arity = arity
    made.group = group
    made.tips = tips
    made.handler = handler
    made.id = row_count
    for flag in flags.decode().split():
        made.flags |= _flag_bits[flag]
    for spec in key_specs.decode().split(" ; ") if key_specs[0] else ():
        _parse_key_spec(&made.key_specs[made.key_spec_count], spec)
        made.key_spec_count += 1
    _derive_key_range(made)
    made.acl = _derive_categories(made, group.decode(), acl.decode())
    full = name.decode()
    if "|" in full:
        container, _, short = full.partition("|")
        made.short_name = _keep(short)
        parent = container.encode()
        if table_find(parent, len(parent)) == NULL:
            raise RuntimeError(f"{full}: register its container first")
        _hang_under(made, table_find(parent, len(parent)))
    else:
        row_pack(made, name, strlen(name))
        row_enter(made)
    rows[row_count] = made
    row_count += 1
    return made


cdef void row_refine(const char *name, KeyFinder finder, KeyFlags flags):
    """Give a row functions for the keys that its specs cannot tell, if there is such a row."""
    cdef Row *found = table_find(name, strlen(name))
    if found != NULL:
        found.key_finder = finder
        found.key_flags = flags


cdef void row_element(const char *name, int position):
    """Say where a command names the element of its first key that it begins with, so that a batch
    can load it ahead, if there is such a row."""
    cdef Row *found = table_find(name, strlen(name))
    if found != NULL:
        found.element = position


# ---- keys of a command line ----

cdef int spec_keys(const KeySpec *spec, const slice *argv, int argc, int *positions,
                   int capacity) noexcept nogil:
    """Positions of the keys that one spec names; their number, or -1 where the line is invalid."""
    cdef int first = spec.index, last, step = spec.step, count = 0, at, i
    cdef int64_t number
    if spec.begin == BEGIN_KEYWORD:
        first = spec_keyword_position(spec, argv, argc)
        if first < 0:
            return 0
    elif spec.begin == BEGIN_UNKNOWN:
        return 0
    if spec.find == FIND_RANGE:
        last = first + spec.last_key if spec.last_key >= 0 else argc + spec.last_key
        if spec.last_key < 0 and spec.limit > 1:
            last = first + (argc - first) // spec.limit + spec.last_key
    elif spec.find == FIND_KEYNUM:
        at = first + spec.keynum_index
        if at >= argc or not number_parse_int64(argv[at].data, argv[at].length, &number):
            return -1
        if number < 0 or number > argc:
            return -1
        first += spec.first_key
        last = first + (<int>number - 1) * step
    else:
        return 0
    if first >= argc and last >= first:
        return -1
    at = first
    while at <= last:
        if at >= argc or count == capacity:
            return -1
        positions[count] = at
        count += 1
        at += step
    return count


cdef int spec_keyword_position(const KeySpec *spec, const slice *argv, int argc) noexcept nogil:
    """Where the argument behind the keyword stands, searched from spec.index; or -1."""
    cdef int at
    if spec.index >= 0:
        for at in range(spec.index, argc - 1):
            if slice_is(argv[at], spec.keyword):
                return at + 1
        return -1
    at = argc + spec.index
    while at > 0:
        if slice_is(argv[at], spec.keyword):
            return at + 1
        at -= 1
    return -1


ctypedef struct KeyList:
    int *positions               # the caller's: room for argc + KEY_SPECS_MAX
    int capacity
    int count
    int spec_ends[KEY_SPECS_MAX]  # how many keys the specs up to this one have named


cdef bint row_has_keys(const Row *found) noexcept nogil:
    """Whether its command lines can name keys at all (channels are none)."""
    cdef int i
    if found.key_finder != NULL:
        return True
    for i in range(found.key_spec_count):
        if not found.key_specs[i].not_key:
            return True
    return False


cdef bint row_keys(const Row *found, const slice *argv, int argc, KeyList *keys) noexcept nogil:
    """Where the keys of a command line stand; False where the line is invalid. O(argc)."""
    cdef int i, added
    keys.count = 0
    if found.key_finder != NULL:
        keys.count = found.key_finder(argv, argc, keys.positions, keys.capacity)
        return keys.count > 0
    for i in range(found.key_spec_count):
        added = 0
        if not found.key_specs[i].not_key:
            added = spec_keys(&found.key_specs[i], argv, argc, keys.positions + keys.count,
                              keys.capacity - keys.count)
            if added < 0 or (added == 0 and found.key_specs[i].find == FIND_KEYNUM):
                keys.count = 0
                return False
        keys.count += added
        keys.spec_ends[i] = keys.count
    return keys.count > 0


cdef const char *row_key_flags(const Row *found, const KeyList *keys, int index,
                               const slice *argv, int argc) noexcept nogil:
    """How the command line uses the key of that index."""
    cdef int i = 0
    if found.key_flags != NULL:
        return found.key_flags(argv, argc, keys.positions[index])
    while keys.spec_ends[i] <= index:
        i += 1
    return found.key_specs[i].flags


# ---- HELP of containers ----

cdef void help_reply(Call *call, const char *text) noexcept nogil:
    """Answer `container HELP`: the head with the container as it was typed, the lines of `text`
    (each ends in a line feed), HELP."""
    cdef slice name = call.argv[0]
    cdef const char *end
    cdef char capital
    cdef size_t i
    cdef int64_t lines = 3
    for i in range(strlen(text)):
        lines += text[i] == c'\n'
    reply_array(call.out, lines)
    reply_raw(call.out, b"+", 1)
    for i in range(name.length):
        capital = name.data[i] - 32 if c'a' <= name.data[i] <= c'z' else name.data[i]
        reply_raw(call.out, &capital, 1)
    reply_raw(call.out, b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n", 59)
    while text[0]:
        end = <const char *>memchr(text, c'\n', strlen(text))
        reply_raw(call.out, b"+", 1)
        reply_raw(call.out, text, end - text)
        reply_raw(call.out, b"\r\n", 2)
        text = end + 1
    reply_raw(call.out, b"+HELP\r\n", 7)
    reply_raw(call.out, b"+    Print this help.\r\n", 23)

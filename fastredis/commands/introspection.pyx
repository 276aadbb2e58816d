# introspection: COMMAND, the command table as clients see it.
#
# Everything here is read off the rows; nothing is kept twice. COMMAND DOCS alone has its own
# table (text that only tools ask for) and is answered in Python.
#
# Included behind all families: at the foot it gives rows whose specs cannot tell everything
# the functions that can.

# ---- COMMAND INFO ----

cdef int words_count(const char *text, char separator) noexcept nogil:
    """Number of words in a joined text; none in an empty one."""
    cdef int count = 0
    if text[0]:
        count = 1
    while text[0]:
        count += text[0] == separator
        text += 1
    return count


cdef void reply_words(reply *out, const char *text, char separator, bint statuses) noexcept nogil:
    """The words of a joined text as a set of status lines or bulk strings."""
    cdef const char *end
    cdef int i, count = words_count(text, separator)
    reply_set(out, count)
    for i in range(count):
        end = text
        while end[0] and end[0] != separator:
            end += 1
        if statuses:
            reply_raw(out, b"+", 1)
            reply_raw(out, text, end - text)
            reply_raw(out, b"\r\n", 2)
        else:
            reply_bulk(out, text, end - text)
        text = end + 1


cdef void reply_flags(reply *out, const Row *found) noexcept nogil:
    cdef int i, count = 0
    for i in range(flag_name_count):
        count += (found.flags & flag_bits[i]) != 0
    reply_set(out, count)
    for i in range(flag_name_count):
        if found.flags & flag_bits[i]:
            reply_status(out, flag_names[i])


cdef void reply_categories(reply *out, const Row *found) noexcept nogil:
    cdef int i, count = 0
    for i in range(acl_name_count):
        count += (found.acl >> i) & 1
    reply_set(out, count)
    for i in range(acl_name_count):
        if (found.acl >> i) & 1:
            reply_status(out, acl_names[i])


cdef void reply_field(reply *out, const char *name, int64_t value) noexcept nogil:
    reply_text(out, name)
    reply_int(out, value)


cdef void reply_key_begin(reply *out, const KeySpec *spec) noexcept nogil:
    reply_text(out, b"begin_search")
    reply_map(out, 2)
    reply_text(out, b"type")
    if spec.begin == BEGIN_INDEX:
        reply_text(out, b"index")
        reply_text(out, b"spec")
        reply_map(out, 1)
        reply_field(out, b"index", spec.index)
    elif spec.begin == BEGIN_KEYWORD:
        reply_text(out, b"keyword")
        reply_text(out, b"spec")
        reply_map(out, 2)
        reply_text(out, b"keyword")
        reply_text(out, spec.keyword)
        reply_field(out, b"startfrom", spec.index)
    else:
        reply_text(out, b"unknown")
        reply_text(out, b"spec")
        reply_map(out, 0)


cdef void reply_key_find(reply *out, const KeySpec *spec) noexcept nogil:
    reply_text(out, b"find_keys")
    reply_map(out, 2)
    reply_text(out, b"type")
    if spec.find == FIND_RANGE:
        reply_text(out, b"range")
        reply_text(out, b"spec")
        reply_map(out, 3)
        reply_field(out, b"lastkey", spec.last_key)
        reply_field(out, b"keystep", spec.step)
        reply_field(out, b"limit", spec.limit)
    elif spec.find == FIND_KEYNUM:
        reply_text(out, b"keynum")
        reply_text(out, b"spec")
        reply_map(out, 3)
        reply_field(out, b"keynumidx", spec.keynum_index)
        reply_field(out, b"firstkey", spec.first_key)
        reply_field(out, b"keystep", spec.step)
    else:
        reply_text(out, b"unknown")
        reply_text(out, b"spec")
        reply_map(out, 0)


cdef void reply_key_specs(reply *out, const Row *found) noexcept nogil:
    cdef const KeySpec *spec
    cdef int i
    reply_set(out, found.key_spec_count)
    for i in range(found.key_spec_count):
        spec = &found.key_specs[i]
        reply_map(out, 3 + (spec.note != NULL))
        if spec.note != NULL:
            reply_text(out, b"notes")
            reply_text(out, spec.note)
        reply_text(out, b"flags")
        reply_words(out, spec.flags, c',', True)
        reply_key_begin(out, spec)
        reply_key_find(out, spec)


cdef void reply_row(reply *out, const Row *found) noexcept nogil:
    """The ten fields of a command; its subcommands are such entries again."""
    cdef int i
    reply_array(out, 10)
    reply_text(out, found.name)
    reply_int(out, found.arity)
    reply_flags(out, found)
    reply_int(out, found.first_key)
    reply_int(out, found.last_key)
    reply_int(out, found.key_step)
    reply_categories(out, found)
    reply_words(out, found.tips, c'|', False)
    reply_key_specs(out, found)
    if found.subcommand_count:
        reply_array(out, found.subcommand_count)
    else:
        reply_set(out, 0)
    for i in range(found.subcommand_count):
        reply_row(out, found.subcommands[i])


cdef int top_level_count() noexcept nogil:
    cdef int i, count = 0
    for i in range(row_count):
        count += rows[i].parent == NULL and row_is_reachable(rows[i])
    return count


cdef void reply_all_rows(reply *out) noexcept nogil:
    cdef int i
    reply_array(out, top_level_count())
    for i in range(row_count):
        if rows[i].parent == NULL and row_is_reachable(rows[i]):
            reply_row(out, rows[i])


cdef void cmd_command(Call *call) noexcept nogil:
    reply_all_rows(call.out)


cdef void cmd_command_count(Call *call) noexcept nogil:
    reply_int(call.out, top_level_count())


cdef void cmd_command_info(Call *call) noexcept nogil:
    cdef const Row *found
    cdef int i
    if call.argc == 2:
        reply_all_rows(call.out)
        return
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        found = table_find_full(call.argv[i])
        if found != NULL:
            reply_row(call.out, found)
        else:
            reply_null(call.out)


# ---- COMMAND LIST ----

ctypedef enum ListFilter:
    LIST_ALL
    LIST_MODULE
    LIST_CATEGORY
    LIST_PATTERN


cdef uint32_t category_bit(slice name) noexcept nogil:
    """The bit of a category, whatever the case of its name; 0: there is none."""
    cdef int i
    for i in range(acl_name_count):
        if strlen(acl_names[i]) == name.length + 1 and glob_match(
                acl_names[i] + 1, name.length, name.data, name.length, True):
            return <uint32_t>1 << i
    return 0


cdef void reply_names(Call *call, ListFilter kind, slice value) noexcept nogil:
    """The full names of the rows that fit, subcommands among them."""
    cdef size_t place = reply_later(call.out)
    cdef uint32_t wanted = category_bit(value) if kind == LIST_CATEGORY else 0
    cdef int64_t count = 0
    cdef const char *name
    cdef int i
    for i in range(row_count):
        if not row_is_reachable(rows[i]):
            continue
        name = rows[i].name
        if (kind == LIST_ALL or (kind == LIST_CATEGORY and rows[i].acl & wanted)
                or (kind == LIST_PATTERN and glob_match(value.data, value.length, name,
                                                        strlen(name), True))):
            reply_text(call.out, name)
            count += 1
    reply_insert(call.out, place, reply_write_array, count)


cdef void cmd_command_list(Call *call) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef ListFilter kind = LIST_ALL
    cdef slice value = slice_of(NULL, 0)
    if args_left(&args) == 3 and args_option(&args, b"FILTERBY"):
        # Commands of modules: there are none.
        if args_option_with(&args, b"MODULE", &value):
            kind = LIST_MODULE
        elif args_option_with(&args, b"ACLCAT", &value):
            kind = LIST_CATEGORY
        elif args_option_with(&args, b"PATTERN", &value):
            kind = LIST_PATTERN
    if args_left(&args):
        error_reply(call, ERROR_SYNTAX)
        return
    reply_names(call, kind, value)


# ---- COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS ----

cdef const Row *command_line_or_reply(Call *call, const slice *argv, int argc) noexcept nogil:
    """The row of the command line that stands as arguments; it must have keys and fit."""
    cdef const Row *found = table_find(argv[0].data, argv[0].length)
    if found != NULL and found.subcommand_count and argc > 1:
        found = table_find_sub(found, argv[1])
    if found == NULL:
        error_reply(call, ERROR_COMMAND_INVALID)
    elif not row_has_keys(found):
        error_reply(call, ERROR_COMMAND_NO_KEYS)
    elif not arity_fits(found, argc):
        error_reply(call, ERROR_COMMAND_ARITY)
    else:
        return found
    return NULL


cdef void reply_keys(Call *call, bint with_flags) noexcept nogil:
    cdef const slice *argv = call.argv + 2
    cdef int argc = call.argc - 2, i
    cdef KeyList keys
    cdef const Row *found = command_line_or_reply(call, argv, argc)
    if found == NULL:
        return
    keys.capacity = argc + KEY_SPECS_MAX
    keys.positions = <int *>alloc_new(keys.capacity * sizeof(int))
    if not row_keys(found, argv, argc, &keys) and not (found.flags & COMMAND_NO_MANDATORY_KEYS):
        error_reply(call, ERROR_COMMAND_ARGUMENTS)
    else:
        reply_array(call.out, keys.count)
        for i in range(keys.count):
            if with_flags:
                reply_array(call.out, 2)
            reply_bulk(call.out, argv[keys.positions[i]].data, argv[keys.positions[i]].length)
            if with_flags:
                reply_words(call.out, row_key_flags(found, &keys, i, argv, argc), c',', True)
    alloc_free(keys.positions, keys.capacity * sizeof(int))


cdef void cmd_command_getkeys(Call *call) noexcept nogil:
    reply_keys(call, False)


cdef void cmd_command_getkeysandflags(Call *call) noexcept nogil:
    reply_keys(call, True)


cdef void cmd_command_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"(no subcommand)\n"
        b"    Every command: arity, flags, keys, categories.\n"
        b"COUNT\n"
        b"    How many commands there are.\n"
        b"DOCS [<command-name> [<command-name> ...]]\n"
        b"    What commands do and which arguments they take; all of them without a name.\n"
        b"GETKEYS <command> [<arg> ...]\n"
        b"    The keys of a command line.\n"
        b"GETKEYSANDFLAGS <command> [<arg> ...]\n"
        b"    The keys of a command line, each with how it is used.\n"
        b"INFO [<command-name> [<command-name> ...]]\n"
        b"    The same as without a subcommand, for the named commands.\n"
        b"LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]\n"
        b"    The names of all commands, or of those that fit.\n")


# ---- keys and flags that the specs cannot tell ----

cdef const char *set_key_flags(const slice *argv, int argc, int position) noexcept nogil:
    """SET reads the old value only where GET is said."""
    cdef int i
    for i in range(3, argc):
        if slice_is(argv[i], b"GET"):
            return b"RW,access,update"
    return b"OW,update"


cdef const char *bitfield_key_flags(const slice *argv, int argc, int position) noexcept nogil:
    """BITFIELD only reads where all it has is whole GETs (and OVERFLOWs, which do nothing)."""
    cdef int i = 2
    while i < argc:
        if slice_is(argv[i], b"GET") and i + 2 < argc:
            i += 3
        elif slice_is(argv[i], b"OVERFLOW") and i + 1 < argc:
            i += 2
        else:
            return b"RW,access,update"
    return b"RO,access"


cdef int sort_keys(const slice *argv, int argc, int *positions, int capacity) noexcept nogil:
    """The key, and what follows the last STORE among the options; as in Redis that may be the name
    that follows another STORE."""
    cdef int i = 2, stored = 0
    positions[0] = 1
    while i < argc:
        if slice_is(argv[i], b"LIMIT"):
            i += 2
        elif slice_is(argv[i], b"GET") or slice_is(argv[i], b"BY"):
            i += 1
        elif slice_is(argv[i], b"STORE") and i + 1 < argc:
            stored = i + 1
        i += 1
    if not stored:
        return 1
    positions[1] = stored
    return 2


cdef const char *sort_key_flags(const slice *argv, int argc, int position) noexcept nogil:
    return b"RO,access" if position == 1 else b"OW,update"


cdef int sort_ro_keys(const slice *argv, int argc, int *positions, int capacity) noexcept nogil:
    positions[0] = 1
    return 1


cdef int migrate_keys(const slice *argv, int argc, int *positions, int capacity) noexcept nogil:
    """The key argument, or, where it is empty, what stands behind KEYS."""
    cdef int i = 6, at
    while i < argc:
        if slice_is(argv[i], b"KEYS"):
            if argv[3].length:
                return -1
            for at in range(i + 1, argc):
                positions[at - i - 1] = at
            return argc - i - 1
        if slice_is(argv[i], b"AUTH"):
            i += 1
        elif slice_is(argv[i], b"AUTH2"):
            i += 2
        i += 1
    positions[0] = 3
    return 1


cdef const char *migrate_key_flags(const slice *argv, int argc, int position) noexcept nogil:
    return b"RW,access,delete"


row_refine(b"set", NULL, set_key_flags)
row_refine(b"bitfield", NULL, bitfield_key_flags)
row_refine(b"sort", sort_keys, sort_key_flags)
row_refine(b"sort_ro", sort_ro_keys, sort_key_flags)
row_refine(b"migrate", migrate_keys, migrate_key_flags)


row(b"command", -1, b"loading stale", b"server", b"+connection", b"",
    b"nondeterministic_output_order", cmd_command)
row(b"command|count", 2, b"loading stale", b"server", b"+connection", b"", b"", cmd_command_count)
row(b"command|docs", -2, b"loading stale", b"server", b"+connection", b"",
    b"nondeterministic_output_order", NULL)
row(b"command|getkeys", -3, b"loading stale", b"server", b"+connection", b"", b"",
    cmd_command_getkeys)
row(b"command|getkeysandflags", -3, b"loading stale", b"server", b"+connection", b"", b"",
    cmd_command_getkeysandflags)
row(b"command|help", 2, b"loading stale", b"server", b"+connection", b"", b"", cmd_command_help)
row(b"command|info", -2, b"loading stale", b"server", b"+connection", b"",
    b"nondeterministic_output_order", cmd_command_info)
row(b"command|list", -2, b"loading stale", b"server", b"+connection", b"",
    b"nondeterministic_output_order", cmd_command_list)

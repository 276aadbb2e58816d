# renames: `rename-command` of redis.conf: a command that answers to another name, or to none.
#
#   rename-command CONFIG k3y    name_slots: "config" -> "k3y", the row's short_name with it
#   rename-command FLUSHALL ""   no slot leads to the row any more
#
# Only what clients type changes. The row keeps its name, and so do INFO, CLIENT LIST and the slow
# log, as in Redis: otherwise the figures of a command would move with its configuration. Only at
# the start, before the first session: requests that are parsed point to rows.
#
# Invariant: a top-level row with an empty short_name is in no slot; COMMAND then leaves it and its
# subcommands out. Each call rebuilds the slots, O(NAME_SLOTS), because a slot cannot be emptied
# where later names have moved on past it.

cdef bint row_is_reachable(const Row *found) noexcept nogil:
    """Whether clients can call the command, or its container, by any name."""
    return (found if found.parent == NULL else found.parent).short_name[0] != 0


cdef void _rebuild_slots() noexcept nogil:
    cdef int i
    memset(name_slots, 0, sizeof(name_slots))
    for i in range(row_count):
        if rows[i].parent == NULL and row_is_reachable(rows[i]):
            row_enter(rows[i])


cdef void row_rename(Row *found, const char *to, size_t length) noexcept nogil:
    """Let a top-level command answer to another name, or, when that is empty, to none.

    `to` is borrowed for ever, in lower case, and no other command answers to it.
    """
    found.short_name = to
    row_pack(found, to, length)
    _rebuild_slots()

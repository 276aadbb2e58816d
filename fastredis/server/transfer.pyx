# transfer: where MIGRATE leaves the engine: a Migration as a Python object, and the way back.
#
#   engine: hooks.migration_start --> Transfer --> the carrier set by server/migrate.py
#                                              |  acknowledge, refuse, fail     in its own thread
#                                              v
#                                            finish()                           on the loop
#
# In between the Migration belongs to the Transfer: the engine changes only its session, and the
# Transfer only what the target has said. A thread must not allocate in the engine, so a refusal
# waits here for the loop's.

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory

cdef object _migration_carrier = None


cdef class Transfer:
    """What MIGRATE has to send, and where; it is told what the target answers.

    `preamble` has to be sent once on a connection before anything else and is answered with
    `preamble_count` lines, `request` with `request_count` lines. They are views of the engine's
    memory, good until the transfer is over. `timeout_ms` is the longest silence of the target.
    """
    cdef Migration *migration    # NULL: finished
    cdef bytes refusal

    cdef Migration *open(self) except NULL:
        if self.migration == NULL:
            raise ValueError("the transfer is finished")
        return self.migration

    cdef Migration *leave(self) except NULL:
        """Give the Migration back to the engine."""
        cdef Migration *m = self.open()
        cdef const char *text
        if self.refusal is not None:
            text = self.refusal
            m.refusal = text_copy(text, strlen(text))
        self.migration = NULL
        return m

    @property
    def host(self) -> bytes:
        """Name or address of the target."""
        return self.open().host

    @property
    def port(self) -> int:
        """Its port; 0 where the client has given something else."""
        return self.open().port

    @property
    def timeout_ms(self) -> int:
        """The longest silence of the target."""
        return self.open().timeout_ms

    @property
    def preamble(self) -> memoryview:
        """AUTH, if it is asked for, and SELECT."""
        return _view_of(&self.open().preamble)

    @property
    def preamble_count(self) -> int:
        """How many commands the preamble has."""
        return self.open().preamble_count

    @property
    def request(self) -> memoryview:
        """A RESTORE for each key."""
        return _view_of(&self.open().request)

    @property
    def request_count(self) -> int:
        """How many keys there are."""
        return self.open().count

    def acknowledge(self, index: int) -> None:
        """The target has the key with this number, counted from 0."""
        if not 0 <= index < self.open().count:
            raise IndexError(index)
        self.open().keys[index].acknowledged = True

    def refuse(self, error: bytes) -> None:
        """The target has answered an error (without its "-"); the first one is kept."""
        if self.refusal is None:
            self.refusal = error

    def fail(self, while_: str) -> None:
        """The connection does not work: "connecting", "writing" or "reading"."""
        self.open().failure = {
            "connecting": ERROR_MIGRATE_CONNECT,
            "writing": ERROR_MIGRATE_WRITE,
            "reading": ERROR_MIGRATE_READ,
        }[while_]

    def finish(self) -> None:
        """Delete what the target has, and answer the client. On the loop's thread, once."""
        cdef Migration *m = self.leave()
        with nogil:
            clock_update()
            migration_end(m)
            sessions_run_ready()
            arm_timer()
        connections_flush()
        with nogil:
            edge_reap()


cdef object _view_of(const reply *text):
    return PyMemoryView_FromMemory(text.data, text.length, PyBUF_READ)


cdef bint start_migration(void *migration) noexcept with gil:
    """Give a transfer to the carrier; False where there is none, or it cannot."""
    cdef Transfer transfer
    if _migration_carrier is None:
        return False
    transfer = Transfer.__new__(Transfer)
    transfer.migration = <Migration *>migration
    try:
        _migration_carrier(transfer)
    except Exception as error:
        transfer.migration = NULL     # it stays with the engine, whoever still has the Transfer
        tell_unexpected(error)
        return False
    return True


cdef void run_migration(void *migration) noexcept with gil:
    """Transfer at once, while everybody waits."""
    cdef Migration *m = <Migration *>migration
    cdef Transfer transfer = Transfer.__new__(Transfer)
    transfer.migration = m
    try:
        from fastredis.server.migrate import carry
        carry(transfer)
        transfer.leave()
    except Exception as error:
        m.failure = ERROR_MIGRATE_READ
        transfer.migration = NULL
        tell_unexpected(error)


def carry_migrations(carrier) -> None:
    """Set who carries transfers: `carrier(transfer)` returns at once, and sees to it that
    `transfer.finish()` is called on the loop's thread when it is over. None: they run in place."""
    global _migration_carrier
    _migration_carrier = carrier

# connection: a client on a uvloop transport: for TLS, and wherever a loop owns the socket.
#
# The same sessions as at the edge, with an asyncio Protocol in the place of a descriptor: one
# data_received a read, one transport.write a batch. Replies that a session gets while another one's
# command runs (a timeout, a wake-up) are written by connections_flush, which the drivers of the
# engine call when they have the GIL again.
#
# Back-pressure: when the transport's buffer is full, pause_writing suspends the session, and
# reading stops; resume_writing lets both go on.
#
# Ownership: the transport owns the Connection, Session.transport borrows it until connection_lost.

cdef Session *unsent = NULL      # sessions of connections with replies to write


cdef void connection_mark_unsent(Session *s) noexcept nogil:
    """Remember a session whose replies wait for the GIL."""
    global unsent
    if s.is_unsent:
        return
    s.is_unsent = True
    s.next_unsent = unsent
    unsent = s


cdef int connections_flush() except -1:
    """Write what waits on all connections."""
    global unsent
    cdef Session *s
    while unsent != NULL:
        s = unsent
        unsent = s.next_unsent
        s.is_unsent = False
        if s.transport != NULL:
            (<Connection>s.transport).flush()
    return 0


cdef class Connection:
    """An asyncio protocol that serves one client of the engine."""
    cdef Session *session
    cdef object transport
    cdef bint is_paused          # the transport's buffer is full

    def connection_made(self, transport) -> None:
        """Make a session for the client, if the limits allow."""
        cdef bytes text
        self.transport = transport
        clock_update()
        state.stats.connections += 1
        if state.session_count >= edge_limits.clients_max:
            self.refuse(REFUSED_MAX_CLIENTS)
            return
        peer = transport.get_extra_info("peername")
        if edge_limits.protected_mode and not state.password_required and not _is_local(peer):
            self.refuse(REFUSED_PROTECTED)
            return
        self.session = session_new(-1)
        self.session.transport = <void *>self
        text = _address_text(peer)
        self.session.peer = text_copy(text, len(text))
        text = _address_text(transport.get_extra_info("sockname"))
        self.session.local = text_copy(text, len(text))

    cdef int refuse(self, const char *text) except -1:
        state.stats.rejected_connections += 1
        self.transport.write(<bytes>text)
        self.transport.close()
        return 0

    def data_received(self, data) -> None:
        """Execute what has come in and write the replies."""
        cdef Session *s = self.session
        if s == NULL:
            return
        cdef bytearray buffer = bytearray(data)
        cdef char *start = buffer
        cdef size_t length = len(buffer)
        with nogil:
            clock_update()
            session_feed(s, start, length)
            arm_timer()
        connections_flush()
        with nogil:
            edge_reap()

    cdef int flush(self) except -1:
        """Hand the replies to the transport; close where the session asks for it."""
        cdef Session *s = self.session
        if s == NULL:
            return 0
        if reply_bytes(&s.out):
            data = session_take_output(s)
            state.stats.writes += 1
            state.stats.net_out += len(data)
            s.net_out += len(data)
            self.transport.write(data)
        if s.flags & SESSION_CLOSING:
            self.transport.close()
            return 0
        if s.flags & SESSION_HELD_BY_OUTPUT and not self.is_paused:
            # It was suspended for the size of its replies, which the transport has taken.
            s.flags &= ~<uint32_t>SESSION_HELD_BY_OUTPUT
            session_make_ready(s)
        if s.flags & SESSION_HELD:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        return 0

    def pause_writing(self) -> None:
        """The client does not read: suspend it."""
        self.is_paused = True
        if self.session != NULL:
            self.session.flags |= SESSION_HELD_BY_OUTPUT
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read: go on with what it had sent."""
        cdef Session *s = self.session
        self.is_paused = False
        if s == NULL:
            return
        s.flags &= ~<uint32_t>SESSION_HELD_BY_OUTPUT
        if not (s.flags & SESSION_HELD):
            self.transport.resume_reading()
        with nogil:
            clock_update()
            session_make_ready(s)
            sessions_run_ready()
            arm_timer()
        connections_flush()
        with nogil:
            edge_reap()

    def eof_received(self) -> bool:
        """The client sends no more: what it has sent is answered, then the transport closes."""
        return False

    def connection_lost(self, error) -> None:
        """Forget the session."""
        cdef Session *s = self.session
        self.session = NULL
        if s == NULL:
            return
        s.transport = NULL
        if not (s.flags & SESSION_FREED):
            session_close(s)
        with nogil:
            edge_reap()


cdef bytes _address_text(address):
    """Printed like net_peer_text does."""
    if isinstance(address, tuple):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{host}:{address[1]}".encode()[:ADDRESS_BYTES - 1]
    return b"%s:0" % str(address or "?").encode()[:ADDRESS_BYTES - 3]


cdef bint _is_local(address) except -1:
    if not isinstance(address, tuple):
        return True
    return address[0].startswith("127.") or address[0] in ("::1", "::ffff:127.0.0.1")


def share_loop(shared: bool) -> None:
    """Say whether the event loop serves connections of its own: drain() then never waits."""
    global loop_is_shared
    loop_is_shared = shared

# connection: a client on a uvloop transport: for TLS, and wherever a loop owns the socket.
#
# The same sessions as at the edge, with an asyncio Protocol in the place of a descriptor: one
# data_received a read, one transport.write a batch. Replies that a session gets while another one's
# command runs (a timeout, a wake-up) are written by connections_flush, which the drivers of the
# engine call when they have the GIL again.
#
# Back-pressure: while the transport's buffer is full (between pause_writing and resume_writing)
# replies stay in Session.out, where large values are references, not copies. From there on it is as
# at the edge: above OUTPUT_HELD_AT the session is suspended. One that waits for something else is
# read on (reads_ahead), so that the end of the connection is seen.
#
# Ownership: the transport owns the Connection, Session.transport borrows it until connection_lost.

import asyncio

cdef enum:
    WRITE_BYTES = 64 * 1024      # copied for the transport at a time


cdef void connection_mark_unsent(Session *s) noexcept nogil:
    """Remember a session whose replies wait for the GIL."""
    if s.is_unsent:
        return
    s.is_unsent = True
    s.next_unsent = edge.unsent
    edge.unsent = s


cdef int connections_flush() except -1:
    """Write what waits on all connections."""
    cdef Session *s
    while edge.unsent != NULL:
        s = edge.unsent
        edge.unsent = s.next_unsent
        s.is_unsent = False
        if s.transport != NULL:
            (<Connection>s.transport).flush()
    return 0


cdef class Connection:
    """An asyncio protocol that serves one client of the engine."""
    cdef Session *session
    cdef object transport
    cdef object loop
    cdef bint is_paused          # the transport's buffer is full

    def connection_made(self, transport) -> None:
        """Make a session for the client, if the limits allow."""
        cdef bytes text
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        clock_update()
        state.stats.connections += 1
        if state.session_count >= edge.limits.clients_max:
            self.refuse(REFUSED_MAX_CLIENTS)
            return
        peer = transport.get_extra_info("peername")
        if edge.limits.protected_mode and not state.password_required and not _is_local(peer):
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
        if s.flags & SESSION_HELD and not s.flags & SESSION_CLOSING:
            self.read_or_wait()       # it has nothing to write, so flush has not been here
        with nogil:
            edge_reap()

    cdef int flush(self) except -1:
        """Hand the replies to the transport; close where the session asks for it."""
        cdef Session *s = self.session
        if s == NULL:
            return 0
        if s.flags & (SESSION_CLOSE_NOW | SESSION_FREED):
            self.transport.abort()
            return 0
        if not reply_over_limit(s):
            self.write_some()
        if reply_bytes(&s.out):
            if output_over_limit(s):
                state.stats.output_buffer_disconnects += 1
                s.flags |= SESSION_CLOSE_NOW
                self.transport.abort()
                return 0
            client_count(s)
            if not self.is_paused:
                self.loop.call_soon(self.go_on)
        elif s.flags & SESSION_CLOSING:
            self.transport.close()
            return 0
        elif s.flags & SESSION_HELD_BY_OUTPUT:
            s.flags &= ~<uint32_t>SESSION_HELD_BY_OUTPUT
            session_make_ready(s)
            self.loop.call_soon(self.go_on)
        self.read_or_wait()
        return 0

    cdef int write_some(self) except -1:
        """Copy replies for the transport until it is full, or others have their turn."""
        cdef Session *s = self.session
        cdef size_t left = SEND_MAX
        s.output_peak = max(s.output_peak, reply_bytes(&s.out))
        while left and reply_bytes(&s.out) and not self.is_paused:
            data = session_take_output(s, WRITE_BYTES)
            left -= len(data)
            state.stats.writes += 1
            state.stats.net_out += len(data)
            s.net_out += len(data)
            s.active_ms = state.now_monotonic_ms
            self.transport.write(data)
        return 0

    cdef int read_or_wait(self) except -1:
        """Take more input only while what waits to be executed is little."""
        cdef Session *s = self.session
        if s.flags & SESSION_HELD_BY_OUTPUT or (
                (s.flags & SESSION_HELD or s.is_ready) and not reads_ahead(s)
                and s.pending_length >= PENDING_KEPT_MAX):
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        return 0

    def pause_writing(self) -> None:
        """The transport takes no more: replies stay with the session."""
        self.is_paused = True

    def resume_writing(self) -> None:
        """The client has read."""
        self.is_paused = False
        self.go_on()

    def go_on(self) -> None:
        """Write what waits, and execute what the client had sent meanwhile."""
        clock_update()
        self.flush()
        with nogil:
            sessions_run_ready()
            arm_timer()
        connections_flush()
        with nogil:
            edge_reap()

    cdef int leave(self) except -1:
        """The server stops: the session goes, whatever becomes of the transport."""
        self.session.transport = NULL
        self.session = NULL
        self.transport.close()
        return 0

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
    edge.loop_is_shared = shared

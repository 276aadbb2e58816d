# connection: commands about the connection itself.

cdef void cmd_ping(Call *call) noexcept nogil:
    if call.argc > 2:
        error_arity(call)
    elif call.argc == 2:
        reply_bulk(call.out, call.argv[1].data, call.argv[1].length)
    else:
        reply_raw(call.out, b"+PONG\r\n", 7)


cdef void cmd_echo(Call *call) noexcept nogil:
    reply_bulk(call.out, call.argv[1].data, call.argv[1].length)


cdef void cmd_select(Call *call) noexcept nogil:
    if database_or_reply(call, call.argv[1], &call.session.database):
        reply_ok(call.out)


row(b"ping", -1, b"fast", b"connection", b"", b"",
    b"request_policy:all_shards|response_policy:all_succeeded", cmd_ping)
row(b"echo", 2, b"loading stale fast", b"connection", b"", b"", b"", cmd_echo)
row(b"select", 2, b"loading stale fast", b"connection", b"", b"", b"", cmd_select)

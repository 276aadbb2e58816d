# hooks: commands that are answered in Python.
#
# A row without a handler has a Python side: a callable bound to the command's full name. It runs in
# place, under the GIL, so it may stand inside EXEC like any other command.
#
#   handler(session_id: int, arguments: list[bytes]) -> reply       (arguments with the name first)
#
# The reply is a plain Python value or one of fastredis.server.replies; see there for the encoding.

cdef list _python_handlers = [None] * ROWS_MAX
cdef object _on_unexpected = None
cdef object _Status, _Verbatim, _CommandError


cdef int _load_reply_types() except -1:
    global _Status, _Verbatim, _CommandError
    from fastredis.server.replies import CommandError, Status, Verbatim
    _Status, _Verbatim, _CommandError = Status, Verbatim, CommandError
    return 0


cdef void tell_unexpected(object error) noexcept:
    """Tell the callback of an exception; one of its own is printed, and goes no further."""
    if _on_unexpected is not None:
        _on_unexpected(error)


cdef int reply_python(reply *out, object value) except -1:
    """Write a Python value as a reply."""
    cdef bytes data
    if value is None:
        reply_null(out)
    elif isinstance(value, bool):
        reply_bool(out, value)
    elif isinstance(value, int):
        reply_int(out, value)
    elif isinstance(value, _Status):
        data = value.encode()
        reply_status(out, data)
    elif isinstance(value, str):
        data = value.encode("utf-8", "surrogateescape")
        reply_bulk(out, <const char *>data, len(data))
    elif isinstance(value, _Verbatim):
        data = value.format.encode()
        reply_verbatim(out, data, <const char *>(<bytes>value), len(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        reply_bulk(out, <const char *>data, len(data))
    elif isinstance(value, float):
        reply_double(out, value)
    elif isinstance(value, dict):
        reply_map(out, len(value))
        for key, item in value.items():
            reply_python(out, key)
            reply_python(out, item)
    elif isinstance(value, (set, frozenset)):
        reply_set(out, len(value))
        for item in value:
            reply_python(out, item)
    elif isinstance(value, (list, tuple)):
        reply_array(out, len(value))
        for item in value:
            reply_python(out, item)
    elif isinstance(value, _CommandError):
        data = str(value).encode()
        error_count(data, len(data))
        reply_error(out, <const char *>data, len(data))
    else:
        raise TypeError(f"a reply cannot be a {type(value).__name__}")
    return 0


cdef void call_python(Call *call) noexcept with gil:
    """Run the Python side of a command; an exception becomes an error reply."""
    cdef size_t mark = call.out.length
    cdef bytes text
    cdef int i
    handler = _python_handlers[call.row.id]
    try:
        if handler is None:
            raise _CommandError(f"ERR '{call.row.name.decode()}' is not bound in this process")
        arguments = [call.argv[i].data[:call.argv[i].length] for i in range(call.argc)]
        reply_python(call.out, handler(call.session.id, arguments))
    except Exception as error:
        reply_truncate(call.out, mark)
        if isinstance(error, _CommandError):
            text = str(error).encode("utf-8", "surrogateescape")
        else:
            state.stats.unexpected_errors += 1
            text = f"ERR internal error in {call.row.name.decode()}: {error!r}".encode(
                "utf-8", "surrogateescape")
        error_raw(call, <const char *>text, len(text))
        if not isinstance(error, _CommandError):
            tell_unexpected(error)


def bind_command(name: str, handler) -> None:
    """Give a command of the table its Python side.

    `name` is the full name ("config|get"); `handler(session_id, arguments)` gets the arguments
    with the name first, as bytes, and returns a reply. Raises KeyError for an unknown command.
    """
    cdef bytes data = name.encode()
    cdef int i
    # By the name in the table: the configuration may let the command answer to another.
    for i in range(row_count):
        if strcmp(rows[i].name, data) == 0:
            _python_handlers[rows[i].id] = handler
            return
    raise KeyError(name)


def on_unexpected_error(callback) -> None:
    """`callback(exception)` is told of exceptions that Python sides did not mean to raise."""
    global _on_unexpected
    _on_unexpected = callback


def unbound_commands() -> list:
    """Names of commands that have neither a handler nor a Python side nor subcommands."""
    return [
        rows[i].name.decode() for i in range(row_count)
        if rows[i].handler == NULL and not rows[i].subcommand_count
        and _python_handlers[i] is None
    ]

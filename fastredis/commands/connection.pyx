# connection: PING, ECHO, SELECT, and how a connection begins and ends: AUTH, HELLO, RESET, QUIT.
#
# The one user so far is `default`: without a password it is everybody, with one it is whoever knows
# it. A session that was let in stays in when a password is set or changed, as RESET, not the
# configuration, is what logs a session out.

cdef const char *VERSION_DEFAULT = b"7.2.4"
cdef const char *USER_DEFAULT = b"default"


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


# ---- who somebody is ----

cdef bint password_matches(slice given) noexcept nogil:
    """Compare with the password in a time that depends on the given text alone."""
    cdef size_t i
    cdef size_t difference = given.length ^ state.password_length
    for i in range(given.length):
        difference |= <uint8_t>(given.data[i] ^ state.password[i % state.password_length])
    return difference == 0


cdef inline bint user_is_default(slice user) noexcept nogil:
    return user.length == strlen(USER_DEFAULT) and memcmp(user.data, USER_DEFAULT,
                                                          user.length) == 0


cdef bint login_or_reply(Call *call, slice user, slice password) noexcept nogil:
    """Let the session in. A failure changes nothing: who is in stays in."""
    if user_is_default(user) and (not state.password_required or password_matches(password)):
        call.session.flags |= SESSION_AUTHENTICATED
        return True
    state.stats.auth_failures += 1
    error_reply(call, ERROR_WRONG_PASSWORD)
    return False


cdef void cmd_auth(Call *call) noexcept nogil:
    if call.argc > 3:
        error_reply(call, ERROR_SYNTAX)
    elif call.argc == 2 and not state.password_required:
        error_reply(call, ERROR_NO_PASSWORD_SET)
    elif login_or_reply(
            call,
            call.argv[1] if call.argc == 3 else slice_of(USER_DEFAULT, strlen(USER_DEFAULT)),
            call.argv[call.argc - 1]):
        reply_ok(call.out)


cdef bint client_text_fits(slice text) noexcept nogil:
    """Names stand between blanks in CLIENT LIST: only printable ASCII, no blank."""
    cdef size_t i
    for i in range(text.length):
        if not c'!' <= text.data[i] <= c'~':
            return False
    return True


# ---- HELLO ----

ctypedef struct Hello:
    int64_t version              # 0: as it is
    bint has_user
    slice user
    slice password
    bint has_name
    slice name


cdef bint hello_or_reply(Call *call, Hello *hello) noexcept nogil:
    cdef Args args = args_from(call, 2)
    memset(hello, 0, sizeof(Hello))
    if call.argc == 1:
        return True
    if not number_parse_int64(call.argv[1].data, call.argv[1].length, &hello.version):
        error_reply(call, ERROR_HELLO_VERSION)
        return False
    if hello.version != 2 and hello.version != 3:
        error_reply(call, ERROR_PROTOCOL_VERSION)
        return False
    while args_left(&args):
        if args_left(&args) > 2 and args_option_with(&args, b"AUTH", &hello.user):
            args_next(&args, &hello.password)
            hello.has_user = True
        elif args_option_with(&args, b"SETNAME", &hello.name):
            hello.has_name = True
            if not client_text_fits(hello.name):
                error_reply(call, ERROR_CLIENT_NAME)
                return False
        else:
            error_hello_option(call, args.argv[args.at])
            return False
    return True


cdef const char *version_text() noexcept nogil:
    """What clients are told; libraries compare it with what they need."""
    if state.version[0]:
        return state.version
    return VERSION_DEFAULT


cdef void cmd_hello(Call *call) noexcept nogil:
    cdef Session *s = call.session
    cdef Hello hello
    if not hello_or_reply(call, &hello):
        return
    if hello.has_user and not login_or_reply(call, hello.user, hello.password):
        return
    if state.password_required and not (s.flags & SESSION_AUTHENTICATED):
        error_reply(call, ERROR_HELLO_NO_AUTH)
        return
    if hello.has_name:
        text_set(&s.name, hello.name)
    if hello.version:
        s.out.protocol = <uint8_t>hello.version
    reply_map(call.out, 7)
    reply_text(call.out, b"server")
    reply_text(call.out, b"redis")
    reply_text(call.out, b"version")
    reply_text(call.out, version_text())
    reply_text(call.out, b"proto")
    reply_int(call.out, s.out.protocol)
    reply_text(call.out, b"id")
    reply_int(call.out, s.id)
    reply_text(call.out, b"mode")
    reply_text(call.out, b"standalone")
    reply_text(call.out, b"role")
    reply_text(call.out, b"master")
    reply_text(call.out, b"modules")
    reply_array(call.out, 0)


# ---- the end, or a new beginning ----

cdef void cmd_reset(Call *call) noexcept nogil:
    """The session as it was when it was accepted; its id and its library stay. CLIENT REPLY SKIP
    has this very command in mind, and still does."""
    cdef Session *s = call.session
    transaction_end(s)
    s.flags &= ~<uint32_t>(SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT | SESSION_NO_TOUCH
                           | SESSION_NO_EVICT | SESSION_AUTHENTICATED)
    if not state.password_required:
        s.flags |= SESSION_AUTHENTICATED
    s.database = &state.databases[0]
    s.out.protocol = 2
    text_free(&s.name)
    text_free(&s.user)
    reply_raw(call.out, b"+RESET\r\n", 8)


cdef void cmd_quit(Call *call) noexcept nogil:
    reply_ok(call.out)
    call.session.flags |= SESSION_CLOSE_AFTER_REPLY


row(b"ping", -1, b"fast", b"connection", b"", b"",
    b"request_policy:all_shards|response_policy:all_succeeded", cmd_ping)
row(b"echo", 2, b"loading stale fast", b"connection", b"", b"", b"", cmd_echo)
row(b"select", 2, b"loading stale fast", b"connection", b"", b"", b"", cmd_select)
row(b"auth", -2, b"noscript loading stale fast no_auth allow_busy", b"connection", b"", b"", b"",
    cmd_auth)
row(b"hello", -1, b"noscript loading stale fast no_auth allow_busy", b"connection", b"", b"", b"",
    cmd_hello)
row(b"reset", 1, b"noscript loading stale fast no_auth allow_busy not_queued", b"connection", b"",
    b"", b"", cmd_reset)
row(b"quit", -1, b"noscript loading stale fast no_auth allow_busy not_queued", b"connection", b"",
    b"", b"", cmd_quit)

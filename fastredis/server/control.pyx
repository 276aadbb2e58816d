# control: what the configuration says about identity: the password, and the version we report.

def set_password(password: bytes) -> None:
    """Set the password of user `default` (any bytes); empty: everybody is let in.

    Sessions that are logged in stay so. New ones have to log in from now on.
    """
    cdef const char *data = password
    if state.password != NULL:
        memset(state.password, 0, state.password_length)
        alloc_free(state.password, state.password_length)
        state.password = NULL
    state.password_length = len(password)
    state.password_required = state.password_length != 0
    if state.password_required:
        state.password = <char *>alloc_new(state.password_length)
        memcpy(state.password, data, state.password_length)


def set_reported_version(version: str) -> None:
    """What HELLO says as the version; libraries parse it, so only digits and dots are taken.

    Raises ValueError for another text or one of 32 characters and more.
    """
    cdef bytes data = version.encode()
    if not data or len(data) >= VERSION_BYTES or data.strip(b"0123456789."):
        raise ValueError(f"not a version of digits and dots: {version!r}")
    memcpy(state.version, <const char *>data, len(data) + 1)

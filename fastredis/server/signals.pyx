# signals: who insists is obeyed at once.
#
#   SIGTERM, SIGINT         -> stop_asked, and on to Python's handler, which wakes the event loop
#   SIGINT, when stop_asked -> the process ends here, exit code 1
#
# Python's handlers run when the interpreter gets its turn, which is behind the command that runs.
# Somebody at a terminal who presses Ctrl-C again does not want to wait for that command, so this
# part is C, and runs at the moment of the signal. It does nothing that a signal handler may not.

from libc.signal cimport SIG_DFL, SIG_IGN, SIGINT, SIGTERM
from posix.signal cimport sigaction, sigaction_t
from posix.unistd cimport _exit

ctypedef void (*SignalHandler)(int) noexcept nogil

cdef bint stop_asked = False
cdef SignalHandler on_sigint = NULL      # Python's
cdef SignalHandler on_sigterm = NULL


cdef void on_stop_signal(int number) noexcept nogil:
    global stop_asked
    if number == SIGINT:
        if stop_asked:
            _exit(1)
        stop_asked = True
        on_sigint(number)
    else:
        stop_asked = True
        on_sigterm(number)


cdef SignalHandler _stand_before(int number) except NULL:
    """Put ours in the place of the handler of a signal; the one that was there."""
    cdef sigaction_t action
    cdef SignalHandler before
    if sigaction(number, NULL, &action) != 0:
        raise OSError(errno, "cannot read a signal's action")
    before = <SignalHandler><void *>action.sa_handler  # Python's C handler needs no GIL
    if action.sa_handler == SIG_DFL or action.sa_handler == SIG_IGN:
        raise RuntimeError("the event loop has no handler for the signal")
    action.sa_handler = on_stop_signal
    if sigaction(number, &action, NULL) != 0:
        raise OSError(errno, "cannot handle a signal")
    return before


def exit_at_second_interrupt() -> None:
    """Let a SIGINT that follows SIGINT or SIGTERM end the process at once, with exit code 1.

    To be called once, behind `add_signal_handler` of the event loop for both.
    """
    global stop_asked, on_sigint, on_sigterm
    stop_asked = False
    on_sigint = _stand_before(SIGINT)
    on_sigterm = _stand_before(SIGTERM)

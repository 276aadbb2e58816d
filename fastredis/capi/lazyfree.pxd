# lazyfree.h: giants are freed by a helper thread.
cdef extern from "lazyfree.h" nogil:
    void lazyfree_block(void *block, size_t size)
    size_t lazyfree_waiting_bytes()
    void lazyfree_wait()
    void lazyfree_stop()

# sha1.h: digests that other servers compute too.
from libc.stdint cimport uint8_t

cdef extern from "sha1.h" nogil:
    enum:
        SHA1_BYTES
    void sha1_of(const void *bytes, size_t length, uint8_t *digest)
    void sha1_hex(const uint8_t *digest, char *hex)

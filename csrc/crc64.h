/*
 * crc64: the checksum at the end of RDB files and DUMP payloads.
 *
 * CRC-64 of Jones: polynomial 0xad93d23594c935a9, bits reflected on input and output, initial
 * value 0, no final xor; the nine bytes "123456789" give 0xe9c6d914c4b8d9ca.
 *
 * The obvious loop eats one byte a table look-up and waits for each before the next, about 400 MB
 * a second. Here eight bytes are folded at a time with eight independent look-ups (slicing by 8),
 * about 2 GB a second, with no instruction that an old processor lacks. The 16 KB of tables are
 * made when the library is loaded and never change: safe in any thread, nothing to initialise.
 */
#ifndef FASTREDIS_CRC64_H
#define FASTREDIS_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` already covers followed by `length` bytes of `data`. Begin with 0;
 * crc64(crc64(0, a), b) equals crc64 of a and b joined. O(length). */
uint64_t crc64(uint64_t crc, const void *data, size_t length);

#endif

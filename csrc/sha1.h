/* sha1: the Secure Hash Algorithm 1 (FIPS 180-4), for digests that other servers compute too:
 * DEBUG DIGEST, and the names of scripts. Not for secrets: collisions are known.
 *
 *   sha1_begin, sha1_add (any number of times), sha1_end       or sha1_of for bytes at hand
 *
 *   message  [ 64 bytes ][ 64 bytes ] ... [ rest | 0x80 | 0 ... 0 | length in bits, 8 bytes ]
 *                 |           |                          |
 *   state   h0 --> compress --> compress --> ... --------> 20 bytes, highest byte first
 *
 * Complexity: O(bytes), about 3 ns a byte. Ownership: nothing is allocated; bytes are borrowed for
 * the call.
 */
#ifndef FASTREDIS_SHA1_H
#define FASTREDIS_SHA1_H

#include "common.h"

enum { SHA1_BYTES = 20, SHA1_BLOCK_BYTES = 64 };

typedef struct sha1 {
    uint32_t state[5];
    uint64_t length; /* bytes added so far */
    uint8_t block[SHA1_BLOCK_BYTES];
} sha1;

void sha1_begin(sha1 *hash);
void sha1_add(sha1 *hash, const void *bytes, size_t length);
void sha1_end(sha1 *hash, uint8_t digest[SHA1_BYTES]);

void sha1_of(const void *bytes, size_t length, uint8_t digest[SHA1_BYTES]);

/* Forty lower-case digits, without a zero at the end. */
void sha1_hex(const uint8_t digest[SHA1_BYTES], char hex[2 * SHA1_BYTES]);

#endif

/* sha1: see sha1.h. */
#include "sha1.h"

static ALWAYS_INLINE uint32_t rotate(uint32_t word, unsigned bits) {
    return word << bits | word >> (32 - bits);
}

static ALWAYS_INLINE uint32_t load_big(const uint8_t *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static ALWAYS_INLINE void store_big(uint8_t *to, uint32_t word) {
    to[0] = (uint8_t)(word >> 24);
    to[1] = (uint8_t)(word >> 16);
    to[2] = (uint8_t)(word >> 8);
    to[3] = (uint8_t)word;
}

static void compress(uint32_t state[5], const uint8_t *block) {
    uint32_t words[80];
    for (int t = 0; t < 16; t++) words[t] = load_big(block + 4 * t);
    for (int t = 16; t < 80; t++)
        words[t] = rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 80; t++) {
        uint32_t mixed, constant;
        if (t < 20) {
            mixed = (b & c) | (~b & d);
            constant = 0x5a827999;
        } else if (t < 40) {
            mixed = b ^ c ^ d;
            constant = 0x6ed9eba1;
        } else if (t < 60) {
            mixed = (b & c) | (b & d) | (c & d);
            constant = 0x8f1bbcdc;
        } else {
            mixed = b ^ c ^ d;
            constant = 0xca62c1d6;
        }
        uint32_t next = rotate(a, 5) + mixed + e + constant + words[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_begin(sha1 *hash) {
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(hash->state, start, sizeof start);
    hash->length = 0;
}

void sha1_add(sha1 *hash, const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    size_t held = hash->length % SHA1_BLOCK_BYTES;
    hash->length += length;
    if (held && length >= SHA1_BLOCK_BYTES - held) {
        size_t taken = SHA1_BLOCK_BYTES - held;
        memcpy(hash->block + held, from, taken);
        compress(hash->state, hash->block);
        from += taken;
        length -= taken;
        held = 0;
    }
    if (!held)
        for (; length >= SHA1_BLOCK_BYTES; length -= SHA1_BLOCK_BYTES) {
            compress(hash->state, from);
            from += SHA1_BLOCK_BYTES;
        }
    if (length) memcpy(hash->block + held, from, length);
}

void sha1_end(sha1 *hash, uint8_t digest[SHA1_BYTES]) {
    static const uint8_t padding[SHA1_BLOCK_BYTES] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t held = hash->length % SHA1_BLOCK_BYTES;
    uint8_t length[8];
    store_big(length, (uint32_t)(bits >> 32));
    store_big(length + 4, (uint32_t)bits);
    sha1_add(hash, padding, (held < 56 ? 56 : 56 + SHA1_BLOCK_BYTES) - held);
    sha1_add(hash, length, sizeof length);
    for (int i = 0; i < 5; i++) store_big(digest + 4 * i, hash->state[i]);
}

void sha1_of(const void *bytes, size_t length, uint8_t digest[SHA1_BYTES]) {
    sha1 hash;
    sha1_begin(&hash);
    sha1_add(&hash, bytes, length);
    sha1_end(&hash, digest);
}

void sha1_hex(const uint8_t digest[SHA1_BYTES], char hex[2 * SHA1_BYTES]) {
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}

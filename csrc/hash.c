/* hash: the loop for keys over 16 bytes; see hash.h. */
#include "hash.h"

uint64_t hash_long(const hash_seed *seed, const void *data, size_t length) {
    const uint8_t *bytes = data;
    const uint8_t *last = bytes + length - 16;
    uint64_t state = seed->word[0];
    if (length > 64) {
        /* Two chains that do not wait for each other's multiplications. */
        uint64_t other = seed->word[1];
        const uint8_t *end = bytes + length - 32;
        while (bytes < end) {
            state = hash_fold(load_u64(bytes) ^ seed->word[1], load_u64(bytes + 8) ^ state);
            other = hash_fold(load_u64(bytes + 16) ^ seed->word[2], load_u64(bytes + 24) ^ other);
            bytes += 32;
        }
        state ^= other * 2 + 1;
    }
    while (bytes < last) {
        state = hash_fold(load_u64(bytes) ^ seed->word[1], load_u64(bytes + 8) ^ state);
        bytes += 16;
    }
    uint64_t mixed = hash_fold(load_u64(last) ^ seed->word[1], load_u64(last + 8) ^ state);
    return hash_fold(mixed ^ seed->word[2], (uint64_t)length ^ seed->word[3]);
}

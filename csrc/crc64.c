/* crc64.c - the tables of crc64.h, made at load, and the loop over eight bytes. */
#include "crc64.h"

#include "common.h"

/* The polynomial with its bits reflected: the lowest bit is the highest power. */
#define POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5)

/* tables[k][b]: the effect of the byte b when k more bytes follow it in the same step. */
static uint64_t tables[8][256];

__attribute__((constructor)) static void make_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        for (int k = 1; k < 8; k++) {
            uint64_t before = tables[k - 1][byte];

            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
}

uint64_t crc64(uint64_t crc, const void *data, size_t length)
{
    const unsigned char *at = data;

    for (; length >= 8; length -= 8, at += 8) {
        crc ^= load_u64(at);
        crc = tables[7][crc & 0xff] ^ tables[6][(crc >> 8) & 0xff]
            ^ tables[5][(crc >> 16) & 0xff] ^ tables[4][(crc >> 24) & 0xff]
            ^ tables[3][(crc >> 32) & 0xff] ^ tables[2][(crc >> 40) & 0xff]
            ^ tables[1][(crc >> 48) & 0xff] ^ tables[0][crc >> 56];
    }
    for (; length > 0; length--, at++)
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    return crc;
}

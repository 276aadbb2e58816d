/*
 * lzf: the compression of long strings in RDB files and DUMP payloads.
 *
 * A stream is a sequence of runs; the top three bits of its first byte say which:
 *
 *   000LLLLL                    L + 1 literal bytes follow                      (1..32)
 *   LLLooooo oooooooo           L = 1..6: copy L + 2 bytes from o + 1 back      (3..8)
 *   111ooooo LLLLLLLL oooooooo  copy L + 9 bytes from o + 1 back                (9..264)
 *
 * A distance is at most 8192. A copy may overlap what it writes (distance 1 repeats a byte). There
 * is no header, no length and no checksum: the container keeps the lengths of both sides.
 *
 * The compressor looks each three bytes up in a table of their last position, on the stack of the
 * call (no memory is allocated, nothing is shared between threads), and gives up as soon as the
 * result would not fit, so incompressible data costs one pass. Positions are 32-bit: inputs of
 * 4 GB and more are refused. The decompressor trusts nothing: every length and distance is
 * checked against both buffers before a byte moves. Both are O(length).
 */
#ifndef FASTREDIS_LZF_H
#define FASTREDIS_LZF_H

#include <stddef.h>

/* Compresses `in` to at most `out_capacity` bytes at `out` (the buffers do not overlap). Returns
 * the compressed length, or 0 when it does not fit or is not smaller than the input. */
size_t lzf_compress(const void *in, size_t in_length, void *out, size_t out_capacity);

/* Expands `in` to exactly `out_length` bytes at `out`. Returns out_length, or 0 when the stream is
 * malformed or would give more or fewer bytes; `out` then holds rubbish within its bounds. */
size_t lzf_decompress(const void *in, size_t in_length, void *out, size_t out_length);

#endif

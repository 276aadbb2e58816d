/* lcs: longest common subsequence of two byte strings, 64 cells of its table at a time.
 *
 * Why not the table of numbers that textbooks fill: it takes 4 bytes and one step a cell. Along a
 * row the length grows by 0 or 1 from cell to cell, so a row is a vector of bits, and a whole row
 * follows from the one above by an addition (Crochemore et al., "A fast and practical bit-vector
 * algorithm for the longest common subsequence problem", 2001; Hyyroe, "Bit-parallel LCS-length
 * computation revisited", 2004):
 *
 *               b0 b1 b2 b3 ...                                  bit j of row i is 0 where
 *     row 0      1  1  1  1     (a is empty: nothing grows)      L(i, j+1) = L(i, j) + 1
 *     row a0     1  0  1  1
 *     row a1     1  0  1  0     row' = (row + (row & match)) | (row & ~match)
 *     ...                       match: bit j is 1 where b[j] equals the byte of this row
 *
 * The length alone needs one row. To walk the matches every row is kept; one bit decides a step:
 * from (i, j) with different bytes, bit j-1 of row i set means that L(i, j-1) = L(i, j): to the
 * left; else up. Equal bytes are a match and a step along the diagonal.
 *
 * Memory: a row for each byte of `a` (where it is walked) and, while computing, a match vector for
 * each different byte in `a`, of length(b) / 8 bytes each. The rows are kept until lcs_free.
 *
 * Complexity: O(length(a) * length(b) / 64); the walk O(length(a) + length(b)).
 *
 * Ownership: the strings are borrowed from lcs_begin to lcs_free; the structure owns its rows.
 */
#ifndef FASTREDIS_LCS_H
#define FASTREDIS_LCS_H

#include "common.h"

typedef struct lcs {
    slice a, b;
    size_t row_bytes;
    uint8_t *rows;      /* one after the other from row 1 on, lowest bits first; NULL: not walked */
    size_t i, j;        /* where the walk stands: behind a[i-1] and b[j-1] */
    size_t length;      /* of the longest common subsequence */
} lcs;

/* A stretch of consecutive bytes that match. */
typedef struct lcs_range {
    size_t a_start, b_start, length;
} lcs_range;

/* Compute. `walked`: keep what lcs_next needs. False, with nothing to free, where the table's
 * size overflows. */
bool lcs_begin(lcs *l, slice a, slice b, bool walked);

/* The next stretch of matches, from the end of the strings to their start; false: no more. */
bool lcs_next(lcs *l, lcs_range *range);

void lcs_free(lcs *l);

#endif

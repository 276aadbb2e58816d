/* stream_id: reading IDs from texts; see stream_id.h. */
#include "stream_id.h"

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Digits with what strtoull takes before them, up to the end of the text. */
static bool parse_leniently(slice text, uint64_t *value) {
    size_t at = 0;
    bool negative = false;
    uint64_t sum = 0;
    while (at < text.length && is_blank(text.data[at])) at++;
    if (at < text.length && (text.data[at] == '-' || text.data[at] == '+'))
        negative = text.data[at++] == '-';
    if (at == text.length) return false;
    for (; at < text.length; at++) {
        unsigned digit = (unsigned char)text.data[at] - '0';
        if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum)
            || __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = negative ? -sum : sum;
    return true;
}

static bool parse_half(slice text, uint64_t *value) {
    int64_t number;
    if (number_parse_int64(text.data, text.length, &number)) {
        *value = (uint64_t)number;
        return number >= 0;
    }
    return parse_leniently(text, value);
}

bool stream_id_parse(slice text, uint64_t missing_seq, stream_id *id, bool *generated) {
    if (generated) *generated = false;
    if (text.length > STREAM_ID_ARGUMENT_MAX) return false;
    const char *end = text.length ? memchr(text.data, 0, text.length) : NULL;
    if (end) text.length = (size_t)(end - text.data);
    if (text.length == 1 && (*text.data == '-' || *text.data == '+')) {
        *id = *text.data == '-' ? STREAM_ID_MIN : STREAM_ID_MAX;
        return true;
    }
    const char *dash = text.length ? memchr(text.data, '-', text.length) : NULL;
    slice ms = text;
    id->seq = missing_seq;
    if (dash) {
        ms.length = (size_t)(dash - text.data);
        slice seq = {dash + 1, text.length - ms.length - 1};
        if (generated && seq.length == 1 && *seq.data == '*') {
            *generated = true;
            id->seq = 0;
        } else if (!parse_half(seq, &id->seq)) {
            return false;
        }
    }
    return parse_half(ms, &id->ms);
}

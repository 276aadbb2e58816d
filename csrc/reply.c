/* reply: the parts of the writer that need no inlining; see reply.h. */
#include "reply.h"

#include "alloc.h"
#include "checked.h"
#include "lazyfree.h"

void reply_init(reply *out) {
    memset(out, 0, sizeof *out);
    out->protocol = 2;
}

static void references_release(reply *out, uint32_t from) {
    for (uint32_t i = from; i < out->reference_count; i++) {
        out->referenced_bytes -= out->references[i].length;
        blob_release(out->references[i].value);
    }
    out->reference_count = from < out->reference_count ? from : out->reference_count;
}

static void references_free(reply *out) {
    references_release(out, 0);
    if (out->references)
        alloc_free(out->references, out->reference_capacity * sizeof(reply_reference));
    out->references = NULL;
    out->reference_capacity = 0;
}

void reply_free(reply *out) {
    references_free(out);
    if (out->data) lazyfree_block(out->data, out->capacity);
    out->data = NULL;
    out->length = out->capacity = out->start = 0;
}

void reply_clear(reply *out) {
    if (out->references) references_free(out);
    out->length = out->start = 0;
    if (out->capacity > REPLY_BUFFER_START) {
        lazyfree_block(out->data, out->capacity);
        out->data = NULL;
        out->capacity = 0;
    }
}

NOINLINE void reply_grow(reply *out, size_t more) {
    size_t needed = size_add_or_die(out->length, more);
    size_t capacity = out->capacity ? out->capacity * 2 : REPLY_BUFFER_START;
    if (capacity < needed) capacity = size_add_or_die(needed, needed / 4);
    out->data = out->data ? alloc_resize(out->data, out->capacity, capacity) : alloc_new(capacity);
    out->capacity = capacity;
}

void reply_status(reply *out, const char *text) {
    size_t length = strlen(text);
    char *at = reply_room(out, length + 3);
    *at = '+';
    memcpy(at + 1, text, length);
    memcpy(at + 1 + length, "\r\n", 2);
    out->length += length + 3;
}

void reply_text(reply *out, const char *text) { reply_bulk(out, text, strlen(text)); }

void reply_bulk_int(reply *out, int64_t number) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    reply_bulk(out, digits, number_format_int64(digits, number));
}

void reply_double(reply *out, double value) {
    char text[NUMBER_DOUBLE_MAX_LENGTH];
    size_t length = number_format_double(text, value);
    if (out->protocol == 2) {
        reply_bulk(out, text, length);
        return;
    }
    char *at = reply_room(out, length + 3);
    *at = ',';
    memcpy(at + 1, text, length);
    memcpy(at + 1 + length, "\r\n", 2);
    out->length += length + 3;
}

void reply_verbatim(reply *out, const char *format, const void *bytes, size_t length) {
    if (out->protocol == 2) {
        reply_bulk(out, bytes, length);
        return;
    }
    reply_header(out, '=', (int64_t)length + 4);
    reply_raw(out, format, 3);
    reply_raw(out, ":", 1);
    reply_raw(out, bytes, length);
    reply_raw(out, "\r\n", 2);
}

void reply_error(reply *out, const char *text, size_t length) {
    char *at = reply_room(out, length + 3);
    *at++ = '-';
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        *at++ = c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
    memcpy(at, "\r\n", 2);
    out->length += length + 3;
}

void reply_blob(reply *out, blob *value, size_t from, size_t length) {
    assert(from <= value->length && length <= value->length - from);
    if (length < REPLY_REFERENCE_MIN) {
        reply_bulk(out, value->data + from, length);
        return;
    }
    reply_header(out, '$', (int64_t)length);
    if (out->reference_count == out->reference_capacity) {
        uint32_t capacity = out->reference_capacity ? out->reference_capacity * 2 : 4;
        out->references = alloc_resize(out->references,
                                       out->reference_capacity * sizeof(reply_reference),
                                       capacity * sizeof(reply_reference));
        out->reference_capacity = capacity;
    }
    out->references[out->reference_count++] = (reply_reference){
        .offset = out->length, .value = blob_share(value), .from = from, .length = length};
    out->referenced_bytes += length;
    reply_raw(out, "\r\n", 2);
}

void reply_insert(reply *out, size_t place, reply_writer write, int64_t count) {
    size_t end = out->length;
    assert(place >= out->start && place <= end);
    char header[NUMBER_INT64_MAX_LENGTH + 4];
    write(out, count);
    size_t size = out->length - end;
    memcpy(header, out->data + end, size);
    memmove(out->data + place + size, out->data + place, end - place);
    memcpy(out->data + place, header, size);
    for (uint32_t i = out->reference_count; i-- > 0 && out->references[i].offset > place;)
        out->references[i].offset += size;
}

void reply_truncate(reply *out, size_t place) {
    uint32_t kept = out->reference_count;
    while (kept > 0 && out->references[kept - 1].offset > place) kept--;
    references_release(out, kept);
    out->length = place;
}

static void move_to_front(reply *out) {
    size_t start = out->start;
    memmove(out->data, out->data + start, out->length - start);
    out->length -= start;
    out->start = 0;
    for (uint32_t i = 0; i < out->reference_count; i++) out->references[i].offset -= start;
}

void reply_consume(reply *out, size_t sent) {
    assert(sent <= reply_bytes(out));
    if (sent == reply_bytes(out)) {
        reply_clear(out);
        return;
    }
    uint32_t first = 0;
    while (first < out->reference_count) {
        reply_reference *reference = &out->references[first];
        size_t before = reference->offset - out->start;
        if (sent < before) break;
        sent -= before;
        out->start = reference->offset;
        size_t part = sent < reference->length ? sent : reference->length;
        reference->from += part;
        reference->length -= part;
        out->referenced_bytes -= part;
        sent -= part;
        if (reference->length) break;
        blob_release(reference->value);
        first++;
    }
    out->start += sent;
    out->reference_count -= first;
    if (first)
        memmove(out->references, out->references + first,
                out->reference_count * sizeof(reply_reference));
    if (out->start > out->length / 2) move_to_front(out);
}

size_t reply_pieces(const reply *out, reply_piece *pieces, size_t capacity) {
    assert(capacity >= 2);
    size_t count = 0, done = out->start;
    for (uint32_t i = 0; i < out->reference_count; i++) {
        const reply_reference *reference = &out->references[i];
        if (count + 2 > capacity) return count;
        if (reference->offset > done)
            pieces[count++] = (reply_piece){out->data + done, reference->offset - done};
        done = reference->offset;
        pieces[count++] = (reply_piece){reference->value->data + reference->from,
                                        reference->length};
    }
    if (done < out->length && count < capacity)
        pieces[count++] = (reply_piece){out->data + done, out->length - done};
    return count;
}

void reply_write_array(reply *out, int64_t count) { reply_array(out, count); }
void reply_write_map(reply *out, int64_t pairs) { reply_map(out, pairs); }
void reply_write_set(reply *out, int64_t count) { reply_set(out, count); }

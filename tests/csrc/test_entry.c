/* Tests of entry.h. The oracle is a plain structure with every field apart; the allocator's
 * debugging build sees each free with a size that is not the block's. */
#include "alloc.h"
#include "check.h"
#include "entry.h"
#include "lazyfree.h"

#define KEY_MAX 70000

typedef struct model {
    entry_type type;
    entry_encoding encoding;
    uint32_t clock, heap_position;
    int64_t due_ms;
    size_t key_length, value_length;
    char *key;
    char value[ENTRY_INLINE_MAX];
} model;

static bool is_inline(entry_encoding encoding)
{
    return encoding == ENTRY_EMBSTR || encoding == ENTRY_RAW;
}

/* What the layout of the header adds up to. */
static size_t model_size(const model *expected)
{
    size_t size = 4;
    if (expected->due_ms >= 0)
        size += expected->due_ms >= (INT64_C(1) << 48) - 1 ? 18 : 10;
    size += expected->key_length < 255 ? 1 : 5;
    if (is_inline(expected->encoding))
        size += expected->value_length < 255 ? 1 : 3;
    return size + expected->key_length + expected->value_length;
}

static void check_entry(const entry *actual, const model *expected)
{
    entry_view view = entry_look(actual);
    size_t key_length;
    const void *key = entry_key(actual, &key_length);
    CHECK_INT(entry_get_type(actual), expected->type);
    CHECK_INT(entry_get_encoding(actual), expected->encoding);
    CHECK_INT(entry_clock(actual), expected->clock);
    CHECK_INT(entry_has_due(actual), expected->due_ms >= 0);
    CHECK_INT(entry_due(actual), expected->due_ms >= 0 ? expected->due_ms : ENTRY_NO_DUE);
    if (expected->due_ms >= 0)
        CHECK_INT(entry_heap_position(actual), expected->heap_position);
    CHECK_BYTES(view.key, view.key_length, expected->key, expected->key_length);
    CHECK_BYTES(view.value, view.value_length, expected->value, expected->value_length);
    CHECK_POINTER(key, view.key);
    CHECK_INT(key_length, view.key_length);
    CHECK_INT(entry_is_inline(actual), is_inline(expected->encoding));
    CHECK_INT(entry_size(actual), model_size(expected));
    CHECK_INT(entry_size_for(expected->due_ms, expected->key_length, expected->encoding,
                             expected->value_length), model_size(expected));
}

static void value_fill(check_run *run, entry *made, model *expected)
{
    check_random_bytes(run, expected->value, expected->value_length);
    memcpy(entry_look(made).value, expected->value, expected->value_length);
}

static size_t random_key_length(check_run *run)
{
    static const size_t edges[] = {0, 1, 16, 253, 254, 255, 256, 300, 65535, 65536, KEY_MAX};
    return check_chance(run, 20) ? edges[check_random_below(run, CHECK_LENGTH(edges))]
                                 : check_random_below(run, 301);
}

static size_t random_value_length(check_run *run)
{
    static const size_t edges[] = {0, 1, 7, 8, 9, 253, 254, 255, 256, 257, 959, ENTRY_INLINE_MAX};
    return check_chance(run, 40) ? edges[check_random_below(run, CHECK_LENGTH(edges))]
                                 : check_random_below(run, 100);
}

static int64_t random_due(check_run *run)
{
    switch (check_random_below(run, 8)) {
    case 0:
    case 1:
        return ENTRY_NO_DUE;
    case 2:
        return (INT64_C(1) << 48) - 3 + (int64_t)check_random_below(run, 5);
    case 3:
        return INT64_MAX - (int64_t)check_random_below(run, 2);
    case 4:
        return (int64_t)(check_random(run) >> 1);
    case 5:
        return (int64_t)check_random_below(run, 3);
    default:
        return 1700000000000 + (int64_t)check_random_below(run, 1000000);
    }
}

static entry *random_entry(check_run *run, model *expected)
{
    static const entry_encoding encodings[] = {ENTRY_INT, ENTRY_EMBSTR, ENTRY_RAW, ENTRY_BLOB,
                                               ENTRY_LISTPACK, ENTRY_STREAM_TREE};
    expected->encoding = encodings[check_random_below(run, CHECK_LENGTH(encodings))];
    expected->type = expected->encoding < ENTRY_LISTPACK
                         ? ENTRY_STRING : (entry_type)(1 + check_random_below(run, 5));
    expected->due_ms = random_due(run);
    expected->key_length = random_key_length(run);
    expected->value_length = is_inline(expected->encoding) ? random_value_length(run) : 8;
    expected->clock = 0;
    expected->heap_position = UINT32_MAX;
    check_random_bytes(run, expected->key, expected->key_length);
    slice key = {expected->key_length ? expected->key : NULL, expected->key_length};
    entry *made = entry_new(expected->type, expected->encoding, key, expected->due_ms,
                            expected->value_length);
    value_fill(run, made, expected);
    return made;
}

/* A new due time; the value and everything else stay. */
static entry *change_due(check_run *run, entry *changed, model *expected)
{
    int64_t due_ms = check_chance(run, 30) && expected->due_ms >= 0
                         ? expected->due_ms ^ (int64_t)check_random_below(run, 1000)
                         : random_due(run);
    size_t size_before = model_size(expected);
    const entry *before = changed;
    if (expected->due_ms < 0 || due_ms < 0)
        expected->heap_position = UINT32_MAX;
    expected->due_ms = due_ms;
    changed = entry_set_due(changed, due_ms);
    if (model_size(expected) == size_before)
        CHECK_POINTER(changed, before); /* the same width of the due time: in place */
    return changed;
}

/* A new value: inline, or eight bytes wide. Everything but the value stays. */
static entry *change_value(check_run *run, entry *changed, model *expected)
{
    size_t usable_before = alloc_usable(model_size(expected));
    const entry *before = changed;
    if (check_chance(run, 60)) {
        expected->type = ENTRY_STRING;
        expected->encoding = check_chance(run, 50) ? ENTRY_EMBSTR : ENTRY_RAW;
        if (is_inline(expected->encoding) && check_chance(run, 30)
            && expected->value_length + 8 <= ENTRY_INLINE_MAX)
            expected->value_length += check_random_below(run, 8);
        else
            expected->value_length = random_value_length(run);
        changed = entry_set_inline(changed, expected->encoding, expected->value_length);
    } else {
        expected->type = (entry_type)check_random_below(run, 6);
        expected->encoding = expected->type == ENTRY_STRING ? ENTRY_BLOB : ENTRY_HASHTABLE;
        expected->value_length = 8;
        changed = entry_set_wide(changed, expected->type, expected->encoding);
    }
    if (alloc_usable(model_size(expected)) == usable_before && model_size(expected) <= 1024)
        CHECK_POINTER(changed, before);
    value_fill(run, changed, expected);
    return changed;
}

static entry *change_key(check_run *run, entry *changed, model *expected)
{
    expected->key_length = random_key_length(run);
    check_random_bytes(run, expected->key, expected->key_length);
    expected->heap_position = UINT32_MAX;
    entry *renamed = entry_rename(changed, (slice){expected->key, expected->key_length});
    entry_free(changed);
    return renamed;
}

static void test_entry_agrees_with_a_structure_of_its_fields(check_run *run)
{
    size_t used_before = alloc_used_bytes();
    model expected = {.key = malloc(KEY_MAX)};
    uint64_t rounds = check_iterations(run, 600);
    for (uint64_t round = 0; round < rounds; round++) {
        entry *subject = random_entry(run, &expected);
        check_entry(subject, &expected);
        for (unsigned step = 0; step < 25; step++) {
            switch (check_random_below(run, 8)) {
            case 0:
                expected.clock = (uint32_t)check_random_below(run, 1 << 24);
                entry_set_clock(subject, expected.clock);
                break;
            case 1:
                if (expected.due_ms >= 0) {
                    expected.heap_position = (uint32_t)check_random(run);
                    entry_set_heap_position(subject, expected.heap_position);
                }
                break;
            case 2:
                subject = change_key(run, subject, &expected);
                break;
            case 3:
            case 4:
                subject = change_due(run, subject, &expected);
                break;
            default:
                subject = change_value(run, subject, &expected);
            }
            check_entry(subject, &expected);
        }
        CHECK_INT(alloc_used_bytes() - used_before, alloc_usable(model_size(&expected)));
        entry_free(subject);
        CHECK_INT(alloc_used_bytes(), used_before);
    }
    free(expected.key);
}

static void test_every_length_of_key_and_value_keeps_its_bytes(check_run *run)
{
    static const int64_t dues[] = {ENTRY_NO_DUE, 0, (INT64_C(1) << 48) - 2,
                                   (INT64_C(1) << 48) - 1, INT64_MAX};
    model expected = {.key = malloc(KEY_MAX), .type = ENTRY_STRING, .encoding = ENTRY_RAW,
                      .heap_position = UINT32_MAX};
    check_random_bytes(run, expected.key, 600);
    for (size_t due = 0; due < CHECK_LENGTH(dues); due++) {
        for (size_t length = 0; length <= ENTRY_INLINE_MAX; length++) {
            expected.due_ms = dues[due];
            expected.key_length = length % 600;
            expected.value_length = length;
            slice key = {expected.key, expected.key_length};
            entry *made = entry_new(ENTRY_STRING, ENTRY_RAW, key, dues[due], length);
            value_fill(run, made, &expected);
            check_entry(made, &expected);
            entry_free(made);
        }
    }
    free(expected.key);
}

/* The layout is also what maxmemory counts and what the memory targets rest on. */
static void test_a_small_string_takes_54_bytes(check_run *run)
{
    (void)run;
    CHECK_INT(entry_size_for(ENTRY_NO_DUE, 16, ENTRY_EMBSTR, 32), 54);
    CHECK_INT(entry_size_for(1700000000000, 16, ENTRY_EMBSTR, 32), 64);
    CHECK_INT(entry_size_for(ENTRY_NO_DUE, 16, ENTRY_INT, 20), 29);
}

static void test_numbers_and_pointers_are_kept_whole(check_run *run)
{
    slice key = {"number", 6};
    entry *made = entry_new(ENTRY_STRING, ENTRY_INT, key, 5, 0);
    int64_t numbers[] = {0, -1, INT64_MIN, INT64_MAX, (int64_t)check_random(run)};
    for (size_t index = 0; index < CHECK_LENGTH(numbers); index++) {
        memcpy(entry_look(made).value, &numbers[index], 8);
        CHECK_INT(entry_number(made), numbers[index]);
    }
    made = entry_set_wide(made, ENTRY_HASH, ENTRY_HASHTABLE);
    entry_set_pointer(made, &key);
    CHECK_POINTER(entry_pointer(made), &key);
    CHECK_INT(entry_due(made), 5);
    entry_free(made);
}

/* ---- blobs ---- */

static void test_blob_agrees_with_an_array_through_every_resize(check_run *run)
{
    enum { LENGTH_MAX = 9000 };
    size_t used_before = alloc_used_bytes();
    unsigned char *bytes = calloc(1, LENGTH_MAX);
    uint64_t rounds = check_iterations(run, 40);
    for (uint64_t round = 0; round < rounds; round++) {
        size_t length = check_random_below(run, LENGTH_MAX);
        check_random_bytes(run, bytes, length);
        blob *subject = blob_of(length ? bytes : NULL, length), *shared = NULL;
        for (unsigned step = 0; step < 30; step++) {
            if (check_chance(run, 40) && !shared)
                shared = blob_share(subject);
            const blob *before = subject;
            size_t wanted = check_random_below(run, LENGTH_MAX);
            if (wanted > length)
                memset(bytes + length, 0, wanted - length);
            subject = blob_resize_own(subject, wanted);
            CHECK_INT(subject->references, 1);
            CHECK(subject->capacity >= wanted && subject->capacity <= 2 * LENGTH_MAX);
            CHECK_BYTES(subject->data, subject->length, bytes, wanted);
            if (shared) { /* the other holder's bytes are as they were */
                CHECK(subject != shared && shared == before);
                CHECK_INT(shared->length, length);
                CHECK_BYTES(shared->data, length < wanted ? length : wanted, bytes,
                            length < wanted ? length : wanted);
                blob_release(shared);
                shared = NULL;
            }
            length = wanted;
            if (length > 0) {
                size_t at = check_random_below(run, length);
                subject->data[at] = (char)(bytes[at] = (unsigned char)check_random(run));
            }
        }
        CHECK_INT(alloc_used_bytes() - used_before, blob_bytes(subject));
        blob_release(subject);
        CHECK_INT(alloc_used_bytes(), used_before);
    }
    free(bytes);
}

static void test_a_blob_that_grows_by_one_byte_is_seldom_moved(check_run *run)
{
    (void)run;
    blob *grown = blob_of("", 0);
    size_t moves = 0;
    for (size_t length = 1; length <= 3 << 20; length += 1000) {
        size_t capacity = grown->capacity;
        grown = blob_resize_own(grown, length);
        moves += grown->capacity != capacity;
        CHECK(grown->capacity <= length * 2 && grown->capacity <= length + (1 << 20));
    }
    CHECK(moves < 25);
    blob_release(grown);
}

static void test_a_blob_that_grows_mostly_by_zeros_keeps_its_bytes(check_run *run)
{
    size_t used_before = alloc_used_bytes();
    for (int round = 0; round < 20; round++) {
        size_t length = check_random_below(run, 5000), wanted = (3 << 20) + length;
        char bytes[5000];
        check_random_bytes(run, bytes, length);
        blob *grown = blob_of(bytes, length);
        blob *other = round % 2 ? blob_share(grown) : NULL;
        grown = blob_resize_own(grown, wanted);
        CHECK_INT(grown->references, 1);
        CHECK_INT(grown->length, wanted);
        CHECK(grown->capacity >= wanted && grown != other);
        CHECK_BYTES(grown->data, length, bytes, length);
        for (size_t at = length; at < wanted; at += 511) CHECK_INT(grown->data[at], 0);
        if (other != NULL) {
            CHECK_INT(other->references, 1);
            CHECK_BYTES(other->data, other->length, bytes, length);
            blob_release(other);
        }
        blob_release(grown);
    }
    blob *zeros = blob_zeros(2000);
    for (size_t at = 0; at < 2000; at++) CHECK_INT(zeros->data[at], 0);
    CHECK_INT(zeros->capacity, 2000);
    blob_release(zeros);
    lazyfree_wait();
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_a_blob_lives_until_its_last_reference_goes(check_run *run)
{
    (void)run;
    size_t used_before = alloc_used_bytes();
    blob *shared = blob_new(5, 2000);
    memcpy(shared->data, "hello", 5);
    CHECK_INT(shared->capacity, 2000);
    CHECK_POINTER(blob_share(shared), shared);
    CHECK_POINTER(blob_share(shared), shared);
    blob_release(shared);
    blob_release(shared);
    CHECK_BYTES(shared->data, shared->length, "hello", 5);
    CHECK_INT(alloc_used_bytes() - used_before, blob_bytes(shared));
    blob_release(shared);
    CHECK_INT(alloc_used_bytes(), used_before);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_entry_agrees_with_a_structure_of_its_fields),
        CHECK_TEST(test_every_length_of_key_and_value_keeps_its_bytes),
        CHECK_TEST(test_a_small_string_takes_54_bytes),
        CHECK_TEST(test_numbers_and_pointers_are_kept_whole),
        CHECK_TEST(test_blob_agrees_with_an_array_through_every_resize),
        CHECK_TEST(test_a_blob_that_grows_by_one_byte_is_seldom_moved),
        CHECK_TEST(test_a_blob_that_grows_mostly_by_zeros_keeps_its_bytes),
        CHECK_TEST(test_a_blob_lives_until_its_last_reference_goes),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}

/* zset: the sorted set of a key, as a listpack or a skiplist; see zset.h. */
#include "zset.h"

#include "alloc.h"
#include "skiplist.h"

#include <math.h>

enum {
    FREED_AT_ONCE = 64,   /* members; more are freed in slices */
    CHECKED_IN_PLACE = 256, /* pairs of a listpack from outside; more go through a skiplist */
};

/* A listpack is far smaller than its format allows, whatever the limits. */
static const size_t PACKED_BYTES_MAX = LISTPACK_BYTES_MAX / 2;

void zset_settings_init(zset_settings *settings, const collection_limits *limits,
                        const hash_seed *seed) {
    settings->limits = limits;
    settings->table.key = skiplist_record_key;
    settings->table.seed = *seed;
}

static inline bool is_listpack(const entry *e) {
    return entry_get_encoding(e) == ENTRY_LISTPACK;
}

/* ---- pairs of a listpack ---- */

static double packed_score(const uint8_t *at) {
    listpack_value value = listpack_get(at);
    double score = 0;
    if (!value.data) return (double)value.number;
    /* Every text was made here or checked when it came in. */
    bool is_number = number_parse_double(value.data, value.length, &score);
    assert(is_number);
    (void)is_number;
    return score;
}

/* Whether a score is stored as a number; -0 becomes 0 by this, as it does in Redis. */
static bool is_whole(double score) {
    return score > -0x1p62 && score < 0x1p62 && score == (double)(int64_t)score;
}

static listpack *pack_pair(listpack *lp, listpack_position before, slice member, double score) {
    listpack_position placed;
    lp = listpack_insert(lp, before, member, &placed);
    listpack_position behind = listpack_next(lp, placed);
    if (is_whole(score)) return listpack_insert_number(lp, behind, (int64_t)score, NULL);
    char text[NUMBER_DOUBLE_MAX_LENGTH];
    slice digits = {text, number_format_double(text, score)};
    return listpack_insert(lp, behind, digits, NULL);
}

/* The pair that (score, member) would stand before; NULL: the end. */
static listpack_position packed_place(const listpack *lp, double score, slice member) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    listpack_position at = listpack_first(lp);
    while (at) {
        listpack_position score_at = listpack_next(lp, at);
        double here = packed_score(score_at);
        if (here > score) break;
        if (here == score && skiplist_member_compare(listpack_text(at, digits), member) > 0) break;
        at = listpack_next(lp, score_at);
    }
    return at;
}

static listpack *packed_insert(listpack *lp, slice member, double score) {
    return pack_pair(lp, packed_place(lp, score, member), member, score);
}

static inline listpack_position packed_find(const listpack *lp, slice member) {
    return listpack_find(lp, listpack_first(lp), member, 2);
}

static inline listpack_position packed_at(const listpack *lp, size_t rank) {
    return listpack_at(lp, (int64_t)rank * 2);
}

/* ---- making and converting ---- */

static bool is_beyond(const zset_settings *settings, size_t count, size_t longest) {
    return count > settings->limits->zset_entries || longest > settings->limits->zset_value;
}

entry *zset_new(slice key, int64_t due_ms, size_t count_hint, size_t longest_hint,
                const zset_settings *settings) {
    if (count_hint == 0) count_hint = 1;
    bool packed = !is_beyond(settings, count_hint, longest_hint);
    entry *e = entry_new(ENTRY_ZSET, packed ? ENTRY_LISTPACK : ENTRY_SKIPLIST, key, due_ms, 0);
    entry_set_pointer(e, packed ? (void *)listpack_new() : (void *)skiplist_new(&settings->table));
    return e;
}

static void list_put(skiplist *list, slice member, double score) {
    skiplist_insert(list, member, skiplist_hash(list, member), score);
}

static void unpack(entry *e, const zset_settings *settings) {
    listpack *lp = entry_pointer(e);
    skiplist *list = skiplist_new(&settings->table);
    char digits[NUMBER_INT64_MAX_LENGTH];
    for (listpack_position at = listpack_first(lp); at; at = listpack_next(lp, at)) {
        slice member = listpack_text(at, digits);
        at = listpack_next(lp, at);
        list_put(list, member, packed_score(at));
    }
    listpack_free(lp);
    entry_set_pointer(e, list);
    entry_set_encoding(e, ENTRY_SKIPLIST);
}

void zset_expect(entry *e, size_t count_hint, size_t longest_hint, const zset_settings *settings) {
    if (is_listpack(e) && is_beyond(settings, count_hint, longest_hint)) unpack(e, settings);
}

void zset_compact(entry *e, const zset_settings *settings) {
    if (is_listpack(e)) return;
    skiplist *list = entry_pointer(e);
    size_t bytes = 0;
    if (is_beyond(settings, skiplist_count(list), 0)) return;
    for (skiplist_cursor at = skiplist_first(list); at.leaf; skiplist_forward(&at)) {
        size_t length = skiplist_cursor_member(&at).length;
        if (is_beyond(settings, 0, length)) return;
        bytes += length + NUMBER_DOUBLE_MAX_LENGTH + 2 * LISTPACK_ELEMENT_OVERHEAD_MAX;
    }
    if (bytes > PACKED_BYTES_MAX) return;
    listpack *lp = listpack_new();
    for (skiplist_cursor at = skiplist_first(list); at.leaf; skiplist_forward(&at))
        lp = pack_pair(lp, NULL, skiplist_cursor_member(&at), skiplist_cursor_score(&at));
    skiplist_free(list);
    entry_set_pointer(e, lp);
    entry_set_encoding(e, ENTRY_LISTPACK);
}

/* ---- members ---- */

/* What the flags make of a member that has the score `present`; on ZSET_UPDATED *score is the new
 * one. */
static inline zset_outcome outcome_of(double present, unsigned flags, double *score,
                                      double *result) {
    if (flags & ZSET_NX) return ZSET_REFUSED;
    if (flags & ZSET_INCREMENT) {
        *score += present;
        if (isnan(*score)) return ZSET_NOT_A_NUMBER;
    }
    if ((flags & ZSET_GT && !(*score > present)) || (flags & ZSET_LT && !(*score < present)))
        return ZSET_REFUSED;
    if (result) *result = *score;
    return *score == present ? ZSET_UNCHANGED : ZSET_UPDATED;
}

static zset_outcome list_add(skiplist *list, slice member, double score, unsigned flags,
                             double *result) {
    skiplist_place place;
    uint64_t hash = skiplist_hash(list, member);
    if (skiplist_find(list, member, hash, &place)) {
        zset_outcome outcome = outcome_of(skiplist_place_score(&place), flags, &score, result);
        if (outcome == ZSET_UPDATED) skiplist_move(list, &place, member, score);
        return outcome;
    }
    if (flags & ZSET_XX) return ZSET_REFUSED;
    skiplist_insert(list, member, hash, score);
    if (result) *result = score;
    return ZSET_ADDED;
}

static zset_outcome packed_add(entry *e, slice member, double score, unsigned flags, double *result,
                               const zset_settings *settings) {
    listpack *lp = entry_pointer(e);
    listpack_position at = packed_find(lp, member);
    if (at) {
        double present = packed_score(listpack_next(lp, at));
        zset_outcome outcome = outcome_of(present, flags, &score, result);
        if (outcome == ZSET_UPDATED) {
            lp = listpack_remove(lp, &at, 2);
            entry_set_pointer(e, packed_insert(lp, member, score));
        }
        return outcome;
    }
    if (flags & ZSET_XX) return ZSET_REFUSED;
    if (is_beyond(settings, listpack_count(lp) / 2 + 1, member.length) ||
        listpack_bytes(lp) + member.length > PACKED_BYTES_MAX) {
        unpack(e, settings);
        list_put(entry_pointer(e), member, score);
    } else {
        entry_set_pointer(e, packed_insert(lp, member, score));
    }
    if (result) *result = score;
    return ZSET_ADDED;
}

zset_outcome zset_add(entry *e, slice member, double score, unsigned flags, double *result,
                      const zset_settings *settings) {
    assert(!isnan(score));
    if (is_listpack(e)) return packed_add(e, member, score, flags, result, settings);
    return list_add(entry_pointer(e), member, score, flags, result);
}

bool zset_remove(entry *e, slice member) {
    if (is_listpack(e)) {
        listpack *lp = entry_pointer(e);
        listpack_position at = packed_find(lp, member);
        if (!at) return false;
        entry_set_pointer(e, listpack_remove(lp, &at, 2));
        return true;
    }
    skiplist *list = entry_pointer(e);
    skiplist_place place;
    if (!skiplist_find(list, member, skiplist_hash(list, member), &place)) return false;
    skiplist_remove(list, &place);
    return true;
}

size_t zset_count(const entry *e) {
    if (is_listpack(e)) return listpack_count(entry_pointer(e)) / 2;
    return skiplist_count(entry_pointer(e));
}

bool zset_score(const entry *e, slice member, double *score) {
    if (is_listpack(e)) {
        const listpack *lp = entry_pointer(e);
        listpack_position at = packed_find(lp, member);
        if (at) *score = packed_score(listpack_next(lp, at));
        return at != NULL;
    }
    const skiplist *list = entry_pointer(e);
    skiplist_place place;
    if (!skiplist_find(list, member, skiplist_hash(list, member), &place)) return false;
    *score = skiplist_place_score(&place);
    return true;
}

static bool packed_rank(const listpack *lp, slice member, size_t *rank, double *score) {
    listpack_position at = listpack_first(lp);
    for (*rank = 0; at; ++*rank) {
        listpack_position score_at = listpack_next(lp, at);
        if (listpack_equals(at, member)) {
            if (score) *score = packed_score(score_at);
            return true;
        }
        at = listpack_next(lp, score_at);
    }
    return false;
}

bool zset_rank(const entry *e, slice member, bool reverse, size_t *rank, double *score) {
    if (is_listpack(e)) {
        if (!packed_rank(entry_pointer(e), member, rank, score)) return false;
    } else {
        const skiplist *list = entry_pointer(e);
        skiplist_place place;
        if (!skiplist_find(list, member, skiplist_hash(list, member), &place)) return false;
        *rank = skiplist_place_rank(list, &place);
        if (score) *score = skiplist_place_score(&place);
    }
    if (reverse) *rank = zset_count(e) - 1 - *rank;
    return true;
}

void zset_at(const entry *e, size_t rank, char *digits, slice *member, double *score) {
    if (is_listpack(e)) {
        const listpack *lp = entry_pointer(e);
        listpack_position at = packed_at(lp, rank);
        *member = listpack_text(at, digits);
        if (score) *score = packed_score(listpack_next(lp, at));
        return;
    }
    skiplist_cursor at = skiplist_at(entry_pointer(e), rank);
    *member = skiplist_cursor_member(&at);
    if (score) *score = skiplist_cursor_score(&at);
}

void zset_random(const entry *e, random_state *random, char *digits, slice *member, double *score) {
    zset_at(e, random_below(random, zset_count(e)), digits, member, score);
}

void zset_prefetch(const entry *e, slice member) {
    if (is_listpack(e)) {
        PREFETCH(entry_pointer(e));
        return;
    }
    const skiplist *list = entry_pointer(e);
    skiplist_prefetch(list, skiplist_hash(list, member));
}

void zset_prefetch_member(const entry *e, slice member) {
    if (is_listpack(e)) return;
    const skiplist *list = entry_pointer(e);
    skiplist_prefetch_member(list, skiplist_hash(list, member));
}

/* ---- spans ---- */

bool zset_score_is_within(double score, const zset_score_range *range) {
    bool above = range->min_exclusive ? score > range->min : score >= range->min;
    return above && (range->max_exclusive ? score < range->max : score <= range->max);
}

static bool lex_is_above(slice member, const zset_lex_bound *bound) {
    if (bound->kind == ZSET_LEX_LOWEST) return true;
    if (bound->kind == ZSET_LEX_HIGHEST) return false;
    int order = skiplist_member_compare(member, bound->text);
    return bound->kind == ZSET_LEX_EXCLUSIVE ? order > 0 : order >= 0;
}

static bool lex_is_below(slice member, const zset_lex_bound *bound) {
    if (bound->kind == ZSET_LEX_LOWEST) return false;
    if (bound->kind == ZSET_LEX_HIGHEST) return true;
    int order = skiplist_member_compare(member, bound->text);
    return bound->kind == ZSET_LEX_EXCLUSIVE ? order < 0 : order <= 0;
}

bool zset_lex_is_within(slice member, const zset_lex_range *range) {
    return lex_is_above(member, &range->min) && lex_is_below(member, &range->max);
}

zset_span zset_span_of_ranks(const entry *e, int64_t start, int64_t stop, bool reverse) {
    int64_t count = (int64_t)zset_count(e);
    if (start < 0) start += count;
    if (stop < 0) stop += count;
    if (start < 0) start = 0;
    if (stop >= count) stop = count - 1;
    if (start > stop) return (zset_span){0, 0};
    size_t first = (size_t)(reverse ? count - 1 - stop : start);
    return (zset_span){first, (size_t)(stop - start + 1)};
}

/* From the members before the span, and those up to its end. */
static zset_span span_between(size_t first, size_t end) {
    return (zset_span){first, end > first ? end - first : 0};
}

zset_span zset_span_of_scores(const entry *e, const zset_score_range *range) {
    if (!is_listpack(e)) {
        const skiplist *list = entry_pointer(e);
        return span_between(skiplist_count_below(list, range->min, range->min_exclusive),
                            skiplist_count_below(list, range->max, !range->max_exclusive));
    }
    const listpack *lp = entry_pointer(e);
    zset_span span = {0, 0};
    for (listpack_position at = listpack_first(lp); at; at = listpack_next(lp, at)) {
        at = listpack_next(lp, at);
        double score = packed_score(at);
        if (zset_score_is_within(score, range)) span.count++;
        else if (score <= range->min) span.first++;
        else break;
    }
    return span;
}

static size_t list_count_before(const skiplist *list, const zset_lex_bound *bound, bool is_min) {
    if (bound->kind == ZSET_LEX_LOWEST) return 0;
    if (bound->kind == ZSET_LEX_HIGHEST) return skiplist_count(list);
    bool exclusive = bound->kind == ZSET_LEX_EXCLUSIVE;
    return skiplist_count_before(list, bound->text, exclusive == is_min);
}

zset_span zset_span_of_lex(const entry *e, const zset_lex_range *range) {
    if (!is_listpack(e)) {
        const skiplist *list = entry_pointer(e);
        return span_between(list_count_before(list, &range->min, true),
                            list_count_before(list, &range->max, false));
    }
    const listpack *lp = entry_pointer(e);
    char digits[NUMBER_INT64_MAX_LENGTH];
    zset_span span = {0, 0};
    bool begun = false;
    for (listpack_position at = listpack_first(lp); at; at = listpack_next(lp, at)) {
        slice member = listpack_text(at, digits);
        at = listpack_next(lp, at);
        if (!begun && !lex_is_above(member, &range->min)) {
            span.first++;
            continue;
        }
        begun = true;
        if (!lex_is_below(member, &range->max)) break;
        span.count++;
    }
    return span;
}

void zset_span_cut(zset_span *span, int64_t offset, int64_t count, bool reverse) {
    if (offset < 0 || (uint64_t)offset >= span->count) {
        span->count = 0;
        return;
    }
    size_t left = span->count - (size_t)offset;
    size_t kept = count < 0 || (uint64_t)count > left ? left : (size_t)count;
    span->first += reverse ? left - kept : (size_t)offset;
    span->count = kept;
}

void zset_remove_span(entry *e, zset_span span) {
    if (span.count == 0) return;
    if (is_listpack(e)) {
        listpack *lp = entry_pointer(e);
        listpack_position at = packed_at(lp, span.first);
        entry_set_pointer(e, listpack_remove(lp, &at, span.count * 2));
        return;
    }
    skiplist_remove_run(entry_pointer(e), span.first, span.count);
}

/* ---- walking ---- */

void zset_iterate(zset_iterator *iterator, const entry *e, bool reverse) {
    zset_iterate_span(iterator, e, (zset_span){0, zset_count(e)}, reverse);
}

void zset_iterate_span(zset_iterator *iterator, const entry *e, zset_span span, bool reverse) {
    size_t rank = reverse ? span.first + span.count - 1 : span.first;
    iterator->left = span.count;
    iterator->reverse = reverse;
    iterator->is_listpack = is_listpack(e);
    if (span.count == 0) return;
    if (iterator->is_listpack) {
        iterator->node = entry_pointer(e);
        iterator->at = packed_at(entry_pointer(e), rank);
        return;
    }
    skiplist_cursor at = rank ? skiplist_at(entry_pointer(e), rank)
                              : skiplist_first(entry_pointer(e));
    iterator->node = at.leaf;
    iterator->position = at.position;
}

static void packed_next(zset_iterator *iterator, slice *member, double *score) {
    const listpack *lp = iterator->node;
    const uint8_t *score_at = listpack_next(lp, iterator->at);
    *member = listpack_text(iterator->at, iterator->digits);
    if (score) *score = packed_score(score_at);
    if (!iterator->reverse) {
        iterator->at = listpack_next(lp, score_at);
        return;
    }
    iterator->at = listpack_previous(lp, iterator->at);
    if (iterator->at) iterator->at = listpack_previous(lp, iterator->at);
}

bool zset_next(zset_iterator *iterator, slice *member, double *score) {
    if (iterator->left == 0) return false;
    iterator->left--;
    if (iterator->is_listpack) {
        packed_next(iterator, member, score);
        return true;
    }
    skiplist_cursor at = {iterator->node, (uint32_t)iterator->position};
    *member = skiplist_cursor_member(&at);
    if (score) *score = skiplist_cursor_score(&at);
    if (iterator->left == 0) return true;
    if (iterator->reverse) skiplist_backward(&at);
    else skiplist_forward(&at);
    iterator->node = at.leaf;
    iterator->position = at.position;
    return true;
}

uint64_t zset_scan(const entry *e, uint64_t cursor, zset_visit visit, void *context) {
    if (!is_listpack(e)) return skiplist_scan(entry_pointer(e), cursor, visit, context);
    zset_iterator iterator;
    slice member;
    double score;
    zset_iterate(&iterator, e, false);
    while (zset_next(&iterator, &member, &score)) visit(context, member, score);
    return 0;
}

/* ---- the value as a whole ---- */

size_t zset_bytes(const entry *e) {
    if (is_listpack(e)) return alloc_usable(listpack_bytes(entry_pointer(e)));
    return skiplist_bytes(entry_pointer(e));
}

void zset_own(entry *copy) {
    if (is_listpack(copy)) entry_set_pointer(copy, listpack_copy(entry_pointer(copy)));
    else entry_set_pointer(copy, skiplist_copy(entry_pointer(copy)));
}

void zset_free(entry *e) {
    if (is_listpack(e)) listpack_free(entry_pointer(e));
    else skiplist_free(entry_pointer(e));
    entry_set_pointer(e, NULL);
}

void *zset_detach(entry *e) {
    void *value = entry_pointer(e);
    if (is_listpack(e) || skiplist_count(value) <= FREED_AT_ONCE) {
        zset_free(e);
        return NULL;
    }
    entry_set_pointer(e, NULL);
    return value;
}

bool zset_detached_step(void *detached, size_t budget) {
    return skiplist_free_some(detached, budget);
}

/* ---- bytes from outside ---- */

/* Whether every second element is a score and the pairs ascend. */
static bool pairs_ascend(const listpack *lp) {
    char digits[2][NUMBER_INT64_MAX_LENGTH];
    slice member, before = {NULL, 0};
    double score, score_before = 0;
    listpack_position at = listpack_first(lp);
    for (int turn = 0; at; turn ^= 1) {
        listpack_position score_at = listpack_next(lp, at);
        if (!score_at) return false;
        listpack_value value = listpack_get(score_at);
        if (!value.data) score = (double)value.number;
        else if (!number_parse_double(value.data, value.length, &score)) return false;
        member = listpack_text(at, digits[turn]);
        if (before.data) {
            if (score < score_before) return false;
            if (score == score_before && skiplist_member_compare(before, member) >= 0) return false;
        }
        before = member;
        score_before = score;
        at = listpack_next(lp, score_at);
    }
    return true;
}

/* Whether each member of not too many stands once: a small open table of the hashes. */
static bool members_differ(const listpack *lp, const hash_seed *seed) {
    enum { SLOTS = CHECKED_IN_PLACE * 2 };
    const uint8_t *slots[SLOTS] = {NULL};
    char digits[NUMBER_INT64_MAX_LENGTH];
    for (listpack_position at = listpack_first(lp); at; at = listpack_next(lp, at)) {
        slice member = listpack_text(at, digits);
        size_t slot = hash_bytes(seed, member.data, member.length) % SLOTS;
        for (; slots[slot]; slot = (slot + 1) % SLOTS)
            if (listpack_equals(slots[slot], member)) return false;
        slots[slot] = at;
        at = listpack_next(lp, at);
    }
    return true;
}

/* The same for many: they are put into a skiplist. */
static entry *entry_of_many(slice key, int64_t due_ms, const listpack *lp,
                            const zset_settings *settings) {
    entry *e = entry_new(ENTRY_ZSET, ENTRY_SKIPLIST, key, due_ms, 0);
    skiplist *list = skiplist_new(&settings->table);
    char digits[NUMBER_INT64_MAX_LENGTH];
    bool differ = true;
    entry_set_pointer(e, list);
    for (listpack_position at = listpack_first(lp); at && differ; at = listpack_next(lp, at)) {
        slice member = listpack_text(at, digits);
        at = listpack_next(lp, at);
        differ = list_add(list, member, packed_score(at), ZSET_NX, NULL) == ZSET_ADDED;
    }
    if (differ) {
        zset_compact(e, settings);
        return e;
    }
    zset_free(e);
    entry_free(e);
    return NULL;
}

entry *zset_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                        const zset_settings *settings) {
    if (!listpack_check(bytes, length)) return NULL;
    const listpack *lp = bytes;
    if (listpack_first(lp) == NULL || !pairs_ascend(lp)) return NULL;
    if (listpack_count(lp) / 2 > CHECKED_IN_PLACE)
        return entry_of_many(key, due_ms, lp, settings);
    if (!members_differ(lp, &settings->table.seed)) return NULL;
    entry *e = entry_new(ENTRY_ZSET, ENTRY_LISTPACK, key, due_ms, 0);
    entry_set_pointer(e, listpack_of_bytes(bytes, length));
    if (is_beyond(settings, listpack_count(lp) / 2, 0)) unpack(e, settings);
    return e;
}

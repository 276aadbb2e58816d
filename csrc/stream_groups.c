/* stream_groups: consumer groups; see stream_groups.h. */
#include "stream_groups.h"

#include <stdlib.h>

enum { LIST_START = 4 };

/* ---- lists of names ---- */

static int compare_names(slice a, slice b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order) return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

static slice name_at(const name_list *list, uint32_t index) {
    return *(const slice *)list->items[index];
}

/* The place of the name, or where it belongs. */
static uint32_t name_place(const name_list *list, slice name, bool *found) {
    uint32_t low = 0, high = list->count;
    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_names(name_at(list, middle), name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void *name_find(const name_list *list, slice name) {
    bool found;
    uint32_t place = name_place(list, name, &found);
    return found ? list->items[place] : NULL;
}

static void name_insert(name_list *list, uint32_t place, void *item) {
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : LIST_START;
        size_t old = list->capacity * sizeof(void *), size = capacity * sizeof(void *);
        list->items = list->items ? alloc_resize(list->items, old, size) : alloc_new(size);
        list->capacity = capacity;
    }
    memmove(list->items + place + 1, list->items + place, (list->count - place) * sizeof(void *));
    list->items[place] = item;
    list->count++;
}

static void name_remove(name_list *list, slice name) {
    bool found;
    uint32_t place = name_place(list, name, &found);
    assert(found);
    list->count--;
    memmove(list->items + place, list->items + place + 1, (list->count - place) * sizeof(void *));
    if (!list->count) name_list_free(list);
}

void name_list_free(name_list *list) {
    if (list->items) alloc_free(list->items, list->capacity * sizeof(void *));
    *list = (name_list){0};
}

static int compare_items(const void *a, const void *b) {
    return compare_names(**(const slice *const *)a, **(const slice *const *)b);
}

bool name_list_sort(name_list *list) {
    bool sorted = true;
    for (uint32_t i = 1; i < list->count && sorted; i++)
        sorted = compare_names(name_at(list, i - 1), name_at(list, i)) < 0;
    if (sorted) return true;
    qsort(list->items, list->count, sizeof(void *), compare_items);
    for (uint32_t i = 1; i < list->count; i++)
        if (compare_names(name_at(list, i - 1), name_at(list, i)) == 0) return false;
    return true;
}

static size_t list_bytes(const name_list *list) {
    return list->items ? alloc_usable(list->capacity * sizeof(void *)) : 0;
}

/* A zeroed block of `size` bytes that begins with the name, whose bytes stand behind it. */
static void *named_new(size_t size, slice name) {
    char *made = alloc_new(size + name.length);
    memset(made, 0, size);
    if (name.length) memcpy(made + size, name.data, name.length);
    *(slice *)made = (slice){made + size, name.length};
    return made;
}

static void named_free(void *item, size_t size) {
    alloc_free(item, size + ((const slice *)item)->length);
}

/* ---- groups ---- */

stream_group *stream_group_find(const stream *s, slice name) { return name_find(&s->groups, name); }

static stream_group *group_new(slice name, stream_id last_id, int64_t entries_read) {
    stream_group *group = named_new(sizeof(stream_group), name);
    group->last_id = last_id;
    group->entries_read = entries_read;
    return group;
}

stream_group *stream_group_create(stream *s, slice name, stream_id last_id, int64_t entries_read) {
    bool found;
    uint32_t place = name_place(&s->groups, name, &found);
    if (found) return NULL;
    stream_group *group = group_new(name, last_id, entries_read);
    name_insert(&s->groups, place, group);
    return group;
}

stream_group *stream_group_append(stream *s, slice name, stream_id last_id, int64_t entries_read) {
    stream_group *group = group_new(name, last_id, entries_read);
    name_insert(&s->groups, s->groups.count, group);
    return group;
}

void stream_group_detach(stream *s, stream_group *group) { name_remove(&s->groups, group->name); }

static void free_pending(void *pending, void *unused) {
    (void)unused;
    alloc_free(pending, sizeof(stream_pending));
}

static void keep_pending(void *pending, void *unused) {
    (void)pending;
    (void)unused;
}

bool stream_group_free_some(stream_group *group, size_t budget) {
    if (!id_map_take_some(&group->pending, budget, free_pending, NULL)) return false;
    for (size_t freed = 0; group->consumers.count; freed++) {
        stream_consumer *consumer = stream_consumer_at(group, group->consumers.count - 1);
        if (freed >= budget) return false;
        if (!id_map_take_some(&consumer->pending, budget, keep_pending, NULL)) return false;
        named_free(consumer, sizeof(stream_consumer));
        group->consumers.count--;
    }
    name_list_free(&group->consumers);
    named_free(group, sizeof(stream_group));
    return true;
}

uint64_t stream_group_weight(const stream_group *group) {
    return group->pending.count + group->consumers.count;
}

size_t stream_groups_bytes(const stream *s) {
    size_t bytes = list_bytes(&s->groups);
    for (uint32_t i = 0; i < s->groups.count; i++) {
        const stream_group *group = stream_group_at(s, i);
        bytes += alloc_usable(sizeof(stream_group) + group->name.length) + group->pending.bytes;
        bytes += group->pending.count * alloc_usable(sizeof(stream_pending));
        bytes += list_bytes(&group->consumers);
        for (uint32_t j = 0; j < group->consumers.count; j++) {
            const stream_consumer *consumer = stream_consumer_at(group, j);
            bytes += alloc_usable(sizeof(stream_consumer) + consumer->name.length);
            bytes += consumer->pending.bytes;
        }
    }
    return bytes;
}

void stream_groups_copy(stream *to, const stream *from) {
    for (uint32_t i = 0; i < from->groups.count; i++) {
        const stream_group *old = stream_group_at(from, i);
        stream_group *made = stream_group_append(to, old->name, old->last_id, old->entries_read);
        for (uint32_t j = 0; j < old->consumers.count; j++) {
            const stream_consumer *consumer = stream_consumer_at(old, j);
            stream_consumer_append(made, consumer->name, consumer->seen_ms)->active_ms =
                consumer->active_ms;
        }
        for (id_map_cursor at = id_map_begin(&old->pending); at.node; id_map_next(&at)) {
            const stream_pending *pending = id_map_value(at);
            stream_pending_add(made, stream_consumer_find(made, pending->consumer->name),
                               id_map_id(at), pending->delivered_ms, pending->deliveries);
        }
    }
}

/* ---- counting what a group has read ---- */

bool stream_has_gaps_from(const stream *s, stream_id start) {
    if (!s->length || stream_id_is_zero(s->max_deleted_id)) return false;
    return stream_id_compare(start, s->max_deleted_id) <= 0;
}

int64_t stream_estimate_read(const stream *s, stream_id id) {
    int64_t added = (int64_t)s->entries_added;
    if (!added) return 0;
    int to_last = stream_id_compare(id, s->last_id), to_first = stream_id_compare(id, s->first_id);
    if (!s->length && to_last <= 0) return added;
    if (to_last >= 0) return to_last == 0 ? added : STREAM_READ_UNKNOWN;
    bool whole = stream_id_is_zero(s->max_deleted_id)
                 || stream_id_compare(s->max_deleted_id, s->first_id) < 0;
    if (!whole || to_first > 0) return STREAM_READ_UNKNOWN;
    return (int64_t)(s->entries_added - s->length) + (to_first == 0);
}

/* Whether entries_read counts on from last_id: nothing was deleted behind it, nor trimmed. */
static bool counts_on(const stream *s, const stream_group *group) {
    return group->entries_read != STREAM_READ_UNKNOWN && !stream_has_gaps_from(s, group->last_id)
           && stream_id_compare(group->last_id, s->first_id) >= 0;
}

bool stream_group_lag(const stream *s, const stream_group *group, int64_t *lag) {
    int64_t read = group->entries_read;
    *lag = 0;
    if (!s->entries_added || !s->length) return true;
    if (!counts_on(s, group)) read = stream_estimate_read(s, group->last_id);
    if (read == STREAM_READ_UNKNOWN) return false;
    *lag = (int64_t)(s->entries_added - (uint64_t)read);
    return true;
}

void stream_group_advance(const stream *s, stream_group *group, stream_id id) {
    if (counts_on(s, group))
        group->entries_read++;
    else if (s->entries_added)
        group->entries_read = stream_estimate_read(s, id);
    group->last_id = id;
}

/* ---- consumers ---- */

stream_consumer *stream_consumer_find(const stream_group *group, slice name) {
    return name_find(&group->consumers, name);
}

static stream_consumer *consumer_new(slice name, int64_t seen_ms) {
    stream_consumer *consumer = named_new(sizeof(stream_consumer), name);
    consumer->seen_ms = seen_ms;
    consumer->active_ms = -1;
    return consumer;
}

stream_consumer *stream_consumer_create(stream_group *group, slice name, int64_t now_ms) {
    bool found;
    uint32_t place = name_place(&group->consumers, name, &found);
    if (found) return NULL;
    stream_consumer *consumer = consumer_new(name, now_ms);
    name_insert(&group->consumers, place, consumer);
    return consumer;
}

stream_consumer *stream_consumer_append(stream_group *group, slice name, int64_t seen_ms) {
    stream_consumer *consumer = consumer_new(name, seen_ms);
    name_insert(&group->consumers, group->consumers.count, consumer);
    return consumer;
}

void stream_consumer_remove(stream_group *group, stream_consumer *consumer) {
    for (id_map_cursor at = id_map_begin(&consumer->pending); at.node; id_map_next(&at)) {
        id_map_remove(&group->pending, id_map_id(at), NULL);
        free_pending(id_map_value(at), NULL);
    }
    id_map_free(&consumer->pending);
    name_remove(&group->consumers, consumer->name);
    named_free(consumer, sizeof(stream_consumer));
}

/* ---- pending entries ---- */

stream_pending *stream_pending_add(stream_group *group, stream_consumer *consumer, stream_id id,
                                   int64_t delivered_ms, uint64_t deliveries) {
    stream_pending *pending = alloc_new(sizeof(stream_pending));
    *pending = (stream_pending){consumer, delivered_ms, deliveries};
    if (!id_map_add(&group->pending, id, pending)) {
        alloc_free(pending, sizeof(stream_pending));
        return NULL;
    }
    if (consumer) id_map_add(&consumer->pending, id, pending);
    return pending;
}

void stream_pending_give(stream_pending *pending, stream_id id, stream_consumer *consumer) {
    if (pending->consumer == consumer) return;
    id_map_remove(&pending->consumer->pending, id, NULL);
    id_map_add(&consumer->pending, id, pending);
    pending->consumer = consumer;
}

bool stream_pending_remove(stream_group *group, stream_id id) {
    void *removed;
    if (!id_map_remove(&group->pending, id, &removed)) return false;
    id_map_remove(&((stream_pending *)removed)->consumer->pending, id, NULL);
    alloc_free(removed, sizeof(stream_pending));
    return true;
}

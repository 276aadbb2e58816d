/* alloc.c - the slow halves of alloc.h: slabs changing lists, arenas, the C library. */
#include "alloc.h"

#include "checked.h"
#include "prefault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older ones answer with an error */
#endif

_Noreturn void fatal(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    fflush(stderr);
    va_end(arguments);
    abort();
}

static _Noreturn NOINLINE COLD void out_of_memory(size_t size)
{
    fatal("Out of memory allocating %zu bytes", size);
}

static void count_new(size_t bytes)
{
    alloc_state.used_bytes += bytes;
    if (alloc_state.used_bytes > alloc_state.peak_bytes)
        alloc_state.peak_bytes = alloc_state.used_bytes;
}

static void count_free(size_t bytes)
{
    if (UNLIKELY(bytes > alloc_state.used_bytes))
        fatal("Freeing %zu bytes of %zu in use: a block is freed twice or with a wrong size",
              bytes, alloc_state.used_bytes);
    alloc_state.used_bytes -= bytes;
}

static void check_address(uintptr_t start, size_t size)
{
    if (UNLIKELY((start + size) >> 48 != 0))
        fatal("The system gives memory at %p, beyond 48 bits", (void *)start);
}

/* ---- blocks of the C library ------------------------------------------------------------- */

/* With FASTREDIS_ALLOC_LIBC and FASTREDIS_DEBUG each block has its size written before it; 16 bytes
 * keep malloc's alignment. In all other builds a block is exactly what malloc returned. */
#if defined(FASTREDIS_ALLOC_LIBC) && defined(FASTREDIS_DEBUG)
#define BLOCK_HEADER ((size_t)16)
#define HEADER_MAGIC UINT64_C(0x626c6f636b2d6f6b)

static void *block_seal(void *raw, size_t size)
{
    store_u64(raw, size);
    store_u64((char *)raw + 8, HEADER_MAGIC ^ size);
    return (char *)raw + BLOCK_HEADER;
}

static void block_check(const void *block, size_t size)
{
    const char *raw = (const char *)block - BLOCK_HEADER;
    uint64_t sealed = load_u64(raw);
    if (load_u64(raw + 8) != (HEADER_MAGIC ^ sealed))
        fatal("The block %p was overwritten in front or never allocated", block);
    if (sealed != size)
        fatal("The block %p has %zu bytes but is said to have %zu", block, (size_t)sealed, size);
}
#else
#define BLOCK_HEADER ((size_t)0)

static void *block_seal(void *raw, size_t size)
{
    (void)size;
    return raw;
}

static void block_check(const void *block, size_t size)
{
    (void)block;
    (void)size;
}
#endif

static void *libc_new(size_t size, bool zeroed)
{
    size_t usable = alloc_usable(size), total;
    if (UNLIKELY(usable < size || size_add(usable, BLOCK_HEADER, &total)))
        out_of_memory(size);
    void *raw = zeroed ? calloc(1, total) : malloc(total);
    if (UNLIKELY(raw == NULL))
        out_of_memory(size);
    check_address((uintptr_t)raw, total);
    count_new(usable);
    return block_seal(raw, usable);
}

static void libc_free(void *block, size_t size)
{
    if (block == NULL && size == 0)
        return;
    size_t usable = alloc_usable(size);
    block_check(block, usable);
    count_free(usable);
    free((char *)block - BLOCK_HEADER);
}

static void *libc_resize(void *block, size_t old_size, size_t new_size)
{
    size_t old_usable = alloc_usable(old_size), usable = alloc_usable(new_size), total;
    block_check(block, old_usable);
    if (old_usable == usable)
        return block;
    if (UNLIKELY(usable < new_size || size_add(usable, BLOCK_HEADER, &total)))
        out_of_memory(new_size);
    void *raw = realloc((char *)block - BLOCK_HEADER, total);
    if (UNLIKELY(raw == NULL))
        out_of_memory(new_size);
    check_address((uintptr_t)raw, total);
    count_free(old_usable);
    count_new(usable);
    return block_seal(raw, usable);
}

void *alloc_new_zeroed(size_t size)
{
    if (size > ALLOC_SLAB_LIMIT)
        return libc_new(size, true);
    return memset(alloc_new(size), 0, alloc_usable(size));
}

void alloc_detach(void *block, size_t size)
{
    if (size <= ALLOC_SLAB_LIMIT)
        fatal("A block of %zu bytes belongs to the main thread", size);
    block_check(block, alloc_usable(size));
    count_free(alloc_usable(size));
}

void alloc_free_detached(void *block)
{
    free((char *)block - BLOCK_HEADER);
}

#ifdef FASTREDIS_ALLOC_LIBC

/* ---- everything from the C library ------------------------------------------------------- */

alloc_state_type alloc_state;

static size_t pages_bytes;

void *alloc_new_slow(size_t size)
{
    return libc_new(size, false);
}

void alloc_free_slow(void *block, size_t size)
{
    libc_free(block, size);
}

void *alloc_resize(void *block, size_t old_size, size_t new_size)
{
    if (block == NULL && old_size == 0)
        return libc_new(new_size, false);
    return libc_resize(block, old_size, new_size);
}

void *alloc_pages(size_t size)
{
    size_t total;
    if (size_add(size ? size : 1, ALLOC_SLAB_BYTES - 1, &total))
        out_of_memory(size);
    total &= ~(ALLOC_SLAB_BYTES - 1);
    void *pages;
    if (posix_memalign(&pages, ALLOC_SLAB_BYTES, total) != 0)
        out_of_memory(size);
    check_address((uintptr_t)pages, total);
    memset(pages, 0, total);
    count_new(total);
    pages_bytes += total;
    return pages;
}

void alloc_pages_free(void *pages, size_t size)
{
    if (pages == NULL && size == 0)
        return;
    size_t total = ((size ? size : 1) + ALLOC_SLAB_BYTES - 1) & ~(ALLOC_SLAB_BYTES - 1);
    count_free(total);
    pages_bytes -= total;
    free(pages);
}

size_t alloc_mapped_bytes(void)
{
    return pages_bytes;
}

size_t alloc_reserve_bytes(void)
{
    return 0;
}

bool alloc_purge(void)
{
    return false;
}

void alloc_trim(void)
{
}

void alloc_use_huge_pages(bool enabled)
{
    (void)enabled;
}

void alloc_prepare_arenas(bool enabled)
{
    (void)enabled;
}

#else

/* ---- arenas ------------------------------------------------------------------------------ */

#define ARENA_ALL_FREE (~(uint64_t)1) /* slab 0 is never handed out */
#define RESERVE_SLABS 64              /* empty slabs that stay resident: 4 MB */
#define RESERVE_LIMIT 1024            /* with more, a free purges by itself: 64 MB */
#define PURGE_SLABS 16                /* at most so many go back to the system at a time: 1 MB */
#define POPULATE_SLABS 16             /* a class this large gets whole slabs backed at once */
#define PREPARE_FROM_ARENAS 4         /* a small process gets ordinary pages: 16 MB */
#define SEARCH_ARENAS 16              /* looked at for a run of slabs before one more is mapped */
#define CARVE_BYTES ((size_t)4096)    /* blocks are carved a page at a time */

/* Stands in the place of descriptor 0. In the list of dirty arenas if it has a dirty free slab,
 * else in that of clean ones if it has a free one, else in none. */
typedef struct arena {
    uint64_t free;  /* bit i: slab i is in nobody's hands */
    uint64_t dirty; /* those of them that may be resident and hold old bytes */
    struct arena *next;
    struct arena *previous;
} arena;

typedef struct arena_list {
    arena *first;
    arena *last;
} arena_list;

static_assert(PREFAULT_BYTES == ALLOC_ARENA_BYTES, "a prepared piece is one arena");
static_assert(sizeof(arena) <= sizeof(alloc_slab), "the arena takes the place of a descriptor");

static arena_list dirty_arenas, clean_arenas;
static size_t arena_count;
static size_t dirty_slabs; /* free and dirty, over all arenas */
static size_t large_bytes; /* alloc_pages beyond an arena */
static bool huge_pages;
static bool prepare_arenas;

static char *arena_start(const arena *of)
{
    return (char *)((uintptr_t)of & ~(uintptr_t)(ALLOC_ARENA_BYTES - 1));
}

static void arena_push(arena_list *list, arena *which)
{
    which->previous = NULL;
    which->next = list->first;
    if (list->first != NULL)
        list->first->previous = which;
    else
        list->last = which;
    list->first = which;
}

static void arena_unlink(arena_list *list, arena *which)
{
    *(which->previous != NULL ? &which->previous->next : &list->first) = which->next;
    *(which->next != NULL ? &which->next->previous : &list->last) = which->previous;
}

/* The list that an arena with these bitmaps belongs in; NULL: none. */
static arena_list *arena_list_for(uint64_t free_slabs, uint64_t dirty)
{
    return dirty != 0 ? &dirty_arenas : free_slabs != 0 ? &clean_arenas : NULL;
}

/* Every change of the bitmaps goes through here. */
static void arena_set(arena *which, uint64_t free_slabs, uint64_t dirty)
{
    arena_list *from = arena_list_for(which->free, which->dirty);
    arena_list *to = arena_list_for(free_slabs, dirty);
    dirty_slabs += (size_t)__builtin_popcountll(dirty);
    dirty_slabs -= (size_t)__builtin_popcountll(which->dirty);
    which->free = free_slabs;
    which->dirty = dirty;
    if (from == to)
        return;
    if (from != NULL)
        arena_unlink(from, which);
    if (to != NULL)
        arena_push(to, which);
}

static void advise_mapping(void *memory, size_t size)
{
#ifdef __linux__
    /* Fails only where the kernel has no huge pages, and then there is nothing to choose. */
    (void)madvise(memory, size, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

static void *map_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Mappings grow downwards side by side, so that the plain call is aligned nearly always; else a
 * larger one is cut to size. */
static void *map_aligned(size_t size, size_t alignment)
{
    size_t room;
    char *memory = map_memory(size);
    if (UNLIKELY(memory != NULL && ((uintptr_t)memory & (alignment - 1)) != 0)) {
        munmap(memory, size);
        memory = size_add(size, alignment, &room) ? NULL : map_memory(room);
        if (memory != NULL) {
            size_t before = -(uintptr_t)memory & (alignment - 1);
            if (before != 0)
                munmap(memory, before);
            if (alignment - before != 0)
                munmap(memory + before + size, alignment - before);
            memory += before;
        }
    }
    if (UNLIKELY(memory == NULL))
        out_of_memory(size);
    check_address((uintptr_t)memory, size);
    advise_mapping(memory, size);
    return memory;
}

/* Memory for one more arena: from the helper where one is ready, else fresh from the system. */
static void *arena_memory(void)
{
    if (prepare_arenas && arena_count >= PREPARE_FROM_ARENAS) {
        prefault_start();
        void *ready = prefault_take();
        if (ready != NULL) {
            check_address((uintptr_t)ready, ALLOC_ARENA_BYTES);
            return ready;
        }
    }
    return map_aligned(ALLOC_ARENA_BYTES, ALLOC_ARENA_BYTES);
}

static arena *arena_map(void)
{
    arena *fresh = (arena *)alloc_slab_of(arena_memory());
    fresh->free = 0;
    fresh->dirty = 0;
    arena_set(fresh, ARENA_ALL_FREE, 0);
    arena_count++;
    return fresh;
}

/* Makes the pages read as zero and gives their memory back. */
static void discard(void *memory, size_t size)
{
#ifdef __linux__
    if (madvise(memory, size, MADV_DONTNEED) == 0)
        return;
#else
    /* Elsewhere MADV_DONTNEED and MADV_FREE may leave the old bytes: map anew in place. */
    if (mmap(memory, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        != MAP_FAILED)
        return;
#endif
    memset(memory, 0, size); /* locked memory, for instance: it stays, but clean */
}

/* The bits first .. first + count - 1. */
static uint64_t run_mask(unsigned first, unsigned count)
{
    return (count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << first;
}

/* Position of the lowest run of `count` set bits, or -1. */
static int find_run(uint64_t bits, unsigned count)
{
    while (count > 1 && bits != 0) {
        unsigned shift = count / 2;
        bits &= bits >> shift;
        count -= shift;
    }
    return bits == 0 ? -1 : __builtin_ctzll(bits);
}

static arena *find_arena(const arena_list *list, unsigned count)
{
    unsigned seen = 0;
    for (arena *each = list->first; each != NULL && seen < SEARCH_ARENAS; each = each->next) {
        if (find_run(each->free, count) >= 0)
            return each;
        seen++;
    }
    return NULL;
}

/* Takes `count` neighbouring slabs, resident ones first. Returns their start and in *dirty which
 * of them (bit 0 = the first) may hold old bytes. */
static char *take_slabs(unsigned count, uint64_t *dirty)
{
    arena *from = find_arena(&dirty_arenas, count);
    if (from == NULL)
        from = find_arena(&clean_arenas, count);
    if (from == NULL)
        from = arena_map();
    int first = find_run(from->dirty, count);
    if (first < 0)
        first = find_run(from->free, count);
    uint64_t mask = run_mask((unsigned)first, count);
    *dirty = (from->dirty & mask) >> first;
    arena_set(from, from->free & ~mask, from->dirty & ~mask);
    return arena_start(from) + (size_t)first * ALLOC_SLAB_BYTES;
}

/* Gives one run of at most PURGE_SLABS slabs of the arena that has waited longest to the system. */
static void purge_some(void)
{
    arena *which = dirty_arenas.last;
    unsigned first = (unsigned)__builtin_ctzll(which->dirty);
    uint64_t rest = ~(which->dirty >> first);
    unsigned count = rest == 0 ? 64 : (unsigned)__builtin_ctzll(rest);
    if (count > PURGE_SLABS)
        count = PURGE_SLABS;
    discard(arena_start(which) + (size_t)first * ALLOC_SLAB_BYTES, count * ALLOC_SLAB_BYTES);
    arena_set(which, which->free, which->dirty & ~run_mask(first, count));
    if (which->free != ARENA_ALL_FREE || which->dirty != 0 || arena_count == 1)
        return;
    arena_unlink(&clean_arenas, which);
    if (munmap(arena_start(which), ALLOC_ARENA_BYTES) == 0)
        arena_count--;
    else
        arena_push(&clean_arenas, which); /* the system has no room to cut a mapping in two */
}

static void give_slabs(char *start, unsigned count)
{
    arena *to = (arena *)alloc_slab_of(arena_start((arena *)start));
    unsigned first = (unsigned)((uintptr_t)start / ALLOC_SLAB_BYTES % 64);
    uint64_t mask = run_mask(first, count);
    if (UNLIKELY((to->free & mask) != 0 || first == 0))
        fatal("The slab at %p is freed twice", (void *)start);
    arena_set(to, to->free | mask, to->dirty | mask);
    if (UNLIKELY(dirty_slabs > RESERVE_LIMIT))
        purge_some();
}

bool alloc_purge(void)
{
    if (dirty_slabs > RESERVE_SLABS)
        purge_some();
    return dirty_slabs > RESERVE_SLABS;
}

size_t alloc_mapped_bytes(void)
{
    return arena_count * ALLOC_ARENA_BYTES + large_bytes;
}

size_t alloc_reserve_bytes(void)
{
    return dirty_slabs * ALLOC_SLAB_BYTES;
}

void alloc_use_huge_pages(bool enabled)
{
    huge_pages = enabled;
}

void alloc_prepare_arenas(bool enabled)
{
    prepare_arenas = enabled;
}

/* ---- pages ------------------------------------------------------------------------------- */

static size_t pages_rounded(size_t size)
{
    size_t total;
    if (size_add(size ? size : 1, ALLOC_SLAB_BYTES - 1, &total))
        out_of_memory(size);
    return total & ~(ALLOC_SLAB_BYTES - 1);
}

void *alloc_pages(size_t size)
{
    size_t total = pages_rounded(size);
    count_new(total);
    if (total >= ALLOC_ARENA_BYTES) {
        void *memory = map_aligned(total, ALLOC_ARENA_BYTES / 2);
        large_bytes += total;
        return memory;
    }
    uint64_t dirty;
    char *memory = take_slabs((unsigned)(total / ALLOC_SLAB_BYTES), &dirty);
    for (; dirty != 0; dirty &= dirty - 1)
        memset(memory + (size_t)__builtin_ctzll(dirty) * ALLOC_SLAB_BYTES, 0, ALLOC_SLAB_BYTES);
    return memory;
}

void alloc_pages_free(void *pages, size_t size)
{
    if (pages == NULL && size == 0)
        return;
    size_t total = pages_rounded(size);
    count_free(total);
    if (total < ALLOC_ARENA_BYTES) {
        give_slabs(pages, (unsigned)(total / ALLOC_SLAB_BYTES));
        return;
    }
    if (munmap(pages, total) != 0)
        fatal("munmap of %zu bytes at %p: %s", total, pages, strerror(errno));
    large_bytes -= total;
}

/* ---- slabs ------------------------------------------------------------------------------- */

#define QUARTERS 4
#define STATE_CURRENT 4
#define STATE_FULL 5
#define NO_EVENT UINT16_MAX /* no `used` is ever this */

typedef struct slab_list {
    alloc_slab *first; /* newest */
    alloc_slab *last;
} slab_list;

static slab_list waiting[ALLOC_CLASSES][QUARTERS];
static uint32_t class_slabs[ALLOC_CLASSES];

static alloc_slab no_slab = {.quarter = STATE_CURRENT};

alloc_state_type alloc_state = {.current = {[0 ... ALLOC_CLASSES - 1] = &no_slab}};

static void slab_link(alloc_slab *slab, unsigned quarter)
{
    slab_list *list = &waiting[slab->class_index][quarter];
    slab->quarter = (uint8_t)quarter;
    slab->event_at = (uint16_t)(slab->capacity * quarter / QUARTERS);
    slab->previous = NULL;
    slab->next = list->first;
    if (list->first != NULL)
        list->first->previous = slab;
    else
        list->last = slab;
    list->first = slab;
}

static void slab_unlink(alloc_slab *slab)
{
    slab_list *list = &waiting[slab->class_index][slab->quarter];
    *(slab->previous != NULL ? &slab->previous->next : &list->first) = slab->next;
    *(slab->next != NULL ? &slab->next->previous : &list->last) = slab->previous;
}

/* Gives an empty slab back to its arena. */
static void slab_release(alloc_slab *slab)
{
    if (slab->quarter == STATE_CURRENT)
        alloc_state.current[slab->class_index] = &no_slab;
    else
        slab_unlink(slab);
    class_slabs[slab->class_index]--;
    give_slabs(slab->start, 1);
}

/* Called when a free brings slab->used to slab->event_at. */
void alloc_slab_event(alloc_slab *slab)
{
    if (slab->used == 0) {
        slab_release(slab);
        return;
    }
    if (slab->quarter == STATE_FULL) {
        slab_link(slab, QUARTERS - 1);
        return;
    }
    slab_unlink(slab);
    slab_link(slab, slab->quarter - 1u);
}

/* A class that grows by many slabs will soon touch all pages of this one: to have them backed in
 * one call saves a page fault for each 4 KB, a quarter of the cost of filling memory. Where the
 * system cannot, the faults do it. */
static void populate(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    int error = errno;
    if (madvise(memory, size, MADV_POPULATE_WRITE) != 0)
        errno = error;
#else
    (void)memory;
    (void)size;
#endif
}

static alloc_slab *slab_new(size_t class_index)
{
    uint64_t dirty;
    char *start = take_slabs(1, &dirty);
    alloc_slab *slab = alloc_slab_of(start);
    slab->free = NULL;
    slab->used = 0;
    slab->carved = 0;
    slab->block_bytes = (uint16_t)(class_index * 8 + 8);
    slab->capacity = (uint16_t)(ALLOC_SLAB_BYTES / slab->block_bytes);
    slab->class_index = (uint8_t)class_index;
    slab->start = start;
    if (++class_slabs[class_index] > POPULATE_SLABS && dirty == 0)
        populate(start, ALLOC_SLAB_BYTES);
    return slab;
}

/* When the current slab of a class that is hardly used becomes empty, it stays as long as only its
 * first page was touched: a class that swings between no block and one would otherwise take and
 * give a slab each time. */
static void slab_set_current_event(alloc_slab *slab)
{
    slab->event_at = (size_t)slab->carved * slab->block_bytes < 2 * CARVE_BYTES ? NO_EVENT : 0;
}

/* Puts the blocks that begin in the slab's next untouched page on its empty free list. */
static void slab_carve(alloc_slab *slab)
{
    size_t block_bytes = slab->block_bytes;
    size_t offset = slab->carved * block_bytes;
    size_t end = (offset / CARVE_BYTES + 1) * CARVE_BYTES;
    size_t until = (end + block_bytes - 1) / block_bytes;
    if (until > slab->capacity)
        until = slab->capacity;
    char *block = slab->start + offset;
    char *last = slab->start + (until - 1) * block_bytes;
    slab->free = block;
    for (; block != last; block += block_bytes) {
        void *next = block + block_bytes;
        memcpy(block, &next, sizeof next);
    }
    memset(last, 0, sizeof(void *));
    slab->carved = (uint16_t)until;
    slab_set_current_event(slab);
}

/* The current slab is exhausted: it becomes full; the fullest that waits or a new one follows. */
static alloc_slab *slab_next(size_t class_index)
{
    alloc_slab *slab = alloc_state.current[class_index];
    if (slab != &no_slab) {
        slab->quarter = STATE_FULL;
        slab->event_at = (uint16_t)(slab->capacity - 1);
    }
    slab = NULL;
    for (int quarter = QUARTERS - 1; quarter >= 0 && slab == NULL; quarter--)
        slab = waiting[class_index][quarter].last;
    if (slab != NULL)
        slab_unlink(slab);
    else
        slab = slab_new(class_index);
    slab->quarter = STATE_CURRENT;
    slab_set_current_event(slab);
    alloc_state.current[class_index] = slab;
    return slab;
}

void *alloc_new_slow(size_t size)
{
    if (size > ALLOC_SLAB_LIMIT)
        return libc_new(size, false);
    size_t class_index = size == 0 ? 0 : (size - 1) >> 3;
    alloc_slab *slab = alloc_state.current[class_index];
    if (slab->free == NULL && slab->carved == slab->capacity)
        slab = slab_next(class_index);
    if (slab->free == NULL)
        slab_carve(slab);
    return alloc_new(class_index * 8 + 8);
}

void alloc_free_slow(void *block, size_t size)
{
    if (size > ALLOC_SLAB_LIMIT)
        libc_free(block, size);
    else if (block != NULL)
        alloc_free(block, 1);
}

void *alloc_resize(void *block, size_t old_size, size_t new_size)
{
    if (block == NULL && old_size == 0)
        return alloc_new(new_size);
    if (old_size > ALLOC_SLAB_LIMIT && new_size > ALLOC_SLAB_LIMIT)
        return libc_resize(block, old_size, new_size);
    if (alloc_usable(old_size) == alloc_usable(new_size))
        return block;
    void *moved = alloc_new(new_size);
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    alloc_free(block, old_size);
    return moved;
}

void alloc_trim(void)
{
    for (size_t class_index = 0; class_index < ALLOC_CLASSES; class_index++) {
        alloc_slab *slab = alloc_state.current[class_index];
        if (slab != &no_slab && slab->used == 0)
            slab_release(slab);
    }
    while (dirty_slabs != 0)
        purge_some();
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void alloc_check_block(const void *block, size_t size)
{
    const alloc_slab *slab = alloc_slab_of(block);
    size_t offset = (size_t)((const char *)block - slab->start);
    if (slab->block_bytes != alloc_usable(size) || offset % slab->block_bytes != 0
        || offset / slab->block_bytes >= slab->carved || slab->used == 0)
        fatal("The block %p is no block of %zu bytes", block, size);
}

#endif

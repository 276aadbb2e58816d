/* prefault: the helper thread that touches memory ahead of need; see prefault.h. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "prefault.h"

#if defined(__linux__) && !defined(FASTREDIS_ALLOC_LIBC)

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    sem_t wanted;
    _Atomic(void *) ready;
    atomic_bool ending;
    atomic_bool failed; /* the system gives no memory: the helper has ended */
    pthread_t thread;
    pid_t owner; /* the process that the helper runs in; 0: it does not */
} prefault;

/* Map an aligned piece and touch it; NULL without memory. */
static void *piece_new(void)
{
    char *room = mmap(NULL, 2 * PREFAULT_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return NULL;
    /* Never zero: the room before the piece takes the first fault. */
    size_t before = PREFAULT_BYTES - ((uintptr_t)room & (PREFAULT_BYTES - 1));
    char *piece = room + before;
    size_t after = PREFAULT_BYTES - before;
    *(volatile char *)(piece - 1) = 0; /* before the mapping is split: the parts inherit */
    (void)madvise(piece, PREFAULT_BYTES, MADV_HUGEPAGE);
    long page = sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < PREFAULT_BYTES; at += (size_t)page)
        *(volatile char *)(piece + at) = 0;
    munmap(room, before);
    if (after)
        munmap(piece + PREFAULT_BYTES, after);
    return piece;
}

static void *helper_run(void *unused)
{
    (void)unused;
    (void)pthread_setname_np(pthread_self(), "prefault");
    for (;;) {
        while (sem_wait(&prefault.wanted) != 0) {
        }
        if (atomic_load(&prefault.ending))
            return NULL;
        void *piece = piece_new();
        if (piece == NULL) {
            atomic_store(&prefault.failed, true);
            return NULL;
        }
        atomic_store_explicit(&prefault.ready, piece, memory_order_release);
    }
}

void prefault_start(void)
{
    static bool registered;
    sigset_t all, before;
    if (prefault.owner != 0 || sem_init(&prefault.wanted, 0, 1) != 0)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&prefault.thread, NULL, helper_run, NULL) == 0)
        prefault.owner = getpid();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (prefault.owner != 0 && !registered)
        registered = atexit(prefault_stop) == 0;
}

void *prefault_take(void)
{
    if (prefault.owner == 0 || prefault.owner != getpid())
        return NULL;
    void *piece = atomic_exchange_explicit(&prefault.ready, NULL, memory_order_acquire);
    if (piece != NULL)
        sem_post(&prefault.wanted);
    return piece;
}

bool prefault_wait(void)
{
    if (prefault.owner == 0 || prefault.owner != getpid())
        return false;
    while (atomic_load(&prefault.ready) == NULL && !atomic_load(&prefault.failed))
        usleep(100);
    return !atomic_load(&prefault.failed);
}

void prefault_stop(void)
{
    if (prefault.owner == 0 || prefault.owner != getpid())
        return;
    atomic_store(&prefault.ending, true);
    sem_post(&prefault.wanted);
    pthread_join(prefault.thread, NULL);
    void *piece = atomic_exchange(&prefault.ready, NULL);
    if (piece != NULL)
        munmap(piece, PREFAULT_BYTES);
    sem_destroy(&prefault.wanted);
    atomic_store(&prefault.ending, false);
    prefault.owner = 0;
}

#else

void prefault_start(void)
{
}

void *prefault_take(void)
{
    return NULL;
}

bool prefault_wait(void)
{
    return false;
}

void prefault_stop(void)
{
}

#endif

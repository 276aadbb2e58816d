/* lazyfree: the queue of giants and its helper thread; see lazyfree.h. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "lazyfree.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#endif

#include "alloc.h"

enum { HELPER_NICE = 10 };

/* Stands at the start of each block that waits. */
typedef struct giant {
    struct giant *next;
    size_t size;
} giant;

typedef enum helper_state { HELPER_NONE, HELPER_RUNS, HELPER_ENDED } helper_state;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived;  /* for the helper: a block, or the wish to end */
    pthread_cond_t finished; /* for lazyfree_wait: nothing waits any more */
    pthread_t thread;
    pid_t owner;         /* the process that the helper runs in */
    helper_state helper; /* of the main thread alone */
    bool ending;         /* from here on under the lock */
    giant *first;
    size_t waiting_bytes;
} lazy = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .arrived = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

/* Give the whole pages inside the block back, with pauses in which others get the lock of the
 * address space. What is left is the C library's business, and quick. */
static void discard_slices(char *block, size_t size) {
#if defined(__linux__)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = ((uintptr_t)block + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(page - 1);
    while (at < end) {
        size_t slice = end - at < LAZYFREE_SLICE_BYTES ? end - at : LAZYFREE_SLICE_BYTES;
        if (madvise((void *)at, slice, MADV_DONTNEED) != 0) return; /* locked memory */
        at += slice;
    }
#else
    (void)block, (void)size;
#endif
}

static void helper_settle(void) {
#if defined(__linux__)
    /* Niceness is a thread's own here. Where it may not be changed, the default does. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), HELPER_NICE);
    (void)pthread_setname_np(pthread_self(), "lazyfree");
#endif
}

static void *helper_run(void *unused) {
    (void)unused;
    helper_settle();
    pthread_mutex_lock(&lazy.lock);
    for (;;) {
        while (!lazy.first && !lazy.ending) pthread_cond_wait(&lazy.arrived, &lazy.lock);
        if (lazy.ending) break;
        giant *taken = lazy.first;
        lazy.first = taken->next;
        pthread_mutex_unlock(&lazy.lock);
        size_t size = taken->size;
        discard_slices((char *)taken, size);
        alloc_free_detached(taken);
        pthread_mutex_lock(&lazy.lock);
        lazy.waiting_bytes -= size;
        if (!lazy.waiting_bytes) pthread_cond_broadcast(&lazy.finished);
    }
    pthread_mutex_unlock(&lazy.lock);
    return NULL;
}

/* Start the helper with all signals blocked: they belong to the main thread. */
static bool helper_start(void) {
    static bool registered;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    lazy.ending = false;
    lazy.owner = getpid();
    bool started = pthread_create(&lazy.thread, NULL, helper_run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    lazy.helper = started ? HELPER_RUNS : HELPER_NONE;
    if (started && !registered) registered = atexit(lazyfree_stop) == 0;
    return started;
}

/* Whether a helper takes blocks from this process. */
static bool helper_is_there(void) {
    if (lazy.helper == HELPER_NONE) return helper_start();
    return lazy.helper == HELPER_RUNS && lazy.owner == getpid();
}

void lazyfree_block(void *block, size_t size) {
    if (size < LAZYFREE_MIN || !helper_is_there()) {
        alloc_free(block, size);
        return;
    }
    pthread_mutex_lock(&lazy.lock);
    bool taken = lazy.waiting_bytes + size <= LAZYFREE_WAITING_MAX;
    if (taken) {
        alloc_detach(block, size);
        *(giant *)block = (giant){lazy.first, size};
        lazy.first = block;
        lazy.waiting_bytes += size;
        pthread_cond_signal(&lazy.arrived);
    }
    pthread_mutex_unlock(&lazy.lock);
    if (!taken) alloc_free(block, size);
}

size_t lazyfree_waiting_bytes(void) {
    pthread_mutex_lock(&lazy.lock);
    size_t bytes = lazy.waiting_bytes;
    pthread_mutex_unlock(&lazy.lock);
    return bytes;
}

void lazyfree_wait(void) {
    if (lazy.helper != HELPER_RUNS || lazy.owner != getpid()) return;
    pthread_mutex_lock(&lazy.lock);
    while (lazy.waiting_bytes) pthread_cond_wait(&lazy.finished, &lazy.lock);
    pthread_mutex_unlock(&lazy.lock);
}

void lazyfree_stop(void) {
    if (lazy.helper != HELPER_RUNS || lazy.owner != getpid()) return;
    pthread_mutex_lock(&lazy.lock);
    lazy.ending = true;
    pthread_cond_signal(&lazy.arrived);
    pthread_mutex_unlock(&lazy.lock);
    pthread_join(lazy.thread, NULL);
    lazy.helper = HELPER_ENDED;
}

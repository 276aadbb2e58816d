/* random.c - the generator of random.h, and what the operating system gives. */
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common.h"

#if defined(__linux__)
#include <sys/random.h>
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
#include <stdlib.h>
#define HAVE_ARC4RANDOM 1
#endif

__extension__ typedef unsigned __int128 uint128;

/* splitmix64: any seed, 0 and its neighbours included, spreads over all 256 bits. Its output is a
 * bijection of a counter, so at most one of the four words is zero. */
void random_seed(random_state *state, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t word = seed += UINT64_C(0x9e3779b97f4a7c15);

        word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
        state->s[i] = word ^ (word >> 31);
    }
}

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of a product is
 * the number; the few low halves that would favour some numbers are drawn again. The division is
 * reached with probability bound / 2^64. */
uint64_t random_below(random_state *state, uint64_t bound)
{
    uint128 product = (uint128)random_next(state) * bound;

    if (UNLIKELY((uint64_t)product < bound) && bound != 0) {
        uint64_t unfair = (0 - bound) % bound;

        while ((uint64_t)product < unfair)
            product = (uint128)random_next(state) * bound;
    }
    return (uint64_t)(product >> 64);
}

double random_unit(random_state *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

#if !defined(HAVE_ARC4RANDOM)
/* For kernels without the system call, and for systems that have only the file. */
static void read_urandom(unsigned char *out, size_t length)
{
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (file < 0)
        fatal("no source of entropy: cannot open /dev/urandom (errno %d)", errno);
    while (length > 0) {
        ssize_t got = read(file, out, length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fatal("no source of entropy: cannot read /dev/urandom (errno %d)", errno);
        out += got;
        length -= (size_t)got;
    }
    close(file);
}
#endif

void random_system(void *out, size_t length)
{
#if defined(HAVE_ARC4RANDOM)
    arc4random_buf(out, length);
#else
    unsigned char *at = out;

#if defined(__linux__)
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break; /* ENOSYS, or forbidden by a sandbox: the file may still do */
        at += got;
        length -= (size_t)got;
    }
#endif
    if (length > 0)
        read_urandom(at, length);
#endif
}

// heartbeat.c: the page of memory that a worker shares with its supervisor.
#include "process/heartbeat.h"

#include "base/err.h"
#include "base/units.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC INT64_C(0x6d74686561727431)

struct heartbeat {
    int64_t magic;
    _Atomic int64_t beat_us, turns;
    _Atomic int32_t phase, commands;
    _Atomic bool started;
};

// A supervisor and its worker share it; the worker may be of a later build than the supervisor.
_Static_assert(sizeof(struct heartbeat) == 40 && offsetof(struct heartbeat, beat_us) == 8 &&
                   offsetof(struct heartbeat, phase) == 24 && offsetof(struct heartbeat, started) == 32,
               "the shared page of a heartbeat");

static struct heartbeat *mine;

static int64_t monotonic_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static struct heartbeat *map(int fd) {
    void *page = mmap(NULL, sizeof(struct heartbeat), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

int heartbeat_join(int fd) {
    struct stat s;
    if (fd < 0 || fstat(fd, &s) != 0 || s.st_size < (off_t)sizeof(struct heartbeat)) return ERR_IO;
    struct heartbeat *h = map(fd);
    if (!h || h->magic != MAGIC) return ERR_IO;
    close(fd);
    mine = h;
    heartbeat_phase(HEART_STARTING);
    return ERR_OK;
}

bool heartbeat_joined(void) { return mine != NULL; }

void heartbeat_phase(int32_t phase) {
    if (!mine) return;
    atomic_store_explicit(&mine->beat_us, monotonic_us(), memory_order_relaxed);
    atomic_store_explicit(&mine->phase, phase, memory_order_relaxed);
    atomic_fetch_add_explicit(&mine->turns, 1, memory_order_release);
}

void heartbeat_started(void) {
    if (mine) atomic_store(&mine->started, true);
}

int32_t heartbeat_commands(void) { return mine ? atomic_load(&mine->commands) : 0; }

bool signal_ignored(int32_t number) {
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

struct heartbeat *heartbeat_new(int *fd) {
    *fd = memfd_create("moontide-heartbeat", MFD_CLOEXEC);
    if (*fd < 0) return NULL;
    struct heartbeat *h = ftruncate(*fd, sizeof *h) == 0 ? map(*fd) : NULL;
    if (!h) {
        close(*fd);
        return NULL;
    }
    h->magic = MAGIC;
    atomic_store(&h->beat_us, monotonic_us());
    return h;
}

void heartbeat_free(struct heartbeat *h, int fd) {
    if (!h) return;
    munmap(h, sizeof *h);
    close(fd);
}

struct heart_view heartbeat_view(const struct heartbeat *h) {
    struct heart_view v = {
        .turns = atomic_load_explicit(&h->turns, memory_order_acquire),
        .phase = atomic_load(&h->phase),
        .started = atomic_load(&h->started),
    };
    v.quiet_us = monotonic_us() - atomic_load(&h->beat_us);
    return v;
}

void heartbeat_command(struct heartbeat *h, int32_t bits) { atomic_fetch_or(&h->commands, bits); }

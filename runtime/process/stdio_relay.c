// stdio_relay.c: a thread that passes standard output on, so that nothing else waits for its reader.
#include "process/stdio_relay.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PENDING = 1 << 20,
    PART = 4096,
    END_PATIENCE_MS = 10000
};   // a pipe that is ready takes PART bytes without waiting

struct relay_outlet {
    int in, out;         // our pipe's end; the descriptor that was 1 or 2
    bool used, closed;   // closed: nobody reads there any more, and nobody will
    char *bytes;
    size_t count;
    long dropped;   // lines since the last word about it
    bool dropping;
};

static struct relay_outlet outlets[2];
static int bell = -1;
static pthread_t thread;

static void keep(struct relay_outlet *o, const char *bytes, size_t size) {
    memcpy(o->bytes + o->count, bytes, size);
    o->count += size;
}

static void say_elsewhere(const struct relay_outlet *o) {
    struct relay_outlet *other = &outlets[o == &outlets[0]];
    char said[96];
    int size = snprintf(said, sizeof said, "moontide: nobody reads standard %s; its lines are dropped\n",
                        o == &outlets[0] ? "output" : "error");
    if (other->used && !other->dropping && other->count + (size_t)size < PENDING)
        keep(other, said, (size_t)size);
    struct pollfd p = { .fd = o == &outlets[0] ? 2 : 1, .events = POLLOUT };
    if (!other->used && poll(&p, 1, 0) == 1 && write(p.fd, said, (size_t)size) < 0) {
    }
}

static void take(struct relay_outlet *o) {
    static char part[65536];
    ssize_t size = read(o->in, part, sizeof part);
    if (size <= 0) {
        if (size == 0) o->in = -1;
        return;
    }
    if (o->closed) return;
    if (o->dropping && o->count < PENDING / 2) {
        char note[96];
        int length = snprintf(note, sizeof note, "\nmoontide: %ld lines were not written: nobody read them\n",
                              o->dropped);
        keep(o, note, (size_t)length);
        o->dropping = false;
        o->dropped = 0;
    }
    if (!o->dropping && o->count + (size_t)size + 128 <= PENDING) {
        keep(o, part, (size_t)size);
        return;
    }
    if (!o->dropping) say_elsewhere(o);
    o->dropping = true;
    for (ssize_t i = 0; i < size; i++) o->dropped += part[i] == '\n';
}

static void pass_on(struct relay_outlet *o) {
    ssize_t size = write(o->out, o->bytes, o->count < PART ? o->count : PART);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size < 0) {
        o->closed = true;
        o->count = 0;
        return;
    }
    o->count -= (size_t)size;
    memmove(o->bytes, o->bytes + size, o->count);
}

static void *relay(void *unused) {
    (void)unused;
    bool ending = false;
    for (;;) {
        struct pollfd p[5] = { { .fd = bell, .events = POLLIN } };
        for (int i = 0; i < 2; i++) {
            struct relay_outlet *o = &outlets[i];
            p[1 + i] = (struct pollfd){ .fd = o->used ? o->in : -1, .events = POLLIN };
            p[3 + i] = (struct pollfd){ .fd = o->used && o->count > 0 ? o->out : -1, .events = POLLOUT };
        }
        if (ending) p[0].fd = -1;
        int ready = poll(p, 5, ending ? END_PATIENCE_MS : -1);
        if (ready < 0 && errno == EINTR) continue;
        bool any = false;
        for (int i = 0; i < 2; i++) {
            if (p[1 + i].revents) take(&outlets[i]);
            if (p[3 + i].revents) pass_on(&outlets[i]);
            any = any || (outlets[i].used && outlets[i].count > 0) || p[1 + i].revents;
        }
        if (ending && (ready <= 0 || !any)) return NULL;
        if (p[0].revents) ending = true;
        if (ending) {   // what has been written so far, and no more
            struct pollfd left[2] = { { .fd = outlets[0].used ? outlets[0].in : -1, .events = POLLIN },
                                      { .fd = outlets[1].used ? outlets[1].in : -1, .events = POLLIN } };
            if (!any && poll(left, 2, 0) <= 0) return NULL;
        }
    }
}

static void finish(void) {
    uint64_t one = 1;
    fflush(NULL);
    if (write(bell, &one, sizeof one) == (ssize_t)sizeof one) pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) {
        if (outlets[i].used) dup2(outlets[i].out, i + 1);
    }
}

static void place(struct relay_outlet *o, int fd) {
    struct stat s;
    int ends[2];
    if (fstat(fd, &s) != 0 || !(S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode))) return;
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    o->out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    o->bytes = alloc_bytes(PENDING);
    ASSERT(o->out >= 0);
    o->in = ends[0];
    dup2(ends[1], fd);
    close(ends[1]);
    o->used = true;
}

void stdio_relay_release(void) {
    ASSERT(bell < 0);
    fflush(NULL);
    for (int i = 0; i < 2; i++) place(&outlets[i], i + 1);
    if (!outlets[0].used && !outlets[1].used) return;
    bell = eventfd(0, EFD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);   // signals are for the loop
    int err = pthread_create(&thread, NULL, relay, NULL);
    ASSERT(bell >= 0);
    ASSERT(err == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    atexit(finish);
}

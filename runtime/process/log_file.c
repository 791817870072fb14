// log_file.c: a thread that writes lines to a file of bounded size, so that nothing else waits for the disk.
#include "process/log_file.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct log_file {
    char *path;
    int64_t max_bytes;
    int32_t keep;
    // The thread's alone.
    int fd;
    bool torn;   // the last line was not written to its end
    // Of both, under the lock.
    pthread_mutex_t lock;
    pthread_cond_t bell;
    char *filling;
    size_t count;
    int64_t dropped, untold;   // lines; of them, those of which the file does not tell yet
    int32_t trouble;           // errno, not yet told
    int32_t failing;           // errno of the last write; 0: it went well
    bool ending, ended;
    char *writing;   // the thread's; changes places with `filling`
    pthread_t thread;
};

static int64_t lines_in(const char *bytes, size_t size) {
    int64_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    return lines;
}

static int open_file(const char *path) { return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600); }

// The file was moved away or removed: lines go to the one that has its name.
static void follow_name(struct log_file *f) {
    struct stat mine, there;
    bool same = f->fd >= 0 && fstat(f->fd, &mine) == 0 && stat(f->path, &there) == 0 &&
                mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
    if (same) return;
    if (f->fd >= 0) close(f->fd);
    f->fd = open_file(f->path);
}

static void name_of(const struct log_file *f, int32_t number, char *out, size_t size) {
    if (number == 0)
        snprintf(out, size, "%s", f->path);
    else
        snprintf(out, size, "%s.%d", f->path, number);
}

// 0, or the errno of what keeps a new file from being begun.
static int rotate(struct log_file *f) {
    size_t size = strlen(f->path) + 16;
    char *from = alloc_bytes(size), *to = alloc_bytes(size);
    int problem = 0;
    for (int32_t number = f->keep; number >= 0; number--) {
        name_of(f, number, from, size);
        name_of(f, number + 1, to, size);
        int failed = number == f->keep ? unlink(from) : rename(from, to);
        if (failed != 0 && errno != ENOENT) problem = errno;
    }
    free(from);
    free(to);
    follow_name(f);
    return f->fd < 0 ? errno : problem;
}

// Writes whole; 0 or errno.
static int put(struct log_file *f, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t done = write(f->fd, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? errno : ENOSPC;
        f->torn = bytes[done - 1] != '\n';
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

static int put_line(struct log_file *f, const char *line, size_t size) {
    struct stat s;
    if (f->fd < 0) return EBADF;
    if (f->torn) {
        int problem = put(f, "\n", 1);
        if (problem) return problem;
    }
    if (f->max_bytes > 0 && fstat(f->fd, &s) == 0 && s.st_size > 0 &&
        s.st_size + (int64_t)size > f->max_bytes) {
        int problem = rotate(f);
        if (problem) return problem;
    }
    return put(f, line, size);
}

static int tell_dropped(struct log_file *f, int64_t untold) {
    char note[96];
    int size =
        snprintf(note, sizeof note, "moontide: %lld lines could not be written here\n", (long long)untold);
    return put_line(f, note, (size_t)size);
}

// One batch, outside of the lock: how many lines were lost, and why in *problem.
static int64_t write_batch(struct log_file *f, size_t count, int64_t *untold, int *problem) {
    follow_name(f);
    *problem = f->fd < 0 ? errno : 0;
    if (*problem == 0 && *untold > 0) {
        *problem = tell_dropped(f, *untold);
        if (*problem == 0) *untold = 0;
    }
    size_t at = 0;
    while (*problem == 0 && at < count) {
        const char *end = memchr(f->writing + at, '\n', count - at);
        size_t size = end ? (size_t)(end - (f->writing + at)) + 1 : count - at;
        *problem = put_line(f, f->writing + at, size);
        if (*problem == 0) at += size;
    }
    return lines_in(f->writing + at, count - at);
}

static void *run(void *argument) {
    struct log_file *f = argument;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        while (f->count == 0 && !f->ending) pthread_cond_wait(&f->bell, &f->lock);
        if (f->count == 0) break;
        char *full = f->filling;
        size_t count = f->count;
        int64_t untold = f->untold, told = untold;
        f->filling = f->writing;
        f->writing = full;
        f->count = 0;
        pthread_mutex_unlock(&f->lock);
        int problem;
        int64_t lost = write_batch(f, count, &untold, &problem);
        pthread_mutex_lock(&f->lock);
        f->untold += untold - told + lost;
        f->dropped += lost;
        if (problem && f->failing == 0) f->trouble = problem;
        f->failing = problem;
    }
    f->ended = true;
    pthread_cond_broadcast(&f->bell);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void release(struct log_file *f) {
    if (f->fd >= 0) close(f->fd);
    pthread_cond_destroy(&f->bell);
    pthread_mutex_destroy(&f->lock);
    free(f->path);
    free(f->filling);
    free(f->writing);
    free(f);
}

int log_file_open(const char *path, int64_t max_bytes, int32_t keep, struct log_file **out,
                  struct errmsg *e) {
    ASSERT(max_bytes >= 0);
    ASSERT(keep >= 0 && keep <= LOG_FILE_KEEP_MAX);
    int fd = open_file(path);
    if (fd < 0) return errmsg_set(e, ERR_IO, "cannot write the log file %s: %s", path, strerror(errno));
    struct log_file *f = alloc_zeroed(1, sizeof *f);
    f->path = alloc_text(path);
    f->max_bytes = max_bytes;
    f->keep = keep;
    f->fd = fd;
    f->filling = alloc_bytes(LOG_FILE_PENDING_MAX);
    f->writing = alloc_bytes(LOG_FILE_PENDING_MAX);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->bell, &clock);
    pthread_condattr_destroy(&clock);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);   // signals are for the loop
    int failed = pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        release(f);
        return errmsg_set(e, ERR_IO, "no thread for the log file %s: %s", path, strerror(failed));
    }
    *out = f;
    return ERR_OK;
}

void log_file_write(struct log_file *f, const char *lines, size_t size) {
    pthread_mutex_lock(&f->lock);
    if (f->count + size <= LOG_FILE_PENDING_MAX) {
        memcpy(f->filling + f->count, lines, size);
        f->count += size;
        pthread_cond_signal(&f->bell);
    } else {
        int64_t lost = lines_in(lines, size);
        f->dropped += lost;
        f->untold += lost;
    }
    pthread_mutex_unlock(&f->lock);
}

int32_t log_file_trouble(struct log_file *f) {
    pthread_mutex_lock(&f->lock);
    int32_t trouble = f->trouble;
    f->trouble = 0;
    pthread_mutex_unlock(&f->lock);
    return trouble;
}

int64_t log_file_dropped(struct log_file *f) {
    pthread_mutex_lock(&f->lock);
    int64_t dropped = f->dropped;
    pthread_mutex_unlock(&f->lock);
    return dropped;
}

void log_file_close(struct log_file *f) {
    if (!f) return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOG_FILE_END_MS / 1000;
    pthread_mutex_lock(&f->lock);
    f->ending = true;
    pthread_cond_broadcast(&f->bell);
    int late = 0;
    while (!f->ended && late == 0) late = pthread_cond_timedwait(&f->bell, &f->lock, &until);
    bool ended = f->ended;
    pthread_mutex_unlock(&f->lock);
    if (!ended) {   // it hangs in the disk: left behind, with what it uses
        pthread_detach(f->thread);
        return;
    }
    pthread_join(f->thread, NULL);
    release(f);
}

// shared_budget.c: a budget in a mapped file, and the locks that say who is alive.
#include "process/shared_budget.h"

#include "base/assert.h"
#include "base/units.h"

#include <stddef.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Changes with every change of the structs below or of struct budget.
#define MAGIC UINT64_C(0x6d74627564670002)

enum { REAP_INTERVAL_MS = 100 };

struct file {
    uint64_t magic;
    uint64_t size;
    int64_t base_us;   // the members' clock minus CLOCK_MONOTONIC
    uint64_t owners;   // ever seated: gives each a number of its own
    pthread_mutex_t lock;
    pthread_mutex_t seats[BUDGET_MEMBERS_MAX];   // held by its member as long as that lives
    struct budget budget;
};

// Processes share these bytes, and may be of two builds: another layout needs another MAGIC.
_Static_assert(sizeof(struct budget_member) == 56, "a member's books, shared by processes");
_Static_assert(offsetof(struct budget, members) == 2016 && sizeof(struct budget) == 5600,
               "the books of a budget, shared by processes");
_Static_assert(offsetof(struct file, lock) == 32 &&
                   offsetof(struct file, seats) == 32 + sizeof(pthread_mutex_t) &&
                   offsetof(struct file, budget) == 32 + (1 + BUDGET_MEMBERS_MAX) * sizeof(pthread_mutex_t) &&
                   sizeof(struct file) == offsetof(struct file, budget) + sizeof(struct budget),
               "the file of a budget has no padding and no surprises");

struct shared_budget {
    struct file *file;
    struct budget_lock lock;
    int32_t member;
    int64_t reap_ms;   // when to look for dead members again
};

static int64_t clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

// Frees the seats whose processes have died. Under the lock.
static void reap(struct shared_budget *s) {
    for (int32_t i = 0; i < s->file->budget.seats; i++) {
        if (i == s->member || s->file->budget.members[i].owner == 0) continue;
        int err = pthread_mutex_trylock(&s->file->seats[i]);
        if (err == EBUSY) continue;
        if (err == EOWNERDEAD) pthread_mutex_consistent(&s->file->seats[i]);
        budget_leave(&s->file->budget, i, clock_us(CLOCK_MONOTONIC) + s->file->base_us);
        pthread_mutex_unlock(&s->file->seats[i]);
    }
}

static void enter(void *ctx) {
    struct shared_budget *s = ctx;
    int err = pthread_mutex_lock(&s->file->lock);
    if (err == EOWNERDEAD) {   // died in the middle of a change
        pthread_mutex_consistent(&s->file->lock);
        budget_repair(&s->file->budget);
        err = 0;
        s->reap_ms = 0;
    }
    ASSERT(err == 0);
    int64_t now_ms = clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
    if (now_ms < s->reap_ms) return;
    s->reap_ms = now_ms + REAP_INTERVAL_MS;
    reap(s);
}

static void leave(void *ctx) {
    struct shared_budget *s = ctx;
    pthread_mutex_unlock(&s->file->lock);
}

static void make_mutex(pthread_mutex_t *m) {
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(m, &a);
    pthread_mutexattr_destroy(&a);
}

static int check_name(const char *name, struct errmsg *e) {
    size_t size = strlen(name);
    bool good = size > 0 && size <= 64 && name[0] != '.';
    for (size_t i = 0; i < size && good; i++)
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    return good
               ? ERR_OK
               : errmsg_set(e, ERR_INVALID, "budget name '%s': 1 to 64 letters, digits, '.', '_', '-'", name);
}

// A new file is made ready under the file lock, so that nobody sees it half made.
static int make_ready(int fd, const char *path, struct file **out, int64_t guard_us, struct errmsg *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return errmsg_set(e, ERR_FORMAT,
                          "%s belongs to another user or is open to others (mode %o); remove it", path,
                          (unsigned)(st.st_mode & 0777));
    bool fresh = st.st_size == 0;
    if (fresh && ftruncate(fd, sizeof **out) != 0)
        return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (!fresh && st.st_size != (off_t)sizeof **out)
        return errmsg_set(e, ERR_FORMAT, "%s is of another version of moontide; remove it when none runs",
                          path);
    struct file *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (f == MAP_FAILED) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (fresh || f->magic == 0) {   // 0: its maker died on the way
        make_mutex(&f->lock);
        for (int32_t i = 0; i < BUDGET_MEMBERS_MAX; i++) make_mutex(&f->seats[i]);
        budget_init(&f->budget, guard_us);
        f->size = sizeof *f;
        f->magic = MAGIC;
    } else if (f->magic != MAGIC || f->size != sizeof *f) {
        munmap(f, sizeof *f);
        return errmsg_set(e, ERR_FORMAT, "%s is of another version of moontide; remove it when none runs",
                          path);
    }
    *out = f;
    return ERR_OK;
}

static void unlock_file(int fd) {
    flock(fd, LOCK_UN);   // by name: a mapping may keep the open file, and with it the lock, past close
    close(fd);
}

// Opens or makes the file, and locks it; one that was swept away meanwhile is made anew.
static int lock_file(const char *path, struct errmsg *e) {
    for (;;) {
        struct stat st;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0) {
            if (st.st_nlink > 0) return fd;
            unlock_file(fd);
            continue;
        }
        errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
        close(fd);
        return ERR_IO;
    }
}

static int take_seat(struct shared_budget *s, struct errmsg *e) {
    s->member = -1;
    enter(s);
    int32_t member = budget_join(&s->file->budget, ++s->file->owners);
    if (member >= 0) {
        int err = pthread_mutex_lock(&s->file->seats[member]);   // free, or its holder has just died
        if (err == EOWNERDEAD) err = pthread_mutex_consistent(&s->file->seats[member]);
        ASSERT(err == 0);
        s->member = member;
    }
    leave(s);
    return member >= 0 ? ERR_OK
                       : errmsg_set(e, ERR_FULL, "%d processes share this budget already, which is the most",
                                    BUDGET_MEMBERS_MAX);
}

// ---- files that nobody needs any more ----

// Whether nobody sits in a locked file, and all it remembers is over. What is not certain is false.
static bool is_left(struct file *f) {
    struct shared_budget s = { .file = f, .member = -1 };
    int err = pthread_mutex_trylock(&f->lock);
    if (err == EOWNERDEAD) {
        pthread_mutex_consistent(&f->lock);
        budget_repair(&f->budget);
        err = 0;
    }
    if (err != 0) return false;
    reap(&s);
    bool left = limiter_is_over(&f->budget.limiter, clock_us(CLOCK_MONOTONIC) + f->base_us);
    for (int32_t i = 0; i < f->budget.seats; i++) left = left && f->budget.members[i].owner == 0;
    pthread_mutex_unlock(&f->lock);
    return left;
}

static void sweep_file(int dir, const char *name) {
    struct stat st;
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    struct file *f = MAP_FAILED;
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
                st.st_size == (off_t)sizeof *f && st.st_nlink > 0;
    if (ours) f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (f != MAP_FAILED) {
        if (f->magic == MAGIC && f->size == sizeof *f && is_left(f))
            unlinkat(dir, name, 0);   // under the lock: who waits for it sees that the file has gone
        munmap(f, sizeof *f);
    }
    unlock_file(fd);
}

static void sweep(const char *path, const char *own) {
    DIR *d = opendir(path);
    char prefix[32];
    snprintf(prefix, sizeof prefix, "moontide-%u-", (unsigned)geteuid());
    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && size > 7 &&
            strcmp(entry->d_name + size - 7, ".budget") == 0 && strcmp(entry->d_name, own) != 0)
            sweep_file(dirfd(d), entry->d_name);
    }
    if (d) closedir(d);
}

static void path_of(const char *dir, const char *name, char *out, size_t size) {
    snprintf(out, size, "%s/moontide-%u-%s.budget", dir ? dir : "/dev/shm", (unsigned)geteuid(), name);
}

int shared_budget_place(const char *dir, const char *name, char *out, size_t size, struct errmsg *e) {
    int err = check_name(name, e);
    if (err) return err;
    path_of(dir, name, out, size);
    int fd = open(out, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errmsg_set(e, ERR_IO, "%s: %s", out, strerror(errno));
    close(fd);
    sweep(dir ? dir : "/dev/shm", strrchr(out, '/') + 1);
    return ERR_OK;
}

struct shared_budget *shared_budget_open(const char *dir, const char *name, int64_t guard_us,
                                         struct errmsg *e) {
    if (check_name(name, e) != ERR_OK) return NULL;
    char path[PATH_MAX];
    path_of(dir, name, path, sizeof path);
    struct shared_budget *s = calloc(1, sizeof *s);
    if (!s) {
        errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
        return NULL;
    }
    s->lock = (struct budget_lock){ s, enter, leave };
    int fd = lock_file(path, e);
    bool good = fd >= 0 && make_ready(fd, path, &s->file, guard_us, e) == ERR_OK && take_seat(s, e) == ERR_OK;
    if (fd >= 0) unlock_file(fd);
    if (good) {
        sweep(dir ? dir : "/dev/shm", strrchr(path, '/') + 1);
        return s;
    }
    if (s->file) munmap(s->file, sizeof *s->file);
    free(s);
    return NULL;
}

void shared_budget_close(struct shared_budget *s) {
    if (!s) return;
    enter(s);
    budget_leave(&s->file->budget, s->member, clock_us(CLOCK_MONOTONIC) + s->file->base_us);
    pthread_mutex_unlock(&s->file->seats[s->member]);
    leave(s);
    munmap(s->file, sizeof *s->file);
    free(s);
}

struct budget *shared_budget_get(struct shared_budget *s) {
    return &s->file->budget;
}

int32_t shared_budget_member(const struct shared_budget *s) { return s->member; }

const struct budget_lock *shared_budget_lock(const struct shared_budget *s) { return &s->lock; }

static int32_t count_members(const struct shared_budget *s) {
    int32_t count = 0;
    for (int32_t i = 0; i < s->file->budget.seats; i++) count += s->file->budget.members[i].owner != 0;
    return count;
}

int64_t shared_budget_base(struct shared_budget *s, int64_t wanted_us) {
    s->reap_ms = 0;
    enter(s);
    struct limiter *l = &s->file->budget.limiter;
    int64_t shift_us = wanted_us - s->file->base_us;
    if (count_members(s) == 1 || s->file->base_us == 0) {   // of several who came at once, the first to ask
        if (s->file->base_us != 0) {                        // windows lie on the exchange's clock and stay
            l->offset_us -= shift_us;
            if (l->offset_next_us != 0) l->offset_next_us -= shift_us;
            if (l->gate_us > INT64_MIN / 2) l->gate_us += shift_us;
            l->turn_us = INT64_MIN;
        }
        s->file->base_us = wanted_us;
    }
    int64_t base_us = s->file->base_us;
    leave(s);
    return base_us;
}

int32_t shared_budget_members(struct shared_budget *s) {
    s->reap_ms = 0;
    enter(s);
    int32_t count = count_members(s);
    leave(s);
    return count;
}

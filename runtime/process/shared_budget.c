// shared_budget.c: a budget in a file that processes read and write under a lock of the kernel's. Nothing in the file is
// believed, and no lock lies in it: a page that somebody has spoiled leads to no wild pointer and no endless wait.
#include "process/shared_budget.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/units.h"
#include "process/file_lock.h"

#include <stddef.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Changes with every change of the structs below or of struct budget.
#define MAGIC UINT64_C(0x6d74627564670004)

enum { REAP_INTERVAL_MS = 100, PATIENCE_US = 200000, PAUSE_US = 50 };

struct file {
    uint64_t magic;
    uint64_t size;
    int64_t base_us;   // the members' clock minus CLOCK_MONOTONIC
    uint64_t owners;   // ever seated: gives each a number of its own
    struct budget budget;
};

// Processes share these bytes, and may be of two builds: another layout needs another MAGIC.
_Static_assert(sizeof(struct budget_member) == 56, "a member's books, shared by processes");
_Static_assert(offsetof(struct budget, members) == 2016 && sizeof(struct budget) == 5600,
               "the books of a budget, shared by processes");
_Static_assert(offsetof(struct file, budget) == 32 && sizeof(struct file) == 32 + sizeof(struct budget),
               "the file of a budget has no padding and no surprises");

// What is locked: the first byte by who reads and changes the file, the one behind it of each seat by its member as long as
// that lives. The kernel gives both back when a process dies, and looks at no byte.
enum { LOCK_OF_FILE = 0, LOCK_OF_SEATS = 1 };

struct shared_budget {
    int fd;
    struct file own;   // what was read last and held good, and is worked on
    struct file there;
    struct budget_lock lock;
    int32_t member;
    int64_t reap_ms;   // when to look for dead members again
    bool alone, inside;
    char problem[128];
};

static int64_t clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

// ---- locks ----

static bool wait_for_lock(int fd) {
    if (file_lock_take(fd, LOCK_OF_FILE)) return true;
    int64_t until_us = clock_us(CLOCK_MONOTONIC) + PATIENCE_US;
    do {
        usleep(PAUSE_US);
        if (file_lock_take(fd, LOCK_OF_FILE)) return true;
    } while (clock_us(CLOCK_MONOTONIC) < until_us);
    return false;
}

// ---- the file ----

static bool read_file(int fd, struct file *f) {
    return pread(fd, f, sizeof *f, 0) == (ssize_t)sizeof *f && f->magic == MAGIC && f->size == sizeof *f &&
           f->base_us > -BUDGET_TIME_MAX && f->base_us < BUDGET_TIME_MAX &&
           budget_check(&f->budget, clock_us(CLOCK_MONOTONIC) + f->base_us);
}

static bool write_file(int fd, struct file *f) { return pwrite(fd, f, sizeof *f, 0) == (ssize_t)sizeof *f; }

// Nobody but its member changes a seat as long as that lives: another one than it left is no book of its own.
static bool has_own_seat(const struct shared_budget *s) {
    if (s->member < 0) return true;
    return s->member < s->there.budget.seats &&
           memcmp(&s->there.budget.members[s->member], &s->own.budget.members[s->member],
                  sizeof(struct budget_member)) == 0;
}

// Frees the seats whose processes have died. Under the lock.
static void reap(struct file *f, int fd, int32_t own) {
    for (int32_t i = 0; i < f->budget.seats; i++) {
        if (i == own || f->budget.members[i].owner == 0 || file_lock_is_held(fd, LOCK_OF_SEATS + i)) continue;
        budget_leave(&f->budget, i, clock_us(CLOCK_MONOTONIC) + f->base_us);
    }
}

// From now on this process spends from what it knew last, as the only one. What the others had under way counts as spent.
static void go_alone(struct shared_budget *s, const char *why) {
    s->alone = true;
    snprintf(s->problem, sizeof s->problem, "%s", why);
    for (int32_t i = 0; i < s->own.budget.seats; i++) {
        if (i != s->member && s->own.budget.members[i].owner != 0)
            budget_leave(&s->own.budget, i, clock_us(CLOCK_MONOTONIC) + s->own.base_us);
    }
}

static void enter(void *ctx) {
    struct shared_budget *s = ctx;
    ASSERT(!s->inside);
    s->inside = true;
    if (s->alone) return;
    if (!wait_for_lock(s->fd)) {
        go_alone(s, "another process has held them for too long");
        return;
    }
    bool good = read_file(s->fd, &s->there) && has_own_seat(s);
    if (!good) {
        file_lock_give(s->fd, LOCK_OF_FILE);
        go_alone(s, "their file is damaged");
        return;
    }
    // A writer that died in the middle has left parts of both, and a spoiled file may hold sums that are none.
    budget_repair(&s->there.budget);
    s->own = s->there;
    int64_t now_ms = clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
    if (now_ms < s->reap_ms) return;
    s->reap_ms = now_ms + REAP_INTERVAL_MS;
    reap(&s->own, s->fd, s->member);
}

static void leave(void *ctx) {
    struct shared_budget *s = ctx;
    ASSERT(s->inside);
    s->inside = false;
    if (s->alone) return;
    bool good = memcmp(&s->own, &s->there, sizeof s->own) == 0 || write_file(s->fd, &s->own);
    file_lock_give(s->fd, LOCK_OF_FILE);
    if (!good) go_alone(s, "their file cannot be written");
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

// A new file is made ready under the file lock, so that nobody sees it half made. What is no file of this version is
// refused, but one that its maker left unwritten, or that was cut off while nobody sits in it, is made anew.
static int make_ready(int fd, const char *path, int64_t guard_us, struct errmsg *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return errmsg_set(e, ERR_FORMAT,
                          "%s belongs to another user or is open to others (mode %o); remove it", path,
                          (unsigned)(st.st_mode & 0777));
    struct file *f = alloc_zeroed(1, sizeof *f);
    int err = ERR_OK;
    if (st.st_size == 0 ||
        (pread(fd, &f->magic, sizeof f->magic, 0) == (ssize_t)sizeof f->magic && f->magic == 0)) {
        *f = (struct file){ .magic = MAGIC, .size = sizeof *f };
        budget_init(&f->budget, guard_us);
        if (!write_file(fd, f)) err = errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    } else if (st.st_size != (off_t)sizeof *f || f->magic != MAGIC) {
        err =
            errmsg_set(e, ERR_FORMAT, "%s is of another version of moontide; remove it when none runs", path);
    } else if (!read_file(fd, f)) {
        err = errmsg_set(e, ERR_FORMAT, "%s is damaged; remove it when none runs", path);
    }
    free(f);
    return err;
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
    if (!s->alone) {
        uint64_t owner = s->own.owners + 1 ? s->own.owners + 1 : 1;
        int32_t member = budget_join(&s->own.budget, owner);
        if (member >= 0 && file_lock_take(s->fd, LOCK_OF_SEATS + member)) {
            s->member = member;
            s->own.owners = owner;
        } else if (member >= 0) {   // its holder lives, and the file does not know it
            s->own = s->there;
            snprintf(s->problem, sizeof s->problem, "their file is damaged");
        }
    }
    leave(s);
    if (s->member >= 0 && !s->alone) return ERR_OK;
    if (s->problem[0]) return errmsg_set(e, ERR_FORMAT, "%s", s->problem);
    return errmsg_set(e, ERR_FULL, "%d processes share this budget already, which is the most",
                      BUDGET_MEMBERS_MAX);
}

// ---- files that nobody needs any more ----

// Whether nobody sits in a locked file, and all it remembers is over. What is not certain is false.
static bool is_left(int fd, struct file *f) {
    if (!file_lock_take(fd, LOCK_OF_FILE)) return false;
    bool left = read_file(fd, f);
    if (left) {
        budget_repair(&f->budget);
        struct file before = *f;
        reap(f, fd, -1);
        if (memcmp(&before, f, sizeof before) != 0) left = write_file(fd, f);
        left = left && limiter_is_over(&f->budget.limiter, clock_us(CLOCK_MONOTONIC) + f->base_us);
    }
    for (int32_t i = 0; left && i < f->budget.seats; i++) left = f->budget.members[i].owner == 0;
    file_lock_give(fd, LOCK_OF_FILE);
    return left;
}

static void sweep_file(int dir, const char *name) {
    struct stat st;
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    struct file *f = alloc_zeroed(1, sizeof *f);
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
                st.st_size == (off_t)sizeof *f && st.st_nlink > 0;
    if (ours && is_left(fd, f))
        unlinkat(dir, name, 0);   // under the lock: who waits for it sees that the file has gone
    free(f);
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
    s->fd = lock_file(path, e);
    bool good = s->fd >= 0 && make_ready(s->fd, path, guard_us, e) == ERR_OK && take_seat(s, e) == ERR_OK;
    if (s->fd >= 0) flock(s->fd, LOCK_UN);
    if (good) {
        sweep(dir ? dir : "/dev/shm", strrchr(path, '/') + 1);
        return s;
    }
    if (s->fd >= 0) close(s->fd);
    free(s);
    return NULL;
}

void shared_budget_close(struct shared_budget *s) {
    if (!s) return;
    enter(s);
    budget_leave(&s->own.budget, s->member, clock_us(CLOCK_MONOTONIC) + s->own.base_us);
    if (!s->alone) file_lock_give(s->fd, LOCK_OF_SEATS + s->member);   // before another takes the seat
    s->member = -1;
    leave(s);
    close(s->fd);
    free(s);
}

struct budget *shared_budget_get(struct shared_budget *s) {
    return &s->own.budget;
}

int32_t shared_budget_member(const struct shared_budget *s) { return s->member; }

const struct budget_lock *shared_budget_lock(const struct shared_budget *s) { return &s->lock; }

const char *shared_budget_problem(const struct shared_budget *s) { return s->alone ? s->problem : NULL; }

static int32_t count_members(const struct shared_budget *s) {
    int32_t count = 0;
    for (int32_t i = 0; i < s->own.budget.seats; i++) count += s->own.budget.members[i].owner != 0;
    return count;
}

int64_t shared_budget_base(struct shared_budget *s, int64_t wanted_us) {
    s->reap_ms = 0;
    enter(s);
    struct limiter *l = &s->own.budget.limiter;
    int64_t shift_us = wanted_us - s->own.base_us;
    if (count_members(s) == 1 || s->own.base_us == 0) {   // of several who came at once, the first to ask
        if (s->own.base_us != 0) {                        // windows lie on the exchange's clock and stay
            l->offset_us -= shift_us;
            if (l->offset_next_us != 0) l->offset_next_us -= shift_us;
            if (l->gate_us > INT64_MIN / 2) l->gate_us += shift_us;
            l->turn_us = INT64_MIN;
        }
        s->own.base_us = wanted_us;
    }
    int64_t base_us = s->own.base_us;
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

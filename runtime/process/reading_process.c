// reading_process.c: fork, and what the copy is left with.
#include "process/reading_process.h"

#include "base/units.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COPIES_MAX = 32 };
static pid_t copies[COPIES_MAX];

// Private memory that is counted against RLIMIT_DATA; 0: not known.
static int64_t data_bytes(void) {
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    int found = f ? fscanf(f, "%*d %*d %*d %*d %*d %lld", &pages) : 0;
    if (f) fclose(f);
    return found == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static void close_all_but(int kept) {
    if (kept > 3) syscall(SYS_close_range, 3u, (unsigned)kept - 1, 0u);
    syscall(SYS_close_range, (unsigned)kept + 1, ~0u, 0u);
}

static void become_copy(int fd, int64_t data, int64_t memory_bytes, int64_t processor_us) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_all_but(fd);
    struct rlimit limit;
    if (data > 0 && getrlimit(RLIMIT_DATA, &limit) == 0) {
        rlim_t wanted = (rlim_t)(data + memory_bytes);
        if (limit.rlim_max == RLIM_INFINITY || wanted < limit.rlim_max)
            limit.rlim_cur = limit.rlim_max = wanted;
        setrlimit(RLIMIT_DATA, &limit);
    }
    struct itimerval timer = { .it_value = { .tv_sec = processor_us / SECOND_US,
                                             .tv_usec = processor_us % SECOND_US } };
    setitimer(ITIMER_PROF, &timer, NULL);
}

void reading_process_reap(void) {
    for (int i = 0; i < COPIES_MAX; i++) {
        if (copies[i] > 0 && waitpid(copies[i], NULL, WNOHANG) != 0) copies[i] = 0;
    }
}

int reading_process_start(struct control_socket *c, int64_t memory_bytes, int64_t processor_us,
                          struct reading_process *out, struct errmsg *e) {
    reading_process_reap();
    int place = 0, ends[2];
    while (place < COPIES_MAX && copies[place] > 0) place++;
    if (place == COPIES_MAX) return errmsg_set(e, ERR_FULL, "%d lines are under way already", COPIES_MAX);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errmsg_set(e, ERR_IO, "a socket: %s", strerror(errno));
    int64_t data = data_bytes();
    pid_t pid = fork();
    if (pid == 0) {
        become_copy(ends[1], data, memory_bytes, processor_us);
        *out = (struct reading_process){ .fd = ends[1] };
        return ERR_OK;
    }
    int problem = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return errmsg_set(e, ERR_IO, "no process to read in: %s", strerror(problem));
    }
    copies[place] = pid;
    *out = (struct reading_process){ .client = control_socket_adopt(c, ends[0]), .fd = -1 };
    return out->client > 0 ? ERR_OK : errmsg_set(e, ERR_FULL, "too many connections");
}

void reading_process_end(void) { _exit(0); }

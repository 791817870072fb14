// supervisor.c: processes started, watched, relayed and ended.
#include "process/supervisor.h"

#include "base/array.h"
#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

enum { SOCKETS_MAX = SUPERVISED_MAX, EVENTS_MAX = 256, LINE_MAX_BYTES = 16384, PATIENCE_TICKS = 5 };

// Where lines go: descriptor 1 or 2.
struct outlet {
    int fd;
    char *bytes;
    size_t count, size;
    int64_t dropped;
};

// One of a process's outputs, until it ends.
struct output_source {
    uv_pipe_t pipe;
    struct process *process;
    struct outlet *outlet;
    char line[LINE_MAX_BYTES];
    size_t count;
    bool open;
};

struct process {
    uv_process_t handle;
    struct supervisor *owner;
    struct output_source sources[2];
    char prefix[64];
    struct heartbeat *heart;
    int heart_fd;
    int32_t status, signal, patience;
    bool used, running, reported, closing;
    int handles;
};

struct supervisor {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t signals[4];
    struct process processes[SUPERVISED_MAX];
    struct control_socket *sockets[SOCKETS_MAX];
    int32_t socket_count;
    struct outlet outlets[2];
    struct {
        int32_t kind;
        struct supervisor_view view;
    } events[EVENTS_MAX];
    int32_t head, count;
    bool ticked;
    struct supervisor_view view;
};

static const int signal_numbers[4] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };

static void push(struct supervisor *s, int32_t kind, struct supervisor_view view) {
    if (s->count == EVENTS_MAX) return;   // signals in a storm; ends are not lost, see next_end
    int32_t at = (s->head + s->count++) % EVENTS_MAX;
    s->events[at].kind = kind;
    s->events[at].view = view;
}

// ---- output ----

// Writes what can be written without waiting. A pipe that is ready takes PIPE_BUF bytes at least.
static void flush(struct outlet *o) {
    size_t done = 0;
    while (done < o->count) {
        struct pollfd p = { .fd = o->fd, .events = POLLOUT };
        if (poll(&p, 1, 0) <= 0) break;
        size_t part = o->count - done < 4096 ? o->count - done : 4096;
        ssize_t written = write(o->fd, o->bytes + done, part);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) written = (ssize_t)(o->count - done);   // nobody reads there any more
        done += (size_t)written;
    }
    if (done < o->count) memmove(o->bytes, o->bytes + done, o->count - done);
    o->count -= done;
}

static bool outlet_room(struct outlet *o, size_t size) {
    if (o->count + size > STDIO_RELAY_PENDING_MAX) {
        o->dropped++;
        return false;
    }
    ARRAY_ROOM(o->bytes, o->size, o->count + size);
    return true;
}

static void put_line(struct output_source *r) {
    struct outlet *o = r->outlet;
    char note[128];
    int size = o->dropped
                   ? snprintf(note, sizeof note, "moontide: %lld lines were not written: nobody read them\n",
                              (long long)o->dropped)
                   : 0;
    size_t prefix = strlen(r->process->prefix);
    if (!outlet_room(o, (size_t)size + prefix + r->count + 1)) {
        r->count = 0;
        return;
    }
    o->dropped = 0;
    memcpy(o->bytes + o->count, note, (size_t)size);
    o->count += (size_t)size;
    memcpy(o->bytes + o->count, r->process->prefix, prefix);
    o->count += prefix;
    memcpy(o->bytes + o->count, r->line, r->count);
    o->count += r->count;
    o->bytes[o->count++] = '\n';
    r->count = 0;
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    (void)h;
    static char bytes[65536];
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void process_closed(uv_handle_t *h) {
    struct process *p = h->data;
    if (--p->handles == 0 && p->closing) memset(p, 0, sizeof *p);
}

static void source_closed(uv_handle_t *h) {
    struct output_source *r = h->data;
    struct process *p = r->process;
    if (--p->handles == 0 && p->closing) memset(p, 0, sizeof *p);
}

static void source_end(struct output_source *r) {
    if (!r->open) return;
    r->open = false;
    if (r->count > 0) put_line(r);
    flush(r->outlet);
    uv_close((uv_handle_t *)&r->pipe, source_closed);
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *b) {
    struct output_source *r = stream->data;
    if (count < 0) {
        source_end(r);
        return;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (b->base[i] == '\n' || r->count == LINE_MAX_BYTES) put_line(r);
        if (b->base[i] != '\n') r->line[r->count++] = b->base[i];
    }
    flush(r->outlet);
}

// ---- processes ----

static void on_exit_of(uv_process_t *h, int64_t status, int signal) {
    struct process *p = h->data;
    p->running = false;
    p->status = (int32_t)status;
    p->signal = signal;
    uv_close((uv_handle_t *)h, process_closed);
}

static struct process *process_at(const struct supervisor *s, int32_t number) {
    ASSERT(number >= 0 && number < SUPERVISED_MAX);
    return (struct process *)(uintptr_t)&s->processes[number];
}

static void outputs_open(struct process *p, uv_stdio_container_t stdio[]) {
    stdio[0] = (uv_stdio_container_t){ .flags = UV_IGNORE };
    for (int i = 0; i < 2; i++) {
        struct output_source *r = &p->sources[i];
        stdio[i + 1] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = i + 1 };
        if (!p->prefix[0]) continue;
        *r = (struct output_source){ .process = p, .outlet = &p->owner->outlets[i], .open = true };
        uv_pipe_init(&p->owner->loop, &r->pipe, 0);
        r->pipe.data = r;
        p->handles++;
        stdio[i + 1] = (uv_stdio_container_t){ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                                               .data.stream = (uv_stream_t *)&r->pipe };
    }
}

static void bound_memory(struct process *p, int64_t bytes) {
#ifndef MOONTIDE_SANITIZED
    struct rlimit limit = { .rlim_cur = (rlim_t)bytes, .rlim_max = (rlim_t)bytes };
    if (bytes > 0) prlimit(p->handle.pid, RLIMIT_DATA, &limit, NULL);
#else
    (void)p;
    (void)bytes;
#endif
}

int32_t supervisor_start(struct supervisor *s, const char *const *arguments, const char *prefix, bool heart,
                         int given_fd, int64_t memory_bytes, struct errmsg *e) {
    int32_t number = 0;
    while (number < SUPERVISED_MAX && s->processes[number].used) number++;
    if (number == SUPERVISED_MAX) return errmsg_set(e, ERR_FULL, "more than %d processes", SUPERVISED_MAX);
    struct process *p = &s->processes[number];
    memset(p, 0, sizeof *p);
    p->owner = s;
    p->used = true;
    p->handle.data = p;
    snprintf(p->prefix, sizeof p->prefix, "%s", prefix ? prefix : "");
    const char *words[256];
    int32_t count = 0;
    for (; arguments[count] && count < 255; count++)
        words[count] = strcmp(arguments[count], "@heart") == 0 ? "3" : arguments[count];
    words[count] = NULL;
    if (heart) p->heart = heartbeat_new(&p->heart_fd);
    if (heart && !p->heart) {
        p->used = false;
        return errmsg_set(e, ERR_NO_MEMORY, "no memory to share with a worker");
    }
    uv_stdio_container_t stdio[5] = { { .flags = UV_IGNORE } };
    outputs_open(p, stdio);
    if (heart) stdio[3] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = p->heart_fd };
    if (given_fd >= 0) stdio[4] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = given_fd };
    uv_process_options_t o = { .exit_cb = on_exit_of,
                               .file = words[0],
                               .args = (char **)(uintptr_t)words,
                               .stdio = stdio,
                               .stdio_count = given_fd >= 0 ? 5
                                              : heart       ? 4
                                                            : 3 };
    p->handles++;
    int err = uv_spawn(&s->loop, &p->handle, &o);
    if (err) {
        uv_close((uv_handle_t *)&p->handle, process_closed);
        supervisor_forget(s, number);
        return errmsg_set(e, ERR_IO, "%s: %s", words[0], uv_strerror(err));
    }
    p->running = true;
    bound_memory(p, memory_bytes);
    for (int i = 0; i < 2; i++) {
        if (p->sources[i].open) uv_read_start((uv_stream_t *)&p->sources[i].pipe, on_room, on_output);
    }
    return number;
}

void supervisor_forget(struct supervisor *s, int32_t number) {
    struct process *p = process_at(s, number);
    ASSERT(!p->running);
    for (int i = 0; i < 2; i++) source_end(&p->sources[i]);
    heartbeat_free(p->heart, p->heart_fd);
    p->heart = NULL;
    p->closing = p->reported = true;
    if (p->handles == 0) memset(p, 0, sizeof *p);
}

void supervisor_signal(struct supervisor *s, int32_t process, int32_t number) {
    struct process *p = process_at(s, process);
    if (p->running) uv_process_kill(&p->handle, number);
}

int32_t supervisor_pid(const struct supervisor *s, int32_t number) {
    const struct process *p = process_at(s, number);
    return p->running ? p->handle.pid : 0;
}

struct heart_view supervisor_heart(const struct supervisor *s, int32_t number) {
    const struct process *p = process_at(s, number);
    ASSERT(p->heart != NULL);
    return heartbeat_view(p->heart);
}

void supervisor_command(struct supervisor *s, int32_t number, int32_t bits) {
    struct process *p = process_at(s, number);
    if (p->heart) heartbeat_command(p->heart, bits);
}

int64_t supervisor_resident(const struct supervisor *s, int32_t number) {
    const struct process *p = process_at(s, number);
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", p->handle.pid);
    FILE *f = p->running ? fopen(path, "re") : NULL;
    if (!f) return 0;
    int found = fscanf(f, "%*d %lld", &pages);
    fclose(f);
    return found == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

// ---- what comes next ----

static void on_tick(uv_timer_t *t) {
    struct supervisor *s = t->data;
    s->ticked = true;
    for (int i = 0; i < 2; i++) flush(&s->outlets[i]);
    for (int32_t i = 0; i < SUPERVISED_MAX; i++) {
        if (s->processes[i].used && !s->processes[i].running) s->processes[i].patience++;
    }
}

static void on_signal(uv_signal_t *h, int number) {
    push(h->data, SUPERVISOR_SIGNAL, (struct supervisor_view){ .signal = number });
}

// A process that has ended, once its last words are through; a child of its own may hold its output open, so
// not for ever.
static int32_t next_end(struct supervisor *s) {
    for (int32_t i = 0; i < SUPERVISED_MAX; i++) {
        struct process *p = &s->processes[i];
        if (!p->used || p->running || p->reported || p->closing) continue;
        if ((p->sources[0].open || p->sources[1].open) && p->patience < PATIENCE_TICKS) continue;
        p->reported = true;
        return i;
    }
    return -1;
}

int32_t supervisor_next(struct supervisor *s) {
    for (;;) {
        if (s->count > 0) {
            int32_t kind = s->events[s->head].kind;
            s->view = s->events[s->head].view;
            s->head = (s->head + 1) % EVENTS_MAX;
            s->count--;
            return kind;
        }
        int32_t ended = next_end(s);
        if (ended >= 0) {
            s->view = (struct supervisor_view){ .process = ended,
                                                .status = s->processes[ended].status,
                                                .signal = s->processes[ended].signal };
            return SUPERVISOR_EXIT;
        }
        for (int32_t i = 0; i < s->socket_count; i++) {
            if (!control_socket_waiting(s->sockets[i])) continue;
            s->view.socket = i;
            return SUPERVISOR_REQUEST;
        }
        if (s->ticked) {
            s->ticked = false;
            return SUPERVISOR_TICK;
        }
        uv_run(&s->loop, UV_RUN_ONCE);
    }
}

// ---- life ----

int supervisor_new(struct supervisor **out, struct errmsg *e) {
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a supervisor");
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&s->loop);
    uv_timer_init(&s->loop, &s->tick);
    s->tick.data = s;
    uv_timer_start(&s->tick, on_tick, SUPERVISOR_TICK_MS, SUPERVISOR_TICK_MS);
    for (int i = 0; i < 4; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        if (signal_numbers[i] != SIGHUP || !signal_ignored(SIGHUP))
            uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
    }
    s->outlets[0].fd = 1;
    s->outlets[1].fd = 2;
    *out = s;
    return ERR_OK;
}

void supervisor_free(struct supervisor *s) {
    if (!s) return;
    for (int32_t i = 0; i < SUPERVISED_MAX; i++) supervisor_signal(s, i, SIGKILL);
    for (int32_t i = 0; i < SUPERVISED_MAX; i++) {
        while (s->processes[i].running) uv_run(&s->loop, UV_RUN_ONCE);
        if (s->processes[i].used && !s->processes[i].closing) supervisor_forget(s, i);
    }
    for (int32_t i = 0; i < s->socket_count; i++) control_socket_close(s->sockets[i]);
    uv_close((uv_handle_t *)&s->tick, NULL);
    for (int i = 0; i < 4; i++) uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    for (int i = 0; i < 2; i++) {
        flush(&s->outlets[i]);
        free(s->outlets[i].bytes);
    }
    free(s);
}

const struct supervisor_view *supervisor_view(struct supervisor *s) { return &s->view; }

int32_t supervisor_listen(struct supervisor *s, const char *path, struct errmsg *e) {
    if (s->socket_count == SOCKETS_MAX) return errmsg_set(e, ERR_FULL, "more than %d sockets", SOCKETS_MAX);
    int err = control_socket_open(&s->loop, path, NULL, NULL, &s->sockets[s->socket_count], e);
    return err ? err : s->socket_count++;
}

struct control_socket *supervisor_control(struct supervisor *s, int32_t socket) {
    return s->sockets[socket];
}

bool supervisor_guard(int32_t supervisor_pid) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return getppid() == supervisor_pid;
}

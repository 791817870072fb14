// control_socket.c: lines of JSON over a Unix socket, served and asked.
#include "process/control_socket.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct client {
    uv_pipe_t pipe;
    struct control_socket *owner;
    int64_t id;
    char *input;                   // what has come and was not taken
    size_t count, size, taken;     // bytes held, allocated; and of them the line handed out last
    bool reading, closing, deaf;   // deaf: it said too much at once, and is heard no more
};

struct control_socket {
    uv_pipe_t listener;
    struct client *clients[CONTROL_SOCKET_CLIENTS_MAX];
    int32_t turn;
    int64_t ids;
    void (*woken)(void *ctx);
    void *ctx;
    struct control_socket_request request;
    char path[512];
    int handles;   // open ones; the last one closed frees all
    bool closing;
};

// ---- addresses ----

// A socket's address holds 108 bytes and a folder's path may be longer: it is named by way of an open
// descriptor of the folder.
static int address_of(const char *path, struct sockaddr_un *a, int *folder) {
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *folder = -1;
    if (strlen(path) < sizeof a->sun_path) {
        snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
        return 0;
    }
    char above[512];
    const char *name = strrchr(path, '/');
    if (!name || strlen(path) >= sizeof above) return -1;
    snprintf(above, sizeof above, "%.*s", (int)(name - path), path);
    *folder = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0) return -1;
    int size = snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%s", *folder, name + 1);
    return size < (int)sizeof a->sun_path ? 0 : -1;
}

static int with_address(const char *path, int (*act)(int, const struct sockaddr *, socklen_t), int fd) {
    struct sockaddr_un a;
    int folder, result = address_of(path, &a, &folder);
    if (result == 0) result = act(fd, (const struct sockaddr *)&a, sizeof a);
    int kept = errno;
    if (folder >= 0) close(folder);
    errno = kept;
    return result;
}

static bool ours(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

// ---- clients ----

static void release(struct control_socket *c) {
    if (--c->handles == 0) free(c);
}

static void client_closed(uv_handle_t *h) {
    struct client *k = h->data;
    struct control_socket *c = k->owner;
    free(k->input);
    free(k);
    release(c);
}

static void drop(struct client *k) {
    if (k->closing) return;
    k->closing = true;
    for (int32_t i = 0; i < CONTROL_SOCKET_CLIENTS_MAX; i++) {
        if (k->owner->clients[i] == k) k->owner->clients[i] = NULL;
    }
    uv_close((uv_handle_t *)&k->pipe, client_closed);
}

static bool has_line(const struct client *k) {
    return k->count > k->taken && memchr(k->input + k->taken, '\n', k->count - k->taken) != NULL;
}

// Bytes of the line handed out last are let go of only when the next one is asked for.
static void forget_taken(struct client *k) {
    if (k->taken == 0) return;
    memmove(k->input, k->input + k->taken, k->count - k->taken);
    k->count -= k->taken;
    k->taken = 0;
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    struct client *k = h->data;
    if (k->count == k->size && k->size < CONTROL_SOCKET_LINE_MAX) {
        size_t size = k->size ? k->size * 2 : 4096;
        char *grown = realloc(k->input, size);
        if (grown) {
            k->input = grown;
            k->size = size;
        }
    }
    *out = uv_buf_init(k->input + k->count, (unsigned)(k->size - k->count));   // of no size: UV_ENOBUFS
}

static void on_bytes(uv_stream_t *s, ssize_t count, const uv_buf_t *b) {
    (void)b;
    struct client *k = s->data;
    if (count < 0) {
        drop(k);
        return;
    }
    if (k->deaf)
        return;   // closing at once would take the answer with it: what is unread makes a reset of it
    k->count += (size_t)count;
    if (k->count == CONTROL_SOCKET_LINE_MAX && !has_line(k)) {
        static const char too_long[] = "{\"ok\":false,\"error\":\"the request is too long\"}";
        k->deaf = true;
        k->count = k->taken = 0;
        control_socket_send(k->owner, k->id, too_long, sizeof too_long - 1);
        return;
    }
    if (k->count == CONTROL_SOCKET_LINE_MAX) {   // taken up again once a line was handed out
        uv_read_stop(s);
        k->reading = false;
    }
    if (k->owner->woken && has_line(k)) k->owner->woken(k->owner->ctx);
}

static void on_connection(uv_stream_t *s, int status) {
    struct control_socket *c = s->data;
    struct client *k = status == 0 ? calloc(1, sizeof *k) : NULL;
    if (!k) return;
    k->owner = c;
    k->pipe.data = k;
    uv_pipe_init(s->loop, &k->pipe, 0);
    c->handles++;
    uv_os_fd_t fd;
    int32_t place = 0;
    while (place < CONTROL_SOCKET_CLIENTS_MAX && c->clients[place]) place++;
    bool good = uv_accept(s, (uv_stream_t *)&k->pipe) == 0 && uv_fileno((uv_handle_t *)&k->pipe, &fd) == 0 &&
                ours(fd);
    if (!good || place == CONTROL_SOCKET_CLIENTS_MAX) {
        drop(k);
        return;
    }
    c->clients[place] = k;
    k->id = ++c->ids;
    k->reading = true;
    uv_read_start((uv_stream_t *)&k->pipe, on_room, on_bytes);
}

static struct client *find(const struct control_socket *c, int64_t id) {
    for (int32_t i = 0; i < CONTROL_SOCKET_CLIENTS_MAX; i++) {
        if (c->clients[i] && c->clients[i]->id == id) return c->clients[i];
    }
    return NULL;
}

int64_t control_socket_adopt(struct control_socket *c, int fd) {
    int32_t place = 0;
    while (place < CONTROL_SOCKET_CLIENTS_MAX && c->clients[place]) place++;
    struct client *k = place < CONTROL_SOCKET_CLIENTS_MAX ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        close(fd);
        return 0;
    }
    k->owner = c;
    k->pipe.data = k;
    uv_pipe_init(c->listener.loop, &k->pipe, 0);
    c->handles++;
    if (uv_pipe_open(&k->pipe, fd) != 0) {
        close(fd);
        drop(k);
        return 0;
    }
    c->clients[place] = k;
    k->id = ++c->ids;
    k->reading = true;
    uv_read_start((uv_stream_t *)&k->pipe, on_room, on_bytes);
    return k->id;
}

void control_socket_drop(struct control_socket *c, int64_t client) {
    struct client *k = find(c, client);
    if (k) drop(k);
}

bool control_socket_connected(const struct control_socket *c, int64_t client) {
    return find(c, client) != NULL;
}

bool control_socket_waiting(const struct control_socket *c) {
    for (int32_t i = 0; i < CONTROL_SOCKET_CLIENTS_MAX; i++) {
        if (c->clients[i] && has_line(c->clients[i])) return true;
    }
    return false;
}

const struct control_socket_request *control_socket_next(struct control_socket *c) {
    for (int32_t n = 0; n < CONTROL_SOCKET_CLIENTS_MAX; n++) {
        c->turn = (c->turn + 1) % CONTROL_SOCKET_CLIENTS_MAX;
        struct client *k = c->clients[c->turn];
        if (!k || !has_line(k)) continue;
        forget_taken(k);
        if (!k->reading) {
            k->reading = true;
            uv_read_start((uv_stream_t *)&k->pipe, on_room, on_bytes);
        }
        char *end = memchr(k->input, '\n', k->count);
        *end = 0;
        k->taken = (size_t)(end - k->input) + 1;
        c->request = (struct control_socket_request){ k->id, k->input, k->taken - 1 };
        return &c->request;
    }
    return NULL;
}

struct writing {
    uv_write_t write;
    char bytes[];
};

static void on_written(uv_write_t *w, int status) {
    struct client *k = w->handle->data;
    free(w->data);
    if (status < 0 && status != UV_ECANCELED) drop(k);
}

bool control_socket_send(struct control_socket *c, int64_t client, const char *text, size_t size) {
    struct client *k = find(c, client);
    if (!k) return false;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&k->pipe) + size > CONTROL_SOCKET_BACKLOG_MAX) {
        drop(k);
        return false;
    }
    struct writing *w = alloc_bytes(sizeof *w + size + 1);
    memcpy(w->bytes, text, size);
    w->bytes[size] = '\n';
    w->write.data = w;
    uv_buf_t b = uv_buf_init(w->bytes, (unsigned)size + 1);
    // libuv writes at once what the socket takes.
    if (uv_write(&w->write, (uv_stream_t *)&k->pipe, &b, 1, on_written) == 0) return true;
    free(w);
    drop(k);
    return false;
}

// ---- life ----

static bool somebody_listens(const char *path) {
    int fd = control_socket_connect(path, NULL);
    if (fd < 0) return false;
    close(fd);
    return true;
}

static int listening_socket(const char *path) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    unlink(path);
    // On Linux the mode of the descriptor becomes that of the file: it is never open to others, not for a
    // moment.
    if (fchmod(fd, 0600) == 0 && with_address(path, bind, fd) == 0 && chmod(path, 0600) == 0) return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

static void listener_closed(uv_handle_t *h) { release(h->data); }

int control_socket_open(struct uv_loop_s *loop, const char *path, void (*woken)(void *ctx), void *ctx,
                        struct control_socket **out, struct errmsg *e) {
    if (strlen(path) >= sizeof(*out)->path) return errmsg_set(e, ERR_IO, "%.60s...: too long a path", path);
    if (somebody_listens(path)) return errmsg_set(e, ERR_FULL, "%s: another process listens there", path);
    int fd = listening_socket(path);
    if (fd < 0) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    struct control_socket *c = alloc_zeroed(1, sizeof *c);
    snprintf(c->path, sizeof c->path, "%s", path);
    c->woken = woken;
    c->ctx = ctx;
    c->handles = 1;
    uv_pipe_init(loop, &c->listener, 0);
    c->listener.data = c;
    int err = uv_pipe_open(&c->listener, fd);
    if (!err) err = uv_listen((uv_stream_t *)&c->listener, 16, on_connection);
    if (!err) {
        *out = c;
        return ERR_OK;
    }
    control_socket_close(c);
    return errmsg_set(e, ERR_IO, "%s: %s", path, uv_strerror(err));
}

void control_socket_close(struct control_socket *c) {
    if (!c || c->closing) return;
    c->closing = true;
    c->woken = NULL;
    unlink(c->path);
    for (int32_t i = 0; i < CONTROL_SOCKET_CLIENTS_MAX; i++) {
        if (c->clients[i]) drop(c->clients[i]);
    }
    uv_close((uv_handle_t *)&c->listener, listener_closed);
}

// ---- the other end ----

int control_socket_connect(const char *path, struct errmsg *e) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errmsg_set(e, ERR_IO, "a socket: %s", strerror(errno));
    if (with_address(path, connect, fd) == 0) return fd;
    int kept = errno;
    close(fd);
    return errmsg_set(e, kept == ENOENT || kept == ECONNREFUSED ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                      strerror(kept));
}

int control_socket_write(int fd, const char *text, size_t size) {
    struct {
        const char *bytes;
        size_t size;
    } parts[2] = { { text, size }, { "\n", 1 } };
    for (int i = 0; i < 2; i++) {
        while (parts[i].size > 0) {
            ssize_t count = send(fd, parts[i].bytes, parts[i].size, MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return ERR_IO;
            parts[i].bytes += count;
            parts[i].size -= (size_t)count;
        }
    }
    return ERR_OK;
}

// Looks before it takes, so that nothing of the next line is lost.
int control_socket_read(int fd, int64_t timeout_us, char **out, size_t *size) {
    size_t room = 4096, count = 0;
    char *line = malloc(room);
    int64_t until = (int64_t)(uv_hrtime() / 1000) + timeout_us;
    int err = line ? ERR_OK : ERR_NO_MEMORY;
    while (!err) {
        int64_t left = until - (int64_t)(uv_hrtime() / 1000);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int ready = left > 0 ? poll(&p, 1, (int)(left / 1000 + 1 < 3600000 ? left / 1000 + 1 : 3600000)) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            err = ready < 0 ? ERR_IO : ERR_TIMEOUT;
            break;
        }
        ssize_t seen = recv(fd, line + count, room - count - 1, MSG_PEEK);
        if (seen < 0 && errno == EINTR) continue;
        if (seen <= 0) {
            err = ERR_STOPPED;
            break;
        }
        const char *end = memchr(line + count, '\n', (size_t)seen);
        ssize_t taken = recv(fd, line + count, end ? (size_t)(end - line) + 1 - count : (size_t)seen, 0);
        if (taken <= 0)
            err = ERR_IO;
        else
            count += (size_t)taken;
        if (end && !err) {
            line[count - 1] = 0;
            *out = line;
            *size = count - 1;
            return ERR_OK;
        }
        if (count + 1 == room) {
            char *grown = room < (size_t)CONTROL_SOCKET_BACKLOG_MAX * 2 ? realloc(line, room * 2) : NULL;
            if (grown) {
                line = grown;
                room *= 2;
            } else {
                err = ERR_FULL;
            }
        }
    }
    free(line);
    return err;
}

void control_socket_line_free(char *line) { free(line); }
void control_socket_hang_up(int fd) { close(fd); }

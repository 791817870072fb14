// control_socket.h: the socket by which a running process is asked and told: attach, status, stop. Lines of
// JSON in
// both directions; what they mean is Lua's (lua/moontide/live/control_socket.lua).
//
// Socket   a Unix stream socket of mode 0600. A peer of another user than ours (or root) is shut out.
// Bounds   CONTROL_SOCKET_CLIENTS_MAX at a time; a request of CONTROL_SOCKET_LINE_MAX bytes;
//          CONTROL_SOCKET_BACKLOG_MAX bytes of answers a client has not read, beyond which it is dropped.
//          Nothing ever waits for a client.
// Turn     clients take turns; the requests of one are answered in their order of taking.
// Owner    control_socket_close, on the loop's thread; the loop must then run once more, which frees what is
//          left.
#ifndef MT_PROCESS_CONTROL_SOCKET_H
#define MT_PROCESS_CONTROL_SOCKET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct control_socket;

enum {
    CONTROL_SOCKET_CLIENTS_MAX = 32,
    CONTROL_SOCKET_LINE_MAX = 1 << 18,
    CONTROL_SOCKET_BACKLOG_MAX = 1 << 20
};

struct control_socket_request {
    int64_t client;     // for control_socket_send; never used again for another
    const char *text;   // one line, without its end; terminated
    size_t size;
};

// `woken` is called from the loop when a request has come (NULL: nobody wants to know). A socket that nobody
// listens to is replaced; ERR_FULL when a process does, ERR_IO otherwise.
int control_socket_open(struct uv_loop_s *loop, const char *path, void (*woken)(void *ctx), void *ctx,
                        struct control_socket **out, struct errmsg *e);
void control_socket_close(struct control_socket *c);

bool control_socket_waiting(const struct control_socket *c);   // a whole request is there

// The next request, or NULL. Valid until the next call.
const struct control_socket_request *control_socket_next(struct control_socket *c);

// Sends one line to a client; false when it is gone, or reads too slowly and now is.
bool control_socket_send(struct control_socket *c, int64_t client, const char *text, size_t size);
bool control_socket_connected(const struct control_socket *c, int64_t client);

// The other end, for short dealings; it waits. A descriptor, ERR_NOT_FOUND when nobody listens there, or
// ERR_IO.
int control_socket_connect(const char *path, struct errmsg *e);
int control_socket_write(int fd, const char *text, size_t size);
// One line into `out` (malloc'ed, terminated, for control_socket_line_free). ERR_TIMEOUT, ERR_STOPPED: the
// other end has closed.
int control_socket_read(int fd, int64_t timeout_us, char **out, size_t *size);
void control_socket_line_free(char *line);
void control_socket_hang_up(int fd);

// Makes a connected socket a client; it is the socket's from now on. The client's number; 0: no room, and it is closed.
int64_t control_socket_adopt(struct control_socket *c, int fd);
void control_socket_drop(struct control_socket *c, int64_t client);

#endif

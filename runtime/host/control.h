// control.h: the socket by which a running process is asked and told: attach, status, stop. Lines of JSON in both
// directions; what they mean is Lua's (lua/moontide/live/control.lua).
//
// Socket   a Unix stream socket of mode 0600. A peer of another user than ours (or root) is shut out.
// Bounds   CONTROL_CLIENTS_MAX at a time; a request of CONTROL_LINE_MAX bytes; CONTROL_BACKLOG_MAX bytes of answers a client
//          has not read, beyond which it is dropped. Nothing ever waits for a client.
// Turn     clients take turns; the requests of one are answered in their order of taking.
// Owner    control_close, on the loop's thread; the loop must then run once more, which frees what is left.
#ifndef MT_HOST_CONTROL_H
#define MT_HOST_CONTROL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct control;

enum { CONTROL_CLIENTS_MAX = 32, CONTROL_LINE_MAX = 1 << 18, CONTROL_BACKLOG_MAX = 1 << 20 };

struct control_request {
    int64_t client;                // for control_send; never used again for another
    const char *text;              // one line, without its end; terminated
    size_t size;
};

// `woken` is called from the loop when a request has come (NULL: nobody wants to know). A socket that nobody listens to is
// replaced; ERR_FULL when a process does, ERR_IO otherwise.
int control_open(struct uv_loop_s *loop, const char *path, void (*woken)(void *ctx), void *ctx, struct control **out, struct errmsg *e);
void control_close(struct control *c);

bool control_waiting(const struct control *c);     // a whole request is there

// The next request, or NULL. Valid until the next call.
const struct control_request *control_next(struct control *c);

// Sends one line to a client; false when it is gone, or reads too slowly and now is.
bool control_send(struct control *c, int64_t client, const char *text, size_t size);
bool control_connected(const struct control *c, int64_t client);

// The other end, for short dealings; it waits. A descriptor, ERR_NOT_FOUND when nobody listens there, or ERR_IO.
int control_connect(const char *path, struct errmsg *e);
int control_write(int fd, const char *text, size_t size);
// One line into `out` (malloc'ed, terminated, for control_line_free). ERR_TIMEOUT, ERR_STOPPED: the other end has closed.
int control_read(int fd, int64_t timeout_us, char **out, size_t *size);
void control_line_free(char *line);
void control_hang_up(int fd);

#endif

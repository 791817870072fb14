// virtual_private.h: what the files of the virtual network share.
//
//     virtual_network.c   time, packets, connections (pipes) and what a script does to them
//     virtual_http.c      requests over pipes, as net/http_client.h has them
//     virtual_ws.c        WebSockets over pipes, as net/ws_client.h has them
#ifndef MT_TESTING_VIRTUAL_PRIVATE_H
#define MT_TESTING_VIRTUAL_PRIVATE_H

#include "base/heap.h"
#include "base/rng.h"
#include "net/network.h"
#include "testing/virtual_network.h"

enum { PIPE_PLACE_MAX = 160 };

struct pipe;

// What the client's end of a pipe hears; `owner` is the client.
struct pipe_hooks {
    void (*connected)(void *owner);
    void (*bytes)(void *owner, const char *bytes, size_t size);
    void (*closed)(void *owner, const char *why);   // the last one; the pipe is gone
};

// A thing that is due: a packet that arrives, or an alarm (embedded in who set it).
enum due_kind {
    DUE_ALARM,
    DUE_CONNECT,
    DUE_CONNECTED,
    DUE_REQUEST_BYTES,
    DUE_ANSWER_BYTES,
    DUE_SERVER_END,
    DUE_CLIENT_END,
    DUE_PLAN
};
struct due {
    int32_t index;   // in the heap; -1: not due
    uint8_t kind;    // enum due_kind
    void (*alarm)(void *owner);
    void *owner;   // of an alarm; else the pipe
    size_t size;
    char bytes[];
};

// An alarm is a due without bytes.
struct alarm {
    int32_t index;
    uint8_t kind;
    void (*alarm)(void *owner);
    void *owner;
};

void virtual_alarm_set(struct virtual_network *v, struct alarm *a, void (*fn)(void *owner), void *owner,
                       int64_t after_us);
void virtual_alarm_stop(struct virtual_network *v, struct alarm *a);

int64_t virtual_now_us(const struct virtual_network *v);
void virtual_random(struct virtual_network *v, unsigned char *bytes, size_t size);
void virtual_count_request(struct virtual_network *v, bool answered);

// Begins to connect. The hooks are called from the world's wait, never from inside of these functions.
struct pipe *pipe_open(struct virtual_network *v, const char *place, const struct pipe_hooks *hooks,
                       void *owner);
void pipe_write(struct pipe *p, const char *bytes, size_t size);
void pipe_own(struct pipe *p, void *owner);
void pipe_close(struct pipe *p);   // by the client, after what was written; no hook is called any more

// Frees it when the world waits next: not from inside of its hooks.
void virtual_bury(struct virtual_network *v, void (*bury)(void *block), void *block);

// "http://host:port/path?query": "host:port" and "/path?query".
void virtual_address(const char *url, char host[256], const char **target);

struct network virtual_http_table(struct network n);   // n with the functions of requests
struct network virtual_ws_table(struct network n);     // n with those of WebSockets

#endif

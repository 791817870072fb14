// stream_late.h: messages of a stream's connection that a fault holds back; what follows waits behind them, as on one TCP
// connection. No sockets, no clock.
//
// Owner    the connection's subscriber; stream_late_free gives the memory back.
// Time     that of fault rules: a clock's skew does not move it.
#ifndef MT_SERVER_STREAM_LATE_H
#define MT_SERVER_STREAM_LATE_H

#include "net/conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct late_message {
    char *text;
    size_t size;
    int64_t due_us;
};

struct stream_late {
    struct late_message *items;
    int64_t first, count, size;   // of items: those before `first` are sent
};                                // all zero: nothing waits

bool stream_late_waits(const struct stream_late *q);
// A copy of the message goes out at due_us, and not before what waits already.
void stream_late_add(struct stream_late *q, const char *text, size_t size, int64_t due_us);
// Sends what is due.
void stream_late_send(struct stream_late *q, struct conn *c, int64_t now_us);
void stream_late_free(struct stream_late *q);

#endif

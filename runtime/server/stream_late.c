// stream_late.c: messages that a fault holds back, in their order.
#include "server/stream_late.h"

#include "base/alloc.h"
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

bool stream_late_waits(const struct stream_late *q) { return q->first < q->count; }

void stream_late_add(struct stream_late *q, const char *text, size_t size, int64_t due_us) {
    if (stream_late_waits(q) && q->items[q->count - 1].due_us > due_us)
        due_us = q->items[q->count - 1].due_us;
    ARRAY_ROOM(q->items, q->size, q->count + 1);
    struct late_message *m = &q->items[q->count++];
    *m = (struct late_message){ .text = alloc_bytes(size), .size = size, .due_us = due_us };
    memcpy(m->text, text, size);
}

void stream_late_send(struct stream_late *q, struct conn *c, int64_t now_us) {
    while (stream_late_waits(q) && q->items[q->first].due_us <= now_us) {
        struct late_message *m = &q->items[q->first++];
        conn_send(c, m->text, m->size);
        free(m->text);
    }
    if (!stream_late_waits(q)) q->first = q->count = 0;
}

void stream_late_free(struct stream_late *q) {
    while (stream_late_waits(q)) free(q->items[q->first++].text);
    free(q->items);
    *q = (struct stream_late){ .items = NULL };
}

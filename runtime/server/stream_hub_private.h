// stream_hub_private.h: what the files of the stream hub share: who has subscribed to what.
#ifndef MT_SERVER_STREAM_HUB_PRIVATE_H
#define MT_SERVER_STREAM_HUB_PRIVATE_H

#include "server/stream_names.h"
#include "server/stream_hub.h"
#include "server/stream_late.h"

#include <uthash.h>

enum { STREAMS_OF_ONE_MAX = 1024, EVENTS_MAX = 128, KEYS_OF_ONE_MAX = 8 };

struct hub_stream {
    char name[STREAM_NAME_MAX];
    struct stream_name is;
    int64_t next_us;
    int64_t last_id;     // depth: the last u; aggregates and trades: the last sent
    int64_t last_seen;   // something that changes as the content does
    struct subscriber **subs;
    int32_t count, size;
    UT_hash_handle hh;
};

struct user_key {
    char key[68];
    char events[EVENTS_MAX];
    bool alive;
};

struct subscriber {
    struct conn *conn;
    enum stream_route route;
    bool combined, closing;
    struct hub_stream **streams;
    int32_t count, size;
    struct user_key keys[KEYS_OF_ONE_MAX];
    int32_t key_count;
    int64_t opened_us, pinged_us, ponged_us, second_us;
    int32_t frames;            // in the second that began at second_us
    struct stream_late late;   // messages that a fault holds back
    struct subscriber *previous, *next;
};

struct stream_hub {
    struct stream_hub_options o;
    struct exchange *x;
    const struct symbol *symbols;
    int32_t symbol_count;
    struct faults *faults;
    struct hub_stream *all;   // uthash, by name
    struct subscriber *subs;
    char *text;   // a message, and the same wrapped
    size_t room, size;
    char *wrapped;
    size_t wrapped_room;
    int64_t messages;
    int64_t checked_us;
    struct book_diff *diff;
    struct level_record *sides[SIDE_COUNT];
};

void stream_hub_subscribe(struct stream_hub *s, struct subscriber *sub, const char *name, int64_t now_us);
void stream_hub_unsubscribe(struct stream_hub *s, struct subscriber *sub, const char *name);

#endif

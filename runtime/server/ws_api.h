// ws_api.h: the WebSocket API (wire contract, section 9): one JSON object a message in, one out.
#ifndef MT_SERVER_WS_API_H
#define MT_SERVER_WS_API_H

#include "server/handlers.h"

#include <stdbool.h>
#include <stdint.h>

struct ws_session {
    char key[API_KEY_SIZE + 1];   // logged on; "" otherwise
    int64_t authorized_us, connected_us;
    bool rate_limits;   // replies carry rateLimits
};

// A request read. It is ready to be served unless `answered`, when its answer is in `text` already.
struct ws_request {
    struct json_object *root, *id;
    bool rate_limits, answered, orders;
    char *text;   // malloc'ed
};

void ws_session_open(struct ws_session *s, const char *query, int64_t now_us);

// Reads a message; false: not JSON, the connection is to be closed.
bool ws_api_read(struct handlers *d, struct ws_session *s, const char *text, size_t size,
                 struct ws_request *q, struct client_request *v, int64_t now_us, int64_t wall_us);

// The reply of a request that was served, malloc'ed.
char *ws_api_reply(struct handlers *d, const struct ws_request *q, const struct answer *a, int64_t now_us);

void ws_request_free(struct ws_request *q);

#endif

// conn.h: one HTTP/1.1 or WebSocket connection of a server as a state machine: bytes in, requests and
// messages out, bytes to send collected. No socket, no clock: server.c moves the bytes, and a fuzzer can.
//
// Parsers  HTTP by http_parser, WebSocket frames by wslay. A head that two readers could read differently is refused (400) before
//          the parser, which is lenient, sees it (net/http_head.h).
// Owner    conn_free releases it. What a hook is handed holds for the call.
// Bounds   a head of CONN_HEAD_MAX, a body of CONN_BODY_MAX, a message of CONN_MESSAGE_MAX; beyond them the
//          connection is answered 431, 413 or 1009 and closed. One request at a time: while an answer is
//          owed, input waits.
#ifndef MT_NET_CONN_H
#define MT_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONN_HEAD_MAX = 16384, CONN_BODY_MAX = 65536, CONN_MESSAGE_MAX = 65536 };

enum http_verb { VERB_GET, VERB_POST, VERB_PUT, VERB_DELETE, VERB_HEAD, VERB_OTHER };

struct http_request {
    enum http_verb verb;
    const char *path;    // decoded of nothing, without the query, terminated
    const char *query;   // raw, without '?'; "" when there is none
    size_t query_size;
    const char *body;   // raw
    size_t body_size;
    const char *api_key;         // of the header conn_hooks.key_header, "" when not sent
    const char *token;           // of the header conn_hooks.token_header, "" when not sent
    const char *host, *origin;   // "" when not sent
    bool cross_site;             // a browser says that a page from elsewhere asks (Sec-Fetch-Site)
    bool gzip;                   // the client takes gzip
};

struct conn;

// Why a connection refuses what came without asking its hooks.
enum conn_refusal {
    CONN_HEAD_TOO_LONG,
    CONN_BODY_TOO_LONG,
    CONN_NOT_HTTP,
    CONN_NO_HANDSHAKE,   // of a WebSocket: no key, or a malformed one
    CONN_NO_STREAM       // the hook `upgrade` refused
};

struct conn_hooks {
    void *ctx;
    const char *key_header;   // the header whose value is a request's api_key; NULL: none
    const char *token_header;
    const char *(*refusal)(enum conn_refusal why);   // the body of such an answer; NULL: an empty one
    int64_t (*now_us)(void *ctx);   // what the Date header says; NULL: the time of conn_set_date
    // A whole request: conn_answer is due, now or later.
    void (*request)(void *ctx, struct conn *c, const struct http_request *r);
    // A WebSocket handshake at this path: 0 takes it, else the HTTP status that refuses it.
    int (*upgrade)(void *ctx, struct conn *c, const struct http_request *r);
    // The handshake is done: messages may be sent.
    void (*opened)(void *ctx, struct conn *c);
    void (*message)(void *ctx, struct conn *c, const char *text, size_t size);
    void (*frame)(void *ctx,
                  struct conn *c);   // any frame of the client, pings and pongs too; before `message`
    void (*pong)(void *ctx, struct conn *c, const char *payload, size_t size);
};

struct conn *conn_new(const struct conn_hooks *hooks);
void conn_free(struct conn *c);

// What a user of connections keeps with one; starts as NULL.
void *conn_data(const struct conn *c);
void conn_set_data(struct conn *c, void *data);

void conn_feed(struct conn *c, const char *bytes, size_t size);

// The words of a status, as "Bad Gateway".
const char *http_reason(int status);

// Answers the request that waits; a body that begins with <html goes as text/html. `head` is further header
// lines, each ended by \r\n ("" for none).
void conn_answer(struct conn *c, int status, const char *head, const char *body, size_t size);

// For faults. conn_answer_held keeps the last `held` bytes of the answer back until conn_release lets some
// go; the request counts as answered when none is left. conn_reset ends the connection by a TCP reset once
// the output not held is sent.
void conn_answer_held(struct conn *c, int status, const char *head, const char *body, size_t size,
                      size_t held);
size_t conn_release(struct conn *c, size_t size);   // bytes still held
void conn_reset(struct conn *c);
bool conn_resets(const struct conn *c);
bool conn_owes(const struct conn *c);   // an answer is due

// WebSocket. A message is text; closing sends a close frame, after which the connection ends.
bool conn_is_websocket(const struct conn *c);
void conn_send(struct conn *c, const char *text, size_t size);
void conn_ping(struct conn *c, const char *payload, size_t size);
void conn_close_websocket(struct conn *c, int code, const char *reason);

// Bytes to be sent. conn_sent says how many of them are gone.
const char *conn_output(const struct conn *c, size_t *size);
void conn_sent(struct conn *c, size_t size);

// The connection is to be closed once its output is sent.
bool conn_ended(const struct conn *c);
void conn_end(struct conn *c);

// Input that has begun a request or handshake and not finished it.
bool conn_unfinished(const struct conn *c);

// The value of the Date header, set by the server once a second for all connections.
void conn_set_date(const char *text);

#endif

// local_faults.c: what fault rules do to requests and answers: other ones, none, late, cut, in pieces.
#include "host/local_private.h"

#include "base/assert.h"
#include "venue/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOW_PIECES = 20 };

enum late_kind { LATE_ANSWER, LATE_MESSAGE, LATE_END, LATE_PIECE, LATE_REQUEST, LATE_WS_REQUEST };

// Something a fault keeps back.
struct late {
    struct conn *conn;             // NULL: of a request whose client is gone
    int64_t due_us, step_us;
    enum late_kind kind;
    int32_t status;
    char *head, *body;
    size_t size, piece;
    struct http_request request;   // its texts lie in body
    struct ws_session session;     // as it was when the request was sent
    struct late *next;
};

static bool is_request(const struct late *n) { return n->kind == LATE_REQUEST || n->kind == LATE_WS_REQUEST; }

static void late_add(struct local_exchange *l, const struct late *what) {
    struct late *n = malloc(sizeof *n);
    ASSERT(n != NULL);
    *n = *what;
    n->next = l->lates;
    l->lates = n;
}

static void late_free(struct late *n) {
    free(n->head);
    free(n->body);
    free(n);
}

// True: it is done with.
static bool late_run(struct local_exchange *l, struct late *n, int64_t now_us) {
    switch (n->kind) {
    case LATE_REQUEST: local_take_http(l, n->conn, &n->request, true); return true;
    case LATE_WS_REQUEST: local_take_ws(l, n->conn, &n->session, n->body, n->size, true); return true;
    case LATE_ANSWER: conn_answer(n->conn, n->status, n->head, n->body, n->size); return true;
    case LATE_MESSAGE: conn_send(n->conn, n->body, n->size); return true;
    case LATE_END: conn_end(n->conn); return true;
    default: break;
    }
    n->due_us = now_us + n->step_us;
    return conn_release(n->conn, n->piece) == 0;
}

void local_lates_run(struct local_exchange *l, int64_t now_us) {
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        if (n->due_us > now_us) {
            at = &n->next;
            continue;
        }
        *at = n->next;         // a freed connection's answer may bring another request, and another late one
        if (late_run(l, n, now_us)) {
            late_free(n);
        } else {
            n->next = l->lates;
            l->lates = n;
        }
        at = &l->lates;
    }
}

static char *copy_of(const char *text, size_t size) {
    char *copy = malloc(size + 1);
    ASSERT(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

// ---- requests ---------------------------------------------------------------------------------------------------

void local_keep_http(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct http_request *r) {
    struct late n = { .conn = c, .due_us = l->now_us + faults_delay_us(&l->o.faults, fate), .kind = LATE_REQUEST, .request = *r };
    size_t path = strlen(r->path) + 1, query = r->query_size + 1, body = r->body_size + 1, key = strlen(r->api_key) + 1;
    char *at = n.body = calloc(1, path + query + body + key);
    ASSERT(at != NULL);
    n.request.path = memcpy(at, r->path, path);
    n.request.query = memcpy(at + path, r->query, r->query_size);
    n.request.body = at + path + query;
    if (r->body_size > 0) memcpy(at + path + query, r->body, r->body_size);
    n.request.api_key = memcpy(at + path + query + body, r->api_key, key);
    late_add(l, &n);
}

void local_keep_ws(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct ws_session *session,
                   const char *text, size_t size) {
    struct late n = { .conn = c, .due_us = l->now_us + faults_delay_us(&l->o.faults, fate), .kind = LATE_WS_REQUEST,
                      .session = *session, .body = copy_of(text, size), .size = size };
    late_add(l, &n);
}

// ---- answers ----------------------------------------------------------------------------------------------------

static const char gateway_page[] = "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"
                                   "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

// The body the exchange gives with a status when the rule says nothing else (wire contract, section 3.4).
void local_error_answer(struct local_exchange *l, const struct fault_rule *fate, struct answer *a) {
    static const struct { int32_t status, code; const char *text; } usual[] = {
        { 408, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown." },
        { 418, -1003, "Way too many requests; IP banned. Please use the websocket for live updates to avoid bans." },
        { 429, -1003, "Too many requests; current limit is 2400 requests per minute. Please use the websocket for live updates to "
                      "avoid polling the API." },
        { 500, -1000, "An unknown error occured while processing the request." },
        { 503, -1000, "Unknown error, please check your request or try again later." },
    };
    const char *text = fate->message[0] ? fate->message : fate->code ? code_text(fate->code) : "";
    int32_t code = fate->code;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !*text; i++) {
        if (usual[i].status == fate->status) text = usual[i].text, code = usual[i].code;
    }
    desk_error(l->desk, fate->status, code, text, a, l->now_us);
    bool page = !*text && (fate->status == 403 || fate->status == 502 || fate->status == 504);
    if (page) {
        static char html[256];
        const char *title = fate->status == 403 ? "Forbidden" : fate->status == 502 ? "Bad Gateway" : "Gateway Time-out";
        a->size = (size_t)snprintf(html, sizeof html, gateway_page, fate->status, title, fate->status, title);
        a->body = html;
    }
    if (fate->retry_after_s > 0) {
        static char head[128];
        snprintf(head, sizeof head, "%sRetry-After: %d\r\n", a->head, fate->retry_after_s);
        a->head = head;
    }
}

static void end_after(struct local_exchange *l, struct conn *c, const struct fault_rule *fate) {
    struct late end = { .conn = c, .due_us = l->now_us + faults_delay_us(&l->o.faults, fate), .kind = LATE_END };
    if (end.due_us == l->now_us) conn_end(c); else late_add(l, &end);
}

void local_answer_http(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct answer *a) {
    struct late n = { .conn = c, .status = a->status };
    switch (fate ? fate->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION: conn_reset(c); return;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: end_after(l, c, fate); return;
    case FAULT_DELAY:
        n.kind = LATE_ANSWER;
        n.due_us = l->now_us + faults_delay_us(&l->o.faults, fate);
        n.head = copy_of(a->head, strlen(a->head));
        n.body = copy_of(a->body, a->size);
        n.size = a->size;
        late_add(l, &n);
        return;
    case FAULT_RESET:
        conn_answer_held(c, a->status, a->head, a->body, a->size, a->size / 2 + 1);
        conn_reset(c);
        return;
    case FAULT_SLOW_BODY:
        conn_answer_held(c, a->status, a->head, a->body, a->size, a->size);
        n.kind = LATE_PIECE;
        n.step_us = faults_delay_us(&l->o.faults, fate) / SLOW_PIECES + 1;
        n.due_us = l->now_us + n.step_us;
        n.piece = a->size / SLOW_PIECES + 1;
        late_add(l, &n);
        return;
    case FAULT_MALFORMED: conn_answer(c, a->status, a->head, a->body, a->size / 2); return;
    case FAULT_WRONG_BODY: conn_answer(c, a->status, a->head, fate->message, strlen(fate->message)); return;
    default: conn_answer(c, a->status, a->head, a->body, a->size);
    }
}

void local_answer_ws(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const char *text) {
    struct late n = { .conn = c, .kind = LATE_MESSAGE };
    switch (fate ? fate->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION:
    case FAULT_RESET: conn_reset(c); break;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: break;
    case FAULT_SLOW_BODY:
    case FAULT_DELAY:
        n.due_us = l->now_us + faults_delay_us(&l->o.faults, fate);
        n.size = strlen(text);
        n.body = copy_of(text, n.size);
        late_add(l, &n);
        break;
    case FAULT_MALFORMED: conn_send(c, text, strlen(text) / 2); break;
    case FAULT_WRONG_BODY: conn_send(c, fate->message, strlen(fate->message)); break;
    default: conn_send(c, text, strlen(text));
    }
}

void local_lates_drop(struct local_exchange *l, const struct conn *c) {
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        bool arrives = c && n->conn == c && is_request(n);   // it is on its way, whether or not somebody waits for its answer
        if (arrives) n->conn = NULL;
        if (arrives || (c && n->conn != c)) {
            at = &n->next;
            continue;
        }
        *at = n->next;
        late_free(n);
    }
}

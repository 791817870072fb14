// fault_injection.c: what fault rules do to requests and answers: other ones, none, late, cut, in pieces.
#include "base/alloc.h"
#include "server/exchange_server_private.h"

#include "venue/binance/error_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOW_PIECES = 20, BAN_S = 120 };   // a first ban: two minutes

enum late_kind { LATE_ANSWER, LATE_MESSAGE, LATE_END, LATE_PIECE, LATE_REQUEST, LATE_WS_REQUEST };

// Something a fault keeps back.
struct late {
    struct conn *conn;   // NULL: of a request whose client is gone
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

static void late_add(struct exchange_server *l, const struct late *what) {
    struct late *n = alloc_bytes(sizeof *n);
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
static bool late_run(struct exchange_server *l, struct late *n, int64_t now_us) {
    switch (n->kind) {
    case LATE_REQUEST: exchange_server_take_http(l, n->conn, &n->request, true); return true;
    case LATE_WS_REQUEST:
        exchange_server_take_ws(l, n->conn, &n->session, n->body, n->size, true);
        return true;
    case LATE_ANSWER: conn_answer(n->conn, n->status, n->head, n->body, n->size); return true;
    case LATE_MESSAGE: conn_send(n->conn, n->body, n->size); return true;
    case LATE_END: conn_end(n->conn); return true;
    default: break;
    }
    n->due_us = now_us + n->step_us;
    return conn_release(n->conn, n->piece) == 0;
}

void exchange_server_lates_run(struct exchange_server *l, int64_t now_us) {
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        if (n->due_us > now_us) {
            at = &n->next;
            continue;
        }
        *at = n->next;   // a freed connection's answer may bring another request, and another late one
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
    char *copy = alloc_bytes(size + 1);
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

// ---- requests ----

void exchange_server_keep_http(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                               const struct http_request *r) {
    struct late n = { .conn = c,
                      .due_us = l->true_us + faults_delay_us(&l->o.faults, fault),
                      .kind = LATE_REQUEST,
                      .request = *r };
    size_t path = strlen(r->path) + 1, query = r->query_size + 1, body = r->body_size + 1,
           key = strlen(r->api_key) + 1;
    char *at = n.body = alloc_zeroed(1, path + query + body + key);
    n.request.path = memcpy(at, r->path, path);
    n.request.query = memcpy(at + path, r->query, r->query_size);
    n.request.body = at + path + query;
    if (r->body_size > 0) memcpy(at + path + query, r->body, r->body_size);
    n.request.api_key = memcpy(at + path + query + body, r->api_key, key);
    late_add(l, &n);
}

void exchange_server_keep_ws(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                             const struct ws_session *session, const char *text, size_t size) {
    struct late n = { .conn = c,
                      .due_us = l->true_us + faults_delay_us(&l->o.faults, fault),
                      .kind = LATE_WS_REQUEST,
                      .session = *session,
                      .body = copy_of(text, size),
                      .size = size };
    late_add(l, &n);
}

// ---- answers ----

static const char gateway_page[] =
    "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

// The text of a code, its holes filled: with the limits in force, else with a name or a number.
static const char *text_of_code(const struct exchange_server *l, int32_t code, char *out, size_t size) {
    char weight[16], orders[16];
    snprintf(weight, sizeof weight, "%d", l->o.exchange.weight_1m);
    snprintf(orders, sizeof orders, "%d", l->o.exchange.orders_10s);
    const char *value = code == -1003                   ? weight
                        : code == -1015                 ? orders
                        : code <= -1100 && code > -1200 ? "symbol"
                                                        : "0";
    error_code_message(code, value, code == -1015 ? "10 SECOND" : value, out, size);
    return out;
}

// The code that comes with a status when the rule says nothing else (wire contract, section 3.4); 0: a page
// from the edge.
static int32_t usual_code(int32_t status) {
    switch (status) {
    case 401: return -2015;
    case 408: return -1007;
    case 418:
    case 429: return -1003;
    case 400:
    case 500:
    case 503: return -1000;
    default: return 0;
    }
}

static const char *usual_text(const struct exchange_server *l, const struct fault_rule *fault, int32_t code,
                              char *out, size_t size) {
    if (fault->status == 503) return "Unknown error, please check your request or try again later.";
    if (fault->status != 418) return text_of_code(l, code, out, size);
    int64_t until =
        l->now_us / 1000 + (fault->retry_after_s > 0 ? fault->retry_after_s : BAN_S) * INT64_C(1000);
    snprintf(out, size,
             "Way too many requests; IP banned until %lld. Please use the websocket for live updates to "
             "avoid bans.",
             (long long)until);
    return out;
}

void exchange_server_error_answer(struct exchange_server *l, const struct fault_rule *fault,
                                  struct answer *a) {
    char made[256];
    bool usual = !fault->code && !fault->message[0];
    int32_t code = usual ? usual_code(fault->status) : fault->code;
    bool page = usual && !code && !l->request.over_websocket;
    if (usual && !code) code = -1000;
    const char *text = fault->message[0] ? fault->message
                       : usual           ? usual_text(l, fault, code, made, sizeof made)
                                         : text_of_code(l, code, made, sizeof made);
    handlers_error(l->handlers, fault->status, code, text, a, l->now_us);
    if (page) {
        static char html[256];
        const char *title = http_reason(fault->status);
        a->size =
            (size_t)snprintf(html, sizeof html, gateway_page, fault->status, title, fault->status, title);
        a->body = html;
    }
    if (fault->retry_after_s > 0) {
        static char head[128];
        snprintf(head, sizeof head, "%sRetry-After: %d\r\n", a->head, fault->retry_after_s);
        a->head = head;
    }
}

static void end_after(struct exchange_server *l, struct conn *c, const struct fault_rule *fault) {
    struct late end = { .conn = c,
                        .due_us = l->true_us + faults_delay_us(&l->o.faults, fault),
                        .kind = LATE_END };
    if (end.due_us == l->true_us)
        conn_end(c);
    else
        late_add(l, &end);
}

void exchange_server_answer_http(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                                 const struct answer *a) {
    struct late n = { .conn = c, .status = a->status };
    switch (fault ? fault->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION: conn_reset(c); return;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: end_after(l, c, fault); return;
    case FAULT_DELAY:
        n.kind = LATE_ANSWER;
        n.due_us = l->true_us + faults_delay_us(&l->o.faults, fault);
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
        n.step_us = faults_delay_us(&l->o.faults, fault) / SLOW_PIECES + 1;
        n.due_us = l->true_us + n.step_us;
        n.piece = a->size / SLOW_PIECES + 1;
        late_add(l, &n);
        return;
    case FAULT_MALFORMED: conn_answer(c, a->status, a->head, a->body, a->size / 2); return;
    case FAULT_WRONG_BODY: conn_answer(c, a->status, a->head, fault->message, strlen(fault->message)); return;
    default: conn_answer(c, a->status, a->head, a->body, a->size);
    }
}

void exchange_server_answer_ws(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                               const char *text) {
    struct late n = { .conn = c, .kind = LATE_MESSAGE };
    switch (fault ? fault->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION:
    case FAULT_RESET: conn_reset(c); break;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: break;
    case FAULT_SLOW_BODY:
    case FAULT_DELAY:
        n.due_us = l->true_us + faults_delay_us(&l->o.faults, fault);
        n.size = strlen(text);
        n.body = copy_of(text, n.size);
        late_add(l, &n);
        break;
    case FAULT_MALFORMED: conn_send(c, text, strlen(text) / 2); break;
    case FAULT_WRONG_BODY: conn_send(c, fault->message, strlen(fault->message)); break;
    default: conn_send(c, text, strlen(text));
    }
}

void exchange_server_lates_drop(struct exchange_server *l, const struct conn *c) {
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        bool arrives = c && n->conn == c &&
                       is_request(n);   // it is on its way, whether or not somebody waits for its answer
        if (arrives) n->conn = NULL;
        if (arrives || (c && n->conn != c)) {
            at = &n->next;
            continue;
        }
        *at = n->next;
        late_free(n);
    }
}

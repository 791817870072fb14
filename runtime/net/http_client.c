// http_client.c: HTTP requests by libcurl's multi interface.
#include "net/http_client.h"

#include "base/assert.h"
#include "net/curl_loop.h"
#include "net/proxy.h"
#include "net/retry_after.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { BODY_MAX = 16 << 20 };

struct http_transfer {
    CURL *easy;
    struct http_client *client;
    struct http_transfer *previous, *next;   // under way, or free
    void *user;
    CURLU *address;   // parsed from `url`: what libcurl connects to
    char *url;        // a whole address, or one's origin
    struct curl_slist *headers;
    char *body;   // being sent
    size_t body_size, body_room;
    bool sending;   // it has been begun
    char *answer;   // being received
    size_t answer_size, answer_room;
    struct http_answer told;
    struct retry_after retry;
    char problem[CURL_ERROR_SIZE];
};

struct http_client {
    struct curl_loop *curl;
    CURLM *multi;
    struct http_client_options o;
    char *proxy, *ca_file;
    bool proxied;   // there is a proxy that some addresses are reached by
    http_done done;
    void *ctx;
    struct http_transfer *busy, *free;
    bool closing, gone;
};

// ---- bytes ----

// Whether any byte of the request may have left: libcurl counts what it wrote, over its own repeats too.
static bool may_have_left(const struct http_transfer *t) {
    long written = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &written);
    return written > 0;
}

// Asked whenever libcurl is about to send the request: a second time when a kept connection died before an
// answer began.
static int may_begin(void *data, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    struct http_transfer *t = data;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (t->sending && may_have_left(t)) {
        snprintf(t->problem, sizeof t->problem, "the connection was cut before an answer came");
        return CURL_PREREQFUNC_ABORT;
    }
    t->sending = true;
    return CURL_PREREQFUNC_OK;
}

static size_t take_body(char *from, size_t size, size_t count, void *data) {
    struct http_transfer *t = data;
    size_t length = size * count;
    if (t->answer_size + length > BODY_MAX) return 0;
    if (t->answer_size + length + 1 > t->answer_room) {
        size_t room = (t->answer_size + length + 1) * 2;
        char *larger = realloc(t->answer, room);
        if (!larger) return 0;
        t->answer = larger;
        t->answer_room = room;
    }
    memcpy(t->answer + t->answer_size, from, length);
    t->answer_size += length;
    t->answer[t->answer_size] = 0;
    return length;
}

static bool header_is(const char *line, size_t size, const char *name) {
    size_t length = strlen(name);
    return size > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

static size_t take_header(char *line, size_t size, size_t count, void *data) {
    struct http_transfer *t = data;
    struct http_answer *a = &t->told;
    size_t length = size * count;
    const struct http_used_headers *used = &t->client->o.used;
    const char *const names[] = { used->weight_1m, used->orders_10s, used->orders_1m };
    int32_t *places[] = { &a->used_weight_1m, &a->order_count_10s, &a->order_count_1m };
    const char *colon = memchr(line, ':', length);
    if (colon) {
        size_t name_size = (size_t)(colon - line);
        retry_after_take(&t->retry, line, name_size, colon + 1, length - name_size - 1);
    }
    for (int i = 0; i < 3; i++) {
        if (!names[i] || !header_is(line, length, names[i])) continue;
        char value[16];
        size_t at = strlen(names[i]) + 1;
        while (at < length && line[at] == ' ') at++;
        size_t rest = length - at < sizeof value - 1 ? length - at : sizeof value - 1;
        memcpy(value, line + at, rest);
        value[rest] = 0;
        *places[i] = (int32_t)strtol(value, NULL, 10);
    }
    return length;
}

// ---- transfers ----

static void list_remove(struct http_transfer **list, struct http_transfer *t) {
    if (t->previous)
        t->previous->next = t->next;
    else
        *list = t->next;
    if (t->next) t->next->previous = t->previous;
    t->previous = t->next = NULL;
}

static void list_add(struct http_transfer **list, struct http_transfer *t) {
    t->previous = NULL;
    t->next = *list;
    if (*list) (*list)->previous = t;
    *list = t;
}

static void give_back(struct http_client *h, struct http_transfer *t) {
    curl_multi_remove_handle(h->multi, t->easy);
    list_remove(&h->busy, t);
    list_add(&h->free, t);
}

static void finish(struct http_client *h, struct http_transfer *t, CURLcode code) {
    struct http_answer *a = &t->told;
    long status = 0;
    curl_off_t total = 0, before = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &total);
    curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
    a->fate = code == CURLE_OK ? HTTP_ANSWERED : may_have_left(t) ? HTTP_LOST : HTTP_UNSENT;
    a->status = (int32_t)status;
    a->body = t->answer ? t->answer : "";
    a->size = t->answer_size;
    a->took_us = total - before;
    a->retry_after_s = retry_after_seconds(&t->retry, (int64_t)time(NULL));
    a->problem = code == CURLE_OK ? "" : curl_loop_problem(t->easy, code, t->problem);
    struct http_answer told = *a;
    void *user = t->user;
    give_back(h, t);
    h->done(h->ctx, user,
            &told);   // may send again, and gets another transfer while the answer's bytes still stand
}

static void finish_all(void *ctx) {
    struct http_client *h = ctx;
    CURLMsg *message;
    int left;
    while (!h->closing && (message = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        struct http_transfer *t;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(h, t, code);
    }
}

static struct http_transfer *transfer_new(struct http_client *h) {
    struct http_transfer *t = calloc(1, sizeof *t);
    struct connection_options o = { .proxy = h->proxy,
                                    .ca_file = h->ca_file,
                                    .connect_timeout_ms = h->o.connect_timeout_ms };
    if (!t || !(t->easy = curl_loop_easy(h->curl, &o, t->problem))) {
        free(t);
        return NULL;
    }
    if (!(t->address = curl_url())) {
        curl_easy_cleanup(t->easy);
        free(t);
        return NULL;
    }
    t->client = h;
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_CURLU, t->address);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, may_begin);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)h->o.timeout_ms);
    curl_easy_setopt(t->easy, CURLOPT_VERBOSE, h->o.verbose ? 1L : 0L);
    return t;
}

static void set_method(struct http_transfer *t, const struct http_call *call) {
    bool post = strcmp(call->method, "POST") == 0, put = strcmp(call->method, "PUT") == 0;
    curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    if (post || put) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_size);
    }
    bool own_word = !post && strcmp(call->method, "GET") != 0;
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, own_word ? call->method : NULL);
}

static bool set_url(struct http_transfer *t, const char *url, size_t size) {
    if (t->url && strncmp(t->url, url, size) == 0 && t->url[size] == 0) return true;
    free(t->url);
    t->url = strndup(url, size);
    if (t->url && curl_url_set(t->address, CURLUPART_URL, t->url, 0) == CURLUE_OK) return true;
    free(t->url);
    t->url = NULL;
    return false;
}

// libcurl takes an address apart and puts it together again byte by byte, a signed query's several times: a
// third of all it does for such a request. So it is given the origin, which stays, and the rest as it is to
// stand in the request. Only a proxy that passes requests on, as those of plain HTTP do, has to be told the
// whole.
static bool set_address(struct http_transfer *t, const char *url) {
    const char *host = strstr(url, "://"),
               *target = host && !t->client->proxied ? strchr(host + 3, '/') : NULL;
    curl_easy_setopt(t->easy, CURLOPT_REQUEST_TARGET, target);
    return set_url(t, url, target ? (size_t)(target - url) : strlen(url));
}

// libcurl keeps the list it is given by reference: one is built anew only when the lines differ from the last
// request's. (It waits for a 100 Continue only with bodies of a megabyte.)
static void set_headers(struct http_transfer *t, const struct http_call *call) {
    const struct curl_slist *h = t->headers;
    int count = 0, same = 0;
    while (count < HTTP_HEADERS_MAX && call->headers[count]) count++;
    for (; h && same < count && strcmp(h->data, call->headers[same]) == 0; h = h->next) same++;
    if (!h && same == count) return;
    curl_slist_free_all(t->headers);
    t->headers = NULL;
    for (int i = 0; i < count; i++) t->headers = curl_slist_append(t->headers, call->headers[i]);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static bool keep_body(struct http_transfer *t, const struct http_call *call) {
    t->body_size = call->body ? call->body_size : 0;
    if (t->body_size + 1 > t->body_room) {
        char *larger = realloc(t->body, (t->body_size + 1) * 2);
        if (!larger) return false;
        t->body = larger;
        t->body_room = (t->body_size + 1) * 2;
    }
    if (t->body_size) memcpy(t->body, call->body, t->body_size);
    t->body[t->body_size] = 0;
    return true;
}

struct http_transfer *http_send(struct http_client *h, const struct http_call *call, void *user) {
    struct http_transfer *t = h->free;
    if (t)
        list_remove(&h->free, t);
    else
        t = transfer_new(h);
    if (!t) return NULL;
    t->user = user;
    t->told = (struct http_answer){ .used_weight_1m = -1, .order_count_10s = -1, .order_count_1m = -1 };
    t->retry = (struct retry_after){ 0 };
    t->answer_size = 0;
    t->sending = false;
    t->problem[0] = 0;
    list_add(&h->busy, t);
    bool kept = keep_body(t, call) && set_address(t, call->url);
    if (kept) {
        set_headers(t, call);
        set_method(t, call);
        curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, call->long_answer ? "gzip" : NULL);
    }
    if (kept && curl_multi_add_handle(h->multi, t->easy) == CURLM_OK) return t;
    give_back(h, t);
    return NULL;
}

void http_cancel(struct http_client *h, struct http_transfer *t) { give_back(h, t); }

// ---- life ----

int http_client_new(uv_loop_t *loop, const struct http_client_options *o, http_done done, void *ctx,
                    struct http_client **out, struct errmsg *e) {
    struct http_client *h = calloc(1, sizeof *h);
    if (!h) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an HTTP client");
    int err = curl_loop_new(loop, finish_all, h, &h->curl, e);
    if (err) {
        free(h);
        return err;
    }
    h->multi = curl_loop_multi(h->curl);
    h->o = *o;
    h->proxy = o->proxy ? strdup(o->proxy) : NULL;
    h->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    h->proxied = proxy_possible(o->proxy);
    h->done = done;
    h->ctx = ctx;
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 64L);
    *out = h;
    return ERR_OK;
}

static void gone(void *ctx) { ((struct http_client *)ctx)->gone = true; }

void http_client_close(struct http_client *h) {
    if (h->closing) return;
    while (h->busy) give_back(h, h->busy);
    h->closing = true;
    while (h->free) {
        struct http_transfer *t = h->free;
        h->free = t->next;
        curl_easy_cleanup(t->easy);
        curl_url_cleanup(t->address);
        free(t->url);
        curl_slist_free_all(t->headers);
        free(t->body);
        free(t->answer);
        free(t);
    }
    curl_loop_close(h->curl, gone, h);
}

void http_client_free(struct http_client *h) {
    if (!h) return;
    ASSERT(h->closing && h->gone);
    free(h->proxy);
    free(h->ca_file);
    free(h);
}

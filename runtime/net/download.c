// download.c: files fetched over HTTP by libcurl's multi interface.
#include "net/download.h"

#include "base/assert.h"
#include "net/curl_loop.h"
#include "net/retry_after.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BODY_MAX = 16 << 20, REFUSAL_MAX = 4096, REDIRECTS_MAX = 3 };

struct transfer {
    CURL *easy;
    struct downloads *owner;
    struct transfer *next, *previous;   // under way, or ended
    int64_t number;
    int fd;         // -1: into memory
    int64_t had;    // bytes that stood in the file
    int64_t from;   // where what is sent begins, as Content-Range says; -1: not said
    bool placed;    // the file has been made ready for what comes
    struct curl_slist *headers;
    char *body;
    size_t size, room;
    struct retry_after retry;
    int64_t received;
    CURLcode code;
    char problem[CURL_ERROR_SIZE];
};

struct downloads {
    uv_loop_t loop;
    uv_timer_t timer;
    struct curl_loop *curl;
    char *proxy, *ca_file;
    struct connection_options connection;
    int64_t stall_s;
    struct transfer *busy, *ended, *told;   // told: its body is borrowed
    int64_t received;
    bool gone;
};

static void unlink_transfer(struct transfer **list, struct transfer *t) {
    if (t->previous)
        t->previous->next = t->next;
    else
        *list = t->next;
    if (t->next) t->next->previous = t->previous;
    t->next = t->previous = NULL;
}

static void link_transfer(struct transfer **list, struct transfer *t) {
    t->previous = NULL;
    t->next = *list;
    if (*list) (*list)->previous = t;
    *list = t;
}

static void transfer_free(struct transfer *t) {
    if (!t) return;
    if (t->easy) curl_easy_cleanup(t->easy);
    if (t->fd >= 0) close(t->fd);
    curl_slist_free_all(t->headers);
    free(t->body);
    free(t);
}

// ---- bytes ----

static size_t keep_in_memory(struct transfer *t, const char *bytes, size_t size, size_t most) {
    if (t->size + size > most) {
        if (most == BODY_MAX) return 0;
        return size;   // of a refusal the beginning is enough
    }
    if (t->size + size + 1 > t->room) {
        size_t room = (t->size + size + 1) * 2;
        char *larger = realloc(t->body, room);
        if (!larger) return 0;
        t->body = larger;
        t->room = room;
    }
    memcpy(t->body + t->size, bytes, size);
    t->size += size;
    t->body[t->size] = '\0';
    return size;
}

// A part goes behind what is there only where it says that it begins there; a whole file takes its place.
static bool place(struct transfer *t, long status) {
    if (t->placed) return true;
    if (status == 206 && t->from != t->had) {
        snprintf(t->problem, sizeof t->problem, "another part of the file was sent than was asked for");
        return false;
    }
    if (status == 200 && ftruncate(t->fd, 0) != 0) return false;
    if (lseek(t->fd, status == 200 ? 0 : (off_t)t->had, SEEK_SET) < 0) return false;
    t->placed = true;
    return true;
}

static size_t take_body(char *from, size_t size, size_t count, void *data) {
    struct transfer *t = data;
    size_t left = size * count;
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->fd < 0 || (status != 200 && status != 206))
        return keep_in_memory(t, from, left, status == 200 ? BODY_MAX : REFUSAL_MAX);
    if (!place(t, status)) return 0;
    while (left > 0) {
        ssize_t written = write(t->fd, from, left);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            snprintf(t->problem, sizeof t->problem, "cannot be written: %s", strerror(errno));
            return 0;
        }
        from += written;
        left -= (size_t)written;
    }
    t->received += (int64_t)(size * count);
    t->owner->received += (int64_t)(size * count);
    return size * count;
}

static size_t take_header(char *line, size_t size, size_t count, void *data) {
    struct transfer *t = data;
    size_t length = size * count;
    const char *colon = memchr(line, ':', length);
    if (!colon) return length;
    size_t name = (size_t)(colon - line);
    retry_after_take(&t->retry, line, name, colon + 1, length - name - 1);
    if (name == strlen("Content-Range") && strncasecmp(line, "Content-Range", name) == 0) {
        char text[64];
        long long from;
        size_t rest = length - name - 1 < sizeof text - 1 ? length - name - 1 : sizeof text - 1;
        memcpy(text, colon + 1, rest);
        text[rest] = '\0';
        t->from = sscanf(text, " bytes %lld-", &from) == 1 ? from : -1;
    }
    return length;
}

// ---- starting ----

static int open_file(struct transfer *t, const struct download_call *call, struct errmsg *e) {
    struct stat st;
    t->fd = open(call->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (t->fd < 0 || fstat(t->fd, &st) != 0)
        return errmsg_set(e, ERR_IO, "%s: cannot be written: %s", call->path, strerror(errno));
    t->had = call->etag ? (int64_t)st.st_size : 0;
    return 0;
}

static void settings(struct transfer *t, const struct download_call *call) {
    CURL *easy = t->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     strncmp(call->url, "https:", 6) == 0 ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)t->owner->stall_s);
    if (t->fd < 0) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (t->had > 0) {
        char line[160];
        snprintf(line, sizeof line, "Range: bytes=%lld-", (long long)t->had);
        t->headers = curl_slist_append(t->headers, line);
        snprintf(line, sizeof line, "If-Range: %s", call->etag);
        t->headers = curl_slist_append(t->headers, line);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    }
}

int downloads_start(struct downloads *d, const struct download_call *call, struct errmsg *e) {
    struct transfer *t = calloc(1, sizeof *t);
    int err = ERR_NO_MEMORY;
    if (!t) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a download");
    t->fd = -1;
    t->from = -1;
    t->owner = d;
    t->number = call->number;
    if (call->path) err = open_file(t, call, e);
    if (call->path && err) {
        transfer_free(t);
        return err;
    }
    t->easy = curl_loop_easy(d->curl, &d->connection, t->problem);
    if (t->easy) settings(t, call);
    if (!t->easy || curl_multi_add_handle(curl_loop_multi(d->curl), t->easy) != CURLM_OK) {
        transfer_free(t);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a download");
    }
    link_transfer(&d->busy, t);
    return 0;
}

// ---- ending ----

static void collect(void *ctx) {
    struct downloads *d = ctx;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(curl_loop_multi(d->curl), &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        struct transfer *t;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        t->code = code;
        unlink_transfer(&d->busy, t);
        curl_multi_remove_handle(curl_loop_multi(d->curl), t->easy);
        link_transfer(&d->ended, t);
        uv_stop(&d->loop);
    }
}

static void tell(struct transfer *t, struct download_end *out) {
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = status == 200 || status == 206;
    memset(out, 0, sizeof *out);
    // A file of no bytes is begun by nothing that comes.
    if (t->code == CURLE_OK && good && t->fd >= 0 && !place(t, status)) t->code = CURLE_WRITE_ERROR;
    out->number = t->number;
    out->status = (int32_t)status;
    out->retry_after_s = retry_after_seconds(&t->retry, (int64_t)time(NULL));
    out->whole = t->code == CURLE_OK && good;
    out->received = t->received;
    out->body = t->body ? t->body : "";
    out->size = t->size;
    if (t->code != CURLE_OK)
        snprintf(out->problem, sizeof out->problem, "%.255s",
                 curl_loop_problem(t->easy, t->code, t->problem));
    else if (!good)
        snprintf(out->problem, sizeof out->problem, "answered %ld", status);
}

static void on_timer(uv_timer_t *t) { uv_stop(t->loop); }

bool downloads_wait(struct downloads *d, int64_t timeout_us, struct download_end *out) {
    ASSERT(timeout_us >= 0);
    transfer_free(d->told);
    d->told = NULL;
    if (!d->ended) {
        uv_update_time(&d->loop);
        uv_timer_start(&d->timer, on_timer, (uint64_t)(timeout_us + 999) / 1000, 0);
        uv_run(&d->loop, UV_RUN_DEFAULT);
        uv_timer_stop(&d->timer);
    }
    if (!d->ended) return false;
    struct transfer *first = d->ended;
    while (first->next) first = first->next;   // in the order in which they ended
    unlink_transfer(&d->ended, first);
    d->told = first;
    tell(first, out);
    return true;
}

int64_t downloads_received(const struct downloads *d) { return d->received; }

// ---- life ----

int downloads_new(const struct downloads_options *o, struct downloads **out, struct errmsg *e) {
    struct downloads *d = calloc(1, sizeof *d);
    if (!d) return errmsg_set(e, ERR_NO_MEMORY, "no memory for downloads");
    uv_loop_init(&d->loop);
    uv_timer_init(&d->loop, &d->timer);
    d->proxy = o->proxy ? strdup(o->proxy) : NULL;
    d->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    d->connection = (struct connection_options){ d->proxy, d->ca_file, o->connect_timeout_ms };
    d->stall_s = o->stall_s;
    int err = curl_loop_new(&d->loop, collect, d, &d->curl, e);
    if (err) {
        downloads_free(d);
        return err;
    }
    *out = d;
    return ERR_OK;
}

static void on_gone(void *ctx) { ((struct downloads *)ctx)->gone = true; }

void downloads_free(struct downloads *d) {
    if (!d) return;
    while (d->busy) {
        struct transfer *t = d->busy;
        unlink_transfer(&d->busy, t);
        curl_multi_remove_handle(curl_loop_multi(d->curl), t->easy);
        transfer_free(t);
    }
    while (d->ended) {
        struct transfer *t = d->ended;
        unlink_transfer(&d->ended, t);
        transfer_free(t);
    }
    transfer_free(d->told);
    if (d->curl) curl_loop_close(d->curl, on_gone, d);
    uv_close((uv_handle_t *)&d->timer, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    ASSERT(!d->curl || d->gone);
    uv_loop_close(&d->loop);
    free(d->proxy);
    free(d->ca_file);
    free(d);
}

#include "net/ws_client.h"

#include "base/assert.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

enum { READ_SIZE = 65536, HEAD_MAX = 8192, MESSAGE_MAX = 16 << 20 };

enum stage { STAGE_RESOLVING, STAGE_CONNECTING, STAGE_TLS, STAGE_HANDSHAKE, STAGE_OPEN, STAGE_ENDED };

struct ws_client {
    uv_loop_t *loop;
    struct ws_hooks hooks;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct addrinfo *addresses, *next_address;
    enum stage stage;
    bool tls, tcp_made, resolving, closing, pinged;
    int handles;
    char *host, *port, *path, *ca_file;
    int64_t silence_ms;
    SSL_CTX *context;
    SSL *ssl;
    BIO *from_net, *to_net;
    wslay_event_context_ptr ws;
    char key[32], head[HEAD_MAX + 1];
    size_t head_size;
    const char *in;
    size_t in_size;
    char buffer[READ_SIZE];
};

static void end(struct ws_client *w, const char *why) {
    if (w->stage == STAGE_ENDED) return;
    w->stage = STAGE_ENDED;
    if (!w->closing) w->hooks.closed(w->hooks.ctx, w, why);
}

// ---- writing ----------------------------------------------------------------------------------------------------

struct write { uv_write_t req; char bytes[]; };

static void written(uv_write_t *req, int status) {
    struct ws_client *w = req->handle->data;
    free(req->data);
    if (status < 0 && status != UV_ECANCELED) end(w, uv_strerror(status));
}

static void put_bytes(struct ws_client *w, const char *bytes, size_t size) {
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);
    int sent = uv_try_write((uv_stream_t *)&w->tcp, &buf, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        end(w, uv_strerror(sent));
        return;
    }
    if (sent > 0) {
        bytes += sent;
        size -= (size_t)sent;
    }
    if (size == 0) return;
    struct write *p = malloc(sizeof *p + size);
    if (!p) return;
    memcpy(p->bytes, bytes, size);
    p->req.data = p;
    buf = uv_buf_init(p->bytes, (unsigned)size);
    if (uv_write(&p->req, (uv_stream_t *)&w->tcp, &buf, 1, written) != 0) free(p);
}

static void drain_tls(struct ws_client *w) {
    char buf[16384];
    int size;
    while ((size = BIO_read(w->to_net, buf, sizeof buf)) > 0) put_bytes(w, buf, (size_t)size);
}

static void put_plain(struct ws_client *w, const char *bytes, size_t size) {
    if (!w->tls) {
        put_bytes(w, bytes, size);
        return;
    }
    size_t done;
    SSL_write_ex(w->ssl, bytes, size, &done);
    drain_tls(w);
}

// ---- frames -----------------------------------------------------------------------------------------------------

static ssize_t frame_read(wslay_event_context_ptr ws, uint8_t *buf, size_t room, int flags, void *data) {
    (void)flags;
    struct ws_client *w = data;
    if (w->in_size == 0) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t size = w->in_size < room ? w->in_size : room;
    memcpy(buf, w->in, size);
    w->in += size;
    w->in_size -= size;
    return (ssize_t)size;
}

static ssize_t frame_write(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags, void *data) {
    (void)ws;
    (void)flags;
    put_plain(data, (const char *)bytes, size);
    return (ssize_t)size;
}

static int frame_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t size, void *data) {
    (void)ws;
    (void)data;
    return RAND_bytes(buf, (int)size) == 1 ? 0 : -1;
}

static void frame_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *data) {
    (void)ws;
    struct ws_client *w = data;
    if (m->opcode == WSLAY_TEXT_FRAME && w->stage == STAGE_OPEN) w->hooks.message(w->hooks.ctx, w, (const char *)m->msg, m->msg_length);
}

static void feed_frames(struct ws_client *w, const char *bytes, size_t size) {
    w->in = bytes;
    w->in_size = size;
    if (wslay_event_recv(w->ws) != 0) end(w, "a frame that is none");
    w->in_size = 0;
    if (w->stage != STAGE_OPEN) return;
    wslay_event_send(w->ws);
    if (wslay_event_get_close_received(w->ws)) end(w, "the server closed the connection");
}

void ws_client_send(struct ws_client *w, const char *text, size_t size) {
    if (w->stage != STAGE_OPEN) return;
    struct wslay_event_msg message = { WSLAY_TEXT_FRAME, (const uint8_t *)text, size };
    if (wslay_event_queue_msg(w->ws, &message) == 0) wslay_event_send(w->ws);
}

int ws_client_is_open(const struct ws_client *w) { return w->stage == STAGE_OPEN; }

// ---- handshake (RFC 6455, section 4) ------------------------------------------------------------------------------

static void send_handshake(struct ws_client *w) {
    unsigned char nonce[16];
    char text[4096];
    RAND_bytes(nonce, sizeof nonce);
    EVP_EncodeBlock((unsigned char *)w->key, nonce, sizeof nonce);
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", w->path, w->host, w->port, w->key);
    w->stage = STAGE_HANDSHAKE;
    if (size > 0 && (size_t)size < sizeof text) put_plain(w, text, (size_t)size);
    else end(w, "the address is too long");
}

static bool accepted(const struct ws_client *w) {
    char text[128], wanted[64];
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", w->key);
    if (EVP_Digest(text, (size_t)size, sha1, &length, EVP_sha1(), NULL) != 1) return false;
    EVP_EncodeBlock((unsigned char *)wanted, sha1, (int)length);
    const char *line = strcasestr(w->head, "\r\nsec-websocket-accept:");
    if (!line) return false;
    line += strlen("\r\nsec-websocket-accept:");
    line += strspn(line, " \t");
    return strncmp(line, wanted, strlen(wanted)) == 0;
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = frame_read, .send_callback = frame_write, .genmask_callback = frame_mask,
    .on_msg_recv_callback = frame_message,
};

static void watch_silence(struct ws_client *w);

static void feed_handshake(struct ws_client *w, const char *bytes, size_t size) {
    size_t taken = size < HEAD_MAX - w->head_size ? size : HEAD_MAX - w->head_size;
    memcpy(w->head + w->head_size, bytes, taken);
    w->head_size += taken;
    w->head[w->head_size] = 0;
    char *stop = strstr(w->head, "\r\n\r\n");
    if (!stop) {
        if (w->head_size == HEAD_MAX) end(w, "the answer to the handshake is too long");
        return;
    }
    size_t head_size = (size_t)(stop - w->head) + 4, before = w->head_size - taken;
    stop[2] = 0;
    if (strncmp(w->head, "HTTP/1.1 101", 12) != 0 || !accepted(w)) {
        char why[96];
        snprintf(why, sizeof why, "the handshake was refused: %.40s", w->head);
        why[strcspn(why, "\r\n")] = 0;
        end(w, why);
        return;
    }
    if (wslay_event_context_client_init(&w->ws, &callbacks, w) != 0) {
        end(w, "no memory for a connection");
        return;
    }
    wslay_event_config_set_max_recv_msg_length(w->ws, MESSAGE_MAX);
    w->stage = STAGE_OPEN;
    watch_silence(w);
    w->hooks.opened(w->hooks.ctx, w);
    size_t used = head_size - before;   // what came with the head is frames already
    if (w->stage == STAGE_OPEN && used < size) feed_frames(w, bytes + used, size - used);
}

// ---- reading ----------------------------------------------------------------------------------------------------

static void feed_plain(struct ws_client *w, const char *bytes, size_t size) {
    if (w->stage == STAGE_HANDSHAKE) feed_handshake(w, bytes, size);
    else if (w->stage == STAGE_OPEN) feed_frames(w, bytes, size);
}

static const char *tls_problem(const struct ws_client *w) {
    long verify = SSL_get_verify_result(w->ssl);
    if (verify != X509_V_OK) return X509_verify_cert_error_string(verify);
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    return text ? text : "TLS failed";
}

static void feed_tls(struct ws_client *w, const char *bytes, size_t size) {
    char plain[16384];
    while (size > 0 && w->stage != STAGE_ENDED) {
        int taken = BIO_write(w->from_net, bytes, (int)size), got = 0;
        if (taken <= 0) return;
        bytes += taken;
        size -= (size_t)taken;
        while (w->stage != STAGE_ENDED && (got = SSL_read(w->ssl, plain, sizeof plain)) > 0) feed_plain(w, plain, (size_t)got);
        if (w->stage == STAGE_ENDED) return;
        int problem = SSL_get_error(w->ssl, got);
        drain_tls(w);
        if (w->stage == STAGE_TLS && SSL_is_init_finished(w->ssl)) send_handshake(w);
        if (problem != SSL_ERROR_WANT_READ && problem != SSL_ERROR_WANT_WRITE) end(w, tls_problem(w));
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    struct ws_client *w = stream->data;
    if (size == 0) return;
    if (size < 0) {
        end(w, size == UV_EOF ? "the server ended the connection" : uv_strerror((int)size));
        return;
    }
    watch_silence(w);
    if (w->tls) feed_tls(w, buf->base, (size_t)size); else feed_plain(w, buf->base, (size_t)size);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct ws_client *w = handle->data;
    *buf = uv_buf_init(w->buffer, READ_SIZE);
}

// ---- connecting ---------------------------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer);

// After half of the silence allowed the server is asked whether it is there; its pong ends the silence.
static bool ping(struct ws_client *w) {
    if (w->stage != STAGE_OPEN || w->pinged) return false;
    struct wslay_event_msg message = { WSLAY_PING, NULL, 0 };
    w->pinged = wslay_event_queue_msg(w->ws, &message) == 0;
    if (!w->pinged) return false;
    uv_timer_start(&w->timer, on_timer, (uint64_t)(w->silence_ms - w->silence_ms / 2), 0);
    wslay_event_send(w->ws);
    return true;
}

static void on_timer(uv_timer_t *timer) {
    struct ws_client *w = timer->data;
    if (ping(w)) return;
    end(w, w->stage == STAGE_OPEN ? "silence: no answer to a ping" : "no connection in time");
}

static void watch_silence(struct ws_client *w) {
    if (w->stage != STAGE_OPEN) return;
    w->pinged = false;
    if (w->silence_ms > 0) uv_timer_start(&w->timer, on_timer, (uint64_t)(w->silence_ms / 2), 0);
    else uv_timer_stop(&w->timer);
}

static bool start_tls(struct ws_client *w) {
    w->context = SSL_CTX_new(TLS_client_method());
    if (!w->context) return false;
    SSL_CTX_set_min_proto_version(w->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(w->context, SSL_VERIFY_PEER, NULL);
    int good = w->ca_file ? SSL_CTX_load_verify_locations(w->context, w->ca_file, NULL) : SSL_CTX_set_default_verify_paths(w->context);
    w->ssl = good == 1 ? SSL_new(w->context) : NULL;
    if (!w->ssl) return false;
    w->from_net = BIO_new(BIO_s_mem());
    w->to_net = BIO_new(BIO_s_mem());
    SSL_set_bio(w->ssl, w->from_net, w->to_net);
    // An address is checked as an address, a name as a name.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(w->ssl), w->host) != 1) {
        SSL_set1_host(w->ssl, w->host);
        SSL_set_tlsext_host_name(w->ssl, w->host);
    }
    SSL_set_connect_state(w->ssl);
    return true;
}

static void try_address(struct ws_client *w);

static void on_connect(uv_connect_t *req, int status) {
    struct ws_client *w = req->data;
    if (w->closing || w->stage == STAGE_ENDED) return;
    if (status < 0) {
        if (w->next_address) try_address(w);
        else end(w, uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&w->tcp, 1);
    uv_read_start((uv_stream_t *)&w->tcp, allocate, on_read);
    if (!w->tls) {
        send_handshake(w);
        return;
    }
    w->stage = STAGE_TLS;
    if (!start_tls(w)) {
        end(w, "TLS cannot be set up");
        return;
    }
    SSL_do_handshake(w->ssl);
    drain_tls(w);
}

static void handle_gone(uv_handle_t *handle);

static void reopen_gone(uv_handle_t *handle) {
    struct ws_client *w = handle->data;
    w->handles--;
    w->tcp_made = false;
    if (w->closing) {
        w->handles++;
        handle_gone(handle);
    } else if (w->stage != STAGE_ENDED) {
        try_address(w);
    }
}

// One address after the other; a socket that failed cannot be used again.
static void try_address(struct ws_client *w) {
    if (w->tcp_made) {
        uv_close((uv_handle_t *)&w->tcp, reopen_gone);
        return;
    }
    struct addrinfo *a = w->next_address;
    w->next_address = a->ai_next;
    uv_tcp_init(w->loop, &w->tcp);
    w->tcp.data = w;
    w->tcp_made = true;
    w->handles++;
    w->connect.data = w;
    w->stage = STAGE_CONNECTING;
    int err = uv_tcp_connect(&w->connect, &w->tcp, a->ai_addr, on_connect);
    if (err && w->next_address) try_address(w);
    else if (err) end(w, uv_strerror(err));
}

static void free_all(struct ws_client *w) {
    if (w->ws) wslay_event_context_free(w->ws);
    if (w->addresses) uv_freeaddrinfo(w->addresses);
    SSL_free(w->ssl);
    SSL_CTX_free(w->context);
    curl_free(w->host);
    curl_free(w->port);
    free(w->path);
    free(w->ca_file);
    free(w);
}

static void handle_gone(uv_handle_t *handle) {
    struct ws_client *w = handle->data;
    if (--w->handles == 0 && !w->resolving) free_all(w);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses) {
    struct ws_client *w = req->data;
    w->resolving = false;
    w->addresses = w->next_address = addresses;
    if (w->closing) {
        if (w->handles == 0) free_all(w);
    } else if (status < 0) {
        end(w, uv_strerror(status));
    } else if (w->stage != STAGE_ENDED) {
        try_address(w);
    }
}

static bool read_url(struct ws_client *w, const char *url) {
    CURLU *u = curl_url();
    char *scheme = NULL, *path = NULL, *query = NULL;
    bool good = u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_HOST, &w->host, 0) == CURLUE_OK;
    good = good && (strcmp(scheme, "ws") == 0 || strcmp(scheme, "wss") == 0);
    if (good) {
        w->tls = strcmp(scheme, "wss") == 0;
        if (curl_url_get(u, CURLUPART_PORT, &w->port, 0) != CURLUE_OK) {
            curl_url_set(u, CURLUPART_PORT, w->tls ? "443" : "80", 0);
            good = curl_url_get(u, CURLUPART_PORT, &w->port, 0) == CURLUE_OK;
        }
        curl_url_get(u, CURLUPART_PATH, &path, 0);
        curl_url_get(u, CURLUPART_QUERY, &query, 0);
        size_t size = (path ? strlen(path) : 1) + (query ? strlen(query) : 0) + 2;
        w->path = malloc(size);
        if (w->path) snprintf(w->path, size, "%s%s%s", path ? path : "/", query ? "?" : "", query ? query : "");
    }
    curl_free(scheme);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(u);
    return good && w->path;
}

int ws_client_open(uv_loop_t *loop, const struct ws_options *o, const struct ws_hooks *hooks, struct ws_client **out, struct errmsg *e) {
    struct ws_client *w = calloc(1, sizeof *w);
    if (!w) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    w->loop = loop;
    w->hooks = *hooks;
    w->silence_ms = o->silence_ms;
    w->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    if (!read_url(w, o->url)) {
        free_all(w);
        return errmsg_set(e, ERR_INVALID, "%s is no address of a WebSocket (ws://host:port/path)", o->url);
    }
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    w->resolve.data = w;
    int err = uv_getaddrinfo(loop, &w->resolve, on_resolved, w->host, w->port, &hints);
    if (err) {
        free_all(w);
        return errmsg_set(e, ERR_IO, "%s: %s", o->url, uv_strerror(err));
    }
    w->resolving = true;
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    w->handles = 1;
    uv_timer_start(&w->timer, on_timer, (uint64_t)o->connect_timeout_ms, 0);
    *out = w;
    return ERR_OK;
}

void ws_client_close(struct ws_client *w) {
    if (w->closing) return;
    w->closing = true;   // before the farewell: one that cannot be sent is no end to tell of
    if (w->stage == STAGE_OPEN) {
        wslay_event_queue_close(w->ws, 1000, NULL, 0);
        wslay_event_send(w->ws);
    }
    w->stage = STAGE_ENDED;
    if (w->resolving) uv_cancel((uv_req_t *)&w->resolve);
    if (w->tcp_made && !uv_is_closing((uv_handle_t *)&w->tcp)) uv_close((uv_handle_t *)&w->tcp, handle_gone);
    uv_close((uv_handle_t *)&w->timer, handle_gone);
}

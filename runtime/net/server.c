// server.c: a TCP or TLS server of connections on a libuv loop.
#include "net/server.h"

#include "base/assert.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { READ_SIZE = 65536 };

struct peer {
    uv_tcp_t tcp;
    struct server *server;
    struct conn *conn;
    struct peer *previous, *next;
    SSL *ssl;
    BIO *from_net, *to_net;
    uint64_t active_ms;   // last byte in, or out when streaming
    uint64_t begun_ms;    // of the request not yet whole; 0: none
    size_t writing;       // bytes with the kernel or libuv
    bool closing;
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t tcp;
    uv_prepare_t flush;
    uv_timer_t sweep;
    struct server_options o;
    SSL_CTX *tls;
    struct peer *peers;
    int count, port, handles;
    char *read_buffer;
    bool closing;
};

static void peer_gone(uv_handle_t *h) {
    struct peer *p = h->data;
    struct server *s = p->server;
    if (s->o.closed) s->o.closed(s->o.hooks.ctx, p->conn);
    conn_free(p->conn);
    SSL_free(p->ssl);
    s->handles--;
    free(p);
}

static void peer_forget(struct peer *p) {
    struct server *s = p->server;
    if (p->previous)
        p->previous->next = p->next;
    else
        s->peers = p->next;
    if (p->next) p->next->previous = p->previous;
    s->count--;
    p->closing = true;
    conn_end(p->conn);
}

static void peer_close(struct peer *p) {
    if (p->closing) return;
    peer_forget(p);
    if (conn_resets(p->conn) && uv_tcp_close_reset(&p->tcp, peer_gone) == 0) return;
    uv_close((uv_handle_t *)&p->tcp, peer_gone);
}

struct server_write {
    uv_write_t req;
    struct peer *peer;
    size_t size;
    char bytes[];
};

static void written(uv_write_t *req, int status) {
    struct server_write *w = req->data;
    w->peer->writing -= w->size;
    if (status == 0)
        w->peer->active_ms = uv_now(w->peer->server->loop);
    else
        peer_close(w->peer);
    free(w);
}

// Hands bytes to the kernel; what it does not take waits in libuv.
static void peer_write(struct peer *p, const char *bytes, size_t size) {
    if (p->writing == 0) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);
        int sent = uv_try_write((uv_stream_t *)&p->tcp, &buf, 1);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (sent != UV_EAGAIN) {
            peer_close(p);
            return;
        }
    }
    if (size == 0) return;
    struct server_write *w = malloc(sizeof *w + size);
    if (!w) {
        peer_close(p);
        return;
    }
    w->req.data = w;
    w->peer = p;
    w->size = size;
    memcpy(w->bytes, bytes, size);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)size);
    p->writing += size;
    if (uv_write(&w->req, (uv_stream_t *)&p->tcp, &buf, 1, written) != 0) {
        p->writing -= size;
        free(w);
        peer_close(p);
    }
}

static void tls_drain(struct peer *p) {
    char buf[16384];
    int size;
    while (!p->closing && (size = BIO_read(p->to_net, buf, sizeof buf)) > 0) peer_write(p, buf, (size_t)size);
}

static void peer_flush(struct peer *p) {
    size_t size;
    const char *bytes = conn_output(p->conn, &size);
    if (size > 0 && p->ssl) {
        size_t done = 0;
        if (SSL_is_init_finished(p->ssl) && SSL_write_ex(p->ssl, bytes, size, &done) == 1)
            conn_sent(p->conn, done);
        tls_drain(p);
    } else if (size > 0) {
        peer_write(p, bytes, size);
        conn_sent(p->conn, size);
    }
    if (p->closing) return;
    if (p->writing > SERVER_BACKLOG_MAX)
        peer_close(p);   // a client that does not read
    else if (conn_ended(p->conn) && p->writing == 0)
        peer_close(p);
}

// Once a turn of the loop: all output collected in it goes out together.
static void flush_all(uv_prepare_t *h) {
    struct server *s = h->data;
    for (struct peer *p = s->peers, *next; p; p = next) {
        next = p->next;
        size_t size;
        conn_output(p->conn, &size);
        if (size > 0 || conn_ended(p->conn)) peer_flush(p);
    }
}

static void peer_feed(struct peer *p, const char *bytes, size_t size) {
    if (!p->ssl) {
        conn_feed(p->conn, bytes, size);
        return;
    }
    char plain[16384];
    while (size > 0 && !p->closing) {
        int taken = BIO_write(p->from_net, bytes, (int)size);
        if (taken <= 0) break;
        bytes += taken;
        size -= (size_t)taken;
        int got;
        while ((got = SSL_read(p->ssl, plain, sizeof plain)) > 0) conn_feed(p->conn, plain, (size_t)got);
        int problem = SSL_get_error(p->ssl, got);
        tls_drain(p);
        if (problem != SSL_ERROR_WANT_READ && problem != SSL_ERROR_WANT_WRITE) {
            ERR_clear_error();
            peer_close(p);
        }
    }
}

static void allocate(uv_handle_t *h, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct peer *p = h->data;
    *buf = uv_buf_init(p->server->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    struct peer *p = stream->data;
    if (size == 0) return;
    if (size < 0) {
        peer_close(p);
        return;
    }
    p->active_ms = uv_now(p->server->loop);
    peer_feed(p, buf->base, (size_t)size);
    if (p->closing) return;
    if (!conn_unfinished(p->conn))
        p->begun_ms = 0;
    else if (p->begun_ms == 0)
        p->begun_ms = p->active_ms;
}

static void shed_one(struct server *s) {
    struct peer *oldest = NULL;
    for (struct peer *p = s->peers; p; p = p->next) {
        if (conn_is_websocket(p->conn) || conn_owes(p->conn)) continue;
        if (!oldest || p->active_ms < oldest->active_ms) oldest = p;
    }
    if (oldest) peer_close(oldest);
}

static void on_connect(uv_stream_t *listener, int status) {
    struct server *s = listener->data;
    if (status < 0 || s->closing) return;
    struct peer *p = calloc(1, sizeof *p);
    if (!p) return;
    p->server = s;
    p->tcp.data = p;
    p->conn = conn_new(&s->o.hooks);
    uv_tcp_init(s->loop, &p->tcp);
    s->handles++;
    if (p->conn && s->tls) {
        p->ssl = SSL_new(s->tls);
        p->from_net = BIO_new(BIO_s_mem());
        p->to_net = BIO_new(BIO_s_mem());
        SSL_set_bio(p->ssl, p->from_net, p->to_net);
        SSL_set_accept_state(p->ssl);
    }
    p->next = s->peers;
    if (s->peers) s->peers->previous = p;
    s->peers = p;
    s->count++;
    p->active_ms = p->begun_ms = uv_now(s->loop);
    if (!p->conn || uv_accept(listener, (uv_stream_t *)&p->tcp) != 0) {
        peer_close(p);
        return;
    }
    uv_tcp_nodelay(&p->tcp, 1);
    if (s->count > SERVER_CONNECTIONS_MAX) shed_one(s);
    uv_read_start((uv_stream_t *)&p->tcp, allocate, on_read);
}

static void sweep(uv_timer_t *h) {
    struct server *s = h->data;
    uint64_t now = uv_now(s->loop);
    char date[40];
    time_t wall = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&wall, &tm));
    conn_set_date(date);
    for (struct peer *p = s->peers, *next; p; p = next) {
        next = p->next;
        if (conn_owes(p->conn)) continue;
        bool slow = p->begun_ms != 0 && now - p->begun_ms > (uint64_t)s->o.request_s * 1000;
        bool idle = !conn_is_websocket(p->conn) && now - p->active_ms > SERVER_IDLE_S * 1000;
        bool stuck = p->writing > 0 && now - p->active_ms > SERVER_IDLE_S * 1000;
        if (slow || idle || stuck) peer_close(p);
    }
}

int server_port(const struct server *s) { return s->port; }

static int tls_context(struct server *s, struct errmsg *e) {
    s->tls = SSL_CTX_new(TLS_server_method());
    if (!s->tls) return errmsg_set(e, ERR_NO_MEMORY, "TLS cannot be set up");
    SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(s->tls, s->o.certificate) != 1) {
        return errmsg_set(e, ERR_INVALID, "%s: no certificate in PEM there", s->o.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(s->tls, s->o.key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(s->tls) != 1) {
        return errmsg_set(e, ERR_INVALID, "%s: no private key in PEM there that fits the certificate",
                          s->o.key);
    }
    SSL_CTX_set_mode(s->tls, SSL_MODE_AUTO_RETRY);
    return ERR_OK;
}

static int listen_at(struct server *s, struct errmsg *e) {
    struct sockaddr_storage where = { 0 };
    int err = uv_ip4_addr(s->o.address, s->o.port, (struct sockaddr_in *)&where);
    if (err) err = uv_ip6_addr(s->o.address, s->o.port, (struct sockaddr_in6 *)&where);
    if (err) return errmsg_set(e, ERR_INVALID, "%s is not an IP address", s->o.address);
    if (!err) err = uv_tcp_bind(&s->tcp, (struct sockaddr *)&where, 0);
    if (!err) err = uv_listen((uv_stream_t *)&s->tcp, 1024, on_connect);
    if (err)
        return errmsg_set(e, ERR_IO, "cannot listen on %s port %d: %s", s->o.address, s->o.port,
                          uv_strerror(err));
    int size = sizeof where;
    uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&where, &size);
    s->port = ntohs(where.ss_family == AF_INET ? ((struct sockaddr_in *)&where)->sin_port
                                               : ((struct sockaddr_in6 *)&where)->sin6_port);
    return ERR_OK;
}

int server_new(uv_loop_t *loop, const struct server_options *o, struct server **out, struct errmsg *e) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        rlim_t wanted = SERVER_CONNECTIONS_MAX + 100;
        files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct server *s = calloc(1, sizeof *s);
    if (!s || !(s->read_buffer = malloc(READ_SIZE))) {
        free(s);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a server");
    }
    s->loop = loop;
    s->o = *o;
    s->tcp.data = s->flush.data = s->sweep.data = s;
    uv_tcp_init(loop, &s->tcp);
    uv_prepare_init(loop, &s->flush);
    uv_timer_init(loop, &s->sweep);
    s->handles = 3;
    int err = o->certificate ? tls_context(s, e) : ERR_OK;
    if (!err) err = listen_at(s, e);
    if (err) {
        server_close(s);
        uv_run(loop, UV_RUN_NOWAIT);
        server_free(s);
        return err;
    }
    sweep(&s->sweep);
    uv_prepare_start(&s->flush, flush_all);
    uv_timer_start(&s->sweep, sweep, 1000, 1000);
    *out = s;
    return ERR_OK;
}

static void own_gone(uv_handle_t *h) { ((struct server *)h->data)->handles--; }

void server_close(struct server *s) {
    if (s->closing) return;
    s->closing = true;
    for (struct peer *p = s->peers, *next; p; p = next) {
        next = p->next;
        peer_flush(p);
        peer_close(p);
    }
    uv_close((uv_handle_t *)&s->tcp, own_gone);
    uv_close((uv_handle_t *)&s->flush, own_gone);
    uv_close((uv_handle_t *)&s->sweep, own_gone);
}

void server_free(struct server *s) {
    if (!s) return;
    ASSERT(s->handles == 0);
    SSL_CTX_free(s->tls);
    free(s->read_buffer);
    free(s);
}

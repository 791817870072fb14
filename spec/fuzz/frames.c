// frames.c: what a server says on a WebSocket, under libFuzzer: the handshake's answer and frames, in pieces.
//
// The first byte of an input says whether the handshake is answered as it should be before the rest comes, the second how
// long the pieces are.
#include "fuzz.h"
#include "net/ws_protocol.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

struct peer {
    struct ws_protocol *w;
    char key[64];
    bool ended;
    int64_t messages, alarms;
};

static void put(void *ctx, const char *bytes, size_t size) {
    struct peer *p = ctx;
    const char *key = memmem(bytes, size, "Sec-WebSocket-Key: ", 19);
    if (key && size - (size_t)(key - bytes) > 19 + 24) snprintf(p->key, sizeof p->key, "%.24s", key + 19);
}

static bool random_bytes(void *ctx, unsigned char *bytes, size_t size) {
    (void)ctx;
    memset(bytes, 7, size);
    return true;
}

static void alarm_in(void *ctx, int64_t ms) {
    struct peer *p = ctx;
    p->alarms += ms > 0;
}

static void opened(void *ctx) { (void)ctx; }

static void message(void *ctx, const char *text, size_t size) {
    struct peer *p = ctx;
    p->messages++;
    volatile char sum = 0;
    for (size_t i = 0; i < size; i++) sum = (char)(sum ^ text[i]);
}

static void ended(void *ctx, const char *why) {
    struct peer *p = ctx;
    if (p->ended || strpbrk(why, "\n\r\033")) abort();   // told once, in one printable line
    p->ended = true;
}

static void answer(struct peer *p) {
    char text[512], accept[64];
    unsigned char digest[SHA_DIGEST_LENGTH];
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", p->key);
    SHA1((const unsigned char *)text, strlen(text), digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
    ws_protocol_feed(p->w, text, (size_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct peer p = { 0 };
    struct ws_protocol_hooks hooks = { &p, put, random_bytes, alarm_in, opened, message, ended };
    p.w = ws_protocol_new(&hooks, 1000);
    ws_protocol_begin(p.w, "host:1", "/path", 1000, 1000);
    if (data[0] & 1) {
        answer(&p);
        if (!ws_protocol_is_open(p.w)) abort();
    }
    size_t step = data[1] ? data[1] : size;
    for (size_t at = 2; at < size && !p.ended; at += step) {
        size_t piece = size - at < step ? size - at : step;
        char *copy = malloc(piece);
        memcpy(copy, data + at, piece);
        ws_protocol_feed(p.w, copy, piece);
        free(copy);
        if ((data[0] & 2) && !p.ended) ws_protocol_send(p.w, "{}", 2);
        if ((data[0] & 4) && !p.ended) ws_protocol_alarm(p.w);
    }
    if (!p.ended && (data[0] & 8)) ws_protocol_close(p.w);
    ws_protocol_free(p.w);
    return 0;
}

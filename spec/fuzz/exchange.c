// exchange.c: the local exchange under libFuzzer, from the bytes of a connection to the simulated exchange:
// request line, query, body, signature, WebSocket frames, JSON. `make fuzz` builds and runs it with a time
// bound.
//
// The first byte of an input says how the rest arrives:
//   0  as raw bytes of a connection            4  as a message of the WebSocket API
//   1  as the query of a signed request        5  as members of a signed order.place
//   2  as the body of a signed POST            6  as fault rules
//   3  as WebSocket frames, or as a message of a stream connection
// The second byte picks endpoint, address or cut. Making an exchange takes longer than most inputs: some follow one another on the
// same one, until stamps grow old. A finding that does not repeat by its input alone does so by the run's -seed.
#include "data/synth.h"
#include "server/exchange_server.h"
#include "net/conn.h"
#include "net/signature.h"
#include "sim/fault_rules.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/symbol_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define NOW_US INT64_C(1700000040000000)
#define STAMP "1700000040000"

static struct series history;
static struct symbol symbols[1];
static struct signing_key *signer;
static int64_t now_us;
static struct exchange_server *shared;   // NULL: the next input makes one
static int inputs;                       // that it has met

enum { INPUTS_MAX = 48 };   // of 1.2 s each, less than the window of a stamp

static void read_clock(void *ctx, int64_t *now, int64_t *wall) {
    (void)ctx;
    *now = now_us;
    *wall = 0;
}

static struct exchange_server *exchange(void) {
    static const int64_t from = 30;
    if (!signer) {
        struct errmsg e;
        struct synth_options o = { .symbol = "BTCUSDT",
                                   .interval = INTERVAL_1M,
                                   .start_us = 1672531200000000,
                                   .count = 30,
                                   .price_e8 = INT64_C(65000) * 100000000,
                                   .tick_e8 = 10000000,
                                   .step_e8 = 100000,
                                   .volatility = 0.03,
                                   .seed = 1 };
        if (symbol_rules_builtin("BTCUSDT", symbols) || synth_bars(&o, &history, &e)) abort();
        if (signing_key_new(KEY_HMAC, "secret", &signer, &e)) abort();
    }
    struct exchange_server_options o = { .symbols = symbols,
                                         .symbol_count = 1,
                                         .series = &history,
                                         .replay_from = &from,
                                         .seed = 1,
                                         .volatility = 0.03,
                                         .rate = 20,
                                         .legacy_streams = true,
                                         .stream_life_us = 86400000000,
                                         .ping_us = 180000000,
                                         .key_count = 1 };
    o.exchange = (struct exchange_config){ .wallet_e8 = INT64_C(10000) * 100000000,
                                           .maker_e8 = 20000,
                                           .taker_e8 = 50000,
                                           .leverage = 20,
                                           .weight_1m = 2400,
                                           .orders_10s = 300,
                                           .orders_1m = 1200,
                                           .enforce_limits = true };
    o.keys[0] = (struct exchange_server_key){ .id = KEY, .text = "secret", .trades = true };
    faults_init(&o.faults, 1);
    struct exchange_server *l;
    struct errmsg e;
    now_us = NOW_US;
    if (exchange_server_new(&o, now_us, &l, &e)) abort();
    return l;
}

static void pass_time(struct exchange_server *l, int64_t us) {
    now_us += us;
    exchange_server_advance(l, now_us, 0);
}

static void drain(struct conn *c) {
    size_t size;
    conn_output(c, &size);
    conn_sent(c, size);
}

static void feed(struct conn *c, const char *bytes, size_t size, size_t cut) {
    if (cut > 0 && cut < size) {
        conn_feed(c, bytes, cut);
        bytes += cut;
        size -= cut;
    }
    conn_feed(c, bytes, size);
    drain(c);
}

static size_t sign(char *text, size_t size) {
    char signature[SIGNATURE_TEXT_MAX];
    signature_make(signer, text, size, signature);
    return size + (size_t)sprintf(text + size, "%ssignature=%s", size ? "&" : "", signature);
}

// A signed request of the endpoint that `which` picks, the input as its query or body.
static void signed_request(struct conn *c, unsigned which, const char *input, size_t size, bool body) {
    const struct endpoint_info *info = endpoint_info((int32_t)(which % EP_COUNT));
    if (size > 6000 || memchr(input, '\r', size) || memchr(input, '\n', size)) return;
    char *params = malloc(size + 256), *text = malloc(size + 1024);
    int length = sprintf(params, "%.*s&timestamp=" STAMP "&recvWindow=60000", (int)size, input);
    size_t whole = sign(params, (size_t)length);
    int head = body
                   ? sprintf(text, "%s %s HTTP/1.1\r\nX-MBX-APIKEY: " KEY "\r\nContent-Length: %zu\r\n\r\n%s",
                             http_method_name(info->method), info->path, whole, params)
                   : sprintf(text, "%s %s?%s HTTP/1.1\r\nX-MBX-APIKEY: " KEY "\r\n\r\n",
                             http_method_name(info->method), info->path, params);
    feed(c, text, (size_t)head, 0);
    free(params);
    free(text);
}

static void handshake(struct conn *c, const char *path) {
    char text[512];
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path);
    feed(c, text, (size_t)size, 0);
}

static void text_frame(struct conn *c, const char *text, size_t size) {
    unsigned char head[14] = { 0x81 };
    size_t length = 2;
    if (size > 65000) return;
    if (size < 126)
        head[1] = (unsigned char)(0x80 | size);
    else
        head[1] = 0x80 | 126, head[2] = (unsigned char)(size >> 8), head[3] = (unsigned char)size, length = 4;
    char *frame = calloc(1, length + 4 + size);   // a mask of zeros
    memcpy(frame, head, length);
    memcpy(frame + length + 4, text, size);
    feed(c, frame, length + 4 + size, 0);
    free(frame);
}

static void order_message(struct conn *c, const char *input, size_t size) {
    static const char *const names[] = { "side",        "type",   "quantity",        "price",
                                         "timeInForce", "symbol", "newClientOrderId" };
    char signed_text[4096] = "apiKey=" KEY, json[4096];
    size_t at = strlen(signed_text);
    int length = sprintf(json, "{\"id\":1,\"method\":\"order.place\",\"params\":{\"apiKey\":\"" KEY
                               "\",\"timestamp\":" STAMP);
    // Values are the input's parts between commas; the names sort as they stand in `names` would not, hence
    // the table.
    static const int order[] = { 6, 3, 2, 0, 5, 4, 1 };
    const char *part[7] = { "", "", "", "", "", "", "" };
    char *copy = malloc(size + 1);
    memcpy(copy, input, size);
    copy[size] = 0;
    char *rest = copy;
    for (int i = 0; i < 7 && rest; i++) part[i] = strsep(&rest, ",");
    for (int i = 0; i < 7; i++) {
        const char *value = part[order[i]];
        if (strlen(value) > 100 || strpbrk(value, "\"\\") || !*value) continue;
        if (order[i] == 4 || order[i] == 1) continue;   // behind timestamp in the order of names: added below
        at += (size_t)sprintf(signed_text + at, "&%s=%s", names[order[i]], value);
        length += sprintf(json + length, ",\"%s\":\"%s\"", names[order[i]], value);
    }
    if (strlen(part[4]) < 100 && !strpbrk(part[4], "\"\\") && *part[4]) {
        at += (size_t)sprintf(signed_text + at, "&timeInForce=%s", part[4]);
        length += sprintf(json + length, ",\"timeInForce\":\"%s\"", part[4]);
    }
    at += (size_t)sprintf(signed_text + at, "&timestamp=" STAMP);
    if (strlen(part[1]) < 100 && !strpbrk(part[1], "\"\\") && *part[1]) {
        at += (size_t)sprintf(signed_text + at, "&type=%s", part[1]);
        length += sprintf(json + length, ",\"type\":\"%s\"", part[1]);
    }
    char signature[SIGNATURE_TEXT_MAX];
    signature_make(signer, signed_text, at, signature);
    length += sprintf(json + length, ",\"signature\":\"%s\"}}", signature);
    text_frame(c, json, (size_t)length);
    free(copy);
}

static const char *const addresses[] = { "/stream?streams=btcusdt@depth@100ms/btcusdt@kline_1m",
                                         "/market/ws/btcusdt@ticker", "/ws", "/private/stream",
                                         "/public/stream?streams=!bookTicker" };

static void read_faults(const char *input, size_t size, bool server) {
    char *json = malloc(size + 1);
    struct faults f;
    struct errmsg e;
    memcpy(json, input, size);
    json[size] = 0;
    faults_init(&f, 1);
    fault_rules_read(json, 0, server, &f, &e);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    unsigned way = data[0] % 7, which = data[1];
    const char *input = (const char *)data + 2;
    size -= 2;
    if (way == 6) {
        read_faults(input, size, which & 1);
        return 0;
    }
    if (!shared) shared = exchange();
    struct exchange_server *l = shared;
    struct exchange_server_clock clock = { NULL, read_clock };
    struct conn_hooks hooks;
    exchange_server_serve(l, &clock, &hooks);
    struct conn *c = conn_new(&hooks);
    switch (way) {
    case 0: feed(c, input, size, which); break;
    case 1:
    case 2: signed_request(c, which, input, size, way == 2); break;
    case 3:
        handshake(c, addresses[which % 5]);
        if (which & 64)
            text_frame(c, input, size);
        else
            feed(c, input, size, which & 31);
        break;
    case 4:
        handshake(c, "/ws-fapi/v1");
        text_frame(c, input, size);
        break;
    default: handshake(c, "/ws-fapi/v1"); order_message(c, input, size);
    }
    pass_time(l, 300000);
    pass_time(l, 900000);
    drain(c);
    exchange_server_closed(l, c);
    conn_free(c);
    if (++inputs < INPUTS_MAX) return 0;
    exchange_server_free(shared);
    shared = NULL;
    inputs = 0;
    return 0;
}

// states.c: saved accounts under libFuzzer: those of paper runs, and the states of a local exchange, which then goes on from
// there. What an exchange has gone on from it can save, and what it saves it can read.
//
// The first byte of an input says which; the rest is the body of the file, whose head is made to fit.
#include "base/saved.h"
#include "data/synth.h"
#include "fuzz.h"
#include "server/exchange_server.h"
#include "server/exchange_server_private.h"
#include "trade/interval.h"
#include "venue/binance/endpoint.h"
#include "world/paper/account_file.h"

#define NOW_US INT64_C(1700000040000000)

static struct series history[FUZZ_SYMBOLS];
static const int64_t from[FUZZ_SYMBOLS] = { 30, 30 };

static struct exchange_server *server(const void *state, size_t size) {
    struct errmsg e;
    for (int i = 0; i < FUZZ_SYMBOLS && !history[i].count; i++) {
        struct synth_options o = { .interval = INTERVAL_1M,
                                   .start_us = NOW_US - 30 * INT64_C(60000000),
                                   .count = 30,
                                   .price_e8 = INT64_C(1000) * 100000000,
                                   .tick_e8 = 10000000,
                                   .step_e8 = 1000000,
                                   .volatility = 0.03,
                                   .seed = 1 };
        memcpy(o.symbol, fuzz_symbols()[i].name, sizeof o.symbol);
        if (synth_bars(&o, &history[i], &e)) abort();
    }
    struct exchange_server_options o = { .symbols = (struct symbol *)(uintptr_t)fuzz_symbols(),
                                         .symbol_count = FUZZ_SYMBOLS,
                                         .series = history,
                                         .replay_from = from,
                                         .seed = 1,
                                         .volatility = 0.03,
                                         .rate = 2,
                                         .stream_life_us = 86400000000,
                                         .ping_us = 180000000,
                                         .state = state,
                                         .state_size = size };
    o.exchange = (struct exchange_config){ .wallet_e8 = INT64_C(10000) * 100000000,
                                           .maker_e8 = 20000,
                                           .taker_e8 = 50000,
                                           .leverage = 20,
                                           .weight_1m = 2400,
                                           .orders_10s = 300,
                                           .orders_1m = 1200 };
    faults_init(&o.faults, 1);
    struct exchange_server *l = NULL;
    return exchange_server_new(&o, NOW_US, &l, &e) ? NULL : l;
}

static void go_on(const void *state, size_t size) {
    struct exchange_server *l = server(state, size);
    if (!l) return;
    for (int i = 1; i <= 5; i++) exchange_server_advance(l, NOW_US + i * 1000000, 0);
    size_t saved;
    void *bytes = exchange_server_save(l, &saved);
    exchange_server_free(l);
    l = server(bytes, saved);
    if (!l) abort();
    exchange_server_free(l);
    free(bytes);
}

static void account(const void *file, size_t size) {
    struct account_saved s;
    struct snapshot *snapshot;
    struct errmsg e;
    if (account_file_decode(file, size, fuzz_symbols(), FUZZ_SYMBOLS, &s, &snapshot, &e)) return;
    volatile int64_t sum = snapshot_price(snapshot, 0);
    for (int32_t i = 0; i < s.day_count; i++) sum = sum ^ s.days[i].equity_e8;
    account_saved_free(&s);
    snapshot_free(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    bool paper = (data[0] & 1) != 0;
    uint8_t *file = malloc(SAVED_HEAD_SIZE + size);
    memcpy(file + SAVED_HEAD_SIZE, data + 1, size - 1);
    if (paper) {
        saved_head_put(file, "moontide paper", 2, SAVED_HEAD_SIZE + size - 1);
        account(file, SAVED_HEAD_SIZE + size - 1);
    } else {
        saved_head_put(file, "moontide account", 3, SAVED_HEAD_SIZE + size - 1);
        go_on(file, SAVED_HEAD_SIZE + size - 1);
    }
    free(file);
    return 0;
}

// ---- first inputs ----

static void place(struct exchange *x, uint8_t type, uint8_t side, int64_t price_e8, int64_t stop_e8,
                  const char *id, int64_t now_us) {
    struct call c = { .endpoint = stop_e8 ? EP_ALGO_NEW : EP_ORDER_NEW,
                      .symbol = 0,
                      .side = side,
                      .type = type,
                      .quantity_e8 = 100000000,
                      .price_e8 = price_e8,
                      .stop_price_e8 = stop_e8 };
    const int32_t given[] = { P_SYMBOL, P_SIDE, P_TYPE, P_QUANTITY, P_CLIENT_ID };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) c.given |= UINT64_C(1) << given[i];
    if (price_e8) c.given |= UINT64_C(1) << P_PRICE | UINT64_C(1) << P_TIME_IN_FORCE;
    if (stop_e8) c.given |= UINT64_C(1) << P_STOP_PRICE | UINT64_C(1) << P_ALGO_TYPE;
    snprintf(c.client_id, CLIENT_ID_MAX, "%s", id);
    exchange_call(x, &c, 1, now_us);
}

static void seed_of(const char *name, uint8_t which, const uint8_t *file, size_t size) {
    uint8_t *input = malloc(size);
    input[0] = which;
    memcpy(input + 1, file + SAVED_HEAD_SIZE, size - SAVED_HEAD_SIZE);
    fuzz_seed(name, input, size - SAVED_HEAD_SIZE + 1);
    free(input);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (!fuzz_seeding()) return 0;
    struct exchange_server *l = server(NULL, 0);
    size_t size;
    exchange_server_advance(l, NOW_US + 1000000, 0);
    void *bytes = exchange_server_save(l, &size);
    seed_of("empty", 0, bytes, size);
    free(bytes);
    place(l->x, ORDER_MARKET, SIDE_BUY, 0, 0, "m", NOW_US + 1100000);
    place(l->x, ORDER_LIMIT, SIDE_BUY, INT64_C(960) * 100000000, 0, "l", NOW_US + 1200000);
    place(l->x, ORDER_STOP_MARKET, SIDE_SELL, 0, INT64_C(900) * 100000000, "s", NOW_US + 1300000);
    exchange_server_advance(l, NOW_US + 2000000, 0);
    bytes = exchange_server_save(l, &size);
    seed_of("orders", 0, bytes, size);
    free(bytes);
    struct account_day day = { NOW_US, 1 };
    struct account_saved s = { .account = { NOW_US, INT64_C(10000) * 100000000, 0, 5, NOW_US },
                               .day_count = 1,
                               .days = &day };
    bytes = account_file_encode(&s, l->x, &size);
    seed_of("paper", 1, bytes, size);
    exit(0);
}

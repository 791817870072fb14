// stores.c: files of the store of bars under libFuzzer: a header is believed only when all of it is as it would be written.
//
// Without its first byte an input is put over the beginning of a good file (even), or is the file (odd).
#include "data/columns.h"
#include "data/store.h"
#include "data/synth.h"
#include "fuzz.h"
#include "trade/interval.h"

static uint8_t *good;
static size_t good_size;
#define SOURCES "a.csv 1 2"

static void make(void) {
    struct series s;
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
    const char *path = fuzz_file(".bars", "", 0);
    if (synth_bars(&o, &s, &e) || store_write(path, SOURCES, &s, &e)) abort();
    series_close(&s);
    FILE *f = fopen(path, "rbe");
    good = malloc(1 << 20);
    good_size = fread(good, 1, 1 << 20, f);
    fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!good) make();
    if (size < 1) return 0;
    uint8_t *bytes = malloc(good_size + size);
    size_t whole = data[0] & 1 ? size - 1 : good_size;
    memcpy(bytes, good, good_size);
    size_t over = size - 1 < whole ? size - 1 : whole;
    memcpy(bytes, data + 1, over);
    struct series s = { .interval = INTERVAL_1M,
                        .interval_us = interval_us(INTERVAL_1M),
                        .symbol = "BTCUSDT" };
    if (store_open(fuzz_file(".bars", bytes, whole), SOURCES, &s) == 0) {
        volatile int64_t sum = 0;
        for (int c = 0; c < COLUMN_COUNT; c++) {
            for (int64_t i = 0; i < s.count; i++) sum = sum ^ columns_get(&s, c)[i];
        }
        if (s.price_decimals < 0 || s.price_decimals > 8 || memchr(s.hash, 0, sizeof s.hash) == NULL) abort();
        series_close(&s);
    }
    free(bytes);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    make();
    if (!fuzz_seeding()) return 0;
    uint8_t head[512] = { 0 };
    memcpy(head + 1, good, sizeof head - 1);
    fuzz_seed("header", head, 1 + 176 + strlen(SOURCES));
    fuzz_seed("sources", head, sizeof head);
    exit(0);
}

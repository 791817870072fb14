// columns.c: how the columns of a series lie in one block.
#include "data/columns.h"

#include "base/assert.h"
#include "base/dec.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int columns_high(int column) {
    switch (column) {
    case COLUMN_VOLUME: return COLUMN_VOLUME_HIGH;
    case COLUMN_QUOTE_VOLUME: return COLUMN_QUOTE_VOLUME_HIGH;
    case COLUMN_TAKER_VOLUME: return COLUMN_TAKER_VOLUME_HIGH;
    case COLUMN_TAKER_QUOTE_VOLUME: return COLUMN_TAKER_QUOTE_VOLUME_HIGH;
    default: return -1;
    }
}

bool columns_all_zero(const struct series *s, int column) {
    const int64_t *values = columns_get(s, column);
    for (int64_t i = 0; values && i < s->count; i++)
        if (values[i] != 0) return false;
    return true;
}

size_t column_stride(int64_t count) {
    ASSERT(count >= 0);
    return ((size_t)count * sizeof(int64_t) + COLUMN_PAGE - 1) / COLUMN_PAGE * COLUMN_PAGE;
}

void columns_bind(struct series *s, const void *base) {
    const char *at = base;
    size_t stride = column_stride(s->count);
    const int64_t **const slots[COLUMN_COUNT] = { &s->open_us,           &s->open_e8,
                                                  &s->high_e8,           &s->low_e8,
                                                  &s->close_e8,          &s->volume_e8,
                                                  &s->quote_volume_e8,   &s->trades,
                                                  &s->taker_volume_e8,   &s->taker_quote_volume_e8,
                                                  &s->volume_high,       &s->quote_volume_high,
                                                  &s->taker_volume_high, &s->taker_quote_volume_high };
    for (int i = 0; i < COLUMN_COUNT; i++) *slots[i] = (const void *)(at + (size_t)i * stride);
}

const int64_t *columns_get(const struct series *s, int column) {
    const int64_t *const all[COLUMN_COUNT] = { s->open_us,           s->open_e8,
                                               s->high_e8,           s->low_e8,
                                               s->close_e8,          s->volume_e8,
                                               s->quote_volume_e8,   s->trades,
                                               s->taker_volume_e8,   s->taker_quote_volume_e8,
                                               s->volume_high,       s->quote_volume_high,
                                               s->taker_volume_high, s->taker_quote_volume_high };
    ASSERT(column >= 0 && column < COLUMN_COUNT);
    return all[column];
}

int columns_alloc(struct series *s, int64_t count, int64_t *columns[COLUMN_COUNT]) {
    if (count <= 0 || count > INT64_MAX / 8 / COLUMN_COUNT / 2) return ERR_NO_MEMORY;
    size_t stride = column_stride(count);
    void *block =
        mmap(NULL, stride * COLUMN_COUNT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return ERR_NO_MEMORY;
    s->owned = block;
    s->owned_size = (int64_t)(stride * COLUMN_COUNT);
    s->count = count;
    columns_bind(s, block);
    for (int i = 0; i < COLUMN_COUNT; i++) columns[i] = (void *)((char *)block + (size_t)i * stride);
    return 0;
}

int columns_append(struct series *s, int64_t *capacity, const int64_t values[COLUMN_COUNT]) {
    if (s->count == *capacity) {
        struct series larger = *s;
        int64_t *columns[COLUMN_COUNT];
        int err = columns_alloc(&larger, *capacity * 2, columns);
        if (err) return err;
        for (int i = 0; i < COLUMN_COUNT; i++)
            memcpy(columns[i], columns_get(s, i), (size_t)s->count * sizeof **columns);
        larger.count = s->count;
        series_close(s);
        *s = larger;
        *capacity *= 2;
    }
    // The block is the caller's own, and writable.
    for (int i = 0; i < COLUMN_COUNT; i++) ((int64_t *)(uintptr_t)columns_get(s, i))[s->count] = values[i];
    s->count++;
    return 0;
}

// The most decimals in a column, never fewer than `decimals`: a division a value, more only when it rises.
static int32_t most_decimals(const int64_t *values, int64_t count, int32_t decimals) {
    int64_t unit = DEC_ONE;
    for (int32_t i = 0; i < decimals; i++) unit /= 10;
    for (int64_t i = 0; i < count && decimals < 8; i++) {
        while (values[i] % unit != 0) {
            unit /= 10;
            decimals++;
        }
    }
    return decimals;
}

int sha256_hex(const void *const blocks[], const size_t sizes[], int block_count, char out[65]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (int i = 0; i < block_count && done; i++) done = EVP_DigestUpdate(ctx, blocks[i], sizes[i]) == 1;
    done = done && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    out[0] = '\0';
    for (int i = 0; i < 32 && done; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return done ? 0 : ERR_NO_MEMORY;
}

int columns_finish(struct series *s) {
    s->price_decimals = 0;
    for (int i = COLUMN_OPEN; i <= COLUMN_CLOSE; i++)
        s->price_decimals = most_decimals(columns_get(s, i), s->count, s->price_decimals);
    s->quantity_decimals = most_decimals(s->volume_e8, s->count, 0);

    const void *blocks[COLUMN_COUNT];
    size_t sizes[COLUMN_COUNT];
    int count = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i >= COLUMN_VOLUME_HIGH && columns_all_zero(s, i)) continue;   // bars of usual size have none
        blocks[count] = columns_get(s, i);
        sizes[count++] = (size_t)s->count * sizeof(int64_t);
    }
    return sha256_hex(blocks, sizes, count, s->hash);
}

static int64_t part_at(const int64_t *column, int64_t i) { return column ? column[i] : 0; }

struct kline_record columns_kline(const struct series *s, int64_t i) {
    ASSERT(i >= 0 && i < s->count);
    return (struct kline_record){ .open_us = s->open_us[i],
                                  .close_us = s->open_us[i] + s->interval_us - BAR_CLOSE_US,
                                  .open_e8 = s->open_e8[i],
                                  .high_e8 = s->high_e8[i],
                                  .low_e8 = s->low_e8[i],
                                  .close_e8 = s->close_e8[i],
                                  .trades = s->trades[i],
                                  .volume_e8 = s->volume_e8[i],
                                  .quote_volume_e8 = s->quote_volume_e8[i],
                                  .taker_volume_e8 = s->taker_volume_e8[i],
                                  .taker_quote_volume_e8 = s->taker_quote_volume_e8[i],
                                  .volume_high = part_at(s->volume_high, i),
                                  .quote_volume_high = part_at(s->quote_volume_high, i),
                                  .taker_volume_high = part_at(s->taker_volume_high, i),
                                  .taker_quote_volume_high = part_at(s->taker_quote_volume_high, i) };
}

void columns_of_kline(const struct kline_record *k, int64_t values[COLUMN_COUNT]) {
    const int64_t all[COLUMN_COUNT] = { [COLUMN_OPEN_US] = k->open_us,
                                        [COLUMN_OPEN] = k->open_e8,
                                        [COLUMN_HIGH] = k->high_e8,
                                        [COLUMN_LOW] = k->low_e8,
                                        [COLUMN_CLOSE] = k->close_e8,
                                        [COLUMN_VOLUME] = k->volume_e8,
                                        [COLUMN_QUOTE_VOLUME] = k->quote_volume_e8,
                                        [COLUMN_TRADES] = k->trades,
                                        [COLUMN_TAKER_VOLUME] = k->taker_volume_e8,
                                        [COLUMN_TAKER_QUOTE_VOLUME] = k->taker_quote_volume_e8,
                                        [COLUMN_VOLUME_HIGH] = k->volume_high,
                                        [COLUMN_QUOTE_VOLUME_HIGH] = k->quote_volume_high,
                                        [COLUMN_TAKER_VOLUME_HIGH] = k->taker_volume_high,
                                        [COLUMN_TAKER_QUOTE_VOLUME_HIGH] = k->taker_quote_volume_high };
    memcpy(values, all, sizeof all);
}

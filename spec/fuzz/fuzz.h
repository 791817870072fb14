// fuzz.h: what the programs under libFuzzer share: reading an input piece by piece, files of it, and first inputs that a
// program makes by itself.
//
// Seeds    with FUZZ_SEEDS set to a folder, fuzz_seeding() is true once at the start: the program writes its first inputs by
//          fuzz_seed and ends.
#ifndef MT_SPEC_FUZZ_H
#define MT_SPEC_FUZZ_H

#include "base/err.h"
#include "trade/symbol.h"
#include "venue/binance/symbol_rules.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct fuzz_in {
    const uint8_t *at, *end;
};

static inline uint8_t fuzz_byte(struct fuzz_in *in) { return in->at < in->end ? *in->at++ : 0; }

// Eight bytes as they stand, zeros behind the end.
static inline int64_t fuzz_number(struct fuzz_in *in) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)fuzz_byte(in) << 8 * i;
    return (int64_t)v;
}

// The bytes up to the next 0xff, or the end.
static inline const char *fuzz_piece(struct fuzz_in *in, size_t *size) {
    const uint8_t *from = in->at, *to = memchr(from, 0xff, (size_t)(in->end - from));
    *size = (size_t)((to ? to : in->end) - from);
    in->at = to ? to + 1 : in->end;
    return (const char *)from;
}

// The same with a terminator, the caller's to free.
static inline char *fuzz_text(const void *bytes, size_t size) {
    char *text = malloc(size + 1);
    if (!text) abort();
    if (size) memcpy(text, bytes, size);
    text[size] = 0;
    return text;
}

// A file of this process in memory; its name ends in `ending`. The same file each time.
static inline const char *fuzz_file(const char *ending, const void *bytes, size_t size) {
    static char path[128];
    snprintf(path, sizeof path, "/dev/shm/moontide-fuzz-%d%s", (int)getpid(), ending);
    FILE *f = fopen(path, "wbe");
    if (!f || (size && fwrite(bytes, 1, size, f) != size) || fclose(f)) abort();
    return path;
}

static inline bool fuzz_seeding(void) { return getenv("FUZZ_SEEDS") != NULL; }

static inline void fuzz_seed(const char *name, const void *bytes, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("FUZZ_SEEDS"), name);
    FILE *f = fopen(path, "wbe");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) abort();
}

enum { FUZZ_SYMBOLS = 2 };

static inline const struct symbol *fuzz_symbols(void) {
    static struct symbol symbols[FUZZ_SYMBOLS];
    if (!symbols[0].name[0] &&
        (symbol_rules_builtin("BTCUSDT", &symbols[0]) || symbol_rules_builtin("ETHUSDT", &symbols[1])))
        abort();
    return symbols;
}

#endif

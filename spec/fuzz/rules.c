// rules.c: entries of an exchangeInfo reply under libFuzzer: what is taken over is a contract's rules.
#include "fuzz.h"
#include "venue/binance/symbol_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json j;
    struct symbol told, known = fuzz_symbols()[0];
    struct errmsg e;
    char *text = fuzz_text(data, size);
    if (json_parse(&j, text, size) == ERR_OK && symbol_reply_read(&j, 0, &told) == ERR_OK) {
        if (told.tick_e8 <= 0 || told.step_e8 <= 0) abort();
        memcpy(told.name, known.name, sizeof told.name);
        symbol_reply_merge(&known, &told);
        if (symbol_rules_check(&known, &e) == ERR_OK) {
            if (known.qty_max_e8 != 0 && known.qty_max_e8 < known.qty_min_e8) abort();
        } else if (e.text[0] == 0 || strchr(e.text, '\n')) {
            abort();
        }
    }
    free(text);
    return 0;
}

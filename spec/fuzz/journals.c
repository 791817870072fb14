// journals.c: journals under libFuzzer: files of SQLite in which anything may stand, in any type, and damaged ones.
//
// The first byte of an input says whether the rest is put over the file of a good journal (odd: two bytes say where), or
// holds values of its rows (even); and what the journal is then asked for, as each question opens the file.
#include "execution/intent_log.h"
#include "fuzz.h"
#include "store/journal_file.h"
#include "store/journal_runs.h"

static uint8_t *good;
static size_t good_size;

static void forget(const char *path) {
    char beside[160];
    const char *const endings[] = { "-wal", "-shm", "-journal" };
    for (int i = 0; i < 3; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, endings[i]);
        unlink(beside);
    }
}

static void make(void) {
    const char *path = fuzz_file(".journal", "", 0);
    sqlite3 *db;
    struct errmsg e;
    unlink(path);
    if (journal_file_make(path, JOURNAL_NORMAL, &db, &e)) abort();
    const char *rows = "INSERT INTO runs (started_us, script, symbols) VALUES (1, 'a.lua', 'BTCUSDT');"
                       "INSERT INTO orders (run, quantity_e8, price_e8, made_us, client_id, endpoint, "
                       "symbol, side, type, call)"
                       " VALUES (1, 1, 1, 1, 'a', 'POST /fapi/v1/order', 'BTCUSDT', 'BUY', 'LIMIT', '');"
                       "PRAGMA journal_mode = DELETE";
    if (sqlite3_exec(db, rows, NULL, NULL, NULL) != SQLITE_OK) abort();
    sqlite3_close(db);
    FILE *f = fopen(path, "rbe");
    good = malloc(1 << 20);
    good_size = fread(good, 1, 1 << 20, f);
    fclose(f);
}

static void bind(struct fuzz_in *in, sqlite3_stmt *s, int column) {
    size_t size;
    const char *piece;
    switch (fuzz_byte(in) % 6) {
    case 0: sqlite3_bind_null(s, column); break;
    case 1: sqlite3_bind_int64(s, column, fuzz_number(in)); break;
    case 2:
        piece = fuzz_piece(in, &size);
        sqlite3_bind_text(s, column, piece, (int)size, SQLITE_TRANSIENT);
        break;
    case 3:
        piece = fuzz_piece(in, &size);
        sqlite3_bind_blob(s, column, piece, (int)size, SQLITE_TRANSIENT);
        break;
    case 4: sqlite3_bind_double(s, column, (double)fuzz_number(in) * 1e300); break;
    default: sqlite3_bind_int(s, column, fuzz_byte(in)); break;
    }
}

static void insert(const char *path, struct fuzz_in *in) {
    static const char *const statements[] = {
        "UPDATE orders SET run = ?1, client_id = ?2, endpoint = ?3, symbol = ?4, side = ?5, type = ?6, "
        "quantity_e8 = ?7, "
        "price_e8 = ?8, made_us = ?9, state = ?10, order_id = ?11, status = ?12, executed_e8 = ?13, "
        "avg_price_e8 = ?14, "
        "code = ?15, at_us = ?16",
        "UPDATE runs SET started_us = ?1, ended_us = ?2, script = ?3, symbols = ?4, how = ?5",
        "INSERT INTO vault (name, value) VALUES (?1, ?2)",
    };
    static const int columns[] = { 16, 5, 2 };
    sqlite3 *db;
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        for (int i = 0; i < 3; i++) {
            sqlite3_stmt *s = NULL;
            if (sqlite3_prepare_v2(db, statements[i], -1, &s, NULL) != SQLITE_OK) abort();
            for (int c = 1; c <= columns[i]; c++) bind(in, s, c);
            sqlite3_step(s);
            sqlite3_finalize(s);
        }
    }
    sqlite3_close(db);
}

static void settle(void *ctx, const struct journal_outcome *o) { (void)ctx, (void)o; }
static void intend(void *ctx, const struct journal_intent *i, uint64_t tag) { (void)ctx, (void)i, (void)tag; }

static void reopen(const struct journal_order *rows, int64_t count) {
    struct api_call_pool *pool = api_call_pool_new();
    struct symbol_list list = { fuzz_symbols(), FUZZ_SYMBOLS };
    struct intent_log_hooks hooks = { NULL, intend, settle, NULL };
    struct intent_log *in = intent_log_new(&hooks, pool, &list);
    for (int64_t i = 0; i < count; i++) {
        struct api_call *op = api_call_take(pool);
        if (memchr(rows[i].client_id, 0, sizeof rows[i].client_id) == NULL) abort();
        if (intent_log_reopen(in, &rows[i], op) == ERR_OK) intent_log_known(in, op, OUTCOME_NOT_EXECUTED, 1);
        op->intent = INTENT_NONE;
        api_call_give(pool, op);
    }
    intent_log_free(in);
    api_call_pool_free(pool);
}

static void ask_orders(const char *path, unsigned question) {
    struct journal_order *rows;
    int64_t count;
    struct errmsg e;
    int err = question == 0   ? journal_named(path, "mt-", &rows, &count, &e)
              : question == 1 ? journal_left(path, &rows, &count, &e)
                              : journal_orders(path, question == 2, 10, &rows, &count, &e);
    if (err) return;
    reopen(rows, count);
    journal_release(rows);
}

static void ask(const char *path, unsigned question) {
    struct journal_run_row *runs;
    const char *const ids[] = { "a", "" };
    bool known[2];
    int64_t count;
    char *value;
    size_t size;
    struct errmsg e;
    if (question < 4) ask_orders(path, question);
    if (question == 4 && journal_runs(path, 10, &runs, &count, &e) == ERR_OK) journal_release(runs);
    if (question == 5) (void)!journal_knows(path, ids, 2, known, &e);
    if (question == 6 && journal_get(path, "state", &value, &size, &e) == ERR_OK) {
        if (value[size] != 0) abort();
        journal_release(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    struct fuzz_in in = { data + 1, data + size };
    uint8_t *bytes = malloc(good_size);
    memcpy(bytes, good, good_size);
    if (data[0] & 1) {
        size_t at = ((size_t)data[1] << 8 | data[2]) % good_size, over = size - 3;
        memcpy(bytes + at, data + 3, over < good_size - at ? over : good_size - at);
    }
    const char *path = fuzz_file(".journal", bytes, good_size);
    free(bytes);
    forget(path);
    if (!(data[0] & 1)) insert(path, &in);
    unsigned question = (data[0] >> 1) % 8;
    ask(path, question);
    sqlite3 *db = NULL;
    struct errmsg e;
    if (question == 7)
        (void)!journal_file_make(path, JOURNAL_NORMAL, &db, &e);   // what a run that writes on does
    sqlite3_close(db);
    forget(path);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    make();
    if (!fuzz_seeding()) return 0;
    fuzz_seed(
        "values",
        "\0\5\1\2a\377\2POST "
        "/fapi/v1/algoOrder\377\2ETHUSDT\377\2BUY\377\2STOP\377\5\1\5\1\5\1\5\1\5\1\2NEW\377\5\1\5\1\0\0",
        60);
    fuzz_seed("nulls", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2state\377\3xyz", 34);
    fuzz_seed("header", "\1\0\020\20\0\2\2", 7);
    exit(0);
}

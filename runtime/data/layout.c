// layout.c: the columns of a CSV file, told from its first lines and a table of the names columns go by.
#include "data/layout.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/units.h"
#include "data/stamp.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_LINES = 16, HEAD_BYTES = 1 << 16, TEXT_SIZE = 48 };

struct head_row {
    int32_t line, count;
    char fields[LAYOUT_FIELDS_MAX][TEXT_SIZE];
};

struct head {
    int32_t line, count, field;
    struct head_row rows[HEAD_LINES];
};

// Names that columns go by, lower case, without < > and with _ for blanks. Of several times in a row the first
// one in this list is read.
static const struct {
    const char *name;
    int8_t role;
} names[] = {
    { "open_time", COLUMN_OPEN_US },
    { "opentime", COLUMN_OPEN_US },
    { "time_period_start", COLUMN_OPEN_US },
    { "window_start", COLUMN_OPEN_US },
    { "start_time", COLUMN_OPEN_US },
    { "starttime", COLUMN_OPEN_US },
    { "start_at", COLUMN_OPEN_US },
    { "unix", COLUMN_OPEN_US },
    { "unix_timestamp", COLUMN_OPEN_US },
    { "unix_time", COLUMN_OPEN_US },
    { "epoch", COLUMN_OPEN_US },
    { "timestamp", COLUMN_OPEN_US },
    { "ts", COLUMN_OPEN_US },
    { "datetime", COLUMN_OPEN_US },
    { "date_time", COLUMN_OPEN_US },
    { "gmt_time", COLUMN_OPEN_US },
    { "utc", COLUMN_OPEN_US },
    { "utc_time", COLUMN_OPEN_US },
    { "time", COLUMN_OPEN_US },
    { "date", COLUMN_OPEN_US },
    { "day", COLUMN_OPEN_US },
    { "t", COLUMN_OPEN_US },
    { "open", COLUMN_OPEN },
    { "price_open", COLUMN_OPEN },
    { "open_price", COLUMN_OPEN },
    { "o", COLUMN_OPEN },
    { "high", COLUMN_HIGH },
    { "price_high", COLUMN_HIGH },
    { "high_price", COLUMN_HIGH },
    { "h", COLUMN_HIGH },
    { "low", COLUMN_LOW },
    { "price_low", COLUMN_LOW },
    { "low_price", COLUMN_LOW },
    { "l", COLUMN_LOW },
    { "close", COLUMN_CLOSE },
    { "price_close", COLUMN_CLOSE },
    { "close_price", COLUMN_CLOSE },
    { "c", COLUMN_CLOSE },
    { "volume", COLUMN_VOLUME },
    { "base_volume", COLUMN_VOLUME },
    { "volume_base", COLUMN_VOLUME },
    { "volume_traded", COLUMN_VOLUME },
    { "vol", COLUMN_VOLUME },
    { "v", COLUMN_VOLUME },
    { "tickvol", COLUMN_VOLUME },
    { "tick_volume", COLUMN_VOLUME },
    { "quote_volume", COLUMN_QUOTE_VOLUME },
    { "volume_quote", COLUMN_QUOTE_VOLUME },
    { "quote_asset_volume", COLUMN_QUOTE_VOLUME },
    { "volume_(currency)", COLUMN_QUOTE_VOLUME },
    { "turnover", COLUMN_QUOTE_VOLUME },
    { "count", COLUMN_TRADES },
    { "trades", COLUMN_TRADES },
    { "number_of_trades", COLUMN_TRADES },
    { "num_trades", COLUMN_TRADES },
    { "trade_count", COLUMN_TRADES },
    { "tradecount", COLUMN_TRADES },
    { "trades_count", COLUMN_TRADES },
    { "transactions", COLUMN_TRADES },
    { "n", COLUMN_TRADES },
    { "taker_buy_volume", COLUMN_TAKER_VOLUME },
    { "taker_buy_base_asset_volume", COLUMN_TAKER_VOLUME },
    { "taker_buy_quote_volume", COLUMN_TAKER_QUOTE_VOLUME },
    { "taker_buy_quote_asset_volume", COLUMN_TAKER_QUOTE_VOLUME },
    { "close_time", LAYOUT_CLOSE_TIME },
    { "closetime", LAYOUT_CLOSE_TIME },
    { "time_period_end", LAYOUT_CLOSE_TIME },
};
enum { NAME_COUNT = sizeof names / sizeof names[0] };

// What stands behind "volume" where it is of the quote asset: "Volume USDT", "Volume_(USD)".
static const char *const quotes[] = { "usdt", "usd", "usdc", "busd", "fdusd", "tusd", "eur", "gbp", "jpy" };

static const char *const needed[] = { "open_time", "open", "high", "low", "close" };

// Columns of files without a header.
static const struct {
    int32_t count;
    bool clock;   // date and time in two columns
    int8_t roles[12];
} bare[] = {
    { 12,
      false,
      { COLUMN_OPEN_US, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE, COLUMN_VOLUME, LAYOUT_CLOSE_TIME,
        COLUMN_QUOTE_VOLUME, COLUMN_TRADES, COLUMN_TAKER_VOLUME, COLUMN_TAKER_QUOTE_VOLUME,
        LAYOUT_NOTHING } },
    { 5, false, { COLUMN_OPEN_US, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE } },
    { 6, false, { COLUMN_OPEN_US, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE, COLUMN_VOLUME } },
    { 7,
      false,
      { COLUMN_OPEN_US, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE, COLUMN_VOLUME, COLUMN_TRADES } },
    { 6, true, { COLUMN_OPEN_US, LAYOUT_CLOCK, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE } },
    { 7,
      true,
      { COLUMN_OPEN_US, LAYOUT_CLOCK, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE, COLUMN_VOLUME } },
    { 9,
      true,
      { COLUMN_OPEN_US, LAYOUT_CLOCK, COLUMN_OPEN, COLUMN_HIGH, COLUMN_LOW, COLUMN_CLOSE, COLUMN_VOLUME,
        LAYOUT_NOTHING, LAYOUT_NOTHING } },
};

// ---- the first lines ----

static void on_field(void *text, size_t size, void *ctx) {
    struct head *h = ctx;
    int32_t index = h->field++;
    if (h->count == HEAD_LINES || index >= LAYOUT_FIELDS_MAX) return;
    const char *from = size ? text : "";
    if (h->count == 0 && index == 0 && size >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) {
        from += 3;   // the byte order mark of spreadsheets
        size -= 3;
    }
    if (size >= TEXT_SIZE) size = TEXT_SIZE - 1;
    char *to = h->rows[h->count].fields[index];
    memcpy(to, from, size);
    to[size] = '\0';
}

static void on_row(int end, void *ctx) {
    struct head *h = ctx;
    if (h->field > 0 && h->count < HEAD_LINES) {
        h->rows[h->count].line = h->line;
        h->rows[h->count++].count = h->field;
    }
    h->field = 0;
    if (end == '\n') h->line++;
}

// False: no memory.
static bool head_read(struct head *h, const char *text, size_t size, unsigned char delimiter) {
    struct csv_parser parser;
    memset(h, 0, sizeof *h);
    h->line = 1;
    if (csv_init(&parser, CSV_REPALL_NL) != 0) return false;
    csv_set_delim(&parser, delimiter);
    bool good = csv_parse(&parser, text, size, on_field, on_row, h) == size;
    if (good) csv_fini(&parser, on_field, on_row, h);
    csv_free(&parser);
    return good;
}

// ---- names ----

static void normal(const char *name, char out[TEXT_SIZE]) {
    size_t size = 0;
    while (*name == ' ') name++;
    for (; *name; name++) {
        char c = *name;
        if (c == '<' || c == '>') continue;
        if (c == ' ' || c == '-' || c == '.') c = '_';
        out[size++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    while (size > 0 && out[size - 1] == '_') size--;
    out[size] = '\0';
}

// The place of a name in the table; NAME_COUNT: it has none.
static int name_find(const char *name) {
    for (int i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i].name, name) == 0) return i;
    return NAME_COUNT;
}

// "volume_btc", "volume_(usdt)": the base's and the quote's.
static int8_t volume_of(const char *name) {
    if (strncmp(name, "volume_", 7) != 0) return LAYOUT_NOTHING;
    const char *of = name + 7 + (name[7] == '(');
    size_t size = strcspn(of, ")");
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++)
        if (strlen(quotes[i]) == size && memcmp(of, quotes[i], size) == 0) return COLUMN_QUOTE_VOLUME;
    return COLUMN_VOLUME;
}

static int role_at(const struct layout *l, int8_t role) {
    for (int32_t i = 0; i < l->field_count; i++)
        if (l->roles[i] == role) return i;
    return -1;
}

static bool has_number(const char *text) {
    char *end;
    return strtod(text, &end) != 0 && end != text;
}

// A column of a name that another has already: of times the better one stays, of volumes the one with numbers.
static int settle_twice(struct layout *l, int32_t before, int32_t now, int8_t role, const int16_t *rank,
                        const struct head_row *row) {
    if (role == COLUMN_OPEN_US || role == COLUMN_TRADES || role == LAYOUT_CLOSE_TIME) {
        if (rank[now] < rank[before]) {
            l->roles[before] = LAYOUT_NOTHING;
            l->roles[now] = role;
        }
        return 0;
    }
    if (role != COLUMN_VOLUME && role != COLUMN_QUOTE_VOLUME) return ERR_FORMAT;
    bool volumes_of_assets = rank[now] == NAME_COUNT && rank[before] == NAME_COUNT && role == COLUMN_VOLUME;
    if (volumes_of_assets && role_at(l, COLUMN_QUOTE_VOLUME) < 0) {
        l->roles[now] = COLUMN_QUOTE_VOLUME;   // "Volume ETH", "Volume BTC": the base first
    } else if (row && !has_number(row->fields[before]) && has_number(row->fields[now])) {
        l->roles[before] = LAYOUT_NOTHING;
        l->roles[now] = role;
    }
    return 0;
}

// Roles by the names of a header; `row` is the first row behind it, or NULL. ERR_FORMAT: a price comes twice.
static int roles_by_names(struct layout *l, const struct head_row *header, const struct head_row *row) {
    int16_t rank[LAYOUT_FIELDS_MAX];
    int32_t date = -1, time = -1;
    l->field_count = header->count;
    if (row && row->count != header->count) row = NULL;
    for (int32_t i = 0; i < header->count; i++) {
        char name[TEXT_SIZE];
        normal(header->fields[i], name);
        int place = name_find(name);
        int8_t role = place < NAME_COUNT ? names[place].role : volume_of(name);
        rank[i] = (int16_t)place;
        l->roles[i] = LAYOUT_NOTHING;
        if (strcmp(name, "date") == 0) date = i;
        if (strcmp(name, "time") == 0) time = i;
        int32_t before = role == LAYOUT_NOTHING ? -1 : role_at(l, role);
        if (before < 0)
            l->roles[i] = role;
        else if (settle_twice(l, before, i, role, rank, row))
            return ERR_FORMAT;
    }
    bool pair = date >= 0 && time >= 0 && row &&
                stamp_is_clock(row->fields[time], strlen(row->fields[time])) &&
                (l->roles[date] == COLUMN_OPEN_US || l->roles[time] == COLUMN_OPEN_US);
    if (pair) {
        l->roles[date] = COLUMN_OPEN_US;
        l->roles[time] = LAYOUT_CLOCK;
    }
    // Tables written with their index (pandas, yfinance) carry the time in it, under no name or another.
    if (role_at(l, COLUMN_OPEN_US) < 0 && l->roles[0] == LAYOUT_NOTHING) {
        char first[TEXT_SIZE];
        normal(header->fields[0], first);
        if (!first[0] || strcmp(first, "price") == 0 || strcmp(first, "index") == 0)
            l->roles[0] = COLUMN_OPEN_US;
    }
    return 0;
}

static bool funding_by_names(struct layout *l, const struct head_row *header) {
    static const char *const times[] = { "calc_time", "fundingtime", "funding_time", "timestamp", "time" };
    static const char *const rates[] = { "last_funding_rate", "fundingrate", "funding_rate" };
    int32_t time = -1, rate = -1;
    for (int32_t i = 0; i < header->count; i++) {
        char name[TEXT_SIZE];
        normal(header->fields[i], name);
        for (size_t n = 0; n < sizeof times / sizeof times[0] && time < 0; n++)
            if (strcmp(name, times[n]) == 0) time = i;
        for (size_t n = 0; n < sizeof rates / sizeof rates[0] && rate < 0; n++)
            if (strcmp(name, rates[n]) == 0) rate = i;
    }
    if (time < 0 || rate < 0) return false;
    l->field_count = header->count;
    memset(l->roles, LAYOUT_NOTHING, sizeof l->roles);
    l->roles[time] = COLUMN_OPEN_US;
    l->roles[rate] = LAYOUT_RATE;
    l->funding = true;
    return true;
}

// How many of the columns a bar needs are there.
static int needed_count(const struct layout *l) {
    int count = 0;
    for (int8_t role = COLUMN_OPEN_US; role <= COLUMN_CLOSE; role++) count += role_at(l, role) >= 0;
    return count;
}

// ---- rows ----

static bool is_stamp(const char *text) {
    int64_t us;
    bool two_ways;
    struct stamp_two_ways date;
    if (stamp_read(text, strlen(text), &us, &two_ways, &date)) return false;
    return two_ways || us > 7300 * DAY_US;   // before 1990 it is a number, a price perhaps
}

static bool bare_row(struct layout *l, const struct head_row *row) {
    if (!is_stamp(row->fields[0])) return false;
    bool clock = row->count > 1 && strchr(row->fields[1], ':') &&
                 stamp_is_clock(row->fields[1], strlen(row->fields[1]));
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        if (bare[i].count != row->count || bare[i].clock != clock) continue;
        l->field_count = row->count;
        memcpy(l->roles, bare[i].roles, (size_t)row->count);
        return true;
    }
    return false;
}

// Lines right behind the header that are part of it: yfinance's "Ticker,..." and "Datetime,,".
static int32_t first_row(const struct layout *l, const struct head *h, int32_t header) {
    int32_t time = role_at(l, COLUMN_OPEN_US), i = header + 1;
    while (i < h->count && i <= header + 3 && time >= 0 && time < h->rows[i].count &&
           h->rows[i].fields[time][0] && !strpbrk(h->rows[i].fields[time], "0123456789"))
        i++;
    return i;
}

struct found {
    struct layout layout;
    int needed;         // columns that a bar needs, of the best header so far
    int32_t line;       // of that header
    bool twice, bare;   // a price stands in two columns; rows without a header whose columns nobody knows
    int32_t bare_line, bare_count;
};

static void look_with(const struct head *h, unsigned char delimiter, struct found *best) {
    for (int32_t i = 0; i < h->count && i < 10; i++) {
        struct layout l = { .delimiter = delimiter };
        const struct head_row *row = &h->rows[i];
        if (row->count < 2 || row->count > LAYOUT_FIELDS_MAX) continue;
        if (bare_row(&l, row) && best->needed < 5) {
            l.first_line = row->line;
            *best = (struct found){ .layout = l, .needed = 5, .line = row->line };
            return;
        }
        if (is_stamp(row->fields[0]) && row->count >= 5 && !best->bare) {
            best->bare = true;
            best->bare_line = row->line;
            best->bare_count = row->count;
        }
        if (is_stamp(row->fields[0])) return;   // rows have begun
        if (funding_by_names(&l, row)) {
            l.header_line = row->line;
            l.first_line = row->line + 1;
            *best = (struct found){ .layout = l, .needed = 6, .line = row->line };
            return;
        }
        int twice = roles_by_names(&l, row, i + 1 < h->count ? &h->rows[i + 1] : NULL);
        if (!twice) {   // once more with the first row that is one
            int32_t first = first_row(&l, h, i);
            twice = roles_by_names(&l, row, first < h->count ? &h->rows[first] : NULL);
            l.first_line = first < h->count ? h->rows[first].line : row->line + 1;
        }
        int count = twice ? 0 : needed_count(&l);
        l.header_line = row->line;
        if (twice && best->needed < 5) best->twice = true, best->line = row->line;
        if (count > best->needed) best->layout = l, best->needed = count, best->line = row->line;
    }
}

static int tell(const char *path, const struct found *f, bool any, struct errmsg *e) {
    if (!any) return errmsg_set(e, ERR_FORMAT, "%s: is empty", path);
    if (f->twice)
        return errmsg_set(
            e, ERR_FORMAT,
            "%s: line %d: a price stands in two columns of one name (several symbols in one file?); "
            "give a file of its own to each",
            path, f->line);
    if (f->needed < 3 && f->bare)
        return errmsg_set(
            e, ERR_FORMAT,
            "%s: line %d: no header, and %d columns are neither the 12 columns of a kline archive nor "
            "time, open, high, low, close, volume; add a header line that names them",
            path, f->bare_line, f->bare_count);
    int8_t missing = COLUMN_OPEN_US;
    while (f->needed > 0 && missing < COLUMN_CLOSE && role_at(&f->layout, missing) >= 0) missing++;
    return errmsg_set(
        e, ERR_FORMAT,
        "%s: line %d: no column named '%s' (need open_time, open, high, low, close) between commas, "
        "semicolons, tabs or |",
        path, f->line ? f->line : 1, needed[missing]);
}

int layout_find(const char *path, const char *text, size_t size, struct layout *out, struct errmsg *e) {
    static const unsigned char delimiters[] = { ',', ';', '\t', '|' };
    bool wide = size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
    if (wide || memchr(text, '\0', size < 256 ? size : 256))
        return errmsg_set(e, ERR_FORMAT, "%s: is no text of one byte a letter (UTF-16?); save it as UTF-8",
                          path);
    if (size > HEAD_BYTES) size = HEAD_BYTES;
    struct found best = { .layout.field_count = 0 };
    struct head *h = alloc_bytes(sizeof *h);
    bool any = false;
    for (size_t i = 0; i < sizeof delimiters; i++) {
        if (!head_read(h, text, size, delimiters[i])) continue;
        any = any || h->count > 0;
        look_with(h, delimiters[i], &best);
    }
    free(h);
    if (best.needed < 5) return tell(path, &best, any, e);
    ASSERT(best.layout.first_line > 0);
    *out = best.layout;
    return 0;
}

// symbol_rules.c: the rules of a symbol (tick, step, bounds, brackets): defaults, the built-in table, setting
// them.
#include "venue/binance/symbol_rules.h"

#include "base/assert.h"
#include "base/dec.h"
#include "venue/binance/symbol_table.h"

#include <string.h>

enum { DEFAULT_BRACKETS = 9 };

// cum follows from the other columns: cum(n) = floor(n) * (ratio(n) - ratio(n-1)) + cum(n-1).
static const struct {
    int32_t leverage;
    int64_t cap;
    int64_t ratio_e8;
} default_tiers[DEFAULT_BRACKETS] = {
    { 50, 5000, 1000000 },    { 40, 25000, 1500000 },   { 25, 100000, 2000000 },
    { 20, 250000, 2500000 },  { 10, 1000000, 5000000 }, { 5, 2000000, 10000000 },
    { 4, 2500000, 12500000 }, { 2, 5000000, 25000000 }, { 1, 10000000, 50000000 },
};

int32_t symbol_rules_builtin_count(void) { return SYMBOL_TABLE_COUNT; }

const char *symbol_rules_builtin_name(int32_t index) {
    ASSERT(index >= 0);
    ASSERT(index < SYMBOL_TABLE_COUNT);
    return symbol_table[index].name;
}

int symbol_rules_builtin(const char *name, struct symbol *out) {
    ASSERT(name != NULL);
    ASSERT(out != NULL);
    int32_t index = symbol_find(symbol_table, SYMBOL_TABLE_COUNT, name);
    if (index == SYMBOL_NONE) return ERR_NOT_FOUND;
    *out = symbol_table[index];
    return 0;
}

static void text_copy(char *out, size_t size, const char *text, size_t length) {
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(out, text, kept);
    out[kept] = '\0';
}

// The quote asset that a name ends in, of those that the venue uses; NULL when it is none.
static const char *quote_of(const char *name) {
    static const char *const quotes[] = { "USDT", "USDC", "FDUSD", "BUSD", "BTC", "USD" };
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        size_t quote = strlen(quotes[i]);
        if (length > quote && strcmp(name + length - quote, quotes[i]) == 0) return quotes[i];
    }
    return NULL;
}

const char *symbol_rules_coin(const char *name) {
    const char *quote = quote_of(name);
    return quote ? quote : "USDT";
}

// Splits "LPTUSDT" into its assets; all of it is the base where no quote asset fits.
static void assets_guess(struct symbol *s) {
    const char *quote = quote_of(s->name), *coin = symbol_rules_coin(s->name);
    text_copy(s->base_asset, sizeof s->base_asset, s->name, strlen(s->name) - (quote ? strlen(quote) : 0));
    text_copy(s->quote_asset, sizeof s->quote_asset, coin, strlen(coin));
    text_copy(s->margin_asset, sizeof s->margin_asset, coin, strlen(coin));
}

static int64_t step_of(int decimals) {
    int64_t step = DEC_ONE;
    for (int i = 0; i < decimals; i++) step /= 10;
    return step;
}

static void default_brackets(struct symbol *s) {
    ASSERT(s != NULL);
    memset(s->brackets, 0, sizeof s->brackets);
    s->bracket_count = DEFAULT_BRACKETS;
    int64_t floor_e8 = 0, ratio_e8 = default_tiers[0].ratio_e8, cum_e8 = 0;
    for (int32_t i = 0; i < DEFAULT_BRACKETS; i++) {
        struct bracket *b = &s->brackets[i];
        cum_e8 += dec_mul_round(floor_e8, default_tiers[i].ratio_e8 - ratio_e8);
        ratio_e8 = default_tiers[i].ratio_e8;
        b->leverage_max = default_tiers[i].leverage;
        b->floor_e8 = floor_e8;
        b->cap_e8 = default_tiers[i].cap * DEC_ONE;
        b->maint_ratio_e8 = ratio_e8;
        b->cum_e8 = cum_e8;
        floor_e8 = b->cap_e8;
    }
}

int symbol_rules_guess(const char *name, int price_decimals, int quantity_decimals, struct symbol *out) {
    ASSERT(name != NULL);
    ASSERT(out != NULL);
    if (price_decimals < 0 || price_decimals > 8 || quantity_decimals < 0 || quantity_decimals > 8)
        return ERR_INVALID;
    size_t length = strlen(name);
    if (length == 0 || length >= SYMBOL_NAME_MAX) return ERR_INVALID;

    memset(out, 0, sizeof *out);
    memcpy(out->name, name, length + 1);
    assets_guess(out);
    out->price_precision = price_decimals;
    out->quantity_precision = quantity_decimals;
    out->tick_e8 = step_of(price_decimals);
    out->price_min_e8 = out->tick_e8;
    out->step_e8 = step_of(quantity_decimals);
    out->qty_min_e8 = out->step_e8;
    out->qty_max_e8 = (int64_t)1000000000 * DEC_ONE;
    out->market_step_e8 = out->step_e8;
    out->market_qty_min_e8 = out->step_e8;
    out->market_qty_max_e8 = out->qty_max_e8;
    out->notional_min_e8 = (int64_t)5 * DEC_ONE;
    out->percent_up_e8 = DEC_ONE / 100 * 115;
    out->percent_down_e8 = DEC_ONE / 100 * 85;
    out->orders_max = 200;
    out->funding_interval_h = 8;
    out->trigger_protect_e8 = DEC_ONE / 100 * 5;
    out->liquidation_fee_e8 = DEC_ONE / 1000 * 15;
    out->market_take_bound_e8 = DEC_ONE / 10;
    out->source = SYMBOL_FROM_DATA;
    default_brackets(out);
    return 0;
}

// ---- rules from outside ----

static bool decimals_fit(int32_t decimals) { return decimals >= 0 && decimals <= 8; }

// A range whose upper end 0 means that there is none.
static bool range_fits(int64_t least, int64_t most) { return least >= 0 && (most == 0 || most >= least); }

static bool share_fits(int64_t e8) { return e8 >= 0 && e8 <= 100 * (int64_t)DEC_ONE; }

static bool brackets_fit(const struct symbol *s) {
    if (s->bracket_count < 1 || s->bracket_count > SYMBOL_BRACKETS_MAX) return false;
    for (int32_t i = 0; i < s->bracket_count; i++) {
        const struct bracket *b = &s->brackets[i];
        int64_t before_e8 = i > 0 ? s->brackets[i - 1].cap_e8 : 0;
        if (b->leverage_max < 1 || b->leverage_max > 1000 || b->cum_e8 < 0) return false;
        if (b->floor_e8 < before_e8 || b->cap_e8 <= b->floor_e8) return false;
        if (b->maint_ratio_e8 < 0 || b->maint_ratio_e8 > DEC_ONE) return false;
    }
    return true;
}

int symbol_rules_check(const struct symbol *s, struct errmsg *e) {
    const char *wrong = NULL;
    if (s->name[0] == '\0' || memchr(s->name, '\0', sizeof s->name) == NULL) wrong = "it has no name";
    if (!decimals_fit(s->price_precision) || !decimals_fit(s->quantity_precision))
        wrong = "its decimals are not 0 to 8";
    if (s->tick_e8 <= 0) wrong = "it has no tick size";
    if (s->step_e8 <= 0 || s->market_step_e8 <= 0) wrong = "it has no step size";
    if (!range_fits(s->price_min_e8, s->price_max_e8)) wrong = "its prices have no range";
    if (!range_fits(s->qty_min_e8, s->qty_max_e8) || !range_fits(s->market_qty_min_e8, s->market_qty_max_e8))
        wrong = "its quantities have no range";
    if (s->notional_min_e8 < 0) wrong = "its least notional is below zero";
    if (!range_fits(s->percent_down_e8, s->percent_up_e8))
        wrong = "its prices may leave the mark price by nothing";
    if (!share_fits(s->trigger_protect_e8) || !share_fits(s->liquidation_fee_e8) ||
        !share_fits(s->market_take_bound_e8))
        wrong = "a ratio of it is not 0 to 100";
    if (s->orders_max < 0 || s->funding_interval_h < 0 || s->funding_interval_h > 24 * 365)
        wrong = "it allows fewer than no orders, or has no funding interval";
    if (!brackets_fit(s)) wrong = "its leverage brackets do not rise one behind the other";
    return wrong ? errmsg_set(e, ERR_FORMAT, "these are no rules of a contract: %s", wrong) : ERR_OK;
}

// record_json.c: the JSON face of records, driven by the field tables. No memory of its own: what does not
// fit is counted and dropped.
#include "trade/record.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/wide.h"
#include "venue/binance/field.h"

#include <string.h>

struct writer {
    char *out;
    size_t size;     // room, without the terminator
    size_t length;   // needed so far, may pass size
    const struct symbol *symbols;
};

static void put(struct writer *w, const char *text, size_t length) {
    if (w->length < w->size) {
        size_t room = w->size - w->length;
        memcpy(w->out + w->length, text, length < room ? length : room);
    }
    w->length += length;
}

static void put_char(struct writer *w, char c) {
    if (w->length < w->size) w->out[w->length] = c;
    w->length++;
}

static void put_integer(struct writer *w, int64_t value) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) digits[--at] = '-';
    put(w, digits + at, sizeof digits - at);
}

static void put_escape(struct writer *w, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    put_char(w, '\\');
    switch (c) {
    case '"':
    case '\\': put_char(w, (char)c); return;
    case '\n': put_char(w, 'n'); return;
    case '\r': put_char(w, 'r'); return;
    case '\t': put_char(w, 't'); return;
    default:
        put(w, "u00", 3);
        put_char(w, hex[c >> 4]);
        put_char(w, hex[c & 15]);
    }
}

// UTF-8 passes as it is: the exchange sends raw symbols too.
static void put_string(struct writer *w, const char *text) {
    put_char(w, '"');
    const char *start = text;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        put(w, start, (size_t)(text - start));
        put_escape(w, c);
        start = text + 1;
    }
    put(w, start, (size_t)(text - start));
    put_char(w, '"');
}

static void put_dec(struct writer *w, int64_t value_e8, int decimals) {
    char text[DEC_TEXT_MAX + 2];
    int length = decimals < 0 ? dec_print_short(text + 1, value_e8) : dec_print(text + 1, value_e8, decimals);
    text[0] = '"';
    text[length + 1] = '"';
    put(w, text, (size_t)length + 2);
}

static int64_t int64_at(const char *at) {
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int32_t int32_at(const char *at) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int16_t int16_at(const char *at) {
    int16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool left_out(const struct field *f, const char *record) {
    if (f->zero != ZERO_ABSENT) return false;
    return f->type == FIELD_SYMBOL ? int16_at(record + f->offset) < 0 : int64_at(record + f->offset) == 0;
}

static void put_record(struct writer *w, int32_t kind, const char *record, const struct symbol *symbol);

static void put_records(struct writer *w, int32_t kind, const char *records, int32_t count,
                        const struct symbol *symbol) {
    const struct record_table *table = record_table(kind);
    ASSERT(table != NULL);
    put_char(w, '[');
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) put_char(w, ',');
        put_record(w, kind, records + (size_t)i * table->size, symbol);
    }
    put_char(w, ']');
}

static void put_list(struct writer *w, const struct field *f, const char *record,
                     const struct symbol *symbol) {
    if (f->type == FIELD_LIST) {
        const char *records;
        memcpy(&records, record + f->offset, sizeof records);
        put_records(w, f->kind, records, int32_at(record + f->count_offset), symbol);
        return;
    }
    bool empty = f->type == FIELD_ONE_IF && int16_at(record + f->symbol_offset) == SYMBOL_NONE;
    put_records(w, f->kind, record + f->offset, empty ? 0 : 1, symbol);
}

static void put_wide(struct writer *w, const struct field *f, const char *record,
                     const struct symbol *symbol) {
    char text[WIDE_TEXT_MAX + 2];
    int64_t low = int64_at(record + f->offset), high = int64_at(record + f->high_offset);
    int decimals = -1;
    if (f->type == FIELD_QTY && symbol != NULL) decimals = symbol->quantity_precision;
    if (f->type == FIELD_DEC && wide_decimals(low, high) < f->decimals_min) decimals = f->decimals_min;
    int length = wide_print(text + 1, low, high, decimals);
    text[0] = '"';
    text[length + 1] = '"';
    put(w, text, (size_t)length + 2);
}

static void put_number(struct writer *w, int64_t value_e8) {
    char text[DEC_TEXT_MAX];
    put(w, text, (size_t)dec_print_short(text, value_e8));
}

static void put_id_text(struct writer *w, int64_t value) {
    put_char(w, '"');
    if (value != 0) put_integer(w, value);
    put_char(w, '"');
}

static void put_bool(struct writer *w, bool value) {
    if (value)
        put(w, "true", 4);
    else
        put(w, "false", 5);
}

// True: the zero at hand is written, or left out, in the field's own way.
static bool put_zero(struct writer *w, const struct field *f, const char *record) {
    if (f->zero == ZERO_AS_VALUE || f->zero == ZERO_ABSENT || f->type == FIELD_SYMBOL ||
        int64_at(record + f->offset) != 0)
        return false;
    if (f->zero == ZERO_SHORT)
        put(w, "\"0\"", 3);
    else
        put(w, "\"\"", 2);
    return true;
}

static void put_value(struct writer *w, const struct field *f, const char *record,
                      const struct symbol *symbol) {
    const char *at = record + f->offset;
    if (put_zero(w, f, record)) return;
    if ((f->type == FIELD_QTY || f->type == FIELD_DEC) && f->high_offset != 0) {
        put_wide(w, f, record, symbol);
        return;
    }
    switch (f->type) {
    case FIELD_INT32: put_integer(w, int32_at(at)); break;
    case FIELD_INT64:
    case FIELD_ID: put_integer(w, int64_at(at)); break;
    case FIELD_ID_TEXT: put_id_text(w, int64_at(at)); break;
    case FIELD_INT32_TEXT:
        put_char(w, '"');
        put_integer(w, int32_at(at));
        put_char(w, '"');
        break;
    case FIELD_INT_TEXT:
        put_char(w, '"');
        put_integer(w, int64_at(at));
        put_char(w, '"');
        break;
    case FIELD_MS: put_integer(w, int64_at(at) / 1000); break;
    case FIELD_BOOL: put_bool(w, *at != 0); break;
    case FIELD_PRICE: put_dec(w, int64_at(at), symbol != NULL ? symbol->price_precision : -1); break;
    case FIELD_QTY: put_dec(w, int64_at(at), symbol != NULL ? symbol->quantity_precision : -1); break;
    case FIELD_DEC8: put_dec(w, int64_at(at), 8); break;
    case FIELD_DEC: {
        int exact = dec_decimals(int64_at(at));
        put_dec(w, int64_at(at), exact < f->decimals_min ? f->decimals_min : -1);
        break;
    }
    case FIELD_NUMBER: put_number(w, int64_at(at)); break;
    case FIELD_ENUM: put_string(w, f->names[(unsigned char)*at]); break;
    case FIELD_TEXT: put_string(w, at); break;
    case FIELD_SYMBOL: {
        int16_t index = int16_at(at);
        const char *other = f->other_offset ? record + f->other_offset : "";
        put_string(w, index >= 0 && w->symbols != NULL ? w->symbols[index].name : other);
        break;
    }
    case FIELD_CONST: put_string(w, f->text); break;
    case FIELD_COIN: put_string(w, symbol_coin(w->symbols)); break;
    case FIELD_COIN_TEXT: put_string(w, at[0] == 0 ? symbol_coin(w->symbols) : at); break;
    case FIELD_CONST_BOOL:
    case FIELD_CONST_INT: put(w, f->text, strlen(f->text)); break;
    case FIELD_OBJECT: put_record(w, f->kind, at, symbol); break;
    default: put_list(w, f, record, symbol);
    }
}

static void put_record(struct writer *w, int32_t kind, const char *record, const struct symbol *symbol) {
    const struct record_table *table = record_table(kind);
    ASSERT(table != NULL);
    if (table->symbol_offset != RECORD_NO_SYMBOL) {
        int16_t index = int16_at(record + table->symbol_offset);
        symbol = index >= 0 && w->symbols != NULL ? &w->symbols[index] : NULL;
    }
    put_char(w, table->array ? '[' : '{');
    for (uint8_t i = 0; i < table->field_count; i++) {
        const struct field *f = &table->fields[i];
        if (left_out(f, record)) continue;
        if (i > 0) put_char(w, ',');
        if (!table->array) {
            // Names of fields are ours and need no escape.
            put_char(w, '"');
            put(w, f->name, strlen(f->name));
            put(w, "\":", 2);
        }
        put_value(w, f, record, symbol);
    }
    put_char(w, table->array ? ']' : '}');
}

static size_t finish(const struct writer *w) {
    if (w->out != NULL) w->out[w->length < w->size ? w->length : w->size] = '\0';
    return w->length;
}

size_t record_json(char *out, size_t size, int32_t kind, const void *record, const struct symbol *symbols) {
    ASSERT(record != NULL || kind == RECORD_EMPTY);
    struct writer w = { size > 0 ? out : NULL, size > 0 ? size - 1 : 0, 0, symbols };
    put_record(&w, kind, record, NULL);
    return finish(&w);
}

size_t record_json_list(char *out, size_t size, int32_t kind, const void *records, int32_t count,
                        const struct symbol *symbols) {
    ASSERT(count >= 0);
    ASSERT(records != NULL || count == 0);
    struct writer w = { size > 0 ? out : NULL, size > 0 ? size - 1 : 0, 0, symbols };
    put_records(&w, kind, records, count, NULL);
    return finish(&w);
}

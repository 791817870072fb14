// decode.c: a request on the wire as a struct call.
#include "venue/binance/decode.h"

#include "base/assert.h"
#include "venue/binance/error_code.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/params.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool has(uint64_t bits, int32_t param) { return (bits >> param & 1) != 0; }

bool refuse_text(struct refusal *r, int32_t status, int32_t code, const char *text) {
    r->status = status;
    r->code = code;
    snprintf(r->text, sizeof r->text, "%s", text);
    return false;
}

bool refuse_with(struct refusal *r, int32_t status, int32_t code, const char *argument) {
    char value[61];
    snprintf(value, sizeof value, "%s", argument ? argument : "");
    r->status = status;
    r->code = code;
    error_code_message(code, value, NULL, r->text, sizeof r->text);
    return false;
}

// ---- pairs ----

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Copies one percent-encoded part; NULL: no room, or an escape that is none, or a zero byte.
static const char *decode_part(struct wire_params *p, const char *text, size_t size) {
    if (size + 1 > WIRE_TEXT_MAX - p->used) return NULL;
    char *start = p->text + p->used, *out = start;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '+') c = ' ';
        if (c == '%') {
            if (size - i < 3) return NULL;
            int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == 0) return NULL;
        *out++ = c;
    }
    *out = 0;
    p->used += (size_t)(out - start) + 1;
    return start;
}

const char *decode_find(const struct wire_params *p, const char *name) {
    for (int32_t i = 0; i < p->count; i++) {
        if (strcasecmp(p->pairs[i].name, name) == 0) return p->pairs[i].value;
    }
    return NULL;
}

// Pairs before `first` are of the query and win over those of the body; within one of them a name stands
// once.
static bool keep(struct wire_params *p, int32_t first, const char *name, const char *value,
                 struct refusal *r) {
    if (!name || !value) {
        return refuse_text(r, 400, -1100, "Illegal characters found in a parameter.");
    }
    for (int32_t i = 0; i < p->count; i++) {
        if (strcasecmp(p->pairs[i].name, name) != 0) continue;
        return i < first ? true : refuse_text(r, 400, -1101, "Duplicate values for a parameter detected.");
    }
    if (p->count == WIRE_PAIRS_MAX) return refuse_text(r, 400, -1101, "Too many parameters.");
    p->pairs[p->count].name = name;
    p->pairs[p->count++].value = value;
    return true;
}

bool decode_add_query(struct wire_params *p, const char *text, size_t size, struct refusal *r) {
    int32_t first = p->count;
    for (size_t at = 0; at < size;) {
        const char *part = text + at, *end = memchr(part, '&', size - at);
        size_t length = end ? (size_t)(end - part) : size - at;
        at += length + 1;
        if (length == 0) continue;
        const char *equals = memchr(part, '=', length);
        size_t name_size = equals ? (size_t)(equals - part) : length;
        const char *name = decode_part(p, part, name_size);
        const char *value =
            equals ? decode_part(p, equals + 1, length - name_size - 1) : decode_part(p, part, 0);
        if (!keep(p, first, name, value, r)) return false;
    }
    return true;
}

static const char *copy_text(struct wire_params *p, const char *text) {
    size_t size = strlen(text) + 1;
    if (size > WIRE_TEXT_MAX - p->used) return NULL;
    char *out = p->text + p->used;
    memcpy(out, text, size);
    p->used += size;
    return out;
}

bool decode_add(struct wire_params *p, const char *name, const char *value, struct refusal *r) {
    const char *kept_name = copy_text(p, name);
    return keep(p, p->count, kept_name, kept_name ? copy_text(p, value) : NULL, r);
}

// ---- values ----

static bool malformed(struct refusal *r, int32_t param) {
    return refuse_with(r, 400, -1102, param_info(param)->name);
}

// The code of a value that cannot be: the exchange has one of its own for the common enums.
static bool bad_value(struct refusal *r, int32_t param, const char *value) {
    switch (param) {
    case P_SIDE: return refuse_with(r, 400, -1117, NULL);
    case P_TYPE: return refuse_with(r, 400, -1116, NULL);
    case P_TIME_IN_FORCE: return refuse_with(r, 400, -1115, NULL);
    case P_INTERVAL: return refuse_with(r, 400, -1120, NULL);
    case P_CONTRACT_TYPE: return refuse_with(r, 400, -4104, NULL);
    case P_RESP_TYPE: return refuse_with(r, 400, -1136, NULL);
    case P_POSITION_SIDE: return refuse_with(r, 400, -4060, NULL);
    case P_WORKING_TYPE: return refuse_with(r, 400, -4031, NULL);
    case P_PRICE_MATCH: return refuse_with(r, 400, -5037, NULL);
    case P_STP_MODE: return refuse_with(r, 400, -5039, NULL);
    case P_CLIENT_ID:
    case P_ORIG_CLIENT_ID:
    case P_CLIENT_ALGO_ID:
        if (strlen(value) >= CLIENT_ID_MAX) {
            return refuse_text(r, 400, -4015, "Client order id length should not be more than 36 chars");
        }
        snprintf(r->text, sizeof r->text,
                 "Illegal characters found in parameter '%s'; legal range is "
                 "'^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.",
                 param_info(param)->name);
        r->status = 400;
        r->code = -1100;
        return false;
    default: break;
    }
    if (param_info(param)->type == PARAM_ENUM || param_info(param)->type == PARAM_CONST) {
        return refuse_with(r, 400, -1130, param_info(param)->name);
    }
    return malformed(r, param);
}

// Whether a name is one that the exchange reads, and not a spelling that is a script's alone: read here and
// not there, `qty` beside `quantity` would make an order of another size.
static bool wire_name(int32_t param, const char *name) {
    if (strcasecmp(name, param_info(param)->name) == 0) return true;
    switch (param) {
    case P_SYMBOL: return strcasecmp(name, "pair") == 0;
    case P_STOP_PRICE: return strcasecmp(name, "triggerPrice") == 0;
    case P_ACTIVATE_PRICE: return strcasecmp(name, "activationPrice") == 0;
    default: return false;
    }
}

// Names that mean another parameter, or none, from call to call.
static int32_t param_of(const char *name, int32_t endpoint) {
    if (strcasecmp(name, "type") == 0) return endpoint == EP_POSITION_MARGIN ? P_MARGIN_CHANGE : P_TYPE;
    if (strcasecmp(name, endpoint_takes_pair(endpoint) ? "symbol" : "pair") == 0) return -1;
    int32_t param = param_find(name);
    return param >= 0 && wire_name(param, name) ? param : -1;
}

static bool set_symbol(struct call *c, const char *value, const struct symbol *symbols, int32_t count) {
    c->symbol = (int16_t)symbol_find(symbols, count, value);
    c->given |= UINT64_C(1) << P_SYMBOL;
    return true;   // an unknown one is the exchange's to refuse
}

static size_t digits_at(const char *text) {
    size_t count = 0;
    while (text[count] >= '0' && text[count] <= '9') count++;
    return count;
}

// '^([0-9]{1,20})(\\.[0-9]{1,20})?$': no sign, no exponent, digits on both sides of the point.
static bool plain_decimal(const char *text) {
    size_t whole = digits_at(text);
    if (whole < 1 || whole > 20) return false;
    if (text[whole] == '\0') return true;
    size_t part = text[whole] == '.' ? digits_at(text + whole + 1) : 0;
    return part >= 1 && part <= 20 && text[whole + 1 + part] == '\0';
}

static bool set_value(struct call *c, int32_t param, const char *value, struct refusal *r) {
    if (param == P_INTERVAL && strcmp(value, "1mo") == 0)
        return bad_value(r, param, value);   // so called in file names alone
    int err = call_set_text(c, param, value, NULL);
    if (param_info(param)->type == PARAM_DEC && err == 0 && !plain_decimal(value)) {
        refuse_with(r, 400, -1100, NULL);
        error_code_message(-1100, param_info(param)->name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$", r->text,
                           sizeof r->text);
        return false;
    }
    if (err == 0) return true;
    if (err == ERR_OVERFLOW && param_info(param)->type == PARAM_DEC) return refuse_with(r, 400, -1111, NULL);
    return bad_value(r, param, value);
}

static bool decode_lists(const struct wire_params *p, int32_t endpoint, const struct symbol *symbols,
                         int32_t symbol_count, struct wire_call *out, struct refusal *r);

static bool decode_pairs(const struct wire_params *p, int32_t endpoint, uint64_t known,
                         const struct symbol *symbols, int32_t symbol_count, struct call *c,
                         struct refusal *r) {
    memset(c, 0, sizeof *c);
    c->endpoint = (uint16_t)endpoint;
    c->symbol = SYMBOL_NONE;
    for (int32_t i = 0; i < p->count; i++) {
        int32_t param = param_of(p->pairs[i].name, endpoint);
        const char *value = p->pairs[i].value;
        if (param < 0 || !has(known, param) || param == P_BATCH || param == P_ID_LIST ||
            param == P_CLIENT_ID_LIST)
            continue;
        if (*value == 0) return refuse_with(r, 400, -1105, param_info(param)->name);
        if (param == P_SYMBOL)
            set_symbol(c, value, symbols, symbol_count);
        else if (!set_value(c, param, value, r))
            return false;
    }
    return true;
}

bool decode_decode(const struct wire_params *p, int32_t endpoint, const struct symbol *symbols,
                   int32_t symbol_count, struct wire_call *out, struct refusal *r) {
    const struct endpoint_info *info = endpoint_info(endpoint);
    if (!decode_pairs(p, endpoint, info->params, symbols, symbol_count, &out->call, r)) return false;
    if (!decode_lists(p, endpoint, symbols, symbol_count, out, r)) return false;
    for (int32_t param = 0; param < PARAM_COUNT; param++) {
        bool needed = has(info->required, param) && param != P_TIMESTAMP && param != P_BATCH;
        if (!needed || has(out->call.given, param)) continue;
        return param == P_SYMBOL && endpoint_takes_pair(endpoint) ? refuse_with(r, 400, -1102, "pair")
                                                                  : malformed(r, param);
    }
    return true;
}

// ---- lists ----

// One order of a batch; what is wrong in it is answered for it alone.
static void decode_entry(struct json_object *entry, int32_t endpoint, const struct symbol *symbols,
                         int32_t symbol_count, struct call *c, struct refusal *r) {
    memset(c, 0, sizeof *c);
    c->endpoint = (uint16_t)endpoint;
    c->symbol = SYMBOL_NONE;
    if (!json_object_is_type(entry, json_type_object)) return;
    uint64_t known = endpoint_info(endpoint)->params;
    json_object_object_foreach(entry, name, item) {
        int32_t param = param_of(name, endpoint);
        if (param < 0 || !has(known, param) || !item) continue;
        const char *value = json_object_get_string(item);
        bool good = *value ? true : refuse_with(r, 400, -1105, param_info(param)->name);
        if (good && param == P_SYMBOL)
            good = set_symbol(c, value, symbols, symbol_count);
        else if (good)
            good = set_value(c, param, value, r);
        if (good) continue;
        c->refused_code = r->code;
        c->refused_text = r->text;
        return;
    }
}

struct json_object *decode_json(const char *text, size_t size) {
    struct json_tokener *reader = json_tokener_new_ex(16);
    ASSERT(reader != NULL);
    struct json_object *o = json_tokener_parse_ex(reader, text, (int)size);
    size_t end = json_tokener_get_parse_end(reader);
    bool whole = json_tokener_get_error(reader) == json_tokener_success;
    json_tokener_free(reader);
    while (whole && end < size && strchr(" \t\r\n", text[end]) && text[end]) end++;
    if (whole && end == size) return o;
    json_object_put(o);
    return NULL;
}

// A JSON list, or NULL and the refusal.
static struct json_object *list_of(const char *text, const char *name, struct refusal *r) {
    struct json_object *list = decode_json(text, strlen(text));
    if (json_object_is_type(list, json_type_array)) return list;
    json_object_put(list);
    refuse_with(r, 400, -1130, name);
    return NULL;
}

static uint8_t count_of(struct json_object *list) {
    size_t count = json_object_array_length(list);
    return count > 255 ? 255 : (uint8_t)count;
}

static bool decode_lists(const struct wire_params *p, int32_t endpoint, const struct symbol *symbols,
                         int32_t symbol_count, struct wire_call *out, struct refusal *r) {
    uint64_t known = endpoint_info(endpoint)->params;
    struct call *c = &out->call;
    const char *text;
    if (has(known, P_BATCH)) {
        if ((text = decode_find(p, "batchOrders")) == NULL || *text == 0) return malformed(r, P_BATCH);
        struct json_object *list = list_of(text, "batchOrders", r);
        if (!list) return false;
        c->batch_count = count_of(list);
        c->batch = out->batch;
        int32_t single = endpoint == EP_BATCH_NEW ? EP_ORDER_NEW : EP_ORDER_MODIFY;
        for (size_t i = 0; i < c->batch_count && i < CALL_BATCH_MAX; i++) {
            decode_entry(json_object_array_get_idx(list, i), single, symbols, symbol_count, &out->batch[i],
                         &out->refusals[i]);
        }
        c->given |= UINT64_C(1) << P_BATCH;
        json_object_put(list);
    }
    if (has(known, P_ID_LIST) && (text = decode_find(p, "orderIdList")) != NULL) {
        struct json_object *list = list_of(text, "orderIdList", r);
        if (!list) return false;
        c->batch_count = count_of(list);
        c->ids = out->ids;
        for (size_t i = 0; i < c->batch_count && i < CALL_CANCEL_BATCH_MAX; i++) {
            out->ids[i] =
                json_object_get_int64(json_object_array_get_idx(list, i));   // quoted ids are read too
        }
        c->given |= UINT64_C(1) << P_ID_LIST;
        json_object_put(list);
    } else if (has(known, P_CLIENT_ID_LIST) && (text = decode_find(p, "origClientOrderIdList")) != NULL) {
        struct json_object *list = list_of(text, "origClientOrderIdList", r);
        if (!list) return false;
        c->batch_count = count_of(list);
        c->client_ids = (const char(*)[CLIENT_ID_MAX])out->client_ids;
        for (size_t i = 0; i < c->batch_count && i < CALL_CANCEL_BATCH_MAX; i++) {
            struct json_object *item = json_object_array_get_idx(list, i);
            snprintf(out->client_ids[i], CLIENT_ID_MAX, "%s", item ? json_object_get_string(item) : "");
        }
        c->given |= UINT64_C(1) << P_CLIENT_ID_LIST;
        json_object_put(list);
    }
    return true;
}

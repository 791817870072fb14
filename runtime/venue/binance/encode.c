// encode.c: a struct call as a query string.
#include "venue/binance/encode.h"

#include "base/assert.h"
#include "base/dec.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/params.h"
#include "trade/record.h"

#include <string.h>

// What stands for itself in a query (RFC 3986). strspn would build its table of these anew for every value.
static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void encode_value(struct text_out *o, const char *text) {
    for (;;) {
        size_t run = 0;
        while (is_plain(text[run])) run++;
        text_add(o, text, run);
        text += run;
        if (!*text) return;
        text_put(o, "%%%02X", (unsigned char)*text++);
    }
}

static int64_t int64_of(const struct call *c, const struct param_info *p) {
    int64_t value;
    memcpy(&value, (const char *)c + p->offset, sizeof value);
    return value;
}

static void copy_text(char text[64], const char *from) {
    size_t size = strnlen(from, 63);
    memcpy(text, from, size);
    text[size] = 0;
}

// The value of one parameter as it stands on the wire, not escaped; text[0] 0: none.
static void value_text(const struct call *c, int32_t param, const struct symbol *symbols, char text[64]) {
    const struct param_info *p = param_info(param);
    const char *at = (const char *)c + p->offset;
    int32_t small;
    text[0] = 0;
    switch (p->type) {
    case PARAM_SYMBOL: copy_text(text, c->symbol >= 0 ? symbols[c->symbol].name : ""); break;
    case PARAM_ENUM: copy_text(text, p->names[(unsigned char)*at]); break;
    case PARAM_CONST: copy_text(text, p->names[0]); break;
    case PARAM_DEC: dec_print_short(text, int64_of(c, p)); break;
    case PARAM_BOOL: copy_text(text, *at ? "true" : "false"); break;
    case PARAM_INT8: id_print(text, (unsigned char)*at); break;
    case PARAM_INT32:
        memcpy(&small, at, sizeof small);
        id_print(text, small);
        break;
    case PARAM_ID: id_print(text, int64_of(c, p)); break;
    case PARAM_MS: id_print(text, int64_of(c, p) / 1000); break;
    case PARAM_TEXT: copy_text(text, at); break;
    default: break;
    }
}

// The name a call has for a parameter: some calls have their own.
static const char *name_of(const struct call *c, int32_t param) {
    bool algo = c->endpoint == EP_ALGO_NEW;
    if (param == P_SYMBOL && endpoint_takes_pair(c->endpoint)) return "pair";
    if (algo && param == P_CLIENT_ID) return "clientAlgoId";
    if (algo && param == P_STOP_PRICE) return "triggerPrice";
    return param_info(param)->name;
}

static void put_batch(struct text_out *o, const struct call *c, const struct symbol *symbols) {
    char json[4096];
    struct text_out j = { json, sizeof json, 0 };
    text_put(&j, "[");
    for (int32_t i = 0; i < c->batch_count; i++) {
        text_put(&j, "%s{", i ? "," : "");
        bool first = true;
        for (int32_t param = 0; param < PARAM_COUNT; param++) {
            char text[64];
            if (!call_given(&c->batch[i], param)) continue;
            value_text(&c->batch[i], param, symbols, text);
            if (!text[0]) continue;
            text_put(&j, "%s\"%s\":\"%s\"", first ? "" : ",", name_of(&c->batch[i], param), text);
            first = false;
        }
        text_put(&j, "}");
    }
    text_put(&j, "]");
    ASSERT(j.length < sizeof json);
    encode_value(o, json);
}

static void put_list(struct text_out *o, const struct call *c) {
    char json[1024], id[24];
    struct text_out j = { json, sizeof json, 0 };
    text_put(&j, "[");
    for (int32_t i = 0; i < c->batch_count; i++) {
        if (c->ids) {
            id_print(id, c->ids[i]);
            text_put(&j, "%s%s", i ? "," : "", id);
        } else {
            text_put(&j, "%s\"%s\"", i ? "," : "", c->client_ids[i]);
        }
    }
    text_put(&j, "]");
    encode_value(o, json);
}

size_t call_encode(const struct call *c, const struct symbol *symbols, char *out, size_t size) {
    struct text_out o = { out, size, 0 };
    if (size > 0) out[0] = 0;
    uint64_t known =
        endpoint_info(c->endpoint)->params | (c->endpoint == EP_ALGO_NEW ? UINT64_C(1) << P_CLIENT_ID : 0);
    for (int32_t param = 0; param < PARAM_COUNT; param++) {
        bool implied = param == P_ALGO_TYPE && c->endpoint == EP_ALGO_NEW;
        if ((!call_given(c, param) && !implied) || (known >> param & 1) == 0 || param == P_TIMESTAMP ||
            param == P_RECV_WINDOW)
            continue;
        bool list = param_info(param)->type == PARAM_LIST;
        char text[64];
        if (!list) value_text(c, param, symbols, text);
        if (!list && !text[0]) continue;
        const char *name = name_of(c, param);
        if (o.length) text_add(&o, "&", 1);
        text_add(&o, name, strlen(name));
        text_add(&o, "=", 1);
        if (param == P_BATCH)
            put_batch(&o, c, symbols);
        else if (list)
            put_list(&o, c);
        else
            encode_value(&o, text);
    }
    return o.length;
}

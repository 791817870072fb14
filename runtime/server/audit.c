// audit.c: every call that concerns an order, and the use of every limit, minute by minute.
#include "server/audit.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/dec.h"
#include "base/text.h"
#include "base/units.h"
#include "venue/binance/endpoint.h"
#include "trade/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct audit {
    struct audit_entry *entries;
    int64_t count, size;
    struct audit_minute *minutes;
    int64_t minute_count, minute_size;
};

struct audit *audit_new(void) {
    return alloc_zeroed(1, sizeof(struct audit));
}

void audit_free(struct audit *a) {
    if (!a) return;
    free(a->entries);
    free(a->minutes);
    free(a);
}

void audit_add(struct audit *a, const struct audit_entry *e) {
    ARRAY_ROOM(a->entries, a->size, a->count + 1);
    a->entries[a->count++] = *e;
}

void audit_windows(struct audit *a, const struct exchange_windows *w, bool refused, int64_t now_us) {
    int64_t start_us = now_us - now_us % MINUTE_US;
    if (a->minute_count == 0 || a->minutes[a->minute_count - 1].start_us != start_us) {
        ARRAY_ROOM(a->minutes, a->minute_size, a->minute_count + 1);
        a->minutes[a->minute_count++] = (struct audit_minute){ .start_us = start_us };
    }
    struct audit_minute *m = &a->minutes[a->minute_count - 1];
    m->weight = w->weight_1m;
    m->orders = w->orders_1m;
    if (w->orders_10s > m->orders_10s_most) m->orders_10s_most = w->orders_10s;
    m->refused += refused;
}

int64_t audit_count(const struct audit *a) { return a->count; }

// ---- printing ----

static void put_entry(struct text_out *o, const struct audit_entry *e, int64_t number,
                      const struct exchange *x) {
    char quantity[DEC_TEXT_MAX], price[DEC_TEXT_MAX], executed[DEC_TEXT_MAX];
    const struct endpoint_info *info = endpoint_info(e->endpoint);
    const struct order_record *order = e->order_id ? exchange_order(x, e->order_id) : NULL;
    dec_print_short(quantity, e->quantity_e8);
    dec_print_short(price, e->price_e8);
    dec_print_short(executed, order ? order->executed_qty_e8 : 0);
    text_put(o,
             "{\"n\":%lld,\"time\":%lld,\"call\":\"%s "
             "%s\",\"channel\":\"%s\",\"clientOrderId\":\"%s\",\"symbol\":\"%s\","
             "\"side\":\"%s\",\"quantity\":\"%s\",\"price\":\"%s\",",
             (long long)number, (long long)(e->time_us / 1000), http_method_name(info->method), info->path,
             e->channel ? "ws" : "rest", e->client_id,
             e->symbol >= 0 ? exchange_symbol(x, e->symbol)->name : "", side_names[e->side], quantity, price);
    text_put(o,
             "\"fault\":\"%s\",\"executed\":%s,\"told\":%s,\"code\":%d,\"orderId\":%lld,\"status\":\"%s\","
             "\"executedQty\":\"%s\"}",
             fault_kind_name(e->fault), e->executed ? "true" : "false", e->answered ? "true" : "false",
             e->code, (long long)e->order_id, order ? order_status_names[order->status] : "", executed);
}

static void put_windows(struct text_out *o, const struct audit *a) {
    for (int64_t i = 0; i < a->minute_count; i++) {
        const struct audit_minute *m = &a->minutes[i];
        text_put(o, "%s{\"start\":%lld,\"weight\":%d,\"orders\":%d,\"mostOrders10s\":%d,\"refused\":%d}",
                 i ? "," : "", (long long)(m->start_us / 1000), m->weight, m->orders, m->orders_10s_most,
                 m->refused);
    }
}

size_t audit_print(const struct audit *a, const struct exchange *x, int64_t from, int64_t limit,
                   const char *client_id, char *out, size_t size) {
    struct text_out o = { out, size, 0 };
    const struct exchange_totals *t = exchange_totals(x);
    text_put(&o, "{\"total\":%lld,\"from\":%lld,\"entries\":[", (long long)a->count, (long long)from);
    bool first = true;
    for (int64_t i = from; i < a->count && limit > 0; i++) {
        if (*client_id && strcmp(a->entries[i].client_id, client_id) != 0) continue;
        if (!first) text_put(&o, ",");
        put_entry(&o, &a->entries[i], i, x);
        first = false;
        limit--;
    }
    text_put(&o, "],\"windows\":[");
    put_windows(&o, a);
    text_put(
        &o,
        "],\"totals\":{\"orders\":%lld,\"fills\":%lld,\"canceled\":%lld,\"expired\":%lld,\"rejected\":%lld,"
        "\"rateLimited\":%lld,\"liquidations\":%lld}}",
        (long long)t->orders, (long long)t->fills, (long long)t->canceled, (long long)t->expired,
        (long long)t->rejected, (long long)t->rate_limited, (long long)t->liquidations);
    return o.length;
}

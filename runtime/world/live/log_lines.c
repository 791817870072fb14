// live_log_next.c: lines for the log about connections: said from inside of the loop, written when the script
// next lets go of it.
#include "world/live/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ODD_EVERY_US INT64_C(60000000)

__attribute__((format(printf, 3, 0))) static void add(struct live *l, bool warn, const char *format,
                                                      va_list arguments) {
    struct live_log *n = &l->news;
    int32_t used = n->count - n->head;
    if (used == NEWS_MAX) {   // nobody has looked for long: the oldest is the least of use
        n->head++;
        used--;
    }
    struct live_line *line = &n->lines[n->count++ % NEWS_MAX];
    line->warn = warn;
    vsnprintf(line->text, sizeof line->text, format, arguments);
}

void live_log_warn(struct live *l, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(l, true, format, arguments);
    va_end(arguments);
}

void live_log_info(struct live *l, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(l, false, format, arguments);
    va_end(arguments);
}

void live_log_malformed(struct live *l, const char *what, const char *text, size_t size) {
    struct live_log *n = &l->news;
    int64_t now = live_now(l);
    n->odd++;
    if (n->odd_us != 0 && now < n->odd_us + ODD_EVERY_US) return;
    char shown[121];
    size_t length = size < sizeof shown - 1 ? size : sizeof shown - 1;
    for (size_t i = 0; i < length; i++) shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    shown[length] = 0;
    live_log_warn(l, "%s: %s%s", what, shown, size > length ? "..." : "");
    n->odd_us = now;
}

bool live_log_waiting(const struct live *l) { return l->news.head < l->news.count; }

const char *live_log_last(const struct live *l) {
    return live_log_waiting(l) ? l->news.lines[(l->news.count - 1) % NEWS_MAX].text : "";
}

bool live_log_next(struct live *l, struct live_line *out) {
    struct live_log *n = &l->news;
    if (!live_log_waiting(l)) return false;
    *out = n->lines[n->head++ % NEWS_MAX];
    if (n->head == n->count) n->head = n->count = 0;
    return true;
}

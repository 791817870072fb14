// log_lines.c: lines for the log about connections: said from inside of the loop, written when the script next lets go
// of it.
#include "world/live/log_lines.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MALFORMED_EVERY_US INT64_C(60000000)

enum { LINES_MAX = 16 };
struct live_log {
    struct live_line lines[LINES_MAX];
    int32_t head, count;
    int64_t malformed, malformed_us;   // messages, and when one was last told
};                                     // head and count run on

__attribute__((format(printf, 3, 0))) static void add(struct live *l, bool warn, const char *format,
                                                      va_list arguments) {
    struct live_log *n = l->log;
    int32_t used = n->count - n->head;
    if (used == LINES_MAX) {   // nobody has looked for long: the oldest is the least of use
        n->head++;
        used--;
    }
    struct live_line *line = &n->lines[n->count++ % LINES_MAX];
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
    struct live_log *n = l->log;
    int64_t now = live_now(l);
    n->malformed++;
    if (n->malformed_us != 0 && now < n->malformed_us + MALFORMED_EVERY_US) return;
    char shown[121];
    size_t length = size < sizeof shown - 1 ? size : sizeof shown - 1;
    for (size_t i = 0; i < length; i++) shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    shown[length] = 0;
    live_log_warn(l, "%s: %s%s", what, shown, size > length ? "..." : "");
    n->malformed_us = now;
}

bool live_log_waiting(const struct live *l) { return l->log->head < l->log->count; }

const char *live_log_last(const struct live *l) {
    return live_log_waiting(l) ? l->log->lines[(l->log->count - 1) % LINES_MAX].text : "";
}

bool live_log_next(struct live *l, struct live_line *out) {
    struct live_log *n = l->log;
    if (!live_log_waiting(l)) return false;
    *out = n->lines[n->head++ % LINES_MAX];
    if (n->head == n->count) n->head = n->count = 0;
    return true;
}

int live_log_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->log = alloc_zeroed(1, sizeof *l->log);
    return ERR_OK;
}

void live_log_close(struct live *l) { free(l->log); }

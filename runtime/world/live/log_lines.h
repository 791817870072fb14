// log_lines.h: lines for the log about connections, said from inside of the loop.
#ifndef MT_WORLD_LIVE_LOG_LINES_H
#define MT_WORLD_LIVE_LOG_LINES_H

#include "world/live/core.h"

int live_log_open(struct live *l, struct errmsg *e);
void live_log_close(struct live *l);
void live_log_warn(struct live *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void live_log_info(struct live *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A message that is not what it should be; told once a minute at most.
void live_log_malformed(struct live *l, const char *what, const char *text, size_t size);
bool live_log_waiting(const struct live *l);
const char *live_log_last(const struct live *l);   // "": none waits

#endif

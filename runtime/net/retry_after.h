// retry_after.h: when a server wants to hear of its client again: the header Retry-After, as seconds or as a date.
//
// Owner    plain values; one struct an answer, zero before its first header.
// Errors   what is neither a number nor a date counts as not said.
// Source   RFC 9110, section 10.2.3.
#ifndef MT_NET_RETRY_AFTER_H
#define MT_NET_RETRY_AFTER_H

#include <stddef.h>
#include <stdint.h>

struct retry_after {
    int64_t seconds;        // 0: not said in this form
    int64_t at_s, sent_s;   // as a date, and the server's own Date beside it; seconds since the epoch
};

// Any header of the answer; `value` needs no end.
void retry_after_take(struct retry_after *r, const char *name, size_t name_size, const char *value,
                      size_t size);

// Seconds from now, never negative; 0: not said. A date is compared with the server's own clock where that was sent.
int32_t retry_after_seconds(const struct retry_after *r, int64_t wall_s);

#endif

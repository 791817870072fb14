// retry_after.c: the header Retry-After in both of its forms.
#include "net/retry_after.h"

#include "base/assert.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 64, DIGITS_MAX = 18 };

static bool name_is(const char *name, size_t size, const char *wanted) {
    return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

// The value without the blanks around it.
static void trimmed(const char *value, size_t size, char out[VALUE_MAX]) {
    while (size > 0 && (*value == ' ' || *value == '\t')) value++, size--;
    while (size > 0 && strchr(" \t\r\n", value[size - 1])) size--;
    if (size > VALUE_MAX - 1) size = VALUE_MAX - 1;
    memcpy(out, value, size);
    out[size] = 0;
}

static int64_t date_s(const char *text) {
    int64_t at_s = (int64_t)curl_getdate(text, NULL);
    return at_s > 0 ? at_s : 0;
}

void retry_after_take(struct retry_after *r, const char *name, size_t name_size, const char *value,
                      size_t size) {
    char text[VALUE_MAX];
    bool date = name_is(name, name_size, "Date");
    if (!date && !name_is(name, name_size, "Retry-After")) return;
    trimmed(value, size, text);
    if (date) {
        r->sent_s = date_s(text);
        return;
    }
    size_t digits = strspn(text, "0123456789");
    r->seconds = r->at_s = 0;
    if (digits == 0 || text[digits] != 0) {
        r->at_s = date_s(text);
        return;
    }
    for (size_t i = 0; i < digits && i < DIGITS_MAX; i++) r->seconds = r->seconds * 10 + (text[i] - '0');
}

int32_t retry_after_seconds(const struct retry_after *r, int64_t wall_s) {
    ASSERT(r->seconds >= 0 && r->at_s >= 0);
    int64_t seconds = r->seconds;
    if (r->at_s != 0) seconds = r->at_s - (r->sent_s != 0 ? r->sent_s : wall_s);
    if (seconds < 0) seconds = 0;
    return seconds > INT32_MAX ? INT32_MAX : (int32_t)seconds;
}

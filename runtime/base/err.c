// err.c: how a failed assertion ends, and how an error's line is written.
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "moontide: internal error: %s does not hold (%s:%d); please report this\n", condition,
            file, line);
    abort();
}

int errmsg_set(struct errmsg *e, int err, const char *format, ...) {
    if (e) {
        va_list args;
        va_start(args, format);
        vsnprintf(e->text, sizeof e->text, format, args);
        va_end(args);
    }
    return err;
}

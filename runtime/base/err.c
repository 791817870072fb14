#include "base/err.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "moontide: internal error: %s does not hold (%s:%d); please report this\n", condition,
            file, line);
    abort();
}

const char *err_name(int err) {
    switch (err) {
    case ERR_OK: return "ok";
    case ERR_INVALID: return "invalid";
    case ERR_SYNTAX: return "syntax";
    case ERR_OVERFLOW: return "overflow";
    case ERR_NO_MEMORY: return "no_memory";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_IO: return "io";
    case ERR_FULL: return "full";
    case ERR_FORMAT: return "format";
    case ERR_GAP: return "gap";
    case ERR_TIMEOUT: return "timeout";
    case ERR_STOPPED: return "stopped";
    default: return "unknown";
    }
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

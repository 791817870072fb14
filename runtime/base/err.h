// err.h: the one vocabulary of failure. Functions that can fail return 0 or one of these, and say so.
//
// What the exchange itself answers (its negative codes) is not here: that is data, see
// venue/binance/error_code.h.
#ifndef MT_BASE_ERR_H
#define MT_BASE_ERR_H

#include <stddef.h>

enum err {
    ERR_OK = 0,
    ERR_INVALID = -1,    // an argument or an input breaks its contract
    ERR_SYNTAX = -2,     // text that does not parse
    ERR_OVERFLOW = -3,   // a number that does not fit
    ERR_NO_MEMORY = -4,
    ERR_NOT_FOUND = -5,
    ERR_IO = -6,       // the operating system refused; errno says why
    ERR_FULL = -7,     // a bounded thing is full
    ERR_FORMAT = -8,   // a file that is not what it should be
    ERR_GAP = -9,      // a hole, a duplicate or a disorder in data
    ERR_TIMEOUT = -10,
    ERR_STOPPED = -11
};

// One line of explanation, filled by functions that take it; always terminated, cut when too long.
struct errmsg {
    char text[512];
};

// printf into e (which may be NULL); returns `err`, so that a caller can `return errmsg_set(e, ERR_X, ...)`.
int errmsg_set(struct errmsg *e, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

// call.c: what a call says of itself.
#include "trade/call.h"

#include "base/assert.h"

bool call_given(const struct call *c, int32_t param) {
    ASSERT(param >= 0 && param < PARAM_COUNT);
    return (c->given >> param & 1) != 0;
}

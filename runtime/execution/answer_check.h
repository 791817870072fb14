// answer_check.h: whether an answer is about the order (or, of a batch, the orders) that a call names. Pure.
//
// Rule     an answer about another order, or one with impossible numbers, says nothing of what was asked: it must be
//          handled as an answer that cannot be read.
#ifndef MT_EXECUTION_ANSWER_CHECK_H
#define MT_EXECUTION_ANSWER_CHECK_H

#include "execution/api_call.h"

// The answer (status 200) is in op. True of every answer that names no order.
bool answer_check_fits(const struct api_call *op);

#endif

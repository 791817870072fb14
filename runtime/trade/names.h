// names.h: the names of the enums of trade/, indexed by the enum.
#ifndef MT_TRADE_NAMES_H
#define MT_TRADE_NAMES_H

#include "trade/record.h"

// Names of the enums as on the wire, indexed by the enum.
extern const char *const side_names[SIDE_COUNT];
extern const char *const order_type_names[ORDER_TYPE_COUNT];
extern const char *const tif_names[TIF_COUNT];
extern const char *const position_side_names[POSITION_SIDE_COUNT];
extern const char *const order_status_names[STATUS_COUNT];
extern const char *const algo_status_names[ALGO_STATUS_COUNT];
extern const char *const working_type_names[WORKING_COUNT];
extern const char *const margin_type_names[MARGIN_COUNT];   // CROSSED ISOLATED: requests
extern const char
    *const margin_type_short_names[MARGIN_COUNT];   // cross isolated: positionRisk, ACCOUNT_UPDATE
extern const char *const resp_type_names[RESP_COUNT];
extern const char *const stp_mode_names[STP_COUNT];
extern const char *const price_match_names[MATCH_COUNT];
extern const char *const income_type_names[INCOME_TYPE_COUNT];
extern const char *const execution_names[EXEC_COUNT];
extern const char *const account_reason_names[ACCOUNT_REASON_COUNT];
extern const char *const interval_names[INTERVAL_COUNT];
extern const char *const rate_kind_names[RATE_KIND_COUNT];
extern const char *const rate_interval_names[RATE_INTERVAL_COUNT];

// SIDE_SELL of SIDE_BUY, and the other way round.
int32_t side_opposite(int32_t side);

#endif

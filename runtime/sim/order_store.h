// order_store.h: every order and conditional order since the start, and where the open ones are.
//
// Orders never move in memory. Their ids count on from config.order_id_first, so finding one by id is an
// index.
#ifndef MT_SIM_ORDER_STORE_H
#define MT_SIM_ORDER_STORE_H

#include "sim/engine.h"

struct order *order_new(struct exchange *x);
struct order *order_at(const struct exchange *x, int64_t index);
struct algo *algo_new(struct exchange *x);
struct algo *algo_at(const struct exchange *x, int64_t index);
void order_store_free(struct exchange *x);

// Puts an order among the waiting or resting ones of its market, or takes it off.
void order_link(struct exchange *x, struct order *o, uint8_t place);
void order_unlink(struct exchange *x, struct order *o);
void algo_link(struct exchange *x, struct algo *a);
void algo_unlink(struct exchange *x, struct algo *a);

// The order an id pair means (order id wins), open or final, never a hidden one; NULL when there is none.
struct order *order_find(struct exchange *x, int16_t symbol, int64_t order_id, const char *client_id);
struct order *order_find_open_id(const struct exchange *x, const char *client_id);
struct algo *algo_find(struct exchange *x, int64_t algo_id, const char *client_id);

// 22 letters and digits made from a number, as the exchange makes ids nobody chose.
void client_id_make(char out[CLIENT_ID_MAX], uint64_t number);

// 0, or the code for an id the exchange does not take (section 6).
int32_t client_id_check(const char *id);

#endif

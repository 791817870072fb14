// account_view.h: positions and the wallet as a script sees them: what the account's stream has told, and the fills that are known
// before it tells them. Pure: times are handed in.
//
//     reply, order event --> what an order has executed in all --> the part that is new: a fill
//                                                                    |-- the account has told it already --> nothing
//                                                                    +-- not yet: it stays added until the account tells it
//     account message    --> the truth as of its time; the fills in it are no longer added
//
// Once     an order's executed quantity only grows: a reply and the stream's event about the same fill are one fill, in
//          whatever order they come.
// In it    a message holds every fill of an earlier time than its own; of fills of its own time as many as its amount moved
//          by. A message that was heard before a request left cannot hold what that request did.
// Clocks   the exchange's times are only compared with each other. Should its clock be set back, a message looks old and is
//          not believed (account_view_told says so): the account must be asked then.
// Wallet   of a fill that the account has not told it holds the realised result and the commission: as the order's event
//          tells it, before that by the rate of the last taker's fill.
// Owner    the view written to is the caller's and outlives this; account_view_free. One thread.
#ifndef MT_EXECUTION_ACCOUNT_VIEW_H
#define MT_EXECUTION_ACCOUNT_VIEW_H

#include "trade/stream_event.h"

#include <stdbool.h>
#include <stdint.h>

struct account_view;

// Writes positions[symbol * POSITION_SIDE_COUNT + side] and *wallet_e8.
struct account_view *account_view_new(struct position_view *positions, int64_t *wallet_e8);
void account_view_free(struct account_view *v);

// The account's stream tells (`asked` false), or the account was asked. `heard_us`: our time. False: it looks older than what
// was told before and says something else, and was not taken.
bool account_view_told(struct account_view *v, const struct account_update_record *u, bool asked,
                       int64_t heard_us);

// The order's stream tells a fill; heard_us 0: it was found by asking.
void account_view_event(struct account_view *v, const struct order_update_record *u, int64_t heard_us);

// A reply shows an order. `asked_us`: when the request was made; `made`: the request made the order.
void account_view_reply(struct account_view *v, const struct order_record *o, bool made, int64_t asked_us,
                        int64_t heard_us);

// The account was asked at asked_us (our time; exchange_us at the least by the exchange's) and all that was news of it is told:
// what was known before is in it.
void account_view_asked(struct account_view *v, int64_t asked_us, int64_t exchange_us);

// As the account told them, without what is only known by orders: indexed as above.
const struct position_view *account_view_told_positions(const struct account_view *v);
int64_t account_view_told_wallet_e8(const struct account_view *v);

// Forgets orders that were over before that time of the exchange's.
void account_view_forget(struct account_view *v, int64_t before_us);

#endif

// order_book.h: local order books, kept from the first time that one is asked for.
#ifndef MT_WORLD_LIVE_ORDER_BOOK_H
#define MT_WORLD_LIVE_ORDER_BOOK_H

#include "world/live/core.h"

int live_books_open(struct live *l, struct errmsg *e);
void live_books_close(struct live *l);
void live_books_event(struct live *l, const struct depth_event *e);
void live_books_lost(struct live *l);

#endif

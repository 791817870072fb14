// foreign_page.h: an answer that is not the server's own: what a firewall, a proxy or a gateway between says in its place.
#ifndef MT_NET_FOREIGN_PAGE_H
#define MT_NET_FOREIGN_PAGE_H

#include <stddef.h>
#include <stdint.h>

enum { FOREIGN_PAGE_TEXT = 160 };

// One line about a body that is not what was asked for: what answers with this status as a rule, and the page's title
// or its first words. `body` need not end. Only printable ASCII is taken over.
void foreign_page_describe(int32_t status, const char *body, size_t size, char out[FOREIGN_PAGE_TEXT]);

#endif

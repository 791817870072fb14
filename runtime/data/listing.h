// listing.h: one page of the listing of an S3 bucket (ListBucketResult), read through expat.
//
// Owner    listing_free releases what listing_read filled, also after an error.
// Errors   ERR_FORMAT with one line: no XML, cut short, or another document.
#ifndef MT_DATA_LISTING_H
#define MT_DATA_LISTING_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTING_KEY_MAX = 256, LISTING_ETAG_MAX = 80, LISTING_STAMP_MAX = 32 };

struct listing_key {
    char key[LISTING_KEY_MAX];
    char etag[LISTING_ETAG_MAX];        // with its quotation marks, as it goes into a request
    char modified[LISTING_STAMP_MAX];   // 2023-02-01T09:05:11.000Z
    int64_t size;
};

struct bucket_listing {
    struct listing_key *keys;   // in the order of the page
    int32_t count, capacity;
    struct listing_key *prefixes;   // CommonPrefixes: only `key` is set
    int32_t prefix_count, prefix_capacity;
    bool truncated;                      // there is another page
    char next_marker[LISTING_KEY_MAX];   // empty: the last key is it
};

int listing_read(const char *xml, size_t size, struct bucket_listing *out, struct errmsg *e);
void listing_free(struct bucket_listing *l);

#endif

// listing.c: one page of the listing of an S3 bucket, read through expat.
#include "data/listing.h"

#include "base/array.h"
#include "base/assert.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, NAME_MAX_BYTES = 24, VALUE_MAX = 512 };

struct reader {
    struct bucket_listing *out;
    char names[DEPTH_MAX][NAME_MAX_BYTES];   // of the elements that are open, without their namespace
    int depth;
    char value[VALUE_MAX];   // text of the innermost element
    size_t value_size;
    struct listing_key key;   // being read
    const char *problem;
};

static const char *local_name(const char *name) {
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static bool in(const struct reader *r, int level, const char *name) {
    return level < DEPTH_MAX && strcmp(r->names[level], name) == 0;
}

static void on_start(void *data, const char *name, const char **attributes) {
    struct reader *r = data;
    (void)attributes;
    if (r->depth < DEPTH_MAX) {
        strncpy(r->names[r->depth], local_name(name), NAME_MAX_BYTES - 1);
        if (r->depth == 0 && !in(r, 0, "ListBucketResult")) r->problem = "is no listing of a bucket";
        if (r->depth == 1) memset(&r->key, 0, sizeof r->key);
    }
    r->depth++;
    r->value_size = 0;
}

static void on_text(void *data, const char *text, int size) {
    struct reader *r = data;
    size_t room = VALUE_MAX - 1 - r->value_size;
    if ((size_t)size > room) {
        r->problem = "holds a name too long";
        return;
    }
    memcpy(r->value + r->value_size, text, (size_t)size);
    r->value_size += (size_t)size;
}

static void take(struct reader *r, char *out, size_t size) {
    if (r->value_size >= size)
        r->problem = "holds a name too long";
    else
        memcpy(out, r->value, r->value_size + 1);
}

static void take_size(struct reader *r) {
    char *end;
    long long size = strtoll(r->value, &end, 10);
    if (end == r->value || *end || size < 0 || size > INT64_MAX / 2)
        r->problem = "holds a size that is none";
    else
        r->key.size = size;
}

static void add(struct listing_key **list, int32_t *count, int32_t *capacity, const struct listing_key *key) {
    ARRAY_ROOM(*list, *capacity, *count + 1);
    (*list)[(*count)++] = *key;
}

// The end of an element within Contents or CommonPrefixes, of those themselves, or of one beside them.
static void on_end(void *data, const char *name) {
    struct reader *r = data;
    struct bucket_listing *l = r->out;
    (void)name;
    r->depth--;
    r->value[r->value_size] = '\0';
    if (r->depth == 2 && in(r, 1, "Contents")) {
        if (in(r, 2, "Key")) take(r, r->key.key, sizeof r->key.key);
        if (in(r, 2, "ETag")) take(r, r->key.etag, sizeof r->key.etag);
        if (in(r, 2, "LastModified")) take(r, r->key.modified, sizeof r->key.modified);
        if (in(r, 2, "Size")) take_size(r);
    } else if (r->depth == 2 && in(r, 1, "CommonPrefixes") && in(r, 2, "Prefix")) {
        take(r, r->key.key, sizeof r->key.key);
    } else if (r->depth == 1 && in(r, 1, "Contents") && r->key.key[0]) {
        add(&l->keys, &l->count, &l->capacity, &r->key);
    } else if (r->depth == 1 && in(r, 1, "CommonPrefixes") && r->key.key[0]) {
        add(&l->prefixes, &l->prefix_count, &l->prefix_capacity, &r->key);
    } else if (r->depth == 1 && in(r, 1, "IsTruncated")) {
        l->truncated = strcmp(r->value, "true") == 0;
    } else if (r->depth == 1 && in(r, 1, "NextMarker")) {
        take(r, l->next_marker, sizeof l->next_marker);
    }
    if (r->depth < DEPTH_MAX) memset(r->names[r->depth], 0, NAME_MAX_BYTES);
    r->value_size = 0;
}

// A listing has none; entities that grow are how XML is made to fill a memory.
static void on_doctype(void *data, const char *name, const char *system, const char *public, int internal) {
    struct reader *r = data;
    (void)name, (void)system, (void)public, (void)internal;
    r->problem = "has a document type, which no listing has";
}

int listing_read(const char *xml, size_t size, struct bucket_listing *out, struct errmsg *e) {
    struct reader r = { .out = out };
    memset(out, 0, sizeof *out);
    if (size > INT_MAX) return errmsg_set(e, ERR_FORMAT, "the listing is too long");
    XML_Parser parser = XML_ParserCreate(NULL);
    if (!parser) return errmsg_set(e, ERR_NO_MEMORY, "no memory to read a listing");
    XML_SetUserData(parser, &r);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    int err = 0;
    if (XML_Parse(parser, xml, (int)size, 1) != XML_STATUS_OK && !r.problem)
        err = errmsg_set(e, ERR_FORMAT, "the listing is no XML, or was cut short: line %lu: %s",
                         (unsigned long)XML_GetCurrentLineNumber(parser),
                         XML_ErrorString(XML_GetErrorCode(parser)));
    else if (r.problem)
        err = errmsg_set(e, ERR_FORMAT, "what was answered %s", r.problem);
    XML_ParserFree(parser);
    ASSERT(out->count <= out->capacity);
    return err;
}

void listing_free(struct bucket_listing *l) {
    free(l->keys);
    free(l->prefixes);
    *l = (struct bucket_listing){ 0 };
}

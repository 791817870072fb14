// download.h: files fetched over HTTP by libcurl, several at once, each continued where it stands on disk.
//
// Continued  a file that is begun is asked for from its end on, on condition that it still is the one of the given
//            ETag (If-Range). A server that sends it from the start instead is taken at its word: what stood there is
//            overwritten. What is no 200 or 206 never touches the file.
// Owner      downloads_free gives up what is under way; files stay as far as they came. A loop of its own; one thread.
// Errors     what went wrong with one is told in its end, in one line; it is the caller's to try again.
#ifndef MT_NET_DOWNLOAD_H
#define MT_NET_DOWNLOAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct downloads;

struct downloads_options {
    const char *proxy, *ca_file;   // NULL: the environment's, the system's
    int64_t connect_timeout_ms;
    int64_t stall_s;   // one that brings no byte for so long is given up
};

struct download_call {
    const char *url;
    const char *path;   // NULL: into memory, 16 MB at most
    const char *etag;   // of what stands at `path`, with quotation marks; NULL: begun anew
    int64_t number;     // the caller's, told with its end
};

struct download_end {
    int64_t number;
    int32_t status;   // HTTP; 0: no answer
    int32_t retry_after_s;
    bool whole;         // 200 or 206, and all of it has come
    int64_t received;   // bytes of it that came this time
    const char
        *body;   // of what went into memory, and the first bytes of a refusal; borrowed until the next call
    size_t size;
    char problem[256];   // why it is not whole
};

int downloads_new(const struct downloads_options *o, struct downloads **out, struct errmsg *e);
void downloads_free(struct downloads *d);

// Starts one. ERR_IO when `path` cannot be written, ERR_NO_MEMORY.
int downloads_start(struct downloads *d, const struct download_call *call, struct errmsg *e);

// Waits for the next end: true, or false after timeout_us.
bool downloads_wait(struct downloads *d, int64_t timeout_us, struct download_end *out);

// Bytes that have come in all.
int64_t downloads_received(const struct downloads *d);

#endif

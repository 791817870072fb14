// probe.h: requests one at a time, each waited for: what is asked before there is a run (the exchange's
// rules) or without one (moontide doctor).
//
// Owner    probe_free. An answer's body stands until the next question. One thread; a loop of its own.
// Errors   ERR_IO when no answer came, with one line; what the exchange answers, refusals too, is no error
//          here.
#ifndef MT_WORLD_LIVE_PROBE_H
#define MT_WORLD_LIVE_PROBE_H

#include "base/err.h"
#include "world/live/clock.h"

#include <stddef.h>
#include <stdint.h>

struct probe;
struct network;

struct probe_options {
    const char *ca_file, *proxy;   // NULL: the system's, the environment's
    int64_t timeout_us;
    const struct live_clock *clock;   // NULL, both: the system's
    const struct network *network;
};

struct probe_answer {
    int32_t status;           // HTTP
    int32_t used_weight_1m;   // -1: not told
    int32_t retry_after_s;    // 0: not told
    int64_t took_us;          // from the first byte out to the last one in
    const char *body;         // terminated
    size_t size;
};

int probe_new(const struct probe_options *o, struct probe **out, struct errmsg *e);
void probe_free(struct probe *p);

// `key`: the API key that goes with it, or NULL. Connections are kept from question to question.
int probe_ask(struct probe *p, const char *method, const char *url, const char *key, struct probe_answer *out,
              struct errmsg *e);

// Lets time pass.
void probe_wait(struct probe *p, int64_t us);

// Opens a WebSocket, and closes it: how long the opening took.
int probe_stream(struct probe *p, const char *url, int64_t *took_us, struct errmsg *e);

// Bytes free to us in the file system of a folder; -1 when it cannot be told.
int64_t probe_free_bytes(const char *folder);

#endif

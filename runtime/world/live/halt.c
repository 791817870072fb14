// halt.c: the halt that an operator asks for: by a signal, a file, the supervisor, or a limit that was broken. The
// runtime's Lua hears of it once (WORLD_CONTROL) and does what is to be done.
#include "world/live/halt.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY_US INT64_C(500000)

struct live_halt {
    int64_t look_us;      // when to look for the files next
    bool asked, halted;   // asked: not told yet; halted: it is not asked again
};

void live_ask_halt(struct live *l) {
    struct live_halt *h = l->halt;
    if (!h->halted) h->asked = h->halted = true;
}

bool live_halt_waits(const struct live *l) { return l->halt->asked; }

bool live_halt_asked(struct live *l) {
    bool asked = l->halt->asked;
    l->halt->asked = false;
    return asked;
}

void live_halt_done(struct live *l) { l->halt->halted = true; }

void live_halt_pump(struct live *l, int64_t now_us) {
    if (now_us < l->halt->look_us) return;
    l->halt->look_us = now_us + LOOK_EVERY_US;
    for (int i = 0; i < 2; i++) {
        if (l->o.halt_files[i] && access(l->o.halt_files[i], F_OK) == 0) live_ask_halt(l);
    }
}

int64_t live_halt_next_us(const struct live *l) { return l->o.halt_files[0] ? l->halt->look_us : INT64_MAX; }

int live_halt_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->halt = alloc_zeroed(1, sizeof *l->halt);
    return ERR_OK;
}

void live_halt_close(struct live *l) { free(l->halt); }

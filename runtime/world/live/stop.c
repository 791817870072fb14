// stop.c: how a live run ends: asked by a signal, by its time being over, by `moontide stop`. What is under way then
// has a while.
#include "world/live/stop.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "process/heartbeat.h"
#include "world/live/halt.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define GRACE_US INT64_C(3000000)   // for a handler that was under way, or a script that has not noticed

enum { LIVE_SIGNALS = 4 };

struct live_stop {
    uv_signal_t signals[LIVE_SIGNALS];
    int64_t at_us;   // when the run ends by itself; 0: never
    int64_t by_us;   // when stopping: until when the script's calls are carried out
    int64_t asked_us;
};

static const int numbers[LIVE_SIGNALS] = { SIGTERM, SIGUSR1, SIGINT, SIGHUP };

void live_stop(struct live *l) {
    if (l->stopping) return;
    l->stopping = true;
    l->stop->asked_us = live_peek_now(l);
    live_stop_within(l, GRACE_US);
}

int64_t live_stop_asked_us(const struct live *l) { return l->stop->asked_us; }

bool live_stopping(const struct live *l) { return l->stopping; }

// Not live_now: what time it is for the script changes only where a recording sees it.
static int64_t after(const struct live *l, int64_t us) {
    int64_t now = live_peek_now(l);
    return us < INT64_MAX - now ? now + us : INT64_MAX;
}

void live_stop_within(struct live *l, int64_t within_us) { l->stop->by_us = after(l, within_us); }

void live_stop_after(struct live *l, int64_t after_us) { l->stop->at_us = after(l, after_us); }

void live_stop_count(struct live *l, int64_t bars, int64_t events, int64_t orders) {
    l->end_counts.bars = bars;
    l->end_counts.events = events;
    l->end_counts.orders = orders;
}

// The script hears of the last order's end, and of all before it.
void live_stop_counted(struct live *l) {
    l->end_counts.to_deliver = l->pump.delivery_count;
    live_stop(l);
    live_wake(l);
}

bool live_overdue(const struct live *l) { return l->stopping && l->pump.view.now_us >= l->stop->by_us; }

int64_t live_stop_next_us(const struct live *l) {
    if (!l->stopping) return l->stop->at_us != 0 ? l->stop->at_us : INT64_MAX;
    return l->pump.view.now_us < l->stop->by_us ? l->stop->by_us : INT64_MAX;
}

// Asked twice to end, by whatever: at once. A supervisor has means of its own.
static void leave(void) {
    static const char said[] = "moontide: asked again to stop: left at once, without cancelling orders\n";
    if (write(STDERR_FILENO, said, sizeof said - 1) < 0) {
    }
    _exit(130);
}

static void on_signal(uv_signal_t *s, int number) {
    struct live *l = s->data;
    live_wake(l);
    if (number == SIGUSR1 || (heartbeat_commands() & HEART_HALT) != 0) live_ask_halt(l);
    if (number == SIGUSR1) return;
    if (l->stopping && !heartbeat_joined()) leave();
    live_stop(l);
}

// The second signal is heard also while the script holds the loop.
static struct sigaction taken_by_loop[LIVE_SIGNALS];
static volatile sig_atomic_t asked;

static void on_raw_signal(int number, siginfo_t *info, void *context) {
    (void)info;
    (void)context;
    if (asked++ > 0) leave();
    for (int i = 0; i < LIVE_SIGNALS; i++) {
        if (numbers[i] == number) taken_by_loop[i].sa_handler(number);
    }
}

static void count_signal(int i) {
    struct sigaction action = { .sa_sigaction = on_raw_signal, .sa_flags = SA_RESTART | SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    sigaction(numbers[i], &action, &taken_by_loop[i]);
    ASSERT((taken_by_loop[i].sa_flags & SA_SIGINFO) == 0 && taken_by_loop[i].sa_handler != SIG_DFL);
}

int live_stop_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->stop = alloc_zeroed(1, sizeof *l->stop);
    asked = 0;
    for (int i = 0; i < LIVE_SIGNALS; i++) {
        uv_signal_init(&l->loop, &l->stop->signals[i]);
        l->stop->signals[i].data = l;
        uv_unref((uv_handle_t *)&l->stop->signals[i]);
        // Under a supervisor, that hears those of a terminal.
        bool left = numbers[i] != SIGTERM && numbers[i] != SIGUSR1 &&
                    (heartbeat_joined() || (numbers[i] == SIGHUP && signal_ignored(SIGHUP)));
        if (l->o.requests_only) {
            signal(numbers[i], SIG_IGN);
        } else if (!left) {
            uv_signal_start(&l->stop->signals[i], on_signal, numbers[i]);
            if (numbers[i] != SIGUSR1 && !heartbeat_joined()) count_signal(i);
        }
    }
    return ERR_OK;
}

void live_stop_stop(struct live *l) {
    for (int i = 0; i < LIVE_SIGNALS; i++) uv_close((uv_handle_t *)&l->stop->signals[i], NULL);
}

void live_stop_close(struct live *l) { free(l->stop); }

void live_stop_pump(struct live *l, int64_t now_us) {
    if (l->stop->at_us != 0 && now_us >= l->stop->at_us) live_stop(l);
}

// heartbeat.h: what a worker process tells its supervisor without a word: a page of memory they share. The
// worker writes where it is each time it goes into its loop and comes out; the supervisor sees how long it
// has been there.
//
// Process  a worker has one, joined once (heartbeat_join) and known to the whole process; without one, the
//          worker's calls do nothing. The supervisor holds one for each worker.
// Clock    CLOCK_MONOTONIC, in microseconds.
#ifndef MT_PROCESS_HEARTBEAT_H
#define MT_PROCESS_HEARTBEAT_H

#include "base/units.h"

#include <stdbool.h>
#include <stdint.h>

enum heart_phase {
    HEART_STARTING,   // connecting: waits for others
    HEART_SCRIPT,     // the script's code runs
    HEART_LOOP,       // in the loop, which beats at least every HEART_REST_US
    HEART_ENDED       // ended in order: nothing is left to be done for it
};

enum heart_command {
    HEART_FLATTEN = 1,
    HEART_HALT = 2
};   // what the supervisor asks beside the signal it sends

#define HEART_REST_US SECOND_US

// ---- the worker's side

int heartbeat_join(int fd);   // 0, or ERR_IO: not a supervisor's page
bool heartbeat_joined(void);
void heartbeat_phase(int32_t phase);   // beats, too
void heartbeat_started(void);          // the script has begun: from now on there may be orders
int32_t heartbeat_commands(void);      // bits of enum heart_command

// Whether we were started with a signal ignored (nohup does that with SIGHUP): then it is left so.
bool signal_ignored(int32_t number);

// ---- the supervisor's side

struct heartbeat;
struct heart_view {
    int64_t quiet_us;   // since the last beat
    int64_t turns;
    int32_t phase;
    bool started;
};

struct heartbeat *heartbeat_new(int *fd);   // the descriptor is the worker's to inherit; NULL: no memory
void heartbeat_free(struct heartbeat *h, int fd);
struct heart_view heartbeat_view(const struct heartbeat *h);
void heartbeat_command(struct heartbeat *h, int32_t bits);

#endif

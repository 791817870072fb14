// supervisor.h: processes, watched. What happens is taken out one by one (supervisor_next); what is then done
// is decided in Lua (lua/moontide/live/supervisor.lua). It holds no strategy's code, so no script can bring
// it down.
//
// Output   of a process with a prefix goes through us line by line, to the same descriptor (1 or 2), the
//          prefix before it. It is never waited for: what cannot be written piles up to
//          STDIO_RELAY_PENDING_MAX, then lines are dropped and counted.
// Death    when this process is gone, however it went, each worker gets SIGTERM from the kernel
//          (supervisor_guard, called by the worker).
// Owner    supervisor_free kills what still runs. One thread; one supervisor a process.
#ifndef MT_PROCESS_SUPERVISOR_H
#define MT_PROCESS_SUPERVISOR_H

#include "base/err.h"
#include "process/control_socket.h"
#include "process/heartbeat.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUPERVISED_MAX = 64, SUPERVISOR_TICK_MS = 100, STDIO_RELAY_PENDING_MAX = 1 << 20 };

enum supervisor_event {
    SUPERVISOR_TICK,     // every SUPERVISOR_TICK_MS: time to look at the processes
    SUPERVISOR_EXIT,     // view.process has ended: view.status, or by view.signal
    SUPERVISOR_SIGNAL,   // we were sent view.signal: SIGINT, SIGTERM, SIGHUP or SIGUSR1
    SUPERVISOR_REQUEST   // view.socket has a request: control_socket_next(supervisor_control(s, socket))
};

struct supervisor_view {
    int32_t process, status, signal, socket;
};

struct supervisor;

int supervisor_new(struct supervisor **out, struct errmsg *e);
void supervisor_free(struct supervisor *s);
const struct supervisor_view *supervisor_view(struct supervisor *s);

// Starts a program: `arguments` ends with NULL. A worker gets a heartbeat; its descriptor is put in place of
// an argument that is "@heart". `given_fd` becomes its descriptor 4 (-1: none). `memory_bytes` bounds its
// private memory (0: no bound). The process's number, or ERR_IO, ERR_FULL.
int32_t supervisor_start(struct supervisor *s, const char *const *arguments, const char *prefix, bool heart,
                         int given_fd, int64_t memory_bytes, struct errmsg *e);
void supervisor_signal(struct supervisor *s, int32_t process, int32_t number);
int32_t supervisor_pid(const struct supervisor *s, int32_t process);   // 0: it has ended
struct heart_view supervisor_heart(const struct supervisor *s, int32_t process);
void supervisor_command(struct supervisor *s, int32_t process, int32_t bits);   // of enum heart_command
int64_t supervisor_resident(const struct supervisor *s, int32_t process);       // bytes; 0: not known
void supervisor_forget(struct supervisor *s, int32_t process);   // one that has ended: its number is free

// A control socket of our own; its number, or the errors of control_socket_open.
int32_t supervisor_listen(struct supervisor *s, const char *path, struct errmsg *e);
struct control_socket *supervisor_control(struct supervisor *s, int32_t socket);

// Waits for what comes next.
int32_t supervisor_next(struct supervisor *s);

// ---- the worker's side: it hears of its supervisor's end, and leaves the terminal's signals to it. False:
// the supervisor is gone already.
bool supervisor_guard(int32_t supervisor_pid);

#endif

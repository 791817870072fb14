// reading_process.h: a copy of this process (fork) in which code that was typed elsewhere looks at a run. What it changes is the
// copy's; what it computes or allocates without end ends the copy.
//
// Copy     has the memory of the moment, no descriptor of the run's but standard error and its own end of a socket, no timers,
//          signals by default, and the bounds below. It must not return to the loop: reading_process_end.
// Socket   the other end is a client of the run's control socket, so that the copy asks and answers by the same lines.
// Bounds   processor time, and memory beyond what the process has; both by the kernel, inside C functions too.
#ifndef MT_PROCESS_READING_PROCESS_H
#define MT_PROCESS_READING_PROCESS_H

#include "base/err.h"
#include "process/control_socket.h"

struct reading_process {
    int64_t client;   // of the control socket; 0 in the copy
    int fd;           // in the copy: its end of the socket; else -1
};

// ERR_IO when no copy can be made.
int reading_process_start(struct control_socket *c, int64_t memory_bytes, int64_t processor_us,
                          struct reading_process *out, struct errmsg *e);

// Ends the copy, without what an ordinary end does.
void reading_process_end(void);

// Takes note of copies that have ended, so that none stays as a zombie.
void reading_process_reap(void);

#endif

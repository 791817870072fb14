// confinement.h: the operating system's wall around a process that runs code of others. It holds when the wall in Lua
// (lua/moontide/run/sandbox.lua) does not.
//
// Files     Landlock: what stands below `read` can be read, what stands below `write` made, written, renamed and removed,
//           and nothing else opened. Descriptors that are open already stay usable.
// Network   no TCP port is offered. Connections out are not held: a run needs its exchange.
// Calls     seccomp: no other program is started, no other process looked into, traced or signalled, no rights or
//           namespaces changed, nothing mounted, no kernel interface used that a run has no need of.
// Besides   no new privileges; no core dump, and no memory that another process of the user could read.
// For good  nothing takes it back. It holds for the calling thread, those it starts later, and processes it starts; seccomp
//           for all threads. So enter it before there are others.
// Kernel    Landlock needs Linux 5.13 (the network 6.7, signals 6.12), seccomp 3.17. What is not there is named, and the
//           rest holds.
#ifndef MT_PROCESS_CONFINEMENT_H
#define MT_PROCESS_CONFINEMENT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

// Paths that do not exist are left out. Borrowed for the call.
struct confinement {
    const char *const *read;
    int32_t read_count;
    const char *const *write;
    int32_t write_count;
    const char *const *tidy;   // folders from which empty folders may be removed
    int32_t tidy_count;
};

// ERR_OK; ERR_NOT_FOUND when the kernel lacks a part of it (which one: in the text); ERR_IO when a part was refused.
int confinement_enter(const struct confinement *c, struct errmsg *lacking);

// A second step, once the process has opened the sockets it needs: no further Unix socket, by which it could speak to
// other programs of the user, and no mode of a file changed.
int confinement_tighten(struct errmsg *lacking);

// Only: no core dump, and no memory that another process of the user could read. For a process that holds secrets and
// runs no code of others.
void confinement_hide_memory(void);

#endif

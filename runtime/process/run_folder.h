// run_folder.h: where a paper or live run keeps what outlives it: one folder a run's name, one process a
// folder.
//
// Place    $MOONTIDE_HOME, else $XDG_DATA_HOME/moontide, else ~/.local/share/moontide; in it runs/NAME/, mode
//          0700. journal.db   orders and state (store/journal.h)
//          lock         held by the process of the run, with its pid
//          control.sock attach, status and stop (process/control_socket.h)
// Errors   ERR_INVALID: no such name; ERR_FULL: another process has it; ERR_IO. One line each.
#ifndef MT_PROCESS_RUN_FOLDER_H
#define MT_PROCESS_RUN_FOLDER_H

#include "base/err.h"

#include <stdint.h>

enum { RUN_PATH_MAX = 512, RUN_NAME_MAX = 48 };

// The path of a run's folder, or with name NULL of the folder of all runs; nothing is made.
int run_folder_path(const char *name, char out[RUN_PATH_MAX], struct errmsg *e);

// Makes the folder where it is missing.
int run_folder_make(const char *name, char out[RUN_PATH_MAX], struct errmsg *e);

// Takes the run's lock for this process's life: a descriptor that is kept open, or an error. The kernel gives
// it back when the process is gone, however it went.
int run_folder_lock(const char *folder, struct errmsg *e);

// The pid of the process that holds it; 0: nobody.
int32_t run_folder_holder(const char *folder);

// A script's name for its run: "strategies/ema_cross.lua" -> "ema_cross". ERR_INVALID when nothing usable is
// left.
int run_folder_name(const char *script, char out[RUN_NAME_MAX], struct errmsg *e);

#endif

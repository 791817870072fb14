// terminal.h: where the REPL's lines come from: a line editor (libedit) that never waits, or, without a
// terminal, plain lines.
//
// Loop     terminal_fd can be polled by any loop: it is readable when something listened to has come, or a
//          signal. Then terminal_signal and, while it listens, terminal_read until TERMINAL_NONE.
// Output   between terminal_hide and terminal_show the line being typed is off the screen; anything may be
//          printed.
// Signals  SIGINT, SIGTERM, SIGHUP come as terminal_signal from terminal_open to terminal_close.
// Owner    terminal_close, which leaves the terminal as it was. One a process.
#ifndef MT_PROCESS_TERMINAL_H
#define MT_PROCESS_TERMINAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum terminal_kind {
    TERMINAL_NONE,   // nothing whole has come
    TERMINAL_LINE,   // terminal_text: a line without its end; it listens no more
    TERMINAL_TAB,    // terminal_text, terminal_cursor: a completion is wanted there
    TERMINAL_END     // Ctrl-D on an empty line, or the input has ended
};

struct terminal;

// Standard input and output. ERR_NO_MEMORY, ERR_IO.
int terminal_open(struct terminal **out, struct errmsg *e);
void terminal_close(struct terminal *t);

bool terminal_edits(const struct terminal *t);   // there is a terminal at both ends
int terminal_fd(const struct terminal *t);
int32_t terminal_columns(const struct terminal *t);

// Shows a prompt and listens. What stands between two bytes of value 1 takes no room on the screen (colours).
void terminal_listen(struct terminal *t, const char *prompt);
int32_t terminal_read(struct terminal *t);
const char *terminal_text(const struct terminal *t);
int32_t terminal_cursor(const struct terminal *t);            // in bytes
void terminal_insert(struct terminal *t, const char *text);   // at the cursor
void terminal_drop(struct terminal *t);   // gives up the line being typed, and listens no more

void terminal_hide(struct terminal *t);
void terminal_show(struct terminal *t);

void terminal_remember(struct terminal *t, const char *line);   // for the arrow keys

// Keys one by one and unseen, instead of lines, until the end (moontide top). 0: none is there; -1: no more
// will come.
void terminal_keys(struct terminal *t);
int32_t terminal_key(struct terminal *t);

// The signal that came last, which is forgotten; 0: none. `peek`: it is not.
int32_t terminal_signal(struct terminal *t, bool peek);

// Waits for the terminal, or for `other` (-1: none) to be readable. Bits: 1 terminal, 2 other. `us` -1: for
// as long as it takes.
int32_t terminal_wait(struct terminal *t, int64_t us, int other);

// Adds text at the end of a file that only its owner can read; its folders are made where they are missing.
// ERR_IO.
int terminal_append(const char *path, const char *text, size_t size);

#endif

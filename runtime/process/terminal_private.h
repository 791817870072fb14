// terminal_private.h: what the files of the terminal share; nobody else includes it.
#ifndef MT_PROCESS_TERMINAL_PRIVATE_H
#define MT_PROCESS_TERMINAL_PRIVATE_H

#include "process/terminal.h"

#include <histedit.h>
#include <signal.h>
#include <termios.h>
#include <wchar.h>

enum { SIGNAL_COUNT = 5, QUERY_SIZE = 128 };

struct terminal {
    EditLine *editor;   // NULL: plain lines
    History *history;
    char *prompt;
    char *text;   // line handed out, or line so far
    int32_t cursor;
    int epoll, bell[2];   // bell: rung by signals
    bool listening, hidden, tab, end, always_readable, keys;
    wchar_t key;   // the last that the editor got
    bool pasting;
    char *paste;   // what has come of it
    size_t paste_count, paste_size;
    bool searching, found;
    char query[QUERY_SIZE];
    char search_prompt[QUERY_SIZE + 40];
    int32_t match;          // how many lines back the one is that is shown; -1: none yet
    char *before_search;    // the line, to be put back
    struct termios lines;   // as it was before terminal_keys
    char *input;            // plain: what has come and was not taken
    size_t input_count, input_size, input_taken;
    struct sigaction before[SIGNAL_COUNT];
};

struct terminal *terminal_of(EditLine *e);

// A key, waited for no longer than a sequence of keys takes to come. 1; 0 at the end of the input; -1.
int terminal_get_key(EditLine *e, wchar_t *out);

// The keys that begin a paste and a search, and what binds them.
void terminal_bind_input(struct terminal *t);

// Goes on with a paste or a search that is under way. True: the editor was given a key to act on.
bool terminal_paste(struct terminal *t);
bool terminal_search(struct terminal *t);

#endif

// terminal.c: lines from a terminal by libedit, or from a pipe.
#include "process/terminal_private.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY_SIZE = 2000, SEQUENCE_MS = 50, LITERAL = 1 };

static const int watched_signals[SIGNAL_COUNT] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT };

// ---- signals ----

static volatile sig_atomic_t pending, resized, resumed;
static int bell = -1;

static void on_signal(int number) {
    int kept = errno;
    if (number == SIGWINCH)
        resized = 1;
    else if (number == SIGCONT)
        resumed = 1;
    else
        pending = number;
    if (write(bell, "", 1) < 0) {
    }   // a full pipe has rung already
    errno = kept;
}

// The shell had the terminal meanwhile; what was typed before is typed again.
static void take_back(struct terminal *t) {
    const LineInfo *line = el_line(t->editor);
    char *typed = strndup(line->buffer, (size_t)(line->lastchar - line->buffer));
    el_set(t->editor, EL_UNBUFFERED, 0);
    el_set(t->editor, EL_UNBUFFERED, 1);
    if (typed && typed[0]) {
        fputs("\r", stdout);
        el_insertstr(t->editor, typed);
        el_set(t->editor, EL_REFRESH);
    }
    free(typed);
}

static void drain_bell(struct terminal *t) {
    char bytes[64];
    while (read(t->bell[0], bytes, sizeof bytes) > 0) {
    }
    if (pending && write(bell, "", 1) < 0) {
    }   // it rings until terminal_signal has told
    if (!t->editor) return;
    if (resized) el_resize(t->editor);
    if (resumed && t->listening && !t->keys) take_back(t);
    resized = resumed = 0;
}

int32_t terminal_signal(struct terminal *t, bool peek) {
    int32_t number = (int32_t)pending;
    if (peek) return number;
    pending = 0;
    drain_bell(t);
    return number;
}

// ---- the editor ----

struct terminal *terminal_of(EditLine *e) {
    void *self = NULL;
    el_get(e, EL_CLIENTDATA, &self);
    return self;
}

static char *shown_prompt(struct terminal *t) { return t->searching ? t->search_prompt : t->prompt; }
static char *tell_prompt(EditLine *e) { return shown_prompt(terminal_of(e)); }

// Whether the terminal is to say where a paste begins and ends; one without such a mode ignores it.
static void mark_pastes(bool on) {
    const char *term = getenv("TERM");
    if (!term || strcmp(term, "dumb") == 0) return;
    fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
    fflush(stdout);
}

static unsigned char on_tab(EditLine *e, int ch) {
    (void)ch;
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    if (poll(&p, 1, 0) > 0) {   // with more behind it, it is part of a text that was pasted
        el_insertstr(e, " ");
        return CC_REFRESH;
    }
    terminal_of(e)->tab = true;
    return CC_NORM;
}

// Ctrl-D: the end on an empty line, else as Delete.
static unsigned char on_end(EditLine *e, int ch) {
    (void)ch;
    const LineInfo *line = el_line(e);
    if (line->lastchar == line->buffer) {
        terminal_of(e)->end = true;
        return CC_NORM;
    }
    if (line->cursor == line->lastchar) return CC_ERROR;
    el_cursor(e, 1);
    el_deletestr(e, 1);
    return CC_REFRESH;
}

// A character, as the editor's own reader but that it never waits for long: a lone Escape must not hold the
// loop.
int terminal_get_key(EditLine *e, wchar_t *out) {
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (;;) {
        struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
        if (poll(&p, 1, SEQUENCE_MS) <= 0) return -1;
        char byte;
        ssize_t size = read(STDIN_FILENO, &byte, 1);
        if (size == 0) terminal_of(e)->end = true;
        if (size <= 0) return (int)size;
        size_t used = mbrtowc(out, &byte, 1, &state);
        if (used == (size_t)-2) continue;   // of several bytes
        if (used == (size_t)-1) return -1;
        if (used == 0) *out = L'\0';
        terminal_of(e)->key = *out;
        return 1;
    }
}

static int open_editor(struct terminal *t, struct errmsg *e) {
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
    t->history = history_init();
    t->editor = t->history ? el_init("moontide", stdin, stdout, stderr) : NULL;
    if (!t->editor) return errmsg_set(e, ERR_IO, "the terminal cannot be used for editing");
    HistEvent event;
    history(t->history, &event, H_SETSIZE, HISTORY_SIZE);
    history(t->history, &event, H_SETUNIQUE, 1);
    el_set(t->editor, EL_CLIENTDATA, t);
    el_set(t->editor, EL_HIST, history, t->history);
    el_set(t->editor, EL_PROMPT_ESC, tell_prompt, LITERAL);
    el_set(t->editor, EL_EDITOR, "emacs");
    el_set(t->editor, EL_GETCFN, terminal_get_key);
    el_set(t->editor, EL_ADDFN, "moontide-complete", "completes a name", on_tab);
    el_set(t->editor, EL_ADDFN, "moontide-end", "leaves, or deletes", on_end);
    el_set(t->editor, EL_BIND, "\t", "moontide-complete", NULL);
    el_set(t->editor, EL_BIND, "^D", "moontide-end", NULL);
    terminal_bind_input(t);
    el_set(t->editor, EL_BIND, "\\e[1;5C", "em-next-word", NULL);
    el_set(t->editor, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
    el_set(t->editor, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    el_set(t->editor, EL_BIND, "\\e[H", "ed-move-to-beg", NULL);
    el_set(t->editor, EL_BIND, "\\e[F", "ed-move-to-end", NULL);
    el_source(t->editor, NULL);
    return ERR_OK;
}

static void keep_text(struct terminal *t, const char *text, size_t size) {
    char *copy = alloc_resize(t->text, size + 1);
    memcpy(copy, text, size);
    copy[size] = 0;
    t->text = copy;
}

static int32_t edit(struct terminal *t) {
    bool given = false;   // a key that does not come from the terminal
    for (;;) {
        struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
        if (!given && poll(&p, 1, 0) <= 0) return TERMINAL_NONE;
        if (p.revents & (POLLHUP | POLLERR | POLLNVAL))
            return TERMINAL_END;   // gone: the editor would read nothing for ever
        if (t->pasting || t->searching) {
            given = t->pasting ? terminal_paste(t) : terminal_search(t);
            if (!t->end) continue;
            t->end = false;
            return TERMINAL_END;
        }
        given = false;
        int count = 0;
        const char *line = el_gets(t->editor, &count);
        if (t->end) {
            t->end = false;
            return TERMINAL_END;
        }
        if (t->tab) {
            t->tab = false;
            const LineInfo *info = el_line(t->editor);
            keep_text(t, info->buffer, (size_t)(info->lastchar - info->buffer));
            t->cursor = (int32_t)(info->cursor - info->buffer);
            return TERMINAL_TAB;
        }
        if (!line || count <= 0) continue;
        bool entered = t->key == L'\n' || t->key == L'\r';   // a pasted text may hold ends of lines too
        if (entered && line[count - 1] == '\n') {            // what lies behind `count` is of lines before
            keep_text(t, line, (size_t)count - 1);
            return TERMINAL_LINE;
        }
    }
}

// ---- plain lines ----

static bool take_line(struct terminal *t) {
    char *from = t->input + t->input_taken;
    size_t left = t->input_count - t->input_taken;
    char *end = left ? memchr(from, '\n', left) : NULL;
    if (!end && !(t->end && left > 0)) return false;
    size_t size = end ? (size_t)(end - from) : left;
    t->input_taken += end ? size + 1 : size;
    if (size > 0 && from[size - 1] == '\r') size--;
    keep_text(t, from, size);
    return true;
}

static int32_t read_plain(struct terminal *t) {
    for (;;) {
        if (take_line(t)) return TERMINAL_LINE;
        if (t->end) return TERMINAL_END;
        struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
        if (poll(&p, 1, 0) <= 0) return TERMINAL_NONE;
        if (t->input_taken > 0) {
            memmove(t->input, t->input + t->input_taken, t->input_count - t->input_taken);
            t->input_count -= t->input_taken;
            t->input_taken = 0;
        }
        if (t->input_count == t->input_size) ARRAY_ROOM(t->input, t->input_size, t->input_count + 4096);
        ssize_t size = read(STDIN_FILENO, t->input + t->input_count, t->input_size - t->input_count);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0)
            t->end = true;
        else
            t->input_count += (size_t)size;
    }
}

// ---- listening ----

static void listen_to_input(struct terminal *t, bool on) {
    if (t->listening == on) return;
    t->listening = on;
    struct epoll_event event = { .events = EPOLLIN };
    int failed = epoll_ctl(t->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &event);
    if (failed && on && errno == EPERM) t->always_readable = true;   // a file
}

void terminal_listen(struct terminal *t, const char *prompt) {
    char *copy = alloc_text(prompt);
    free(t->prompt);
    t->prompt = copy;
    t->hidden = false;
    if (t->editor && !t->listening) mark_pastes(true);
    listen_to_input(t, true);
    if (t->editor) el_set(t->editor, EL_UNBUFFERED, 1);   // which shows the prompt
}

static void stop_listening(struct terminal *t) {
    if (t->editor && t->listening) mark_pastes(false);
    t->searching = t->pasting = false;
    listen_to_input(t, false);
    if (t->editor) el_set(t->editor, EL_UNBUFFERED, 0);
}

int32_t terminal_read(struct terminal *t) {
    drain_bell(t);
    if (!t->listening) return TERMINAL_NONE;
    int32_t kind = t->editor ? edit(t) : read_plain(t);
    if (kind == TERMINAL_LINE || kind == TERMINAL_END) stop_listening(t);
    return kind;
}

const char *terminal_text(const struct terminal *t) { return t->text ? t->text : ""; }
int32_t terminal_cursor(const struct terminal *t) { return t->cursor; }

void terminal_insert(struct terminal *t, const char *text) {
    if (!t->editor) return;
    bool was_hidden = t->hidden;
    terminal_hide(t);
    el_insertstr(t->editor, text);
    if (!was_hidden) terminal_show(t);
}

// A place on the screen as the text that leads to it is written out.
struct place {
    int32_t row, column, columns;
};

static void advance(struct place *p, wchar_t c) {
    if (c == L'\n' || p->column + (wcwidth(c) > 0 ? wcwidth(c) : 0) > p->columns) {
        p->row++;
        p->column = 0;
    }
    if (c != L'\n' && wcwidth(c) > 0) p->column += wcwidth(c);
}

// How many rows the end of the line, or the cursor, is below the prompt.
static int32_t rows_below(struct terminal *t, bool to_end) {
    struct place place = { .columns = terminal_columns(t) };
    bool literal = false;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (const char *p = shown_prompt(t); *p;) {
        wchar_t c;
        size_t used = mbrtowc(&c, p, MB_CUR_MAX, &state);
        if (used == 0 || used > 16) break;
        p += used;
        if (c == LITERAL)
            literal = !literal;
        else if (!literal)
            advance(&place, c);
    }
    const LineInfoW *line = el_wline(t->editor);
    for (const wchar_t *c = line->buffer; c < (to_end ? line->lastchar : line->cursor); c++)
        advance(&place, *c);
    return place.row + (place.column == place.columns ? 1 : 0);   // the cursor stands on the next row then
}

void terminal_drop(struct terminal *t) {
    if (!t->listening) return;
    if (t->editor) {
        int32_t down = rows_below(t, true) - rows_below(t, false);
        for (int32_t i = 0; i < down; i++) fputc('\n', stdout);
        fputs("^C\r\n", stdout);
        fflush(stdout);
    }
    stop_listening(t);
}

void terminal_hide(struct terminal *t) {
    if (!t->editor || !t->listening || t->hidden) return;
    t->hidden = true;
    int32_t rows = rows_below(t, false);
    if (rows > 0) printf("\033[%dA", rows);
    fputs("\r\033[J", stdout);
}

void terminal_show(struct terminal *t) {
    fflush(stdout);
    if (!t->hidden) return;
    t->hidden = false;
    el_set(t->editor, EL_REFRESH);
}

void terminal_remember(struct terminal *t, const char *line) {
    HistEvent event;
    if (t->history && line[0]) history(t->history, &event, H_ENTER, line);
}

int32_t terminal_wait(struct terminal *t, int64_t us, int other) {
    bool has_line = !t->editor && t->listening &&
                    (t->end || t->always_readable ||
                     (t->input_count > t->input_taken &&
                      memchr(t->input + t->input_taken, '\n', t->input_count - t->input_taken)));
    if (pending || has_line) return 1;
    struct pollfd p[2] = { { t->epoll, POLLIN, 0 }, { other, POLLIN, 0 } };
    struct timespec limit = { us / SECOND_US, us % SECOND_US * 1000 };
    int ready = ppoll(p, 2, us < 0 ? NULL : &limit, NULL);
    if (ready < 0) return pending ? 1 : 0;
    return (p[0].revents ? 1 : 0) | (p[1].revents ? 2 : 0);
}

void terminal_keys(struct terminal *t) {
    if (!t->editor || t->keys) return;
    tcgetattr(STDIN_FILENO, &t->lines);
    struct termios raw = t->lines;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    t->keys = true;
    listen_to_input(t, true);
}

int32_t terminal_key(struct terminal *t) {
    drain_bell(t);
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    unsigned char key;
    if (poll(&p, 1, 0) <= 0) return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}

// ---- life ----

bool terminal_edits(const struct terminal *t) { return t->editor != NULL; }
int terminal_fd(const struct terminal *t) { return t->epoll; }

int32_t terminal_columns(const struct terminal *t) {
    struct winsize size;
    (void)t;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int open_loop(struct terminal *t, struct errmsg *e) {
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (t->epoll < 0 || pipe2(t->bell, O_CLOEXEC | O_NONBLOCK) != 0)
        return errmsg_set(e, ERR_IO, "no descriptors left");
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->bell[0], &event) != 0)
        return errmsg_set(e, ERR_IO, "no descriptors left");
    bell = t->bell[1];
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(watched_signals[i], &action, &t->before[i]);
    return ERR_OK;
}

int terminal_open(struct terminal **out, struct errmsg *e) {
    struct terminal *t = calloc(1, sizeof *t);
    if (!t) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a terminal");
    t->epoll = t->bell[0] = t->bell[1] = -1;
    int err = open_loop(t, e);
    if (!err && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) err = open_editor(t, e);
    if (err) {
        terminal_close(t);
        return err;
    }
    *out = t;
    return ERR_OK;
}

void terminal_close(struct terminal *t) {
    if (!t) return;
    if (bell >= 0) {
        for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(watched_signals[i], &t->before[i], NULL);
    }
    bell = -1;
    if (t->keys) tcsetattr(STDIN_FILENO, TCSANOW, &t->lines);
    if (t->editor) {
        if (t->listening) mark_pastes(false);
        el_set(t->editor, EL_UNBUFFERED, 0);
        el_end(t->editor);
    }
    if (t->history) history_end(t->history);
    if (t->epoll >= 0) close(t->epoll);
    for (int i = 0; i < 2; i++) {
        if (t->bell[i] >= 0) close(t->bell[i]);
    }
    free(t->prompt);
    free(t->text);
    free(t->input);
    free(t->paste);
    free(t->before_search);
    free(t);
}

int terminal_append(const char *path, const char *text, size_t size) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%s", path);
        for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = 0;
            mkdir(folder, 0700);   // where it cannot be made the file cannot be either, and that is told
            *slash = '/';
        }
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    }
    if (fd < 0) return ERR_IO;
    bool good = fchmod(fd, 0600) == 0 && write(fd, text, size) == (ssize_t)size;
    return close(fd) == 0 && good ? ERR_OK : ERR_IO;
}

// terminal_input.c: what the editor cannot read by itself without holding the loop: a text that is pasted
// between the terminal's brackets, and a search through the history, key by key.
#include "process/terminal_private.h"

#include "base/array.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char PASTE_END[] = "\033[201~";
enum { PASTE_END_SIZE = sizeof PASTE_END - 1, CTRL_G = 7, CTRL_R = 18, DELETE = 127 };

// Enter, as if it had been typed.
static void push_enter(struct terminal *t) {
    el_push(t->editor, "\n");
    t->key = L'\n';
}

// ---- a paste ----

static unsigned char on_paste(EditLine *e, int ch) {
    (void)ch;
    struct terminal *t = terminal_of(e);
    t->pasting = true;
    t->paste_count = 0;
    return CC_NORM;
}

// Ends of lines as Lua has them; tabs as blanks, as the editor's columns need; no control characters, which
// would act on the terminal.
static size_t clean(char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\r' && i + 1 < size && text[i + 1] == '\n') continue;
        if (c == '\r') c = '\n';
        if (c == '\t') c = ' ';
        if (c != '\n' && ((unsigned char)c < ' ' || c == DELETE)) continue;
        text[count++] = c;
    }
    return count;
}

// A text that ends its last line is run; another stays in the editor.
static bool end_paste(struct terminal *t) {
    t->pasting = false;
    size_t size = clean(t->paste, t->paste_count - PASTE_END_SIZE);
    bool runs = false;
    while (size > 0 && t->paste[size - 1] == '\n') {
        size--;
        runs = true;
    }
    t->paste[size] = 0;
    terminal_insert(t, t->paste);
    if (runs) push_enter(t);
    return runs;
}

bool terminal_paste(struct terminal *t) {
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    while (poll(&p, 1, 0) > 0) {
        if (t->paste_count + 1 >= t->paste_size)
            ARRAY_ROOM(t->paste, t->paste_size, t->paste_count * 2 + 256);
        if (read(STDIN_FILENO, t->paste + t->paste_count, 1) != 1) {
            t->pasting = false;
            t->end = true;
            return false;
        }
        t->paste_count++;
        if (t->paste_count >= PASTE_END_SIZE &&
            memcmp(t->paste + t->paste_count - PASTE_END_SIZE, PASTE_END, PASTE_END_SIZE) == 0)
            return end_paste(t);
    }
    return false;
}

// ---- a search ----

static void put_line(struct terminal *t, const char *text) {
    const LineInfoW *line = el_wline(t->editor);
    int size = (int)(line->lastchar - line->buffer);
    el_cursor(t->editor, (int)(line->lastchar - line->cursor));
    el_deletestr(t->editor, size);
    if (text[0]) el_insertstr(t->editor, text);
}

// Shows the newest line that holds the query, from `from` lines back.
static void look(struct terminal *t, int32_t from) {
    HistEvent event;
    int32_t back = 0;
    t->found = t->query[0] == 0;
    if (!t->found) {
        for (int more = history(t->history, &event, H_FIRST); more >= 0;
             more = history(t->history, &event, H_NEXT), back++) {
            if (back < from || !strstr(event.str, t->query)) continue;
            t->match = back;
            t->found = true;
            break;
        }
    }
    terminal_hide(t);
    if (t->found && t->query[0]) put_line(t, event.str);
    snprintf(t->search_prompt, sizeof t->search_prompt,
             "(%sreverse-i-search)`%s': ", t->found ? "" : "failed ", t->query);
    terminal_show(t);
}

static unsigned char on_search(EditLine *e, int ch) {
    (void)ch;
    struct terminal *t = terminal_of(e);
    const LineInfo *line = el_line(e);
    free(t->before_search);
    t->before_search = strndup(line->buffer, (size_t)(line->lastchar - line->buffer));
    t->query[0] = 0;
    t->match = -1;
    terminal_hide(t);   // as the prompt before has it
    t->searching = true;
    look(t, 0);
    return CC_NORM;
}

static void leave_search(struct terminal *t, bool back) {
    terminal_hide(t);
    t->searching = false;
    if (back) put_line(t, t->before_search ? t->before_search : "");
    terminal_show(t);
}

static void shorten(char *query) {
    size_t size = strlen(query);
    while (size > 0 && ((unsigned char)query[size - 1] & 0xc0) == 0x80) size--;
    if (size > 0) query[size - 1] = 0;
}

static void lengthen(char *query, wchar_t key) {
    char bytes[MB_LEN_MAX];
    size_t size = strlen(query);
    int count = wctomb(bytes, key);
    if (count <= 0 || size + (size_t)count >= QUERY_SIZE) return;
    memcpy(query + size, bytes, (size_t)count);
    query[size + (size_t)count] = 0;
}

bool terminal_search(struct terminal *t) {
    wchar_t key;
    if (terminal_get_key(t->editor, &key) != 1) return false;
    if (key == CTRL_R) {
        look(t, t->match + 1);
    } else if (key == CTRL_G) {
        leave_search(t, true);
    } else if (key == DELETE || key == L'\b') {
        shorten(t->query);
        look(t, 0);
    } else if (key >= L' ') {
        lengthen(t->query, key);
        look(t, t->match > 0 ? t->match : 0);
    } else {   // the line is taken, and the key does what it does
        leave_search(t, false);
        if (key == L'\r' || key == L'\n') {
            push_enter(t);
        } else {
            char text[2] = { (char)key, 0 };
            el_push(t->editor, text);
        }
        return true;
    }
    return false;
}

void terminal_bind_input(struct terminal *t) {
    el_set(t->editor, EL_ADDFN, "moontide-paste", "takes a pasted text whole", on_paste);
    el_set(t->editor, EL_ADDFN, "moontide-search", "searches the history", on_search);
    el_set(t->editor, EL_BIND, "\\e[200~", "moontide-paste", NULL);
    el_set(t->editor, EL_BIND, "^R", "moontide-search", NULL);
}

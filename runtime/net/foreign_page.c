// foreign_page.c: names what answered in the server's place.
#include "net/foreign_page.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 72 };

static const char *who(int32_t status) {
    switch (status) {
    case 200: return "a page in place of the answer (a proxy or a login page between?)";
    case 403: return "a firewall's page (403)";
    case 407: return "the proxy wants a login (407)";
    case 451: return "refused from this place (451)";
    default: break;
    }
    if (status >= 300 && status < 400) return "a redirect, which is not followed";
    return status >= 500 ? "a gateway's page" : "a page of something between";
}

static const char *find(const char *from, const char *end, const char *tag) {
    size_t length = strlen(tag);
    for (; from + length <= end; from++) {
        if (strncasecmp(from, tag, length) == 0) return from;
    }
    return NULL;
}

// The title of a page, else all of it.
static void find_words(const char **from, const char **end) {
    const char *title = find(*from, *end, "<title"), *close;
    if (!title || !(title = memchr(title, '>', (size_t)(*end - title)))) return;
    close = find(title, *end, "<");
    if (!close || close == title + 1) return;
    *from = title + 1;
    *end = close;
}

// Tags left out, blanks made one.
static void plain(const char *from, const char *end, char out[WORDS_MAX]) {
    size_t n = 0;
    bool tag = false, blank = false;
    for (; from < end && n < WORDS_MAX - 2; from++) {
        bool shown = *from > ' ' && *from <= '~';
        if (*from == '<') tag = true;
        if (!tag && shown) {
            if (blank && n > 0) out[n++] = ' ';
            out[n++] = *from;
        }
        blank = (!shown || *from == '>') && (blank || n > 0);
        if (shown && !tag) blank = false;
        if (*from == '>') tag = false;
    }
    out[n] = 0;
}

void foreign_page_describe(int32_t status, const char *body, size_t size, char out[FOREIGN_PAGE_TEXT]) {
    ASSERT(body != NULL || size == 0);
    char words[WORDS_MAX] = "";
    const char *from = body, *end = body + size;
    if (size > 0) {
        find_words(&from, &end);
        plain(from, end, words);
    }
    if (words[0])
        snprintf(out, FOREIGN_PAGE_TEXT, "%s: %s", who(status), words);
    else
        snprintf(out, FOREIGN_PAGE_TEXT, "%s, and empty", who(status));
}

// alloc.c: memory that is there, or the program stops.
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *alloc_checked(void *block) {
    if (block) return block;
    fputs("moontide: the system has no memory left\n", stderr);
    abort();
}

void *alloc_bytes(size_t size) { return alloc_checked(malloc(size ? size : 1)); }

void *alloc_zeroed(size_t count, size_t size) {
    return alloc_checked(calloc(count ? count : 1, size ? size : 1));
}

void *alloc_resize(void *block, size_t size) { return alloc_checked(realloc(block, size ? size : 1)); }

char *alloc_text(const char *text) { return alloc_checked(strdup(text)); }

// alloc.h: memory that is there. These stop the program, with a line on standard error, when the system has
// no memory left: nobody here could go on without it, and an order half made is worse than none.
//
// Owner    what they return is the caller's, for free().
// Not for  sizes that a user or a peer chooses (data of years, a request's body): those return ERR_NO_MEMORY.
#ifndef MT_BASE_ALLOC_H
#define MT_BASE_ALLOC_H

#include <stddef.h>

// `size` bytes, not cleared; a size of 0 gives a block too.
void *alloc_bytes(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));

// `count` items of `size` bytes each, cleared.
void *alloc_zeroed(size_t count, size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));

// The block (or NULL) with room for `size` bytes, its contents kept.
void *alloc_resize(void *block, size_t size) __attribute__((returns_nonnull, warn_unused_result));

// A copy of a terminated text.
char *alloc_text(const char *text) __attribute__((malloc, returns_nonnull, warn_unused_result));

// `block` itself, which is what another allocator returned: NULL stops the program.
void *alloc_checked(void *block) __attribute__((returns_nonnull));

#endif

// assert.h: an assertion that release builds keep. Stopping beats trading on a state that cannot be.
//
// Use ASSERT for what only a bug of ours can break, never for input: bad input is a returned error.
#ifndef MT_BASE_ASSERT_H
#define MT_BASE_ASSERT_H

// Prints the condition with its place on standard error and aborts.
void assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn, cold));

#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#endif

// assert.h: an assertion that release builds keep. Stopping beats trading on a state that cannot be.
//
// Use ASSERT for what only a bug of ours can break, never for input: bad input is a returned error. What
// stands in it has no side effects; a call that does something goes into MUST.
#ifndef MT_BASE_ASSERT_H
#define MT_BASE_ASSERT_H

// Prints the condition with its place on standard error and aborts.
void assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn, cold));

#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

// A call that must succeed and whose effect is wanted: never left out, whatever a build makes of ASSERT.
#define MUST(call) ((call) ? (void)0 : assert_failed(#call, __FILE__, __LINE__))

#endif

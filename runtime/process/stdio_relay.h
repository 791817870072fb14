// stdio_relay.h: standard output and standard error that never hold the process. Who reads a pipe of ours may
// be
// slow, or have stopped reading: a write to a full pipe waits for ever, and a loop that waits watches over no
// orders.
//
// Thread   stdio_relay_release puts a pipe of our own in the place of each of the two that is a pipe or a
//          socket; a thread passes on what comes through it, to PENDING bytes ahead of who reads. What comes
//          beyond that is dropped, and said so: at once on the other of the two where that can be written,
//          and in its place as soon as somebody reads again. Processes started later write through it as
//          well. Terminals and files stay as they are.
// End      at exit the thread passes on what is left, for as long as somebody takes it.
#ifndef MT_PROCESS_STDIO_RELAY_H
#define MT_PROCESS_STDIO_RELAY_H

// Once a process, before others start to write.
void stdio_relay_release(void);

#endif

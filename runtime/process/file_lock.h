// file_lock.h: a byte of a file that one process holds, and whether anybody does. Looking takes nothing: with flock(2) the
// only way to ask is to take, and whoever wants the lock in that moment is refused.
//
// Kind     Locks of the open file (F_OFD_SETLK, fcntl(2)): the kernel gives them back with the last descriptor of it, however
//          its process went.
// Unit     `place`: the byte's offset; the file need not be that long.
#ifndef MT_PROCESS_FILE_LOCK_H
#define MT_PROCESS_FILE_LOCK_H

#include <stdbool.h>

// Takes the byte, which needs a descriptor to write by; false: another open file has it, or errno.
bool file_lock_take(int fd, int place);

void file_lock_give(int fd, int place);

// Whether another open file has it. What cannot be learnt counts as held.
bool file_lock_is_held(int fd, int place);

#endif

// file_lock.c: locks of bytes of open files.
#include "process/file_lock.h"

#include <fcntl.h>

static bool set(int fd, short type, int place) {
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

bool file_lock_take(int fd, int place) { return set(fd, F_WRLCK, place); }

void file_lock_give(int fd, int place) { set(fd, F_UNLCK, place); }

bool file_lock_is_held(int fd, int place) {
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &l) != 0 || l.l_type != F_UNLCK;
}

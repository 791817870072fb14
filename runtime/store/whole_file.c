// whole_file.c: files read and written as one piece.
#include "store/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int whole_file_write(const char *path, const void *bytes, size_t size, struct errmsg *e) {
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.tmp-%d", path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    for (size_t at = 0; good && at < size;) {
        ssize_t done = write(fd, (const char *)bytes + at, size - at);
        good = done > 0;
        if (good) at += (size_t)done;
    }
    good = good && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0) good = false;
    good = good && rename(temporary, path) == 0;
    int problem = errno;
    if (!good) unlink(temporary);
    return good ? ERR_OK : errmsg_set(e, ERR_IO, "cannot write %s: %s", path, strerror(problem));
}

int whole_file_read(const char *path, void **bytes, size_t *size, struct errmsg *e) {
    FILE *file = fopen(path, "rb");
    *bytes = NULL;
    *size = 0;
    if (!file && errno == ENOENT) return ERR_OK;
    struct stat st = { 0 };
    bool plain = file && fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
    size_t length = plain ? (size_t)st.st_size : 0;
    if (plain)
        *bytes = malloc(length + 1);
    else if (file)
        errno = EISDIR;
    bool good = *bytes && fread(*bytes, 1, length, file) == length;
    int problem = errno;
    if (file) fclose(file);
    *size = length;
    return good ? ERR_OK : errmsg_set(e, ERR_IO, "cannot read %s: %s", path, strerror(problem));
}

int whole_file_lock(const char *path, int *fd, struct errmsg *e) {
    char beside[4200];
    snprintf(beside, sizeof beside, "%s.lock", path);
    *fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) return errmsg_set(e, ERR_IO, "cannot make %s: %s", beside, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return ERR_OK;
    close(*fd);
    *fd = -1;
    return errmsg_set(e, ERR_FULL, "%s: another process has it", path);
}

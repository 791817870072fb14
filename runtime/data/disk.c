// disk.c: files that stand whole or not at all, and their digests.
#include "data/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, DIGEST_BYTES = DISK_DIGEST_HEX / 2 };

static bool digest_blocks(int fd, EVP_MD_CTX *c, char *block) {
    for (;;) {
        ssize_t got = read(fd, block, BLOCK);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        if (EVP_DigestUpdate(c, block, (size_t)got) != 1) return false;
    }
}

bool disk_digest(const char *path, char out[DISK_DIGEST_HEX + 1]) {
    unsigned char raw[DIGEST_BYTES];
    char *block = malloc(BLOCK);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = block && c && fd >= 0 && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
                digest_blocks(fd, c, block) && EVP_DigestFinal_ex(c, raw, NULL) == 1;
    int number = errno;
    if (fd >= 0) close(fd);
    EVP_MD_CTX_free(c);
    free(block);
    errno = number;
    for (int i = 0; good && i < DIGEST_BYTES; i++) snprintf(out + 2 * (size_t)i, 3, "%02x", raw[i]);
    return good;
}

void disk_sync_folder(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return;
    *slash = '\0';
    int fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fsync(fd);
    close(fd);
}

int disk_keep(const char *temporary, const char *path, struct errmsg *e) {
    int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0) close(fd);
    if (good && rename(temporary, path) != 0) {
        good = false;
        number = errno;
    }
    if (!good) return errmsg_set(e, ERR_IO, "%s: cannot be written: %s", path, strerror(number));
    disk_sync_folder(path);
    return 0;
}

static bool write_whole(int fd, const char *at, size_t left) {
    while (left > 0) {
        ssize_t written = write(fd, at, left);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        left -= (size_t)written;
    }
    return true;
}

int disk_write(const char *path, const void *bytes, size_t size, struct errmsg *e) {
    char temporary[PATH_MAX];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.tmp-%d", path, (int)getpid()) >= sizeof temporary)
        return errmsg_set(e, ERR_IO, "%s: path too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good = fd >= 0 && write_whole(fd, bytes, size);
    int number = errno;
    if (fd >= 0 && close(fd) != 0) good = false;
    if (good) return disk_keep(temporary, path, e);
    unlink(temporary);
    return errmsg_set(e, ERR_IO, "%s: cannot be written: %s", path, strerror(number));
}

int64_t disk_cut_to_line(const char *path) {
    char block[4096];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return 0;
    int64_t end = fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0, size = 0;
    while (end > 0 && size == 0) {
        int64_t from = end > (int64_t)sizeof block ? end - (int64_t)sizeof block : 0;
        ssize_t got = pread(fd, block, (size_t)(end - from), (off_t)from);
        if (got != end - from) break;
        for (int64_t i = got - 1; i >= 0 && size == 0; i--)
            if (block[i] == '\n') size = from + i + 1;
        end = from;
    }
    if (ftruncate(fd, (off_t)size) != 0) size = 0;
    close(fd);
    return size;
}

int64_t disk_size(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

bool disk_lock(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;   // until this process ends
    close(fd);
    return false;
}

// sources.c: sources of a store file, told by their digests.
#include "data/sources.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, DIGEST_BYTES = 32, HEX = 2 * DIGEST_BYTES };

// A change within the grain of the file system's clock may leave no trace in its times.
#define GRAIN_NS (2 * SECOND_US * 1000)

static bool digest_blocks(int fd, EVP_MD_CTX *c, char *block) {
    for (;;) {
        ssize_t got = read(fd, block, BLOCK);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        if (EVP_DigestUpdate(c, block, (size_t)got) != 1) return false;
    }
}

// SHA-256 of a file's bytes in hexadecimal digits.
static bool digest_file(const char *path, char out[HEX + 1]) {
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

static const char *options_line(bool allow_gaps) { return allow_gaps ? "gaps allowed\n" : "gaps refused\n"; }

char *sources_text(const struct source_file *files, int32_t count, bool allow_gaps, struct errmsg *e) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count), NULL;
    fputs(options_line(allow_gaps), out);
    int err = 0;
    for (int32_t i = 0; !err && i < count; i++) {
        char digest[HEX + 1];
        const struct file_stamp *s = &files[i].stamp;
        if (!digest_file(files[i].path, digest))
            err = errmsg_set(e, ERR_IO, "%s: cannot be read: %s", files[i].path, strerror(errno));
        else
            fprintf(out, "%lld %lld %lld %llu %s %s\n", (long long)s->size, (long long)s->mtime_ns,
                    (long long)s->ctime_ns, (unsigned long long)s->inode, digest, files[i].real);
    }
    if (fclose(out) != 0 && !err) err = errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count);
    if (!err) return text;
    free(text);
    return NULL;
}

// The line of one file, which ends before `end`.
static bool same_file(const char *line, const char *end, int64_t written_ns, const struct source_file *f) {
    struct file_stamp was;
    char digest[HEX + 1], now[HEX + 1];
    long long size, mtime_ns, ctime_ns;
    unsigned long long inode;
    int used = 0;
    if (sscanf(line, "%lld %lld %lld %llu %64[0-9a-f] %n", &size, &mtime_ns, &ctime_ns, &inode, digest,
               &used) != 5 ||
        used == 0 || line + used > end || strlen(digest) != HEX)
        return false;
    size_t length = (size_t)(end - line - used);
    if (strlen(f->real) != length || memcmp(line + used, f->real, length) != 0) return false;
    was = (struct file_stamp){ size, mtime_ns, ctime_ns, inode };
    if (was.size != f->stamp.size) return false;
    if (file_stamp_same(&was, &f->stamp) && was.ctime_ns < written_ns - GRAIN_NS) return true;
    return digest_file(f->path, now) && strcmp(now, digest) == 0;
}

bool sources_same(const char *text, int64_t written_ns, const struct source_file *files, int32_t count,
                  bool allow_gaps) {
    ASSERT(count > 0);
    const char *options = options_line(allow_gaps);
    if (strncmp(text, options, strlen(options)) != 0) return false;
    const char *line = text + strlen(options);
    for (int32_t i = 0; i < count; i++) {
        const char *end = strchr(line, '\n');
        if (!end || !same_file(line, end, written_ns, &files[i])) return false;
        line = end + 1;
    }
    return *line == '\0';
}

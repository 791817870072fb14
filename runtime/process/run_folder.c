// run_folder.c: the folder of a run, its lock and its files.
#include "process/run_folder.h"

#include "process/file_lock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int base_folder(char out[RUN_PATH_MAX], struct errmsg *e) {
    static const struct {
        const char *variable, *below;
    } places[] = {
        { "MOONTIDE_HOME", "" },
        { "XDG_DATA_HOME", "/moontide" },
        { "HOME", "/.local/share/moontide" },
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (!value || !value[0]) continue;
        if (snprintf(out, RUN_PATH_MAX, "%s%s", value, places[i].below) < RUN_PATH_MAX - RUN_NAME_MAX - 32)
            return ERR_OK;
        return errmsg_set(e, ERR_INVALID, "%s: too long a path", places[i].variable);
    }
    return errmsg_set(e, ERR_INVALID, "no folder to keep runs in: set HOME or MOONTIDE_HOME");
}

static bool good_name(const char *name) {
    if (!name[0] || name[0] == '.' || strlen(name) >= RUN_NAME_MAX) return false;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) return false;
    }
    return true;
}

int run_folder_path(const char *name, char out[RUN_PATH_MAX], struct errmsg *e) {
    if (name && !good_name(name)) {
        return errmsg_set(e, ERR_INVALID,
                          "'%s' is not a name for a run: letters, digits, '.', '_' and '-', at most %d", name,
                          RUN_NAME_MAX - 1);
    }
    int err = base_folder(out, e);
    if (err) return err;
    size_t size = strlen(out);
    snprintf(out + size, RUN_PATH_MAX - size, "/runs%s%s", name ? "/" : "", name ? name : "");
    return ERR_OK;
}

int run_folder_make(const char *name, char out[RUN_PATH_MAX], struct errmsg *e) {
    int err = run_folder_path(name, out, e);
    if (err) return err;
    for (char *slash = strchr(out + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = 0;
        int failed = mkdir(out, 0700) != 0 && errno != EEXIST ? errno : 0;
        if (failed) errmsg_set(e, ERR_IO, "%s: cannot be made (%s)", out, strerror(failed));
        if (slash) *slash = '/';
        if (failed) return ERR_IO;
        if (!slash) return ERR_OK;
    }
}

int run_folder_lock(const char *folder, struct errmsg *e) {
    char path[RUN_PATH_MAX + 8], text[16] = "";
    snprintf(path, sizeof path, "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errmsg_set(e, ERR_IO, "%s: cannot be opened (%s)", path, strerror(errno));
    if (!file_lock_take(fd, 0)) {
        ssize_t size = read(fd, text, sizeof text - 1);
        text[size > 0 ? size : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        close(fd);
        const char *name = strrchr(folder, '/');
        return errmsg_set(
            e, ERR_FULL,
            "run '%s' is going on already (process %.10s); stop it, or give this one another --name",
            name ? name + 1 : folder, text[0] ? text : "unknown");
    }
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        close(fd);
        return errmsg_set(e, ERR_IO, "%s: cannot be written (%s)", path, strerror(errno));
    }
    return fd;
}

int32_t run_folder_holder(const char *folder) {
    char path[RUN_PATH_MAX + 8], text[16] = "";
    snprintf(path, sizeof path, "%s/lock", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    bool held = file_lock_is_held(fd, 0);
    ssize_t size = held ? read(fd, text, sizeof text - 1) : 0;
    text[size > 0 ? size : 0] = 0;
    close(fd);
    return (int32_t)strtol(text, NULL, 10);
}

int run_folder_name(const char *script, char out[RUN_NAME_MAX], struct errmsg *e) {
    const char *slash = strrchr(script, '/'), *base = slash ? slash + 1 : script;
    size_t size = strlen(base);
    if (size > 4 && strcmp(base + size - 4, ".lua") == 0) size -= 4;
    if (size >= RUN_NAME_MAX) size = RUN_NAME_MAX - 1;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(isalnum((unsigned char)base[i]) || strchr("._-", base[i]) ? base[i] : '_');
    out[size] = 0;
    if (out[0] == '.') out[0] = '_';
    return good_name(out)
               ? ERR_OK
               : errmsg_set(e, ERR_INVALID, "%s: no name for the run can be made of it; give --name", script);
}

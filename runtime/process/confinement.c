// confinement.c: Landlock, seccomp and the rest of what Linux has to hold a process.
#include "process/confinement.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Newer than the headers of Debian 12 (Documentation/userspace-api/landlock.rst).
#define FS_TRUNCATE (UINT64_C(1) << 14)   // from version 3 on
#define FS_IOCTL_DEVICE (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

enum { VERSION_REFER = 2, VERSION_TRUNCATE = 3, VERSION_NET = 4, VERSION_IOCTL = 5, VERSION_SCOPE = 6 };

// The attributes as the newest of these versions has them; older ones take the first of them.
struct ruleset {
    uint64_t files, net, scoped;
};

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                     LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE |
                                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK;
static const uint64_t file_rights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;

// ---- files ----

static uint64_t rights_of(long version) {
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    if (version >= VERSION_REFER) all |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= VERSION_TRUNCATE) all |= FS_TRUNCATE;
    if (version >= VERSION_IOCTL) all |= FS_IOCTL_DEVICE;
    return all;
}

static int allow(int ruleset, const char *path, uint64_t rights, struct errmsg *e) {
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return ERR_OK;   // what is not there cannot be opened either
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) rights &= file_rights;
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    long status = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int problem = errno;
    close(fd);
    return status == 0 ? ERR_OK
                       : errmsg_set(e, ERR_IO, "Landlock takes no rule for %s: %s", path, strerror(problem));
}

static int hold_files(const struct confinement *c, struct errmsg *e) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return errmsg_set(e, ERR_NOT_FOUND,
                          "this kernel has no Landlock: files are held by the sandbox of Lua alone");
    struct ruleset r = { .files = rights_of(version),
                         .net = version >= VERSION_NET ? NET_BIND_TCP : 0,
                         .scoped = version >= VERSION_SCOPE ? SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL : 0 };
    size_t size = version >= VERSION_SCOPE ? sizeof r
                  : version >= VERSION_NET ? 2 * sizeof r.files
                                           : sizeof r.files;
    long ruleset = syscall(SYS_landlock_create_ruleset, &r, size, 0);
    if (ruleset < 0) return errmsg_set(e, ERR_IO, "Landlock: %s", strerror(errno));
    int err = ERR_OK;
    for (int32_t i = 0; i < c->read_count && !err; i++)
        err = allow((int)ruleset, c->read[i], read_rights & r.files, e);
    for (int32_t i = 0; i < c->write_count && !err; i++)
        err = allow((int)ruleset, c->write[i], write_rights & r.files, e);
    for (int32_t i = 0; i < c->tidy_count && !err; i++)
        err = allow((int)ruleset, c->tidy[i], LANDLOCK_ACCESS_FS_REMOVE_DIR, e);
    if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        err = errmsg_set(e, ERR_IO, "Landlock: %s", strerror(errno));
    close((int)ruleset);
    return err;
}

// ---- calls ----

static const char *const closed_calls[] = {
    // other programs and processes
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    // rights and namespaces
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "capset",
    "unshare",
    "setns",
    "personality",
    "seccomp",
    // file systems
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "open_by_handle_at",
    "name_to_handle_at",
    "quotactl",
    "quotactl_fd",
    "acct",
    "swapon",
    "swapoff",
    "mknod",
    "mknodat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "fanotify_init",
    // the machine
    "reboot",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vhangup",
    "syslog",
    "lookup_dcookie",
    // large interfaces of the kernel that nothing here uses
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "add_key",
    "request_key",
    "keyctl",
    "memfd_create",
    "shmget",
    "shmat",
    "shmctl",
    "semget",
    "semop",
    "semctl",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "mq_open",
    "mq_unlink",
    "vmsplice",
};

#ifndef MOONTIDE_SANITIZED   // the sanitizers' builds tighten nothing
static const char *const tightened_calls[] = { "chmod",  "fchmodat",  "fchmodat2", "utime",
                                               "utimes", "utimensat", "futimesat" };
#endif

#define REFUSED SCMP_ACT_ERRNO(EPERM)

static int close_call(scmp_filter_ctx f, const char *name) {
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) return 0;   // not of this machine, or newer than the library
    return seccomp_rule_add(f, REFUSED, number, 0);
}

static int close_sockets(scmp_filter_ctx f) {
    int err = seccomp_rule_add(f, REFUSED, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
    for (unsigned family = 0; family < AF_NETLINK && !err; family++) {
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            err = seccomp_rule_add(f, REFUSED, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family));
    }
    static const unsigned families[] = { AF_INET, AF_INET6 };
    for (int i = 0; i < 2 && !err; i++)
        err = seccomp_rule_add(f, REFUSED, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, families[i]),
                               SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
    return err;
}

// Calls that are open for some arguments.
static int close_in_part(scmp_filter_ctx f) {
    const uint64_t namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                CLONE_NEWUTS | CLONE_NEWCGROUP;
    int err = close_sockets(f);
    for (uint64_t bit = 1; bit <= namespaces && !err; bit <<= 1) {
        if (namespaces & bit)
            err = seccomp_rule_add(f, REFUSED, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
    }
    // Its flags lie in memory, where a filter does not look; who is told that it is not there uses clone.
    if (!err) err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (!err)
        err = seccomp_rule_add(f, REFUSED, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
    if (!err)
        err = seccomp_rule_add(f, REFUSED, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, 0x541c));   // TIOCLINUX
    if (!err) err = seccomp_rule_add(f, REFUSED, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE));
    if (!err) err = seccomp_rule_add(f, REFUSED, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_PTRACER));
    if (!err) err = seccomp_rule_add(f, REFUSED, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0));
    if (!err)
        err = seccomp_rule_add(f, REFUSED, SCMP_SYS(kill), 1, SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
    return err;
}

static int load(scmp_filter_ctx f, int err, struct errmsg *e) {
    if (!err) err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!err) err = seccomp_load(f);
    seccomp_release(f);
    if (err)
        return errmsg_set(
            e, ERR_NOT_FOUND,
            "this kernel takes no seccomp filter (%s): calls are held by the sandbox of Lua alone",
            strerror(-err));
    return ERR_OK;
}

static int hold_calls(struct errmsg *e) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (!f) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a seccomp filter");
    int err = 0;
    for (size_t i = 0; i < sizeof closed_calls / sizeof *closed_calls && !err; i++) {
        // The filter of confinement_tighten comes later; once that is there, there is no call to change it.
        if (strcmp(closed_calls[i], "seccomp") != 0) err = close_call(f, closed_calls[i]);
    }
    if (!err) err = close_in_part(f);
    return load(f, err, e);
}

int confinement_tighten(struct errmsg *lacking) {
#ifdef MOONTIDE_SANITIZED
    (void)lacking;
    return ERR_OK;
#else
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (!f) return errmsg_set(lacking, ERR_NO_MEMORY, "no memory for a seccomp filter");
    int err = seccomp_rule_add(f, REFUSED, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    for (size_t i = 0; i < sizeof tightened_calls / sizeof *tightened_calls && !err; i++)
        err = close_call(f, tightened_calls[i]);
    if (!err) err = close_call(f, "seccomp");
    return load(f, err, lacking);
#endif
}

// ---- the whole ----

void confinement_hide_memory(void) {
#ifndef MOONTIDE_SANITIZED   // the leak checker looks into its own process
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int confinement_enter(const struct confinement *c, struct errmsg *lacking) {
    ASSERT(c->read_count >= 0 && c->write_count >= 0);
#ifdef MOONTIDE_SANITIZED   // sanitizers read /proc, and look into their process from another one
    (void)hold_files;
    (void)hold_calls;
    (void)lacking;
    return ERR_OK;
#else
    confinement_hide_memory();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return errmsg_set(lacking, ERR_NOT_FOUND, "this kernel cannot hold a process: %s", strerror(errno));
    struct errmsg files, calls;
    int no_files = hold_files(c, &files), no_calls = hold_calls(&calls);
    if (no_files && no_calls) return errmsg_set(lacking, no_files, "%.240s; %.240s", files.text, calls.text);
    if (no_files) return errmsg_set(lacking, no_files, "%s", files.text);
    if (no_calls) return errmsg_set(lacking, no_calls, "%s", calls.text);
    return ERR_OK;
#endif
}

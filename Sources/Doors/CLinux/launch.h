// Starting a program with everything settled between fork and exec: its namespaces, its rights, its limits and its descriptors.
// posix_spawn can do none of that, and a helper program in between (nsenter, setpriv) would for a while look like nobody's.
// The child runs only calls that are safe in the copy of a program with threads, and holds our locks until it has become the other program.
#ifndef DUSTCLOUD_LAUNCH_H
#define DUSTCLOUD_LAUNCH_H
#include "shim.h"
#include <sys/wait.h>

extern int unshare(int);
extern int memfd_create(const char *, unsigned);
extern int setns(int, int);

// What Linux calls them; glibc shows them only to those who ask for everything.
#define DC_NEW_USER 0x10000000
#define DC_NEW_NETWORK 0x40000000

// A file in memory, named for /proc only.
static inline int dc_memory_file(const char *name) { return memfd_create(name, 1 /* close on exec */); }

struct dc_launch_plan {
    const char *program;
    char *const *arguments;
    char *const *environment;
    const char *folder;                      // where it starts; NULL: where we are
    int input, output, errors;               // become 0, 1 and 2; -1: the null device, our own, our own
    const int *given;                        // become 3, 4, …
    int given_count;
    int owns_session;
    int user_namespace, network_namespace;   // entered unless -1
    int makes_namespaces;                    // or made: a user namespace with nobody but us in it, and a network namespace
    int is_powerless;                        // no capability, none to be had, no core dump
    unsigned long long address_space_bytes, file_bytes;   // limits; 0: ours
};

enum dc_launch_step { DC_LAUNCH_PIPE = 1, DC_LAUNCH_FORK, DC_LAUNCH_NAMESPACE, DC_LAUNCH_FOLDER, DC_LAUNCH_FILES, DC_LAUNCH_RIGHTS, DC_LAUNCH_EXEC };

static inline int dc_launch_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = write(fd, text, strlen(text));
    close(fd);
    return count < 0 ? -1 : 0;
}

// Numbers are written by hand: printf is not safe here.
static inline void dc_launch_map_line(char *line, unsigned id) {
    char digits[12];
    int count = 0, place = 0;
    do { digits[count++] = (char)('0' + id % 10); id /= 10; } while (id);
    for (int round = 0; round < 2; round++) {
        for (int i = count; i > 0; i--) line[place++] = digits[i - 1];
        line[place++] = ' ';
    }
    line[place++] = '1';
    line[place] = 0;
}

static inline int dc_launch_enter(const struct dc_launch_plan *plan) {
    if (plan->makes_namespaces) {
        char users[40], groups[40];
        dc_launch_map_line(users, geteuid());
        dc_launch_map_line(groups, getegid());
        if (unshare(DC_NEW_USER | DC_NEW_NETWORK) != 0) return -1;
        if (dc_launch_write("/proc/self/setgroups", "deny") != 0 || dc_launch_write("/proc/self/uid_map", users) != 0) return -1;
        return dc_launch_write("/proc/self/gid_map", groups);
    }
    if (plan->user_namespace >= 0 && setns(plan->user_namespace, DC_NEW_USER) != 0) return -1;
    return plan->network_namespace >= 0 ? setns(plan->network_namespace, DC_NEW_NETWORK) : 0;
}

static inline int dc_launch_files(const struct dc_launch_plan *plan) {
    enum { above = 64, most = 8 };
    int moved[most], count = plan->given_count < most ? plan->given_count : most;
    int standard[3] = {plan->input, plan->output, plan->errors};
    // First out of the way of the numbers that they will have.
    for (int i = 0; i < count; i++) if ((moved[i] = fcntl(plan->given[i], F_DUPFD_CLOEXEC, above)) < 0) return -1;
    for (int i = 0; i < 3; i++) if (standard[i] >= 0 && (standard[i] = fcntl(standard[i], F_DUPFD_CLOEXEC, above)) < 0) return -1;
    if (standard[0] < 0 && (standard[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) return -1;
    for (int i = 0; i < 3; i++) if (standard[i] >= 0 && dup2(standard[i], i) < 0) return -1;
    for (int i = 0; i < count; i++) if (dup2(moved[i], 3 + i) < 0) return -1;
    return 0;
}

static inline int dc_launch_limit(int resource, unsigned long long most) {
    struct rlimit limit = {most, most};
    return setrlimit(resource, &limit);
}

static inline int dc_launch_rights(const struct dc_launch_plan *plan) {
    if (plan->address_space_bytes && dc_launch_limit(RLIMIT_AS, plan->address_space_bytes) != 0) return -1;
    if (plan->file_bytes && dc_launch_limit(RLIMIT_FSIZE, plan->file_bytes) != 0) return -1;
    if (!plan->is_powerless) return 0;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    if (dc_launch_limit(RLIMIT_CORE, 0) != 0 || dc_no_new_privileges() != 0) return -1;
    return (int)syscall(SYS_capset, &head, none);
}

static inline void dc_launch_fail(int report, int step) {
    int words[2] = {step, errno};
    (void)!write(report, words, sizeof words);
    _exit(127);
}

static inline void dc_launch_become(const struct dc_launch_plan *plan, int report) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < 65; number++) sigaction(number, &usual, NULL);
    // A limit on files is met by an error, not by a signal.
    struct sigaction unheard = {.sa_handler = SIG_IGN};
    if (plan->file_bytes) sigaction(SIGXFSZ, &unheard, NULL);
    int safe = fcntl(report, F_DUPFD_CLOEXEC, 64);
    if (safe < 0) dc_launch_fail(report, DC_LAUNCH_PIPE);
    if (plan->owns_session) setsid();
    if (plan->folder && chdir(plan->folder) != 0) dc_launch_fail(safe, DC_LAUNCH_FOLDER);
    if (dc_launch_enter(plan) != 0) dc_launch_fail(safe, DC_LAUNCH_NAMESPACE);
    if (dc_launch_files(plan) != 0) dc_launch_fail(safe, DC_LAUNCH_FILES);
    if (dc_launch_rights(plan) != 0) dc_launch_fail(safe, DC_LAUNCH_RIGHTS);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(plan->program, plan->arguments, plan->environment);
    dc_launch_fail(safe, DC_LAUNCH_EXEC);
}

// Returns the child, which by now is the program, or -1: then `failure` holds what could not be done (dc_launch_step) and errno why.
static inline pid_t dc_launch(const struct dc_launch_plan *plan, int *failure) {
    int report[2], words[2] = {0, 0};
    if (dc_pipe(report) != 0) { *failure = DC_LAUNCH_PIPE; return -1; }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) dc_launch_become(plan, report[1]);
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    ssize_t count = 0;
    while (child > 0 && (count = read(report[0], words, sizeof words)) < 0 && errno == EINTR) {}
    close(report[0]);
    if (child > 0 && count != sizeof words) return child;
    if (child > 0) { while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {} }
    *failure = child > 0 ? words[0] : DC_LAUNCH_FORK;
    errno = child > 0 ? words[1] : reason;
    return -1;
}
#endif

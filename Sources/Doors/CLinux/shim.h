// Linux calls that Glibc's Swift overlay does not show (variadic or macro-only).
#ifndef DUSTCLOUD_CLINUX_H
#define DUSTCLOUD_CLINUX_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <spawn.h>
#include <syslog.h>
#include <grp.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include <sys/pidfd.h>
#include <unistd.h>

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pipe2(int[2], int);
extern int setresuid(uid_t, uid_t, uid_t);
extern int setresgid(gid_t, gid_t, gid_t);
extern int pthread_setname_np(pthread_t, const char *);

static inline int dc_accept_nonblocking(int fd, struct sockaddr *a, socklen_t *n) { return accept4(fd, a, n, SOCK_NONBLOCK | SOCK_CLOEXEC); }
static inline int dc_socket_nonblocking(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }
static inline int dc_socket_pair(int fds[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds); }
// Dies with its parent thread: a test's or coordinator's child must not outlive it by accident.
static inline int dc_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
// No core dump and no ptrace by others: keys stay in the process.
static inline int dc_forbid_dumps(void) { struct rlimit none = {0, 0}; setrlimit(RLIMIT_CORE, &none); return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
// posix_spawn flag: the child leads a session of its own and gets no signals of our terminal.
static const int dc_spawn_own_session = 0x80;
static inline int dc_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
// The calling thread's own niceness, not the process's.
static inline int dc_be_nice(int niceness) { return setpriority(PRIO_PROCESS, 0, niceness); }
static inline int dc_pipe(int fds[2]) { return pipe2(fds, O_CLOEXEC); }
static inline int dc_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
static inline int dc_open(const char *path, int flags, unsigned mode) { return open(path, flags | O_CLOEXEC, mode); }
// One line of the system log; the text is never read as a format.
static inline void dc_syslog(int priority, const char *line) { syslog(priority, "%s", line); }
// For daemons, before any thread is started; and for tests of what ends a process.
static inline int dc_fork(void) { return fork(); }
static inline int dc_allow_debuggers(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
// Capabilities outlive the change of user that follows.
static inline int dc_keep_capabilities(void) { return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); }
// Of all capabilities keep only the one to bind low ports.
static inline int dc_keep_only_bind(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{1u << CAP_NET_BIND_SERVICE, 1u << CAP_NET_BIND_SERVICE, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &head, data);
}
static inline int dc_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
#endif

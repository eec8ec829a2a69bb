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
#include <sys/pidfd.h>
#include <unistd.h>

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pipe2(int[2], int);
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
#endif

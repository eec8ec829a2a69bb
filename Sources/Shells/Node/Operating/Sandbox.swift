internal import CLinux
internal import CSeccomp
internal import Glibc

/// Filters of system calls, for all threads of the process and for good (seccomp(2), through libseccomp).
package enum Sandbox {
    /// What a running node needs. Everything else ends it at once: whoever has taken it over cannot start programs, trace other
    /// processes, mount, load code into the kernel or become somebody else.
    static let allowed = memory + files + sockets + threads + process

    private static let memory = ["brk", "mmap", "mprotect", "munmap", "mremap", "madvise", "mincore", "mlock", "munlock"]
    private static let files = [
        "read", "readv", "pread64", "write", "writev", "pwrite64", "open", "openat", "close", "close_range", "stat", "lstat", "fstat", "newfstatat", "statx", "fstatfs", "lseek",
        "access", "faccessat", "faccessat2", "fcntl", "flock", "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir",
        "mkdirat", "getdents64", "getdents", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "umask", "getcwd", "dup", "dup2", "dup3", "pipe", "pipe2", "ioctl",
    ]
    private static let sockets = [
        "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "getsockname",
        "getpeername", "getsockopt", "setsockopt", "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
        "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    ]
    private static let threads = [
        "futex", "set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity", "sched_setaffinity", "getcpu", "membarrier", "set_tid_address", "gettid", "tgkill",
        "sigaltstack",
    ]
    private static let process = [
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "getpid", "getppid", "kill", "alarm", "setitimer", "getitimer", "exit", "exit_group",
        "restart_syscall", "wait4", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "clock_gettime", "clock_getres", "clock_nanosleep",
        "nanosleep", "gettimeofday", "time", "times", "getrusage", "getrlimit", "setrlimit", "prlimit64", "getrandom", "uname", "sysinfo", "prctl", "arch_prctl",
        "setpriority", "getpriority",
    ]
    /// A new thread shares all with its process; a new process is refused.
    private static let threadFlags: UInt = 0x0001_0000

    /// `Sandbox 1`. Call it when everything that starts other programs or changes users is over.
    static func enter() throws(NodeFailure) {
        let filter = try make(otherwise: dc_seccomp_kill)
        defer { seccomp_release(filter) }
        for name in allowed { try add(filter, dc_seccomp_allow, name) }
        guard dc_seccomp_add_masked(filter, dc_seccomp_allow, try number("clone"), 0, threadFlags) == 0 else { throw failure("clone") }
        // glibc asks for clone3 first, whose flags no filter can see, and takes clone when the kernel seems too old.
        try add(filter, dc_seccomp_no_such_call, "clone3")
        try load(filter)
    }

    /// `NoExec 1`: no other program can be started.
    static func forbidPrograms() throws(NodeFailure) {
        let filter = try make(otherwise: dc_seccomp_allow)
        defer { seccomp_release(filter) }
        for name in ["execve", "execveat"] { try add(filter, dc_seccomp_not_permitted, name) }
        try load(filter)
    }

    private static func make(otherwise action: UInt32) throws(NodeFailure) -> scmp_filter_ctx {
        guard let filter = seccomp_init(action), seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 else { throw failure("a filter") }
        return filter
    }

    /// A call that this kind of processor does not have needs no rule.
    private static func add(_ filter: scmp_filter_ctx, _ action: UInt32, _ name: String) throws(NodeFailure) {
        let number = seccomp_syscall_resolve_name(name)
        guard number >= 0 else { return }
        guard dc_seccomp_add(filter, action, number) == 0 else { throw failure(name) }
    }

    private static func number(_ name: String) throws(NodeFailure) -> Int32 {
        let number = seccomp_syscall_resolve_name(name)
        guard number >= 0 else { throw failure(name) }
        return number
    }

    private static func load(_ filter: scmp_filter_ctx) throws(NodeFailure) {
        let status = seccomp_load(filter)
        guard status == 0 else { throw NodeFailure(.system, "Sandbox: the kernel does not take the filter: \(String(cString: strerror(-status)))") }
    }

    private static func failure(_ what: String) -> NodeFailure { NodeFailure(.system, "Sandbox: cannot make a rule for \(what)") }
}

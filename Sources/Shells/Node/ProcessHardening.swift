internal import CLinux
internal import Glibc

/// What a node does to its own process before anything else.
package enum ProcessHardening {
    /// No core dumps, no debugger of another process, no files readable by others, no death by a closed pipe.
    package static func apply() {
        _ = dc_forbid_dumps()
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Raises the soft limit of open files to the hard one; the number that holds now.
    package static func raiseOpenFiles() -> UInt64 {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return UInt64(limit.rlim_cur)
    }
}

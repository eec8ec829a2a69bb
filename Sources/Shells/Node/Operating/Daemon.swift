internal import CLinux
internal import Glibc

/// `RunAsDaemon 1`: the command returns when the node serves, and the node goes on without a terminal.
package struct Daemon: ~Copyable {
    /// The node's end of the pipe on which the command waits for it.
    private let ready: Int32

    /// Goes on in a new process of a new session; the old one waits for `settle` and ends with status 0, or with the node's own when it ends first.
    /// Call it while there is one thread, and before anything is opened that a child must not share.
    package init() throws(NodeFailure) {
        var ends: [Int32] = [0, 0]
        guard dc_pipe(&ends) == 0 else { throw NodeFailure(.system, "RunAsDaemon: no pipe") }
        let child = dc_fork()
        guard child >= 0 else { throw NodeFailure(.system, "RunAsDaemon: cannot fork") }
        if child > 0 {
            close(ends[1])
            Self.wait(for: child, on: ends[0])
        }
        close(ends[0])
        setsid()
        ready = ends[1]
    }

    /// The node serves: the command may return. Standard input and output lead nowhere from now on.
    package consuming func settle() {
        let nowhere = dc_open("/dev/null", O_RDWR, 0)
        for fd: Int32 in 0...2 where nowhere >= 0 { dup2(nowhere, fd) }
        if nowhere > 2 { close(nowhere) }
        var byte: UInt8 = 1
        _ = write(ready, &byte, 1)
        close(ready)
    }

    private static func wait(for child: pid_t, on fd: Int32) -> Never {
        var byte: UInt8 = 0
        if read(fd, &byte, 1) == 1 { _exit(0) }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        _exit(status & 0x7F == 0 ? status >> 8 & 0xFF : 71)
    }
}

package import Ambience
internal import CLinux
internal import Glibc

/// Another program run as our child, its input and outputs joined to us by pipes.
///
/// It leads a session of its own, so that a signal from our terminal does not reach it; a closed input tells it that we are gone,
/// however that came. All our own descriptors are close-on-exec: the child inherits the three pipes and nothing else.
package final class Subprocess {
    package enum End: Equatable, Sendable {
        case exited(status: Int32)
        case killed(signal: Int32)
    }

    /// After SIGTERM the child has so long before it is killed.
    private static let patience = Instant.Span.seconds(5)
    private static let readBytes = 4096
    /// Reads of each pipe when the child is gone: more than a pipe holds.
    private static let lastReads = 32

    private let loop: EventLoop
    package let pid: Int32
    private var input: Int32
    private var watch: Int32
    private var sources: [Int32: IOSource] = [:]
    private var listeners: [Int32: (Subprocess, [UInt8]) -> Void] = [:]
    private var killer: Timer?

    /// What the child writes to its standard output and standard error.
    package var onOutput: (([UInt8]) -> Void)?
    package var onErrorOutput: (([UInt8]) -> Void)?
    /// Once, when it has ended and everything it wrote has been told.
    package var onEnd: ((End) -> Void)?

    /// Starts `program`, a path, with `arguments` (without the program's own name) and our environment, `variables` added or replaced.
    package init(loop: EventLoop, program: String, arguments: [String], variables: [String: String]) throws(FileError) {
        self.loop = loop
        var pipes: [[Int32]] = []
        defer { for pipe in pipes { for fd in pipe where fd >= 0 { close(fd) } } }
        for _ in 0..<3 {
            var pipe: [Int32] = [-1, -1]
            guard dc_pipe(&pipe) == 0 else { throw FileError(path: program, operation: "make a pipe to", code: errno) }
            pipes.append(pipe)
        }
        pid = try Self.spawn(program, arguments, variables, input: pipes[0][0], output: pipes[1][1], errorOutput: pipes[2][1])
        watch = pidfd_open(pid, 0)
        guard watch >= 0 else {
            let code = errno
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw FileError(path: program, operation: "watch", code: code)
        }
        input = pipes[0][1]
        pipes[0][1] = -1
        listen(pipes[1][0]) { $0.onOutput?($1) }
        listen(pipes[2][0]) { $0.onErrorOutput?($1) }
        pipes[1][0] = -1
        pipes[2][0] = -1
        let watch = watch
        sources[watch] = IOSource(loop: loop, fd: watch, onReadable: { self.ended() }, onWritable: {})
        sources[watch]?.setReading(true)
    }

    /// Closes the child's input and asks it to end; a child that does not is killed a little later.
    package func terminate() {
        guard watch >= 0, killer == nil else { return }
        closeInput()
        kill(pid, SIGTERM)
        killer = loop.after(Self.patience) { [weak self] in if let self, watch >= 0 { kill(pid, SIGKILL) } }
    }

    private func closeInput() {
        guard input >= 0 else { return }
        close(input)
        input = -1
    }

    private func listen(_ fd: Int32, _ tell: @escaping (Subprocess, [UInt8]) -> Void) {
        _ = dc_set_nonblocking(fd)
        listeners[fd] = tell
        sources[fd] = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in _ = read(fd) }, onWritable: {})
        sources[fd]?.setReading(true)
    }

    /// Whether there may be more.
    private func read(_ fd: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: Self.readBytes)
        let count = Glibc.read(fd, &buffer, buffer.count)
        if count > 0 {
            listeners[fd]?(self, Array(buffer[..<count]))
            return true
        }
        if count == 0 || errno != EAGAIN && errno != EINTR { forget(fd) }
        return false
    }

    private func forget(_ fd: Int32) {
        sources.removeValue(forKey: fd)?.cancel()
        listeners[fd] = nil
        close(fd)
    }

    private func ended() {
        var status: Int32 = 0
        guard watch >= 0, waitpid(pid, &status, WNOHANG) == pid else { return }
        forget(watch)
        watch = -1
        killer?.cancel()
        closeInput()
        // A grandchild may hold the pipes open: what is in them now is all that is waited for.
        for fd in Array(sources.keys) {
            for _ in 0..<Self.lastReads where sources[fd] != nil { guard read(fd) else { break } }
            if sources[fd] != nil { forget(fd) }
        }
        let handler = onEnd
        (onOutput, onErrorOutput, onEnd) = (nil, nil, nil)
        handler?(status & 0x7F == 0 ? .exited(status: status >> 8 & 0xFF) : .killed(signal: status & 0x7F))
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ variables: [String: String], input: Int32, output: Int32, errorOutput: Int32
    ) throws(FileError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, fd) in [input, output, errorOutput].enumerated() { posix_spawn_file_actions_adddup2(&actions, fd, Int32(target)) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | dc_spawn_own_session))
        // SAFETY: every string is copied by strdup, lives until the child is started, and is freed here.
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = self.environment(with: variables).map { strdup($0) } + [nil]
        defer { (words + environment).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, program, &actions, &attributes, &words, &environment)
        guard code == 0 else { throw FileError(path: program, operation: "start", code: code) }
        return pid
    }

    private static func environment(with variables: [String: String]) -> [String] {
        var lines: [String] = []
        var next = environ
        while let entry = next.pointee {
            let line = String(cString: entry)
            if variables[String(line.prefix { $0 != "=" })] == nil { lines.append(line) }
            next += 1
        }
        return lines + variables.map { "\($0.key)=\($0.value)" }
    }
}

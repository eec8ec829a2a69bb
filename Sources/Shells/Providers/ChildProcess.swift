internal import CLinux
internal import Glibc

/// Starts programs. All our own descriptors are close-on-exec, so a child holds nothing of ours, the state's lock above all, once it runs.
package enum ChildProcess {
    /// Starts a program that outlives us: its own session, the input empty, both outputs appended to `log`, default signals.
    package static func detach(
        program: String, arguments: [String], log: String, settings: LaunchSettings = LaunchSettings()
    ) throws(ProviderError) -> Int32 {
        let file = dc_open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard file >= 0 else { throw ProviderError("cannot write \(log): \(reason(errno))") }
        defer { close(file) }
        return try settings.launch(program, arguments, output: file, errors: file, ownSession: true)
    }

    /// Runs a program to its end and gives what it wrote to its output. For programs that end by themselves within a second.
    package static func output(program: String, arguments: [String]) throws(ProviderError) -> String {
        var pipe: [Int32] = [-1, -1]
        guard dc_pipe(&pipe) == 0 else { throw ProviderError("cannot make a pipe: \(reason(errno))") }
        let child: Int32
        do throws(ProviderError) {
            child = try LaunchSettings().launch(program, arguments, output: pipe[1], ownSession: false)
        } catch {
            pipe.forEach { _ = close($0) }
            throw error
        }
        close(pipe[1])
        let text = readAll(pipe[0])
        let status = wait(child)
        guard status == 0 else { throw ProviderError("\(program) \(arguments.dropFirst().first ?? "") failed with status \(status): \(text.suffix(400))") }
        return text
    }

    /// Collects every child that has ended. Only for a program that starts no children but by this type. Returns at once.
    package static func reap() {
        var status: Int32 = 0
        while waitpid(-1, &status, WNOHANG) > 0 {}
    }

    private static func readAll(_ fd: Int32) -> String {
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < outputLimitBytes {
            let count = read(fd, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func wait(_ child: Int32) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 { if errno != EINTR { return -1 } }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    private static let outputLimitBytes = 1 << 20

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

package import Ambience
package import Audit
internal import CLinux
internal import Glibc
internal import Synchronization

/// The audit on disk: one file that only grows. Several processes may write it; each line follows the last one that is complete, whoever wrote that.
package final class AuditLog: Sendable {
    /// Reads (lists) whose result is as the last one's are not written again, for there is one every few seconds; after so many they are.
    private static let equalReadsLimit = 1000

    private struct State {
        var head = AuditHead()
        /// How much of the file the head is of.
        var length = 0
        /// The newest step of a mote's life that is in the log.
        var step: Int64 = 0
        var reads: [AuditEvent.ProviderCall: (result: AuditEvent.CallResult, count: Int)] = [:]
    }

    package let path: String
    private let state = Mutex(State())

    /// Makes nothing yet.
    package init(_ path: String) { self.path = path }

    /// Writes one line; it is durable when this returns.
    package func append(_ event: AuditEvent, now: WallTime) throws(FileError) { try append([event], now: now) }

    /// Steps that the log does not have yet, in order; those it has are left out.
    package func append(steps: [(number: Int64, event: AuditEvent)], now: WallTime) throws(FileError) {
        try locked { state, fd throws(FileError) in
            let new = steps.filter { $0.number > state.step }.map(\.event)
            try write(new, &state, fd, now)
        }
    }

    package func append(_ events: [AuditEvent], now: WallTime) throws(FileError) {
        let isNews = state.withLock { state in events.contains { Self.isNews($0, &state) } }
        guard isNews else { return }
        try locked { state, fd throws(FileError) in try write(events, &state, fd, now) }
    }

    /// The newest step that is in the log; 0 at first.
    package func lastStep() throws(FileError) -> Int64 {
        guard Files.exists(path) else { return 0 }
        return try locked { state, _ in state.step }
    }

    private static func isNews(_ event: AuditEvent, _ state: inout State) -> Bool {
        guard case .answered(let call, let result) = event, !call.isChange else { return true }
        let known = state.reads[call]
        let isSame = known?.result == result && (known?.count ?? 0) < equalReadsLimit
        state.reads[call] = (result, isSame ? known!.count + 1 : 0)
        return !isSame
    }

    // MARK: The file

    /// Alone with the file, and with its end known.
    private func locked<T: Sendable>(_ work: (inout State, Int32) throws(FileError) -> T) throws(FileError) -> T {
        let fd = dc_open(path, O_RDWR | O_CREAT | O_APPEND, 0o600)
        guard fd >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
        defer { close(fd) }
        guard flock(fd, LOCK_EX) == 0 else { throw FileError(path: path, operation: "lock", code: errno) }
        return try state.withLock { state throws(FileError) in
            try catchUp(&state, fd)
            return try work(&state, fd)
        }
    }

    /// Reads what others wrote, and cuts off what was never finished: it was acknowledged to nobody.
    private func catchUp(_ state: inout State, _ fd: Int32) throws(FileError) {
        var facts = stat()
        guard fstat(fd, &facts) == 0 else { throw FileError(path: path, operation: "stat", code: errno) }
        guard Int(facts.st_size) != state.length else { return }
        if facts.st_size < state.length { state = State() }
        let log = try Files.read(path)
        let end = (log.lastIndex(of: 0x0A) ?? -1) + 1
        for part in log[state.length..<end].split(separator: 0x0A) {
            do throws(AuditFault) {
                let line = try AuditLine(String(decoding: part, as: UTF8.self))
                try state.head.follow(line)
                if let step = line["step"].flatMap({ Int64($0) }) { state.step = max(state.step, step) }
            } catch { throw FileError(path: "\(path) (\(error); see: dustcloud audit verify)", operation: "go on with", code: EBADMSG) }
        }
        if end < log.count, ftruncate(fd, off_t(end)) != 0 { throw FileError(path: path, operation: "truncate", code: errno) }
        state.length = end
    }

    private func write(_ events: [AuditEvent], _ state: inout State, _ fd: Int32, _ now: WallTime) throws(FileError) {
        guard !events.isEmpty else { return }
        var next = state
        var text: [UInt8] = []
        for event in events {
            let line = AuditLine(event, at: now, number: next.head.number + 1, after: next.head.hash)
            next.head = AuditHead(number: line.number, hash: line.hash)
            if case .step(let number, _) = event { next.step = max(next.step, number) }
            text += Array(line.text.utf8) + [0x0A]
        }
        let count = Glibc.write(fd, text, text.count)
        guard count == text.count, fdatasync(fd) == 0 else {
            let code = count >= 0 && count < text.count ? ENOSPC : errno
            ftruncate(fd, off_t(state.length))
            throw FileError(path: path, operation: "write", code: code)
        }
        next.length = state.length + text.count
        state = next
    }
}

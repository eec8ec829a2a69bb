import Foundation
import Testing

/// A folder that goes with its test.
final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-clouds-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Accepts connections, by the kernel, and never says anything.
final class Listener: Sendable {
    let fd: Int32
    let port: UInt16

    init() throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.fd = fd
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, size) == 0 && listen(fd, 8) == 0 && getsockname(fd, $0, &size) == 0 }
        }
        try #require(isBound)
        port = UInt16(bigEndian: name.sin_port)
    }

    func end() {
        shutdown(fd, Int32(SHUT_RDWR))
        close(fd)
    }
}

/// An HTTP server that answers each request and keeps what it was asked. One connection at a time, closed after each.
final class Counter: @unchecked Sendable {
    private let listener: Listener
    private let lock = NSLock()
    private let say: @Sendable (String) -> String
    private var heard: [String] = []
    private let isOver = DispatchSemaphore(value: 0)

    var endpoint: String { "http://127.0.0.1:\(listener.port)" }
    var requests: [String] { lock.withLock { heard } }

    /// Gives each request the next of the answers.
    convenience init(_ answers: [String]) throws {
        let rest = Rest(answers)
        try self.init { _ in rest.next() }
    }

    /// An empty answer is none: the connection is closed.
    init(_ say: @escaping @Sendable (String) -> String) throws {
        self.say = say
        let listener = try Listener()
        self.listener = listener
        Thread.detachNewThread { [self] in
            while true {
                let line = accept(listener.fd, nil, nil)
                guard line >= 0 else { break }
                serve(line)
                close(line)
            }
            isOver.signal()
        }
    }

    /// Bounded: `accept` returns once its socket is shut down.
    func end() {
        listener.end()
        isOver.wait()
    }

    static func answer(_ status: Int, _ body: String, _ headers: String...) -> String {
        (["HTTP/1.1 \(status) x", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers + ["", body]).joined(separator: "\r\n")
    }

    private func serve(_ line: Int32) {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 65536)
        while !Self.isWhole(bytes) {
            let count = recv(line, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            bytes += chunk[..<count]
        }
        let request = String(decoding: bytes, as: UTF8.self)
        lock.withLock { heard.append(request) }
        let out = Array(say(request).utf8)
        _ = send(line, out, out.count, Int32(MSG_NOSIGNAL))
    }

    private static func isWhole(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return false }
        let length = text[..<end.lowerBound].lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        return text[end.upperBound...].utf8.count >= length.flatMap { Int($0.dropFirst(15).filter(\.isNumber)) } ?? 0
    }
}

private final class Rest: @unchecked Sendable {
    private let lock = NSLock()
    private var answers: [String]

    init(_ answers: [String]) { self.answers = answers }

    func next() -> String { lock.withLock { answers.isEmpty ? Counter.answer(500, "") : answers.removeFirst() } }
}

import Glibc

/// One HTTP/1.0 exchange with a server on 127.0.0.1.
enum LoopbackClient {
    private static let timeoutSeconds = 60

    /// Status line behind the version, and the body; `nil` when nobody answers.
    static func exchange(port: UInt16, request: String, body: [UInt8]) -> (status: String, body: [UInt8])? {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var patience = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard withAddress(port, { connect(fd, $0, $1) }) == 0 else { return nil }
        let message = Array(request.utf8) + body
        guard send(fd, message, message.count, Int32(MSG_NOSIGNAL)) == message.count else { return nil }
        return split(readAll(fd))
    }

    private static func readAll(_ fd: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(fd, &chunk, chunk.count, 0)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func split(_ answer: [UInt8]) -> (status: String, body: [UInt8])? {
        guard let end = answer.indices.first(where: { answer[$0...].starts(with: [13, 10, 13, 10]) }), let line = answer.firstIndex(of: 13), line > 9 else { return nil }
        return (String(decoding: answer[9..<line], as: UTF8.self), Array(answer[(end + 4)...]))
    }

    private static func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

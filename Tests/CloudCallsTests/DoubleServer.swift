import Ambience
import CloudCalls
import Foundation
import Testing

/// A double behind a socket, for programs that others wrote. One connection at a time, closed after each answer.
final class DoubleServer: @unchecked Sendable {
    private let fd: Int32
    let port: UInt16
    private let lock = NSLock()
    private var double: CloudDouble
    private var unread: [String] = []
    private let isOver = DispatchSemaphore(value: 0)

    /// `make` is told where the double will be found.
    init(_ make: (UInt16) -> CloudDouble) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.fd = fd
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, size) == 0 && listen(fd, 16) == 0 && getsockname(fd, $0, &size) == 0 }
        }
        port = UInt16(bigEndian: name.sin_port)
        double = make(port)
        try #require(isBound)
        Thread.detachNewThread { [self] in
            while true {
                let line = accept(fd, nil, nil)
                guard line >= 0 else { break }
                serve(line)
                close(line)
            }
            isOver.signal()
        }
    }

    /// Bounded: `accept` returns once its socket is shut down. Gives the double back, and the requests that it made nothing of.
    func end() -> (double: CloudDouble, unread: [String]) {
        shutdown(fd, Int32(SHUT_RDWR))
        isOver.wait()
        close(fd)
        return (double, unread)
    }

    private func serve(_ line: Int32) {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            if let request = Self.request(bytes, port) { return answer(request, line) }
            let count = recv(line, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            bytes += chunk[..<count]
        }
    }

    private func answer(_ request: CloudRequest, _ line: Int32) {
        let reply = lock.withLock {
            double.now = SystemTime().wall
            if double.dialect.wish(request) == nil { unread.append("\(request)?\(request.query) \(String(decoding: request.body, as: UTF8.self))") }
            return double.handle(request)
        }
        guard case .answer(let answer) = reply else { return }
        let isXML = answer.body.first == UInt8(ascii: "<")
        let fields = answer.headers.merging(["content-length": "\(answer.body.count)", "connection": "close", "content-type": isXML ? "text/xml" : "application/json"]) { $1 }
        let head = "HTTP/1.1 \(answer.status) x\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
        let out = Array(head.utf8) + answer.body
        _ = send(line, out, out.count, Int32(MSG_NOSIGNAL))
    }

    /// `nil` until the request is whole.
    private static func request(_ bytes: [UInt8], _ port: UInt16) -> CloudRequest? {
        let mark = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n"), words = lines[0].split(separator: " ")
        let headers = lines.dropFirst().compactMap { line in
            line.firstIndex(of: ":").map { CloudRequest.Field(line[..<$0].lowercased(), line[line.index(after: $0)...].trimmingCharacters(in: .whitespaces)) }
        }
        let body = Array(bytes[(end + 4)...])
        guard words.count == 3, body.count >= headers.first(where: { $0.name == "content-length" }).flatMap({ Int($0.value) }) ?? 0 else { return nil }
        let target = words[1].split(separator: "?", maxSplits: 1)
        let query = (target.count > 1 ? target[1] : "").split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
            return CloudRequest.Field(sides[0], sides.count > 1 ? sides[1] : "")
        }
        return CloudRequest(
            String(words[0]), "http://\(headers.first { $0.name == "host" }?.value ?? "")", path: String(target[0]), query: query, headers: headers, body: body)
    }
}

package import Ambience
internal import Logging
package import Loops

/// The MetricsPort: whoever its policy lets in gets the node's numbers by plain HTTP, `GET /metrics`.
package final class MetricsServer {
    /// Connections at once; a further one is closed.
    package static let connectionLimit = 32
    /// A longer request is none that a scraper makes.
    package static let requestLimitBytes = 4096
    private static let patience = Instant.Span.seconds(10)

    private let loop: EventLoop
    private let isAllowed: (IPAddress) -> Bool
    private let text: () -> String
    private let log = Logger(label: "metrics")
    private var listeners: [TCPListener] = []
    private var connections: [ObjectIdentifier: TCPConnection] = [:]

    /// - Parameters:
    ///   - isAllowed: MetricsPortPolicy.
    ///   - text: makes the answer.
    package init(loop: EventLoop, isAllowed: @escaping (IPAddress) -> Bool, text: @escaping () -> String) {
        self.loop = loop
        self.isAllowed = isAllowed
        self.text = text
    }

    /// Listens on an address; the one actually bound.
    @discardableResult
    package func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try TCPListener(loop: loop, address: address, kind: .metrics) { [weak self] fd, peer in self?.accept(fd, peer) }
        listeners.append(listener)
        log.notice("Opened Metrics listener connection (ready) on \(listener.address)")
        return listener.address
    }

    package var addresses: [SocketAddress] { listeners.map(\.address) }

    package func stop() {
        for listener in listeners { listener.close() }
        listeners = []
        for connection in Array(connections.values) { connection.abort() }
        connections = [:]
    }

    private func accept(_ fd: Int32, _ peer: SocketAddress) {
        guard connections.count < Self.connectionLimit, isAllowed(peer.ip) else { return SocketLedger.reject(fd, .metrics, peer.ip) }
        SocketLedger.note(fd, .metrics, .received, peer.ip)
        let connection = TCPConnection(loop: loop, fd: fd)
        let key = ObjectIdentifier(connection)
        connections[key] = connection
        var request: [UInt8] = []
        connection.onClose = { [weak self] in self?.connections[key] = nil }
        connection.onData = { [weak self, weak connection] bytes in
            guard let self, let connection else { return }
            request += bytes
            if let answer = answer(request) {
                connection.pauseReading()
                connection.send(Array(answer.utf8))
                connection.finish()
            }
        }
        loop.after(Self.patience) { [weak self, weak connection] in
            guard let self, let connection, connections[key] === connection else { return }
            connection.abort()
            connections[key] = nil
        }
    }

    /// `nil` while the head is not whole.
    private func answer(_ request: [UInt8]) -> String? {
        guard request.count <= Self.requestLimitBytes else { return Self.head("431 Request Header Fields Too Large") }
        let head = String(decoding: request, as: UTF8.self)
        guard head.utf8.contains(0x0A), head.hasSuffix("\r\n\r\n") || head.hasSuffix("\n\n") else { return nil }
        let words = head.prefix { $0 != "\r\n" && $0 != "\n" }.split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return Self.head("400 Bad Request") }
        guard words[0] == "GET" else { return Self.head("405 Method Not Allowed") }
        guard words[1] == "/metrics" else { return Self.head("404 Not Found") }
        let body = text()
        return "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8; version=0.0.4\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func head(_ status: String) -> String { "HTTP/1.0 \(status)\r\n\r\n" }
}

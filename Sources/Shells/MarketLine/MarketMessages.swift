/// A question to an exchange or a witness.
package struct MarketRequest: Hashable, Sendable {
    package let path: MarketPath
    package let body: [UInt8]

    package init(_ path: MarketPath, _ body: [UInt8] = []) { (self.path, self.body) = (path, body) }

    /// On the wire, for `host` as the address has it.
    package func bytes(to host: String) -> [UInt8] {
        let length = path.method == .post ? "Content-Length: \(body.count)\r\n" : ""
        return Array("\(path.method.rawValue) \(path.text) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(length)\r\n".utf8) + body
    }
}

/// What comes back. Statuses are HTTP's.
package struct MarketResponse: Hashable, Sendable {
    package enum Kind: String, Sendable { case bytes = "application/octet-stream", text = "text/plain; charset=utf-8", treeSize = "text/x.tlog.size" }

    package let status: Int
    package let kind: Kind
    package let body: [UInt8]

    package init(_ status: Int = 200, _ kind: Kind = .bytes, _ body: [UInt8] = []) { (self.status, self.kind, self.body) = (status, kind, body) }

    package static func bytes(_ body: [UInt8]) -> MarketResponse { MarketResponse(200, .bytes, body) }
    package static func text(_ text: String) -> MarketResponse { MarketResponse(200, .text, Array(text.utf8)) }
    /// Nothing there, or not yet.
    package static let notFound = MarketResponse(404)
    package static let badRequest = MarketResponse(400)
    /// Too much is asked at once: again later.
    package static let busy = MarketResponse(503)

    /// Only what every exchange says alike: no date, no name.
    package var wire: [UInt8] {
        Array("HTTP/1.1 \(status) \(Self.words[status] ?? "Refused")\r\nContent-Type: \(kind.rawValue)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n".utf8) + body
    }

    private static let words = [
        200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
        422: "Unprocessable Content", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
    ]
}

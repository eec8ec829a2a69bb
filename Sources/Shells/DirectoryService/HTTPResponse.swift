/// One HTTP/1.0 response.
package struct HTTPResponse: Equatable, Sendable {
    package var status: Int
    package var reason: String
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, reason: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
    }

    package var isSuccess: Bool { status == 200 }

    /// A document as plain text.
    package static func ok(_ body: [UInt8]) -> HTTPResponse { HTTPResponse(status: 200, reason: "OK", body: body) }
    package static func ok(_ text: String) -> HTTPResponse { ok(Array(text.utf8)) }
    package static let notModified = HTTPResponse(status: 304, reason: "Not modified")
    /// The peer shows `reason` to its operator: an authority tells here why it refuses a descriptor.
    package static func badRequest(_ reason: String = "Bad request") -> HTTPResponse { HTTPResponse(status: 400, reason: reason) }
    package static func notFound(_ reason: String = "Not found") -> HTTPResponse { HTTPResponse(status: 404, reason: reason) }
    package static let busy = HTTPResponse(status: 503, reason: "Directory busy, try again later")

    /// The bytes on the wire.
    package var encoded: [UInt8] { encodedHead + body }

    /// All that comes before the body.
    var encodedHead: [UInt8] { Array("HTTP/1.0 \(status) \(Self.oneLine(reason))\r\n\(headers.encoded)\r\n".utf8) }

    /// A reason may quote what a peer sent: it must not end the status line early.
    private static func oneLine(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
    }
}

/// Reads one response, however its bytes are split: until `Content-Length` is reached, or until the peer closes.
package struct HTTPResponseParser {
    private let limits: HTTPLimits
    private var head: HTTPHead
    /// The response without its body, once the head is whole.
    private var response: HTTPResponse?
    private var body: [UInt8] = []
    private var bodyBytes: Int?
    private var isDone = false

    package init(limits: HTTPLimits = .response) {
        self.limits = limits
        head = HTTPHead(limitBytes: limits.headBytes)
    }

    /// Whether the head has come.
    package var isReadingBody: Bool { response != nil }

    /// The response once `Content-Length` bytes of body are there, else `nil`.
    package mutating func receive(_ bytes: [UInt8]) throws(HTTPError) -> HTTPResponse? {
        guard !isDone else { return nil }
        guard response == nil else { return try collect(bytes[...]) }
        guard let (lines, rest) = try head.receive(bytes) else { return nil }
        try start(lines)
        return try collect(rest)
    }

    /// The peer has closed: what has come is the response, if it is whole.
    package mutating func finish() throws(HTTPError) -> HTTPResponse {
        guard !isDone, response != nil, bodyBytes == nil, let whole = whole() else { throw .truncated }
        return whole
    }

    private mutating func start(_ lines: [String]) throws(HTTPError) {
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0] == "HTTP/1.0" || words[0] == "HTTP/1.1", words[1].utf8.count == 3, let status = Int(words[1]), status >= 100
        else { throw .malformed }
        let headers = try HTTPHead.headers(lines.dropFirst())
        bodyBytes = try headers.contentLength()
        guard bodyBytes ?? 0 <= limits.bodyBytes else { throw .bodyTooLarge(limitBytes: limits.bodyBytes) }
        response = HTTPResponse(status: status, reason: words.count == 3 ? String(words[2]) : "", headers: headers)
    }

    private mutating func collect(_ bytes: ArraySlice<UInt8>) throws(HTTPError) -> HTTPResponse? {
        body += bodyBytes.map { bytes.prefix($0 - body.count) } ?? bytes
        guard body.count <= limits.bodyBytes else { throw .bodyTooLarge(limitBytes: limits.bodyBytes) }
        return bodyBytes == body.count ? whole() : nil
    }

    private mutating func whole() -> HTTPResponse? {
        isDone = true
        response?.body = body
        return response
    }
}

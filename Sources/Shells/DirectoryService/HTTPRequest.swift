/// One HTTP/1.0 request, as directory clients send them (dir-spec "Directory request format").
package struct HTTPRequest: Equatable, Sendable {
    package enum Method: String, Sendable { case get = "GET", post = "POST" }

    package var method: Method
    /// The path with its leading slash; scheme and host of an absolute URL are gone.
    package var path: String
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(_ method: Method, _ path: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// The bytes on the wire. A request with a body gets its `Content-Length`.
    package var encoded: [UInt8] {
        var headers = headers
        if method == .post { headers.add("Content-Length", "\(body.count)") }
        return Array("\(method.rawValue) \(path) HTTP/1.0\r\n\(headers.encoded)\r\n".utf8) + body
    }
}

/// Reads one request, however its bytes are split.
package struct HTTPRequestParser {
    private let bodyLimit: (HTTPRequest) -> Int
    private var head: HTTPHead
    /// The request without its body, once the head is whole.
    private var request: HTTPRequest?
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private var isDone = false

    /// - Parameter bodyLimit: what a body may have, by its head, in bytes; without it, what `limits` say.
    package init(limits: HTTPLimits, bodyLimit: ((HTTPRequest) -> Int)? = nil) {
        self.bodyLimit = bodyLimit ?? { _ in limits.bodyBytes }
        head = HTTPHead(limitBytes: limits.headBytes)
    }

    /// The request once it is whole, else `nil`. Bytes behind a whole request are ignored: HTTP/1.0 has one per connection.
    package mutating func receive(_ bytes: [UInt8]) throws(HTTPError) -> HTTPRequest? {
        guard !isDone else { return nil }
        guard request == nil else { return collect(bytes[...]) }
        guard let (lines, rest) = try head.receive(bytes) else { return nil }
        try start(lines)
        return collect(rest)
    }

    private mutating func start(_ lines: [String]) throws(HTTPError) {
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, let method = HTTPRequest.Method(rawValue: String(words[0])), words[2] == "HTTP/1.0" || words[2] == "HTTP/1.1",
            let path = Self.path(words[1])
        else { throw .malformed }
        let headers = try HTTPHead.headers(lines.dropFirst())
        bodyBytes = try headers.contentLength() ?? 0
        let request = HTTPRequest(method, path, headers: headers), limitBytes = bodyLimit(request)
        guard bodyBytes <= limitBytes else { throw .bodyTooLarge(limitBytes: limitBytes) }
        self.request = request
    }

    private mutating func collect(_ bytes: ArraySlice<UInt8>) -> HTTPRequest? {
        body += bytes.prefix(bodyBytes - body.count)
        guard body.count == bodyBytes, var request else { return nil }
        isDone = true
        request.body = body
        return request
    }

    private static func path(_ target: Substring) -> String? {
        if target.hasPrefix("/") { return String(target) }
        guard target.hasPrefix("http://") else { return nil }
        guard let slash = target.dropFirst(7).firstIndex(of: "/") else { return "/" }
        return String(target[slash...])
    }
}

/// Header fields in the order they came; names match in any case.
package struct HTTPHeaders: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(_ fields: [(String, String)]) { self.fields = fields.map { Field(name: $0.0, value: $0.1) } }

    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// The value of the first field with this name.
    package subscript(name: String) -> String? {
        let wanted = name.lowercased()
        return fields.first { $0.name.lowercased() == wanted }?.value
    }

    /// `Content-Length` in bytes; `nil` when absent, an error when it is no number.
    func contentLength() throws(HTTPError) -> Int? {
        guard let text = self["Content-Length"] else { return nil }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(text) else { throw .malformed }
        return count
    }

    var encoded: String { fields.map { "\($0.name): \($0.value)\r\n" }.joined() }
}

/// Why bytes are no HTTP message that we take.
package enum HTTPError: Error, Equatable {
    case malformed
    /// The start line and headers together are longer than the limit.
    case headTooLarge(limitBytes: Int)
    case bodyTooLarge(limitBytes: Int)
    /// The peer closed before the message was whole.
    case truncated
}

/// Bounds on what one side may send.
package struct HTTPLimits: Sendable {
    /// Start line and headers, with the blank line. A URL of the most digests that stock tor asks for at once has about 4 KiB.
    package var headBytes: Int
    package var bodyBytes: Int

    package init(headBytes: Int, bodyBytes: Int) {
        self.headBytes = headBytes
        self.bodyBytes = bodyBytes
    }

    /// The largest server descriptor and extra-info that an authority takes, uploaded in one body.
    package static let uploadLimitBytes = 20_000 + 50_000
    /// The largest vote that an authority takes. A vote of the public network (8000 relays) has about 8 MiB.
    package static let voteLimitBytes = 16 << 20
    /// The largest document that is fetched.
    package static let documentLimitBytes = 32 << 20

    package static let relayRequest = HTTPLimits(headBytes: 16 << 10, bodyBytes: uploadLimitBytes)
    package static let authorityRequest = HTTPLimits(headBytes: 16 << 10, bodyBytes: voteLimitBytes)
    package static let response = HTTPLimits(headBytes: 16 << 10, bodyBytes: documentLimitBytes)
}

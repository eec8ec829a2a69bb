/// One HTTP request to a provider's API, as a value.
package struct CloudRequest: Equatable, Sendable {
    package var method: String
    /// Scheme and authority, such as `https://api.hetzner.cloud`; no path and no slash at the end.
    package var endpoint: String
    /// As it goes on the wire: percent-encoded, with a slash in front.
    package var path: String
    /// Not encoded.
    package var query: [Field]
    /// Names in lower case. `host` and `content-length` are the transport's.
    package var headers: [Field]
    package var body: [UInt8]
    /// Which region a signature is for, where the endpoint need not tell.
    package var region: String?

    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(_ method: String, _ endpoint: String, path: String, query: [Field] = [], headers: [Field] = [], body: [UInt8] = []) {
        self.method = method
        self.endpoint = endpoint
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// Authority without the scheme: what the `Host` header says.
    package var host: String { endpoint.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init) ?? "" }

    package var url: String {
        endpoint + path + (query.isEmpty ? "" : "?" + query.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }.joined(separator: "&"))
    }

    package func adding(_ fields: Field...) -> CloudRequest {
        var request = self
        request.headers += fields
        return request
    }
}

/// Says what is asked of whom and nothing of headers and body: those carry credentials and user data.
extension CloudRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "\(method) \(endpoint)\(path)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(reflecting: description) }
}

/// An answer that arrived whole.
package struct CloudAnswer: Equatable, Sendable {
    package var status: Int
    /// Names in lower case.
    package var headers: [String: String]
    package var body: [UInt8]

    package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What came of a request.
package enum Reply: Equatable, Sendable {
    case answer(CloudAnswer)
    /// It may have arrived and been acted on; no whole answer came back.
    case lost(String)
    /// It never left.
    case unsent(String)
}

/// RFC 3986: everything but unreserved characters, in upper-case hexadecimal.
package enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    package static func encode(_ text: some StringProtocol, keepingSlashes: Bool = false) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): out.append(byte)
            case UInt8(ascii: "/") where keepingSlashes: out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

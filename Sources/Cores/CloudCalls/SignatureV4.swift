package import Ambience
internal import Bytes
internal import Sealing

/// A key of AWS's. Prints as its public half.
package struct AccessKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let id: String
    let secret: String
    let sessionToken: String?

    package init(id: String, secret: String, sessionToken: String? = nil) {
        self.id = id
        self.secret = secret
        self.sessionToken = sessionToken
    }

    package var description: String { "AccessKey(\(id))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(reflecting: description) }
}

/// AWS Signature Version 4 in the `Authorization` header. Every header that the request has is signed, and `host`.
package struct SignatureV4: Equatable, Sendable {
    package let region: String
    package let service: String

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }

    /// The request with `x-amz-date`, `x-amz-security-token` if the key has one, and `authorization`. Valid for about five minutes around `now`.
    package func sign(_ request: CloudRequest, with key: AccessKey, at now: WallTime) -> CloudRequest {
        let time = Self.basic(now)
        var request = request.adding(.init("x-amz-date", time))
        if let token = key.sessionToken { request = request.adding(.init("x-amz-security-token", token)) }
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        let (canonical, names) = Self.canonical(request)
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n" + Hex.lower(Digest.sha256(Array(canonical.utf8)))
        let signature = Hex.lower(Digest.hmacSHA256(key: signingKey(key.secret, day: time.prefix(8)), Array(text.utf8)))
        return request.adding(.init("authorization", "AWS4-HMAC-SHA256 Credential=\(key.id)/\(scope), SignedHeaders=\(names), Signature=\(signature)"))
    }

    private func signingKey(_ secret: String, day: Substring) -> [UInt8] {
        [String(day), region, service, "aws4_request"].reduce(Array("AWS4\(secret)".utf8)) { Digest.hmacSHA256(key: $0, Array($1.utf8)) }
    }

    /// The canonical request and the names of the headers in it.
    private static func canonical(_ request: CloudRequest) -> (text: String, names: String) {
        let headers = merged(request.headers + [.init("host", request.host)])
        let names = headers.map(\.name).joined(separator: ";")
        let query = request.query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
            .sorted { less($0, $1) }.map { "\($0)=\($1)" }.joined(separator: "&")
        let lines =
            [request.method, canonicalPath(request.path), query] + headers.map { "\($0.name):\($0.value)" }
            + ["", names, Hex.lower(Digest.sha256(request.body))]
        return (lines.joined(separator: "\n"), names)
    }

    /// Sorted by name; values of one name are joined by commas, runs of blanks are one.
    private static func merged(_ fields: [CloudRequest.Field]) -> [CloudRequest.Field] {
        Dictionary(grouping: fields) { $0.name.lowercased() }
            .map { name, fields in
                .init(name, fields.map { $0.value.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.joined(separator: ","))
            }
            .sorted { bytesLess($0.name, $1.name) }
    }

    /// Dots resolved, doubled slashes made one, and what the wire has encoded, encoded once more: so it is for all services but S3.
    private static func canonicalPath(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let slash = path.hasSuffix("/") && !parts.isEmpty ? "/" : ""
        return PercentEncoding.encode("/" + parts.joined(separator: "/") + slash, keepingSlashes: true)
    }

    private static func less(_ a: (String, String), _ b: (String, String)) -> Bool {
        a.0 == b.0 ? bytesLess(a.1, b.1) : bytesLess(a.0, b.0)
    }

    private static func bytesLess(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// ISO 8601's basic format: `20270131T120000Z`.
    private static func basic(_ now: WallTime) -> String { now.rfc3339.filter { $0 != "-" && $0 != ":" } }
}

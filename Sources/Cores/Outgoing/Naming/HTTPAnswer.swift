/// The answer to one GET of HTTP/1.0, read to the end of the connection: all that fetching a policy needs.
package enum HTTPAnswer {
    package static let headLimitBytes = 16 << 10

    /// Without a body; the peer closes the connection behind its answer.
    package static func question(host: String, path: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.0\r\nHost: \(host)\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".utf8)
    }

    /// The body of a whole 200 of type text/plain; redirects are not followed (RFC 8461, 3.3). `nil` for anything else.
    package static func text(_ answer: [UInt8]) -> [UInt8]? {
        guard let end = answer.prefix(headLimitBytes).indices.first(where: { answer[$0...].starts(with: [13, 10, 13, 10]) }) else { return nil }
        let lines = String(decoding: answer[..<end], as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        let status = lines[0].split(separator: " ")
        guard status.count >= 2, status[0].hasPrefix("HTTP/1."), status[1] == "200" else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].drop { $0 == " " }.lowercased()
        }
        let body = Array(answer[(end + 4)...])
        guard fields["transfer-encoding"] == nil, fields["content-type"]?.prefix(while: { $0 != ";" && $0 != " " }) == "text/plain" else { return nil }
        guard let length = fields["content-length"] else { return body }
        return Int(length) == body.count ? body : nil
    }
}

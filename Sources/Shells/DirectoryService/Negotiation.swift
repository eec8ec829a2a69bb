internal import Compression

/// Which form of a document is sent (dir-spec "Standard headers").
enum Negotiation {
    /// Those that we pack and unpack, the best first: zstd takes a fraction of the time that deflate takes, and fewer bytes.
    static let codings: [ContentCoding] = [.zstd, .deflate, .gzip]

    /// For `Accept-Encoding`.
    static let accepted = (codings + [.identity]).map(\.rawValue).joined(separator: ", ")

    /// The best that the asker takes. Everybody takes the identity, whatever the header says, as with stock.
    static func coding(for request: HTTPRequest) -> ContentCoding {
        var taken = Set((request.headers["Accept-Encoding"] ?? "").split(separator: ",").compactMap { coding($0) })
        if request.path.hasSuffix(".z") { taken.insert(.deflate) }
        return codings.first { taken.contains($0) } ?? .identity
    }

    /// `name` or `name;q=…`; a weight of nothing refuses the coding, other weights are not weighed.
    private static func coding(_ item: Substring) -> ContentCoding? {
        let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
        guard let name = parts.first, !parts.dropFirst().contains(where: { $0 == "q=0" || $0 == "q=0.0" }) else { return nil }
        return ContentCoding(httpName: name)
    }

    /// The coding of an answer; `nil` when we do not know it.
    static func coding(of response: HTTPResponse) -> ContentCoding? {
        guard let name = response.headers["Content-Encoding"] else { return .identity }
        return ContentCoding(httpName: name)
    }
}

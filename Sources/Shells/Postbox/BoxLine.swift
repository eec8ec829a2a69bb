package import Ambience
package import Boxes
internal import Bytes
internal import Calling
internal import Sealing

/// How motes are asked for what lies in their boxes: their directories, each over a circuit of its own that ends there.
package protocol BoxLine: Sendable {
    /// Posts to a mote, or to any if there is none; `nil` when no answer came that makes sense.
    func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, limitBytes: Int) -> [UInt8]?
}

/// Through the SOCKS port of a mote that is a client: it knows what `FINGERPRINT.mote.dust.alt` is.
package struct SocksBoxLine: BoxLine {
    private static let connectMilliseconds = 60_000
    private static let totalMilliseconds = 300_000

    private let proxy: SocketAddress

    package init(_ proxy: SocketAddress) { self.proxy = proxy }

    package func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, limitBytes: Int) -> [UInt8]? {
        // Credentials of its own give each question a circuit of its own.
        let (user, password) = (Hex.lower(SecureRandom.bytes(16)), Hex.lower(SecureRandom.bytes(16)))
        let host = mote.map { Hex.upper($0) } ?? "any"
        // A directory wants to know how long a body is, and libcurl says nothing of an empty one.
        let length = body.isEmpty ? [("Content-Length", "0")] : []
        let call = CurlCall(
            "POST", "http://\(host).mote.dust.alt\(path)", headers: [("Content-Type", "application/octet-stream"), ("User-Agent", ""), ("Accept", "")] + length, body: body,
            way: .proxy("socks5h://\(user):\(password)@\(proxy)"), connectMilliseconds: Self.connectMilliseconds, totalMilliseconds: Self.totalMilliseconds,
            headLimitBytes: 8 << 10, bodyLimitBytes: limitBytes)
        guard case .answered(200, _, let answer) = call.perform() else { return nil }
        return answer
    }
}

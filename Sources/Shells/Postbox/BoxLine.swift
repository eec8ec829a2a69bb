package import Ambience
internal import Boxes
internal import Bytes
internal import Calling
internal import Sealing

/// Questions with the same name go over the same circuit, as long as it holds.
package struct BoxCircuit: Hashable, Sendable {
    let user: String
    let password: String

    /// One of its own.
    package init() { (user, password) = (Hex.lower(SecureRandom.bytes(16)), Hex.lower(SecureRandom.bytes(16))) }
}

/// How motes are asked for what lies in their boxes: their directories, over circuits that end there.
package protocol BoxLine: Sendable {
    /// Posts to a mote, or to any if there is none; `nil` when no answer came that makes sense.
    func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, over circuit: BoxCircuit, limitBytes: Int) -> [UInt8]?
}

extension BoxLine {
    /// Over a circuit of its own.
    package func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, limitBytes: Int) -> [UInt8]? { post(body, to: path, of: mote, over: BoxCircuit(), limitBytes: limitBytes) }
}

/// Through the SOCKS port of a mote that is a client: it knows what `FINGERPRINT.mote.dust.alt` is.
package struct SocksBoxLine: BoxLine {
    private static let connectMilliseconds = 60_000
    private static let totalMilliseconds = 300_000

    private let proxy: SocketAddress

    package init(_ proxy: SocketAddress) { self.proxy = proxy }

    package func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, over circuit: BoxCircuit, limitBytes: Int) -> [UInt8]? {
        let host = mote.map { Hex.upper($0) } ?? "any"
        // A directory wants to know how long a body is, and libcurl says nothing of an empty one.
        let length = body.isEmpty ? [("Content-Length", "0")] : []
        let call = CurlCall(
            "POST", "http://\(host).mote.dust.alt\(path)", headers: [("Content-Type", "application/octet-stream"), ("User-Agent", ""), ("Accept", "")] + length, body: body,
            way: .proxy("socks5h://\(circuit.user):\(circuit.password)@\(proxy)"), connectMilliseconds: Self.connectMilliseconds, totalMilliseconds: Self.totalMilliseconds,
            headLimitBytes: 8 << 10, bodyLimitBytes: limitBytes)
        guard case .answered(200, _, let answer) = call.perform() else { return nil }
        return answer
    }
}

package import Ambience
internal import Bytes
internal import Calling
package import Exchange
internal import Sealing

package enum MarketLineError: Error, CustomStringConvertible {
    /// Nobody answered: the address, and libcurl's words.
    case unreachable(String, String)
    /// An answer that no exchange gives to that question.
    case unexpected(MarketPath, status: Int)
    /// The exchange has too much to do.
    case busy

    package var description: String {
        switch self {
        case .unreachable(let address, let why): "cannot reach the exchange at \(address): \(why)"
        case .unexpected(let path, let status): "the exchange answered \(path.text) with status \(status), which makes no sense: is the address right?"
        case .busy: "the exchange has too much to do just now; ask again later"
        }
    }
}

/// Asks an exchange or a witness. The calling thread waits, within bounds.
///
/// Each question goes over a connection of its own and, through a SOCKS port, with credentials of its own: a client that isolates by them, as
/// stock and ours do, takes a circuit of its own for it. So two questions of a wallet have nothing in common.
package struct MarketClient: Sendable {
    package enum Route: Hashable, Sendable {
        /// Through the SOCKS 5 port of a client, which also resolves the name.
        case socks(SocketAddress)
        /// Straight there: the exchange's side sees from where.
        case direct
    }

    private static let connectMilliseconds = 60_000
    private let address: String
    private let route: Route
    private let limitMilliseconds: Int

    /// `nil` for an address that is not `HOST:PORT`.
    ///
    /// - Parameter limitMilliseconds: for one question, connecting included.
    package init?(_ address: String, _ route: Route, limitMilliseconds: Int = 120_000) {
        guard Self.isAddress(address) else { return nil }
        (self.address, self.route, self.limitMilliseconds) = (address, route, limitMilliseconds)
    }

    /// A name or IPv4 address, or an IPv6 address in brackets, and a port.
    package static func isAddress(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), text.utf8.count <= 255, let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return false }
        let host = text[..<colon]
        if host.hasPrefix("[") { return SocketAddress(text) != nil }
        return !host.isEmpty && host.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
    }

    /// Any answer at all, whatever its status.
    package func perform(_ request: MarketRequest) throws(MarketLineError) -> MarketResponse {
        let call = CurlCall(
            request.path.method.rawValue, "http://\(address)\(request.path.text)",
            headers: request.path.method == .post ? [("Content-Type", "application/octet-stream")] : [], body: request.body, way: way, connectMilliseconds: min(Self.connectMilliseconds, limitMilliseconds), totalMilliseconds: limitMilliseconds, headLimitBytes: 8 << 10,
            bodyLimitBytes: request.path.answerLimitBytes)
        switch call.perform() {
        case .answered(let status, let head, let body): return MarketResponse(status, Self.kind(head), body)
        case .lost(let why), .unsent(let why): throw .unreachable(address, why)
        }
    }

    /// What is published there; `nil` when there is nothing, or not yet.
    package func fetch(_ path: MarketPath) throws(MarketLineError) -> [UInt8]? {
        let answer = try perform(MarketRequest(path))
        switch answer.status {
        case 200: return answer.body
        case 404: return nil
        case 503: throw .busy
        default: throw .unexpected(path, status: answer.status)
        }
    }

    /// Sends an order: the same one as often as need be.
    package func send(_ order: [UInt8], to sealKey: [UInt8], at slice: Slice) throws(MarketLineError) -> OrderReceipt {
        guard let letter = OrderLetter.make(order, to: sealKey, at: slice) else { return .refused }
        let answer = try post(.order, letter)
        guard let receipt = OrderReceipt(answer) else { throw .unexpected(.order, status: 200) }
        return receipt
    }

    /// Asks what an order came to.
    package func answer(to id: [UInt8]) throws(MarketLineError) -> AnswerLetter {
        let answer = try post(.answer, id)
        guard let letter = AnswerLetter(answer) else { throw .unexpected(.answer, status: 200) }
        return letter
    }

    /// For what is answered with bytes.
    package func post(_ path: MarketPath, _ body: [UInt8]) throws(MarketLineError) -> [UInt8] {
        let answer = try perform(MarketRequest(path, body))
        guard answer.status != 503 else { throw .busy }
        guard answer.status == 200 else { throw .unexpected(path, status: answer.status) }
        return answer.body
    }

    private var way: CurlCall.Way {
        guard case .socks(let proxy) = route else { return .plain }
        let (user, password) = (Hex.lower(SecureRandom.bytes(16)), Hex.lower(SecureRandom.bytes(16)))
        return .proxy("socks5h://\(user):\(password)@\(proxy)")
    }

    private static func kind(_ head: [UInt8]) -> MarketResponse.Kind {
        let text = String(decoding: head, as: UTF8.self).lowercased()
        if text.contains("content-type: \(MarketResponse.Kind.treeSize.rawValue)") { return .treeSize }
        return text.contains("content-type: text/plain") ? .text : .bytes
    }
}

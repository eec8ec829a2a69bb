internal import Ambience
internal import Loops
internal import Outgoing
internal import Sealing

/// Asks recursive name servers, over TCP only: what they say then is theirs, whole, and may go through a proxy.
final class StubResolver {
    /// Of one server for one question.
    private static let patience = Instant.Span.seconds(Int64(10))
    static let serversLimit = 3
    /// Questions under way; a further one fails.
    static let questionsLimit = 256

    private let dialling: Dialling
    private let servers: [SocketAddress]
    private var questions = 0
    private var random = SecureRandom()

    init(_ dialling: Dialling, servers: [SocketAddress]) { (self.dialling, self.servers) = (dialling, Array(servers.prefix(Self.serversLimit))) }

    /// The servers that a resolv.conf names; the one of this machine if it names none.
    static func servers(in text: String) -> [SocketAddress] {
        let found = text.split(separator: "\n").compactMap { line -> SocketAddress? in
            let words = line.split { $0 == " " || $0 == "\t" }
            return words.count >= 2 && words[0] == "nameserver" ? IPAddress(words[1]).map { SocketAddress(ip: $0, port: 53) } : nil
        }
        return found.isEmpty ? [SocketAddress(ip: .v4(0x7F00_0001), port: 53)] : Array(found.prefix(serversLimit))
    }

    func ask(_ name: String, _ type: DNSType, done: @escaping (DNSAnswer) -> Void) {
        guard questions < Self.questionsLimit else { return dialling.loop.soon { done(DNSAnswer(.failed)) } }
        questions += 1
        ask(name, type, servers[...]) { [weak self] answer in
            self?.questions -= 1
            done(answer)
        }
    }

    private func ask(_ name: String, _ type: DNSType, _ servers: ArraySlice<SocketAddress>, done: @escaping (DNSAnswer) -> Void) {
        guard let server = servers.first else { return dialling.loop.soon { done(DNSAnswer(.failed)) } }
        let id = UInt16.random(in: 0...UInt16.max, using: &random)
        guard let question = try? DNSMessage.question(name, type, id: id) else { return dialling.loop.soon { done(DNSAnswer(.missing)) } }
        dialling.dial(.address(server.ip), port: server.port, isStraight: server.ip.isPrivate) { [weak self] link in
            guard let self, let link else { return self.map { $0.ask(name, type, servers.dropFirst(), done: done) } ?? done(DNSAnswer(.failed)) }
            let loop = dialling.loop
            Asking.run(loop, link, framed: question, patience: Self.patience, isWhole: { Self.message(in: $0) != nil }) { [weak self] bytes in
                guard let message = Self.message(in: bytes), DNSMessage.id(of: message) == id, var answer = try? DNSMessage.answer(message, to: name, type), answer.outcome != .failed
                else { return self.map { $0.ask(name, type, servers.dropFirst(), done: done) } ?? done(DNSAnswer(.failed)) }
                // Only what comes from this machine cannot have been changed on its way.
                answer.isAuthentic = answer.isAuthentic && server.ip.isLoopback
                done(answer)
            }
        }
    }

    /// The first whole message behind its length.
    private static func message(in bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 2 else { return nil }
        let count = Int(bytes[0]) << 8 | Int(bytes[1])
        return bytes.count >= 2 + count ? Array(bytes[2..<2 + count]) : nil
    }
}

extension IPAddress {
    var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}

internal import Bytes

/// What client and service know a rendezvous by: 20 random bytes of the client.
package struct RendezvousCookie: Hashable, Sendable {
    package static let count = 20
    /// In whole words, so that a table of cookies needs no heap; all of them are hashed, because strangers choose them.
    private let words: (UInt64, UInt64, UInt32)

    /// `nil` unless there are 20 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.count else { return nil }
        func word(_ range: Range<Int>) -> UInt64 { bytes.dropFirst(range.lowerBound).prefix(range.count).reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0..<8), word(8..<16), UInt32(truncatingIfNeeded: word(16..<20)))
    }

    package static func == (a: RendezvousCookie, b: RendezvousCookie) -> Bool { a.words == b.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

/// RENDEZVOUS1: the service answers a client's introduction at the client's rendezvous point (rend-spec-v3 "Completing the handshake").
package struct Rendezvous1Message: Equatable, Sendable {
    package let cookie: RendezvousCookie
    /// For the client; sent on unread as RENDEZVOUS2.
    package let handshake: [UInt8]

    package init(_ body: [UInt8]) throws(ServiceMessageError) {
        guard let cookie = RendezvousCookie(body.prefix(RendezvousCookie.count)) else { throw .truncated }
        self.cookie = cookie
        handshake = Array(body.dropFirst(RendezvousCookie.count))
    }
}

internal import Ambience
internal import Bytes

/// Where a listed mote is: what `Offer.address` has in it. Its text is `ADDRESS:PORT FINGERPRINT`, as relays' tools write both.
package struct MoteAddress: Hashable, Sendable, CustomStringConvertible {
    /// `192.0.2.1:443`
    package let address: String
    /// Of the relay's identity: 20 bytes.
    package let fingerprint: [UInt8]

    /// `nil` unless the address is one in its one form, and the fingerprint has 40 hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let address = SocketAddress(words[0]), address.port > 0, address.description == words[0], let fingerprint = Hex.decode(words[1]),
            fingerprint.count == 20
        else { return nil }
        (self.address, self.fingerprint) = (String(words[0]), fingerprint)
    }

    package init?(_ bytes: [UInt8]) {
        guard bytes.count <= 128, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(text)
    }

    package var description: String { "\(address) \(Hex.upper(fingerprint))" }
    package var bytes: [UInt8] { Array(description.utf8) }
}

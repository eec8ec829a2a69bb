/// Where things are in a mix packet (Sphinx with X25519, as Katzenpost has it for at most five hops), in bytes:
///
///     version 2 | group element 32 | routing 410 | digest 32 | 32 zeros, then the payload, enciphered as one
package struct SphinxLayout: Hashable, Sendable {
    package static let hopsLimit = 5
    static let version: [UInt8] = [0, 0]
    static let elementBytes = 32
    /// One hop's commands: the next hop, and the number of a reply block.
    static let hopBytes = 65 + 17
    static let routingBytes = hopsLimit * hopBytes
    static let digestBytes = 32
    /// What the digest is of.
    static let digestedBytes = version.count + elementBytes + routingBytes
    static let headerBytes = digestedBytes + digestBytes
    /// Zeros before the payload, by which who gets it sees that nobody changed it.
    static let zerosBytes = 32
    static let replyBlockBytes = headerBytes + MixID.bytesCount + AEZ.keyBytes + AEZ.nonceBytes

    /// What sender and recipient have for themselves.
    package let payloadBytes: Int

    package var packetBytes: Int { Self.headerBytes + Self.zerosBytes + payloadBytes }

    /// Letters, loops and replies alike: every size more would part those who use it from the others. 29,180 bytes on the wire.
    package static let mail = SphinxLayout(payloadBytes: 28_672)

    package init(payloadBytes: Int) {
        precondition(payloadBytes >= 0)
        self.payloadBytes = payloadBytes
    }
}

/// Why a packet is not taken.
package enum SphinxError: Error, Hashable, Sendable {
    case wrongLength
    case unknownVersion
    /// Of small order: no key can be agreed on with it.
    case unusableElement
    /// Changed on its way, or for another mote.
    case wrongDigest
    case badCommands
    /// The payload was changed on its way.
    case damagedPayload
    /// No hop, more than five, or one whose key is no key.
    case unusableRoute
}

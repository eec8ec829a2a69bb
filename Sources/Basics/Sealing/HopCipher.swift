/// The two ways to protect relay cells between a client and one hop.
package enum RelayCrypto: Sendable {
    /// AES in counter mode and a running digest (tor-spec "Relay cells").
    case tor1
    /// Proposal 359.
    case counterGalois

    /// What each direction needs of the handshake's key material.
    package var materialBytes: Int {
        switch self {
        case .tor1: RelayCellCipher.materialBytes
        case .counterGalois: CGOCipher.materialBytes
        }
    }
}

/// One direction of one hop's relay crypto, of either kind. One predictable branch a cell tells them apart.
// SAFETY: every body must be valid for 509 bytes during the call; nothing is kept.
package struct HopCipher: ~Copyable {
    package let crypto: RelayCrypto
    private var tor1: RelayCellCipher?
    private var galois: CGOCipher?

    /// - Parameter material: this direction's part of the key material, `crypto.materialBytes` long.
    package init(_ crypto: RelayCrypto, material: [UInt8], side: CGOCipher.Side) {
        self.crypto = crypto
        switch crypto {
        case .tor1:
            tor1 = RelayCellCipher(material: material)
            galois = nil
        case .counterGalois:
            tor1 = nil
            galois = CGOCipher(material: material, side: side)
        }
    }

    private init(_ crypto: RelayCrypto, tor1: consuming RelayCellCipher?, galois: consuming CGOCipher?) {
        self.crypto = crypto
        self.tor1 = tor1
        self.galois = galois
    }

    /// The cipher as it stands, for another owner; what is left behind here recognises nothing any more.
    package mutating func moved() -> HopCipher { HopCipher(crypto, tor1: tor1.take(), galois: galois.take()) }

    /// The proof that the last cell which began or ended here was seen.
    package var lastTag: SendmeTag {
        mutating get { crypto == .tor1 ? SendmeTag(tor1?.lastDigest ?? Digest20()) : galois?.lastTag ?? SendmeTag(Digest20()) }
    }

    /// Adds or removes this hop's layer of a cell that goes past it.
    @inline(__always)
    package mutating func pass(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) {
        if crypto == .tor1 { tor1?.crypt(body) } else { galois?.pass(body, command) }
    }

    /// Removes this hop's layer and says whether the cell was meant for (or came from) this hop.
    @inline(__always)
    package mutating func recognize(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) -> Bool {
        crypto == .tor1 ? tor1?.decryptAndRecognize(body) ?? false : galois?.recognize(body, command) ?? false
    }

    /// Seals a cell that begins here, this hop's own layer included.
    @inline(__always)
    package mutating func originate(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) {
        if crypto == .tor1 {
            tor1?.stamp(body)
            tor1?.crypt(body)
        } else {
            galois?.originate(body, command)
        }
    }
}

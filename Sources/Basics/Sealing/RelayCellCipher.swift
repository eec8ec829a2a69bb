/// One direction of one hop's tor1 relay crypto: a running AES-128-CTR stream and a running SHA-1
/// (tor-spec "Relay cells"; the layout of the 509-byte body is command 1, recognized 2, stream 2, digest 4, length 2, data 498).
///
/// All calls work in place on the 509 bytes of a cell body.
// SAFETY: every pointer must be valid for `bodyBytes` bytes during the call; nothing is kept.
package struct RelayCellCipher: ~Copyable {
    package static let bodyBytes = 509
    /// Seed of the digest (Df or Db) 20, key (Kf or Kb) 16.
    package static let materialBytes = 36
    private static let digestOffset = 5

    private var stream: CellStream
    private var digest: RunningSHA1
    /// The full digest after the last cell that was originated or recognised here: the tag of an authenticated SENDME.
    package private(set) var lastDigest = Digest20()

    package init(material: [UInt8]) {
        precondition(material.count == Self.materialBytes)
        stream = CellStream(key: Array(material[20...]))
        digest = RunningSHA1(seed: material[..<20])
    }

    /// Adds or removes this hop's layer.
    @inline(__always)
    package mutating func crypt(_ body: UnsafeMutablePointer<UInt8>) { stream.apply(body) }

    /// Removes this hop's layer and says whether the cell was meant for (or came from) this hop.
    package mutating func decryptAndRecognize(_ body: UnsafeMutablePointer<UInt8>) -> Bool {
        stream.apply(body)
        guard body[1] == 0, body[2] == 0 else { return false }
        return recognize(body)
    }

    private mutating func recognize(_ body: UnsafeMutablePointer<UInt8>) -> Bool {
        let field = UnsafeMutableRawPointer(body + Self.digestOffset)
        let claimed = field.loadUnaligned(as: UInt32.self)
        field.storeBytes(of: 0, as: UInt32.self)
        var candidate = digest
        candidate.update(body, count: Self.bodyBytes)
        let computed = candidate.digest()
        guard computed.firstWord == claimed else {
            field.storeBytes(of: claimed, as: UInt32.self)
            return false
        }
        digest = candidate
        lastDigest = computed
        return true
    }

    /// Writes the digest field of a cell that starts here; the layers come afterwards, by `crypt`.
    package mutating func stamp(_ body: UnsafeMutablePointer<UInt8>) {
        let field = UnsafeMutableRawPointer(body + Self.digestOffset)
        field.storeBytes(of: 0, as: UInt32.self)
        digest.update(body, count: Self.bodyBytes)
        lastDigest = digest.digest()
        field.storeBytes(of: lastDigest.firstWord, as: UInt32.self)
    }
}

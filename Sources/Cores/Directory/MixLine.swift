internal import Bytes

/// What a mote that holds letters says of itself: `dust-mix KEY [exit] [box]`. Words that come later are for later programs.
package struct MixLine: Hashable, Sendable, CustomStringConvertible {
    /// X25519, 32 bytes: what its layer of a packet is sealed to.
    package let publicKey: [UInt8]
    /// Keeps boxes of letters.
    package let hasBoxes: Bool
    /// Letters for the outside may end here.
    package let isExit: Bool

    package init(publicKey: [UInt8], hasBoxes: Bool, isExit: Bool) { (self.publicKey, self.hasBoxes, self.isExit) = (publicKey, hasBoxes, isExit) }

    init(_ words: [Substring]) throws(DocumentError) {
        guard let key = words.first.flatMap({ Hex.decode($0) }), key.count == 32 else { throw .invalid("dust-mix", "no key") }
        self.init(publicKey: key, hasBoxes: words.contains("box"), isExit: words.contains("exit"))
    }

    package var description: String { Hex.lower(publicKey) + (isExit ? " exit" : "") + (hasBoxes ? " box" : "") }
}

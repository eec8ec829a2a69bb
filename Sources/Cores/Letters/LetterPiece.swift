internal import Bytes
internal import Sealing

/// A letter that comes in pieces, known by what it will be.
package struct LetterSum: Hashable, Sendable {
    package static let digestBytes = 32

    /// SHA-256 of the letter as it is encoded.
    package let digest: [UInt8]
    /// Of the letter as it is encoded.
    package let sizeBytes: Int

    /// `nil` for what is no digest, and for no letter or a longer one than there is.
    package init?(digest: [UInt8], sizeBytes: Int) {
        guard digest.count == Self.digestBytes, (1...Letter.encodedLimit).contains(sizeBytes) else { return nil }
        (self.digest, self.sizeBytes) = (digest, sizeBytes)
    }

    package var pieces: Int { (sizeBytes + LetterPiece.contentBytes - 1) / LetterPiece.contentBytes }
    package func matches(_ letter: [UInt8]) -> Bool { letter.count == sizeBytes && Digest.sha256(letter) == digest }

    func pieceBytes(_ number: Int) -> Int { min(LetterPiece.contentBytes, sizeBytes - number * LetterPiece.contentBytes) }
}

/// A piece of a letter on its way to a gateway. They go one after the other, each once the gateway has the one before on stable storage: what a circuit that
/// breaks interrupts goes on where it was, and nobody need hold much at once.
///
///     32 bytes  SHA-256 of the letter as it is encoded
///     4         how long that is
///     1         number of the piece, from 0
///     rest      512 KiB of the letter; what is left, in the last one
package struct LetterPiece: Hashable, Sendable {
    package static let contentBytes = 512 << 10
    package static let limitBytes = headBytes + contentBytes
    private static let headBytes = LetterSum.digestBytes + 5

    package let letter: LetterSum
    package let number: Int
    package let content: [UInt8]

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let digest = try? reader.bytes(LetterSum.digestBytes), let size = try? reader.u32(), let number = try? reader.u8(), let letter = LetterSum(digest: digest, sizeBytes: Int(size)) else { return nil }
        self.init(letter, Int(number), reader.rest())
    }

    private init?(_ letter: LetterSum, _ number: Int, _ content: ArraySlice<UInt8>) {
        guard (0..<letter.pieces).contains(number), content.count == letter.pieceBytes(number) else { return nil }
        (self.letter, self.number, self.content) = (letter, number, Array(content))
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.headBytes + content.count)
        writer.append(letter.digest)
        writer.u32(UInt32(letter.sizeBytes))
        writer.u8(UInt8(number))
        writer.append(content)
        return writer.bytes
    }

    /// In their order.
    package static func cut(_ letter: Letter) -> [LetterPiece] {
        let bytes = letter.encoded
        guard let sum = LetterSum(digest: Digest.sha256(bytes), sizeBytes: bytes.count) else { preconditionFailure("a letter has its bounds") }
        return (0..<sum.pieces).compactMap { LetterPiece(sum, $0, bytes[($0 * contentBytes)..<($0 * contentBytes + sum.pieceBytes($0))]) }
    }

    /// What a gateway says to a piece: a byte.
    package enum Answer: Hashable, Sendable {
        /// All pieces before this one are on stable storage.
        case wanted(Int)
        /// The whole letter is, and is the gateway's business from now on.
        case taken
        /// This mote takes no more letters, and has not taken this one.
        case elsewhere

        package static let bytesCount = 1
        private static let takenByte: UInt8 = 0xFF, elsewhereByte: UInt8 = 0xFE

        package init?(_ bytes: [UInt8]) {
            guard let byte = bytes.first, bytes.count == Self.bytesCount else { return nil }
            self = byte == Self.takenByte ? .taken : byte == Self.elsewhereByte ? .elsewhere : .wanted(Int(byte))
        }

        package var encoded: [UInt8] {
            switch self {
            case .wanted(let number): [UInt8(number)]
            case .taken: [Self.takenByte]
            case .elsewhere: [Self.elsewhereByte]
            }
        }
    }
}

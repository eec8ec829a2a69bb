internal import Bytes
package import Sealing

/// What lies in a mailbox: a piece of a letter, sealed to the owner's key. All items have one length, and nobody else sees which belong together.
package struct BoxItem: Hashable, Sendable {
    package static let bytesCount = 16_384
    package static let nameBytes = 16

    /// As it lies at motes and travels.
    package let sealed: [UInt8]

    /// `nil` unless it has its length.
    package init?(_ sealed: [UInt8]) {
        guard sealed.count == Self.bytesCount else { return nil }
        self.sealed = sealed
    }

    /// What the motes that keep it and its owner call it: the same everywhere, for it is made of the item.
    package var name: [UInt8] { Array(Digest.sha256(sealed).prefix(Self.nameBytes)) }

    /// A letter as items: more than one for a long one.
    ///
    /// - Returns: `nil` for a letter that is empty or longer than `BoxPiece.letterLimitBytes`, or a key that is none.
    package static func seal(_ letter: [UInt8], to address: BoxAddress) -> [BoxItem]? {
        guard let pieces = BoxPiece.cut(letter) else { return nil }
        var items: [BoxItem] = []
        for piece in pieces {
            guard let box = SealedBox.seal(piece.padded, to: address.key), let item = BoxItem(box) else { return nil }
            items.append(item)
        }
        return items
    }

    /// The piece in it; `nil` for what was not sealed to this key, or is no piece.
    package func open(with key: Curve25519Key) -> BoxPiece? { SealedBox.open(sealed, with: key).flatMap { BoxPiece(padded: $0) } }
}

/// A piece of a letter.
///
///     16 bytes  the letter's name: of its digest
///     4         which piece
///     4         of how many
///     2         how many bytes are its own
///     rest      those, and zeros
package struct BoxPiece: Hashable, Sendable {
    private static let headBytes = 26
    private static let paddedBytes = BoxItem.bytesCount - SealedBox.overheadBytes
    package static let contentBytes = paddedBytes - headBytes
    package static let letterLimitBytes = 40 << 20
    package static let piecesLimit = (letterLimitBytes + contentBytes - 1) / contentBytes

    package let letter: [UInt8]
    package let index: Int
    package let count: Int
    package let content: [UInt8]

    /// What a letter is called: whoever seals it again, its name stays. So one that comes twice is seen as one.
    package static func name(of letter: [UInt8]) -> [UInt8] { Array(Digest.sha256(Array("dust-box letter".utf8) + letter).prefix(BoxItem.nameBytes)) }

    static func cut(_ letter: [UInt8]) -> [BoxPiece]? {
        guard !letter.isEmpty, letter.count <= letterLimitBytes else { return nil }
        let name = name(of: letter), count = (letter.count + contentBytes - 1) / contentBytes
        return (0..<count).map { index in
            BoxPiece(letter: name, index: index, count: count, content: Array(letter[(index * contentBytes)..<min(letter.count, (index + 1) * contentBytes)]))
        }
    }

    package init(letter: [UInt8], index: Int, count: Int, content: [UInt8]) { (self.letter, self.index, self.count, self.content) = (letter, index, count, content) }

    package init?(padded: [UInt8]) {
        var reader = ByteReader(padded)
        guard padded.count == Self.paddedBytes, let letter = try? reader.bytes(BoxItem.nameBytes), let index = try? reader.u32(), let count = try? reader.u32(),
            let length = try? reader.u16(), (1...Self.piecesLimit).contains(Int(count)), index < count, (1...Self.contentBytes).contains(Int(length)),
            index == count - 1 || Int(length) == Self.contentBytes, let content = try? reader.bytes(Int(length)), reader.rest().allSatisfy({ $0 == 0 })
        else { return nil }
        self.init(letter: letter, index: Int(index), count: Int(count), content: content)
    }

    package var padded: [UInt8] {
        var writer = ByteWriter(capacity: Self.paddedBytes)
        writer.append(letter)
        writer.u32(UInt32(index))
        writer.u32(UInt32(count))
        writer.u16(UInt16(content.count))
        writer.append(content)
        writer.zeros(Self.paddedBytes - writer.bytes.count)
        return writer.bytes
    }

    /// The letter of which these are all pieces, in whatever order; `nil` when one is missing, or it is not the letter that they name.
    package static func join(_ pieces: [BoxPiece]) -> [UInt8]? {
        let sorted = pieces.sorted { $0.index < $1.index }
        guard let first = sorted.first, sorted.count == first.count, sorted.enumerated().allSatisfy({ $0 == $1.index && $1.count == first.count && $1.letter == first.letter }) else { return nil }
        let letter = sorted.flatMap(\.content)
        return name(of: letter) == first.letter ? letter : nil
    }
}

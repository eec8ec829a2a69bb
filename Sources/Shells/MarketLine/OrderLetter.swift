internal import Bytes
package import Exchange
package import Sealing

/// An order on its way (M6): padded, sealed to the exchange's key, and stamped. Not even the relay that carries it sees which shape it has.
///
///     8 bytes  slice of the stamp
///     8 bytes  what makes the stamp
///     rest     a sealed box of the padded order
package enum OrderLetter {
    /// Leading zeros of a stamp: some sixteen thousand digests, about what the dearest check that a false order can bring about costs. So
    /// a flood costs its maker as much as the exchange.
    package static let stampBits = 14
    private static let headBytes = 16
    package static let limitBytes = headBytes + SealedBox.overheadBytes + Padding.limit

    /// `nil` for an order that is too long, or a key that is none.
    ///
    /// - Parameter slice: now; a stamp is good for this slice, the one before and the one after.
    package static func make(_ order: [UInt8], to sealKey: [UInt8], at slice: Slice) -> [UInt8]? {
        guard let padded = Padding.pad(order), let box = SealedBox.seal(padded, to: sealKey) else { return nil }
        var stamp = stampText(slice.index, 0, Digest.sha256(box))
        while !isStamp(stamp) { countUp(&stamp) }
        return Array(stamp[stampHead]) + box
    }

    /// The padded order. What is cheap to see is looked at first; the last step costs one multiplication.
    package static func open(_ letter: [UInt8], with key: Curve25519Key, at slice: Slice) -> [UInt8]? {
        var reader = ByteReader(letter)
        guard letter.count <= limitBytes, let index = try? reader.u64(), let nonce = try? reader.u64() else { return nil }
        let box = Array(reader.rest()), stamped = Int64(truncatingIfNeeded: index)
        guard Padding.isLength(box.count - SealedBox.overheadBytes), ((slice - 1).index...(slice + 1).index).contains(stamped),
            isStamp(stampText(stamped, nonce, Digest.sha256(box)))
        else { return nil }
        return SealedBox.open(box, with: key)
    }

    private static let stampMark = "dust-stamp"
    /// Slice and nonce, as they are in the letter.
    private static let stampHead = stampMark.utf8.count..<stampMark.utf8.count + headBytes

    /// What is digested for a stamp.
    private static func stampText(_ slice: Int64, _ nonce: UInt64, _ digest: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.append(stampMark)
        writer.u64(UInt64(bitPattern: slice))
        writer.u64(nonce)
        writer.append(digest)
        return writer.bytes
    }

    /// The next nonce, in its place: thousands are tried.
    private static func countUp(_ text: inout [UInt8]) {
        var place = stampHead.upperBound
        repeat {
            place -= 1
            text[place] &+= 1
        } while text[place] == 0 && place > stampHead.upperBound - 8
    }

    private static func isStamp(_ text: [UInt8]) -> Bool {
        let start = Digest.sha256(text)
        return Int(start[0]) << 8 | Int(start[1]) < 1 << (16 - stampBits)
    }
}

/// What is said at once of an order that came: always the same length.
package enum OrderReceipt: Hashable, Sendable {
    /// Durable, and carried out with that slice.
    case taken(Slice)
    /// No letter to this exchange, or one whose stamp is for another time.
    case refused
    /// The slice is full: again in the next.
    case full

    package static let bytesCount = 9

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        let (kind, slice): (UInt8, Int64) = switch self {
        case .taken(let slice): (1, slice.index)
        case .refused: (2, 0)
        case .full: (3, 0)
        }
        writer.u8(kind)
        writer.u64(UInt64(bitPattern: slice))
        return writer.bytes
    }

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.bytesCount, let kind = try? reader.u8(), let index = try? reader.u64(), index < 1 << 40 else { return nil }
        switch (kind, index) {
        case (1, _): self = .taken(Slice(Int64(index)))
        case (2, 0): self = .refused
        case (3, 0): self = .full
        default: return nil
        }
    }
}

/// What an order came to (M7). Whatever it is, it has one length.
package enum AnswerLetter: Hashable, Sendable {
    case ready(Reply)
    /// Not before that slice is over.
    case waits(Slice)
    /// Never seen, or forgotten: the order itself gets its answer again.
    case unknown

    /// A question is an order's identifier.
    package static let questionBytes = 32
    private static let paddedBytes = 64 << 10
    package static let bytesCount = 9 + paddedBytes

    /// `nil` for a reply that is longer than any shape's.
    package var bytes: [UInt8]? {
        var writer = ByteWriter(capacity: Self.bytesCount)
        let (kind, index, content): (UInt8, Int64, [UInt8]) = switch self {
        case .unknown: (1, 0, [])
        case .waits(let slice): (2, slice.index, [])
        case .ready(let reply): (3, 0, reply.bytes)
        }
        guard let padded = Padding.pad(content, least: Self.paddedBytes), padded.count == Self.paddedBytes else { return nil }
        writer.u8(kind)
        writer.u64(UInt64(bitPattern: index))
        writer.append(padded)
        return writer.bytes
    }

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.bytesCount, let kind = try? reader.u8(), let index = try? reader.u64(), index < 1 << 40,
            let content = Padding.strip(Array(reader.rest()))
        else { return nil }
        switch (kind, index, content.isEmpty) {
        case (1, 0, true): self = .unknown
        case (2, _, true): self = .waits(Slice(Int64(index)))
        case (3, 0, false):
            guard let reply = Reply(content) else { return nil }
            self = .ready(reply)
        default: return nil
        }
    }
}

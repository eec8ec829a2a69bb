internal import Bytes
package import Ambience
package import Sealing

/// An owner asks a mote for what lies in the box, and says what may go. All questions have one length.
///
///     32 bytes  the owner's key
///     8         seconds since 1970
///     1         items wanted: few or many
///     1         names that follow
///     128 × 16  names of items that the owner has, and zeros
///     32        HMAC-SHA256 of all that
///
/// The tag's key comes from an agreement of the owner's key with the mote's: only those two can make it, so a mote cannot ask another with it.
package struct BoxQuestion: Hashable, Sendable {
    package static let namesLimit = 128
    /// Clocks may differ by that much. Seconds.
    package static let skewSeconds: Int64 = 900
    package static let bytesCount = 42 + namesLimit * BoxItem.nameBytes + 32

    /// How many items an answer holds; it is filled up with noise.
    package enum Size: UInt8, Sendable {
        case few = 4, many = 64

        package var answerBytes: Int { 4 + 1 + Int(rawValue) * BoxItem.bytesCount }
    }

    package let address: BoxAddress
    package let size: Size
    package let known: [[UInt8]]

    /// - Parameter known: names of items that are durable at the owner's, at most `namesLimit`.
    /// - Returns: `nil` for a mote's key that is none.
    package static func make(_ key: Curve25519Key, to mote: BoxMote, _ size: Size, known: [[UInt8]], now: WallTime) -> [UInt8]? {
        precondition(known.count <= namesLimit)
        guard let shared = key.agree(with: mote.mailKey) else { return nil }
        var writer = ByteWriter(capacity: bytesCount)
        writer.append(key.publicKey)
        writer.u64(UInt64(bitPattern: now.secondsSinceEpoch))
        writer.u8(size.rawValue)
        writer.u8(UInt8(known.count))
        for name in known { writer.append(name) }
        writer.zeros((namesLimit - known.count) * BoxItem.nameBytes)
        return writer.bytes + tag(shared, key.publicKey, mote.mailKey, writer.bytes)
    }

    /// `nil` unless the owner of the box asked this mote, about now.
    package init?(_ bytes: [UInt8], to key: Curve25519Key, now: WallTime) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.bytesCount, let owner = try? reader.bytes(32), let seconds = try? reader.u64(), let size = (try? reader.u8()).flatMap(Size.init),
            let count = try? reader.u8(), Int(count) <= Self.namesLimit, let address = BoxAddress(key: owner),
            now.secondsSinceEpoch.magnitude < 1 << 40, seconds < 1 << 40, abs(Int64(seconds) - now.secondsSinceEpoch) <= Self.skewSeconds
        else { return nil }
        let body = Array(bytes.dropLast(32))
        guard let shared = key.agree(with: owner), Self.tag(shared, owner, key.publicKey, body).isSame(as: Array(bytes.suffix(32))) else { return nil }
        self.address = address
        self.size = size
        known = (0..<Int(count)).map { Array(bytes[(42 + $0 * BoxItem.nameBytes)..<(42 + ($0 + 1) * BoxItem.nameBytes)]) }
    }

    private static func tag(_ shared: [UInt8], _ owner: [UInt8], _ mote: [UInt8], _ body: [UInt8]) -> [UInt8] {
        Digest.hmacSHA256(key: Digest.hkdfSHA256(secret: shared, salt: owner + mote, info: Array("dust-box collect".utf8), count: 32), body)
    }
}

/// What the mote says: how much else there is, and items. It has one length for each size that can be asked for.
///
///     4 bytes   items of the box that are not in here
///     1         items in here
///     n × 16 K  those, and noise
package struct BoxAnswer: Hashable, Sendable {
    package let left: Int
    package let items: [BoxItem]

    package init(left: Int, items: [BoxItem]) { (self.left, self.items) = (left, items) }

    /// - Parameter noise: as many random bytes as are asked for.
    package func encoded(_ size: BoxQuestion.Size, noise: (Int) -> [UInt8]) -> [UInt8] {
        precondition(items.count <= Int(size.rawValue))
        var writer = ByteWriter(capacity: size.answerBytes)
        writer.u32(UInt32(clamping: left))
        writer.u8(UInt8(items.count))
        for item in items { writer.append(item.sealed) }
        writer.append(noise(size.answerBytes - writer.bytes.count))
        return writer.bytes
    }

    package init?(_ bytes: [UInt8], _ size: BoxQuestion.Size) {
        var reader = ByteReader(bytes)
        guard bytes.count == size.answerBytes, let left = try? reader.u32(), let count = try? reader.u8(), count <= size.rawValue else { return nil }
        var items: [BoxItem] = []
        for _ in 0..<count {
            guard let item = (try? reader.bytes(BoxItem.bytesCount)).flatMap(BoxItem.init) else { return nil }
            items.append(item)
        }
        self.init(left: Int(left), items: items)
    }
}

/// One mote lays items into a box at another: the owner's key, and 1 to 16 items. Anybody may; the box has its bounds.
package struct BoxParcel: Hashable, Sendable {
    package static let itemsLimit = 16
    package static let limitBytes = 32 + itemsLimit * BoxItem.bytesCount

    package let address: BoxAddress
    package let items: [BoxItem]

    package init(_ address: BoxAddress, _ items: [BoxItem]) {
        precondition((1...Self.itemsLimit).contains(items.count))
        (self.address, self.items) = (address, items)
    }

    package init?(_ bytes: [UInt8]) {
        let body = bytes.dropFirst(32)
        guard bytes.count <= Self.limitBytes, !body.isEmpty, body.count % BoxItem.bytesCount == 0, let address = BoxAddress(key: Array(bytes.prefix(32))) else { return nil }
        let items = stride(from: body.startIndex, to: body.endIndex, by: BoxItem.bytesCount).compactMap { BoxItem(Array(body[$0..<$0 + BoxItem.bytesCount])) }
        self.init(address, items)
    }

    package var encoded: [UInt8] { address.key + items.flatMap(\.sealed) }
}

extension [UInt8] {
    /// Takes as long whatever differs.
    fileprivate func isSame(as other: [UInt8]) -> Bool { count == other.count && zip(self, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0 }
}

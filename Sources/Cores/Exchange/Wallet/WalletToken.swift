package import Bytes

/// Where an access token is to be used: one mote, one slice.
package struct Place: Hashable, Sendable {
    /// Its Ed25519 key, 32 bytes.
    package let mote: [UInt8]
    package let slice: Slice

    package init(mote: [UInt8], slice: Slice) { (self.mote, self.slice) = (mote, slice) }
}

/// A token that a wallet has, and what it must know to spend it.
package struct WalletToken: Hashable, Sendable {
    package let token: Token
    package let role: KeyRole
    /// From which its nonce, its own key and its salt are made (`WalletSeed`).
    package let counter: UInt64
    package let since: Slice
    /// Credit: not spent before, unless its owner insists.
    package let ripe: Slice
    /// Credit: made new after.
    package let stale: Slice
    /// Access: where it is for.
    package let place: Place?
    /// It came with a backup, and may have been spent after that was made: it counts only when an order with it was carried out.
    package let isDoubtful: Bool

    package init(token: Token, role: KeyRole, counter: UInt64, since: Slice, ripe: Slice, stale: Slice, place: Place? = nil, isDoubtful: Bool = false) {
        (self.token, self.role, self.counter, self.since, self.ripe, self.stale) = (token, role, counter, since, ripe, stale)
        (self.place, self.isDoubtful) = (place, isDoubtful)
    }

    package var nonce: [UInt8] { token.input.nonce }
    package var doubted: WalletToken { with(isDoubtful: true) }
    package var trusted: WalletToken { with(isDoubtful: false) }

    private func with(isDoubtful: Bool) -> WalletToken {
        WalletToken(token: token, role: role, counter: counter, since: since, ripe: ripe, stale: stale, place: place, isDoubtful: isDoubtful)
    }

    /// For `TokenStock`, which chooses.
    package var held: TokenStock.Held { TokenStock.Held(token: token, role: role, since: since, ripe: ripe, stale: stale) }

    // MARK: the encoding, of the wallet's own files

    package func write(_ writer: inout ByteWriter) {
        writer.append(role.bytes)
        writer.append(token.bytes)
        writer.u64(counter)
        for slice in [since, ripe, stale] { writer.append(slice.bytes) }
        writer.u8((place == nil ? 0 : 1) | (isDoubtful ? 2 : 0))
        if let place { writer.append(place.mote + place.slice.bytes) }
    }

    package init(_ reader: inout ByteReader) throws {
        guard let role = try KeyRole(&reader) else { throw OrderError.malformed }
        let token = try Token(&reader), counter = try reader.u64()
        let times = try (0..<3).map { _ in try Slice(wallet: &reader) }
        let flags = try reader.u8()
        let place = flags & 1 == 1 ? Place(mote: try reader.bytes(32), slice: try Slice(wallet: &reader)) : nil
        guard role.tokenType == token.input.type, flags < 4 else { throw OrderError.malformed }
        self.init(token: token, role: role, counter: counter, since: times[0], ripe: times[1], stale: times[2], place: place, isDoubtful: flags & 2 == 2)
    }
}

extension Slice {
    private static let farthest: UInt64 = 1 << 40

    init(wallet reader: inout ByteReader) throws {
        let index = try reader.u64()
        guard index < Self.farthest else { throw OrderError.malformed }
        self.init(Int64(index))
    }
}

extension KeyRole {
    /// What `bytes` wrote, out of the wallet's own files.
    package init?(own reader: inout ByteReader) throws { try self.init(&reader) }
}

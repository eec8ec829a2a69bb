internal import Bytes
package import Sealing

/// What lets a client into a mote: a token that its wallet bought, or the key of whoever owns the mote. The wallet writes one file for each
/// into the client's folder `MoteTickets`; the client reads it, uses it, and puts what became of it beside it (`TicketFile`).
///
/// Whoever reads it can use it: mode 0600, and `wipe` what `bytes` gave.
package struct Ticket: Sendable {
    package enum Access: Sendable {
        /// The salt opens the token's challenge; the key is the token's own.
        case token(Token, salt: [UInt8])
        case owner
    }

    private static let mark = Array("dust-ticket-1\0".utf8)
    package static let bytesLimit = 14 + 1 + 8 + 4 + 2 * 8 + 32 + 20 + 32 + 354 + 32

    /// How the exchange counts time, so that the client need know nothing else of it.
    package let time: MarketTime
    /// When it is good: one slice for a token.
    package let slices: ClosedRange<Slice>
    /// The mote's key on the exchange.
    package let mote: [UInt8]
    /// The mote as a relay.
    package let relay: RSAIdentity
    package let access: Access
    /// The seed of the Ed25519 key that signs.
    private let seed: SecretBytes

    /// `nil` unless the seed has 32 bytes, and the token is an access token of the seed's key for one slice.
    package init?(time: MarketTime, slices: ClosedRange<Slice>, mote: [UInt8], relay: RSAIdentity, access: Access, seed: SecretBytes) {
        guard mote.count == 32, seed.count == 32, slices.lowerBound.index >= 0, slices.upperBound < .present else { return nil }
        (self.time, self.slices, self.mote, self.relay, self.access, self.seed) = (time, slices, mote, relay, access, seed)
        guard case .token(let token, let salt) = access else { return }
        guard token.input.type == .blindRSA, salt.count == 32, slices.lowerBound == slices.upperBound, token.input.nonce == key.publicKey else { return nil }
    }

    private var key: Ed25519Key {
        var copy = seed.copy
        defer { copy.wipe() }
        return Ed25519Key(seed: copy)
    }

    /// The token's key, or the owner's: what a receipt names.
    package var subject: [UInt8] { key.publicKey }

    /// What the client says at the gate, in that TLS session.
    package func question(for slice: Slice, exporter: [UInt8]) -> GateQuestion {
        switch access {
        case .token(let token, let salt):
            let session = Signed.session(exporter, token: token.input.nonce)
            return .token(slice, token, salt: salt, signature: key.sign(Signed.spend(mote: mote, slice, session: session)))
        case .owner: return .owner(slice, key: key.publicKey, signature: key.sign(Signed.owner(mote: mote, slice, exporter: exporter)))
        }
    }

    // MARK: the encoding

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesLimit)
        writer.append(Self.mark)
        if case .token = access { writer.u8(1) } else { writer.u8(2) }
        writer.u64(UInt64(bitPattern: time.epoch))
        writer.u32(UInt32(clamping: time.sliceSeconds))
        writer.append(slices.lowerBound.bytes + slices.upperBound.bytes)
        writer.append(mote + relay.bytes)
        writer.append(seed.copy)
        if case .token(let token, let salt) = access { writer.append(token.bytes + salt) }
        return writer.bytes
    }

    package init(_ bytes: [UInt8]) throws(GateError) {
        do {
            var reader = ByteReader(bytes)
            guard bytes.count <= Self.bytesLimit, try reader.bytes(Self.mark.count) == Self.mark else { throw GateError.malformed }
            let kind = try reader.u8(), time = try MarketTime(hostile: &reader)
            let first = try Slice(hostile: &reader), last = try Slice(hostile: &reader), mote = try reader.bytes(32)
            guard first <= last, let relay = RSAIdentity(try reader.slice(20)) else { throw GateError.malformed }
            let seed = SecretBytes(try reader.slice(32))
            let access: Access = kind == 1 ? .token(try Token(&reader), salt: try reader.bytes(32)) : .owner
            guard reader.isAtEnd, kind == 1 || kind == 2, let ticket = Ticket(time: time, slices: first...last, mote: mote, relay: relay, access: access, seed: seed)
            else { throw GateError.malformed }
            self = ticket
        } catch { throw .malformed }
    }
}

extension MarketTime {
    /// Epochs are in the times of people now living, slices no longer than a day.
    init(hostile reader: inout ByteReader) throws {
        let epoch = try reader.u64(), seconds = Int64(try reader.u32())
        guard epoch < 1 << 34, (Self.leastSliceSeconds...86_400).contains(seconds) else { throw GateError.malformed }
        self.init(epoch: Int64(epoch), sliceSeconds: seconds)
    }
}

/// Names in the folder `MoteTickets`. The name before the ending is the wallet's to choose: letters, digits and `-`, 64 at most.
package enum TicketFile {
    /// Written by the wallet, whole at once (under another name first).
    package static let unused = ".ticket"
    /// The same file once the token may have been shown: `NAME.EXPORTER.spent`, with the TLS exporter in lower-case hexadecimal digits.
    /// Should both be there, the token is spent: the client died between the two.
    package static let spent = ".spent"
    /// What the mote signed, `GateReceipt.bytes`, if it answered.
    package static let receipt = ".receipt"
    /// Files in the folder that the client looks at; the first in the order of their names.
    package static let countLimit = 4096

    package static func spentName(_ name: String, exporter: [UInt8]) -> String { "\(name).\(Hex.lower(exporter))\(spent)" }

    /// The wallet's name of a file of that ending.
    package static func name(_ file: String) -> (name: String, ending: String)? {
        let parts = file.split(separator: ".", omittingEmptySubsequences: false)
        guard let name = parts.first, (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ $0 == 0x2D || isAlphanumeric($0) }) else { return nil }
        switch (parts.count, parts.last) {
        case (2, "ticket"), (2, "receipt"): return (String(name), "." + parts[1])
        case (3, "spent"): return (String(name), spent)
        default: return nil
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
}

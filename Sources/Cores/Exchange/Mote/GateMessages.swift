internal import Bytes
internal import Sealing

package enum GateError: Error, Equatable {
    /// Not the one encoding of anything that is said at a gate.
    case malformed
}

/// What a client and a mote say to each other before the client is let in (M8, M9), each in one cell AUTHORIZE. That command is the one
/// that the link protocol reserves for it; whoever does not know it passes over it.
package enum GateMessages {
    /// Of every message, either way. With the head of its cell it is as long as any other cell, so nobody outside the link sees that there
    /// was one, nor who came with a token and who owns the mote.
    package static let bytesCount = 507
    package static let version: UInt8 = 1
    /// Of keying material of the TLS session that signatures are over (RFC 5705), under a label of its own.
    package static let exporterBytes = 32

    static func padded(_ kind: UInt8, _ slice: Slice, _ rest: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: bytesCount)
        writer.append([version, kind])
        writer.append(slice.bytes + rest)
        writer.zeros(bytesCount - writer.bytes.count)
        return writer.bytes
    }

    /// The kind and the slice; what follows is left to be read, and then `finish`.
    static func begin(_ reader: inout ByteReader, _ bytes: [UInt8]) throws -> (kind: UInt8, slice: Slice) {
        guard bytes.count == bytesCount, try reader.u8() == version else { throw GateError.malformed }
        return (try reader.u8(), try Slice(hostile: &reader))
    }

    static func finish(_ reader: inout ByteReader) throws {
        guard reader.rest().allSatisfy({ $0 == 0 }) else { throw GateError.malformed }
    }
}

extension Slice {
    /// Times further away than this cannot be meant, and would overflow what is computed with them.
    private static let farthest: UInt64 = 1 << 40
    /// Stands for the slice that it is, where somebody asks who does not know how this exchange counts.
    package static let present = Slice(Int64(farthest) - 1)

    init(hostile reader: inout ByteReader) throws {
        let index = try reader.u64()
        guard index < Self.farthest else { throw GateError.malformed }
        self.init(Int64(index))
    }
}

/// What a client says at a gate.
package enum GateQuestion: Hashable, Sendable {
    /// Whether there is room in that slice, which may be `Slice.present`.
    case ask(Slice)
    /// A token for that slice; the salt opens its challenge, and its own key signed `Signed.spend`.
    case token(Slice, Token, salt: [UInt8], signature: [UInt8])
    /// An owner's key and its signature of `Signed.owner`.
    case owner(Slice, key: [UInt8], signature: [UInt8])

    /// `GateMessages.bytesCount` of them.
    package var bytes: [UInt8] {
        switch self {
        case .ask(let slice): GateMessages.padded(1, slice, [])
        case .token(let slice, let token, let salt, let signature): GateMessages.padded(2, slice, token.bytes + salt + signature)
        case .owner(let slice, let key, let signature): GateMessages.padded(3, slice, key + signature)
        }
    }

    package init(_ bytes: [UInt8]) throws(GateError) {
        do {
            var reader = ByteReader(bytes)
            let (kind, slice) = try GateMessages.begin(&reader, bytes)
            switch kind {
            case 1: self = .ask(slice)
            case 2:
                let token = try Token(&reader)
                guard token.input.type == .blindRSA else { throw GateError.malformed }
                self = .token(slice, token, salt: try reader.bytes(32), signature: try reader.bytes(64))
            case 3: self = .owner(slice, key: try reader.bytes(32), signature: try reader.bytes(64))
            default: throw GateError.malformed
            }
            try GateMessages.finish(&reader)
        } catch { throw .malformed }
    }
}

/// What a mote answers.
package enum GateAnswer: Hashable, Sendable {
    case gate(GateStatement)
    case receipt(GateReceipt)

    /// `GateMessages.bytesCount` of them.
    package var bytes: [UInt8] {
        switch self {
        case .gate(let said): GateMessages.padded(17, said.slice, said.mote + [said.hasRoom ? 1 : 0] + Signed.number(said.taken) + said.signature)
        case .receipt(let receipt): GateMessages.padded(18, receipt.slice, [receipt.outcome.rawValue] + receipt.subject + receipt.signature)
        }
    }

    package init(_ bytes: [UInt8]) throws(GateError) {
        do {
            var reader = ByteReader(bytes)
            let (kind, slice) = try GateMessages.begin(&reader, bytes)
            switch kind {
            case 17:
                let mote = try reader.bytes(32), room = try reader.u8(), taken = try reader.u16()
                guard room <= 1 else { throw GateError.malformed }
                self = .gate(GateStatement(mote: mote, slice: slice, hasRoom: room == 1, taken: taken, signature: try reader.bytes(64)))
            case 18:
                guard let outcome = GateReceipt.Outcome(rawValue: try reader.u8()) else { throw GateError.malformed }
                self = .receipt(GateReceipt(subject: try reader.bytes(32), slice: slice, outcome: outcome, signature: try reader.bytes(64)))
            default: throw GateError.malformed
            }
            try GateMessages.finish(&reader)
        } catch { throw .malformed }
    }
}

/// A mote says, before anybody shows a token, whether it has room. It is only good in the TLS session in which it was said.
package struct GateStatement: Hashable, Sendable {
    /// The mote's key on the exchange.
    package let mote: [UInt8]
    package let slice: Slice
    package let hasRoom: Bool
    /// Shares that were taken in the slice before the present one, whichever was asked about: what witnesses come for. Of the present one it would
    /// tell whoever asks again and again when each client came.
    package let taken: UInt16
    package let signature: [UInt8]

    init(mote: [UInt8], slice: Slice, hasRoom: Bool, taken: UInt16, signature: [UInt8]) {
        (self.mote, self.slice, self.hasRoom, self.taken, self.signature) = (mote, slice, hasRoom, taken, signature)
    }

    init(_ slice: Slice, hasRoom: Bool, taken: UInt16, exporter: [UInt8], by key: Ed25519Key) {
        let signature = key.sign(Signed.gate(mote: key.publicKey, slice, exporter: exporter, hasRoom: hasRoom, taken: taken))
        self.init(mote: key.publicKey, slice: slice, hasRoom: hasRoom, taken: taken, signature: signature)
    }

    package func isSigned(exporter: [UInt8]) -> Bool {
        Ed25519.verify(signature, of: Signed.gate(mote: mote, slice, exporter: exporter, hasRoom: hasRoom, taken: taken), by: mote)
    }
}

/// What became of a token, or of an owner's visit, signed by the mote.
package struct GateReceipt: Hashable, Sendable {
    package enum Outcome: UInt8, Sendable {
        /// The link is let in for the slice.
        case served = 1
        /// There was no room after all. If the mote deposits the token all the same, this receipt is the proof of a fraud (`FraudProof`).
        case full
        /// Not a token for this, or used before, or not an owner's key.
        case refused
    }

    package static let bytesCount = 105

    /// The token's key, or the owner's.
    package let subject: [UInt8]
    package let slice: Slice
    package let outcome: Outcome
    package let signature: [UInt8]

    init(subject: [UInt8], slice: Slice, outcome: Outcome, signature: [UInt8]) {
        (self.subject, self.slice, self.outcome, self.signature) = (subject, slice, outcome, signature)
    }

    init(_ subject: [UInt8], _ slice: Slice, _ outcome: Outcome, by key: Ed25519Key) {
        self.init(subject: subject, slice: slice, outcome: outcome, signature: key.sign(Self.signed(subject, slice, outcome)))
    }

    private static func signed(_ subject: [UInt8], _ slice: Slice, _ outcome: Outcome) -> [UInt8] {
        outcome == .refused ? Signed.refusal(of: subject, slice) : Signed.receipt(of: subject, slice, isServed: outcome == .served)
    }

    package func isSigned(by mote: [UInt8]) -> Bool { Ed25519.verify(signature, of: Self.signed(subject, slice, outcome), by: mote) }

    // MARK: as a client keeps it

    package var bytes: [UInt8] { [outcome.rawValue] + slice.bytes + subject + signature }

    package init(_ bytes: [UInt8]) throws(GateError) {
        do {
            var reader = ByteReader(bytes)
            guard bytes.count == Self.bytesCount, let outcome = Outcome(rawValue: try reader.u8()) else { throw GateError.malformed }
            let slice = try Slice(hostile: &reader)
            self.init(subject: try reader.bytes(32), slice: slice, outcome: outcome, signature: try reader.bytes(64))
        } catch { throw .malformed }
    }
}

extension Signed {
    static func gate(mote: [UInt8], _ slice: Slice, exporter: [UInt8], hasRoom: Bool, taken: UInt16) -> [UInt8] {
        Array((hasRoom ? "dust-gate-room" : "dust-gate-full").utf8) + mote + slice.bytes + number(taken) + exporter
    }

    fileprivate static func number(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    /// By an owner's key: whose mote it is need not pay for it.
    static func owner(mote: [UInt8], _ slice: Slice, exporter: [UInt8]) -> [UInt8] { Array("dust-owner".utf8) + mote + slice.bytes + exporter }

    static func refusal(of token: [UInt8], _ slice: Slice) -> [UInt8] { Array("dust-refused".utf8) + token + slice.bytes }
}

internal import Sealing
internal import Bytes

/// What the exchange's tokens are for (the challenge whose digest is in each).
package enum Challenges {
    private static let issuer = "dustcloud-exchange"

    package static func credit(_ denomination: Denomination) -> TokenChallenge {
        TokenChallenge(type: .voprf, issuer: issuer, context: [], origin: "credit:\(denomination.rawValue)")
    }

    package static func barter(bucket: UInt8, _ slice: Slice) -> TokenChallenge {
        TokenChallenge(type: .voprf, issuer: issuer, context: Digest.sha256(Array("dust-w".utf8) + [bucket] + slice.bytes), origin: "barter")
    }

    /// One mote, one slice, and 32 bytes of salt that the buyer tells the mote alone. Motes and slices are few and public: without salt,
    /// whoever is shown the token for a refund could try them all and learn where it was meant for.
    package static func access(mote: [UInt8], _ slice: Slice, salt: [UInt8]) -> TokenChallenge {
        TokenChallenge(type: .blindRSA, issuer: issuer, context: Digest.sha256(Array("dust-t".utf8) + mote + slice.bytes + salt), origin: "mote")
    }

    package static func permit(from start: Slice) -> TokenChallenge {
        TokenChallenge(type: .blindRSA, issuer: issuer, context: Digest.sha256(Array("dust-p".utf8) + start.bytes), origin: "permit")
    }
}

/// What is signed with Ed25519, each with a beginning of its own.
package enum Signed {
    package static func order(_ core: [UInt8]) -> [UInt8] { Array("dust-order-signature".utf8) + core }
    package static func refund(_ core: [UInt8]) -> [UInt8] { Array("dust-refund".utf8) + core }
    package static func unstake(_ core: [UInt8]) -> [UInt8] { Array("dust-unstake".utf8) + core }
    package static func receipt(_ id: [UInt8]) -> [UInt8] { Array("dust-prepay".utf8) + id }
    /// What names the TLS session in which a token was spent, from that session's exporter and the token. The ledger sees it, and so that it sees
    /// nothing in common in what one client spends in one session, it is another for each token.
    package static func session(_ exporter: [UInt8], token: [UInt8]) -> [UInt8] { Digest.sha256(Array("dust-session".utf8) + exporter + token) }
    package static func spend(mote: [UInt8], _ slice: Slice, session: [UInt8]) -> [UInt8] { Array("dust-spend".utf8) + mote + slice.bytes + session }
    /// A mote says of a slice that it served a token, or that it had no room.
    package static func receipt(of token: [UInt8], _ slice: Slice, isServed: Bool) -> [UInt8] {
        Array((isServed ? "dust-served" : "dust-full").utf8) + token + slice.bytes
    }
}

/// What a trial costs instead of a stake.
package enum Work {
    /// Leading zeros: about two million tries.
    package static let bits = 21

    /// Of an order's core, which has the work's nonce in it.
    package static func isEnough(_ core: [UInt8], bits: Int) -> Bool {
        Digest.sha256(Array("dust-work".utf8) + core).prefix((bits + 7) / 8).enumerated().allSatisfy { $1 >> UInt8(max(0, 8 - (bits - 8 * $0))) == 0 }
    }
}

extension Slice {
    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.u64(UInt64(bitPattern: index))
        return writer.bytes
    }
}

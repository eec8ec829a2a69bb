internal import Bytes

/// Why an order changed nothing. Everything that is wrong in one way gets the same answer, whatever the details.
package enum Refusal: UInt8, Error, Sendable, CaseIterable {
    /// No order, or not one of the shapes with the keys that it takes.
    case malformed = 1
    /// A token or signature that is not genuine.
    case forged = 2
    /// Outside the time in which this can be done.
    case untimely = 3
    /// A token that was spent, or a blinded message that was answered before.
    case spent = 4
    /// A mote that is not listed, not certified, or has no more to claim.
    case unearned = 5
    /// It waited for others to hide among, and there were too few (`HoldOver`). Nothing was spent, and the same order may come again.
    case tooFew = 6
    /// The mote's provider group has its third of all shares already. Its permit's stake can be had back at once.
    case crowded = 7
    /// As much is sold for the next slices as motes can serve (`LoadGate`). Nothing was spent, and the same tokens may buy in a later slice.
    case soldOut = 8

    /// Nothing is wrong with what was ordered, only with the moment.
    package var isForNow: Bool { self == .tooFew || self == .soldOut }
}

/// What an order gets back (M7): always the same for the same order.
package enum Reply: Hashable, Sendable {
    /// An answer for each batch, and whether a draw was lost.
    case carriedOut([[UInt8]], isLost: Bool)
    case refused(Refusal)

    package var bytes: [UInt8] {
        switch self {
        case .refused(let refusal): return [0, refusal.rawValue]
        case .carriedOut(let answers, let isLost):
            var writer = ByteWriter(capacity: 4096)
            writer.append([1, isLost ? 1 : 0, UInt8(answers.count)])
            for answer in answers {
                writer.u32(UInt32(answer.count))
                writer.append(answer)
            }
            return writer.bytes
        }
    }

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let reply = try? Self.read(&reader), reader.isAtEnd else { return nil }
        self = reply
    }

    private static func read(_ reader: inout ByteReader) throws -> Reply? {
        switch (try reader.u8(), try reader.u8()) {
        case (0, let code): return Refusal(rawValue: code).map { .refused($0) }
        case (1, let lost) where lost <= 1:
            let count = Int(try reader.u8())
            guard count <= Order.batchesLimit else { return nil }
            return .carriedOut(try (0..<count).map { _ in try reader.bytes(Int(try reader.u32())) }, isLost: lost == 1)
        default: return nil
        }
    }
}

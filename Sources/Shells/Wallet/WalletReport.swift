package import Exchange
internal import Foundation
internal import GRDB

/// What its owner is shown of a wallet.
package struct WalletReport: Sendable, Encodable {
    package struct Stock: Sendable, Encodable {
        package let denomination: Int
        /// Aged enough to be spent.
        package let ripe: Int
        package let fresh: Int
        /// Out of a backup, not proved unspent yet.
        package let doubtful: Int
        /// In orders under way.
        package let ordered: Int
    }

    package struct Mote: Sendable, Encodable {
        package let address: String
        package let size: String
        package let bucket: Int
        package let state: String
        package let slices: String?
        /// Tokens that it was shown: not deposited yet, deposited, given up.
        package let waiting: Int
        package let deposited: Int
        package let refused: Int
        /// Of its clients, as far as reports were read.
        package let complaints: Int
        /// Permits that are asked for when this one is over.
        package let permitsToCome: Int
        package let swap: String?
        package let note: String?
    }

    package let slice: Int64
    package let creditSpendable: Int64
    package let credit: Int64
    package let stock: [Stock]
    /// Access for this slice and later ones, not used yet.
    package let tickets: Int
    package let ticketsUsed: Int
    /// Access of past slices that was not used, to be refunded.
    package let unused: Int
    package let rights: Int
    package let ordersUnderWay: Int
    package let purchasesWaiting: [String: Int]
    package let motes: [Mote]
    /// Tokens that were refused too often.
    package let lost: Int
    /// Of motes of others that took a token and did not serve; and of those that kept a token for which they had no room.
    package let complaintsMade: Int
    package let fraudsProved: Int
    package let sourcesPerSlice: Double?
    /// `nil` while no backup is kept.
    package let backup: String?
}

extension WalletStore {
    package func report(at slice: Slice) throws -> WalletReport {
        let backup = try setting("backup").map { String(decoding: $0, as: UTF8.self) }, sources = try sourcesPerSlice(before: slice)
        return try read { database in
            let free = try Self.tokens(database, .free), ordered = try Self.tokens(database, .ordered)
            let usable = free.filter { $0.role.isCredit && $0.role.accepted.contains(slice) }, tickets = try Self.tokens(database, .ticket)
            let stock = Denomination.allCases.map { denomination in
                let own = usable.filter { $0.isWorth(denomination) }
                return WalletReport.Stock(
                    denomination: Int(denomination.rawValue), ripe: own.count { !$0.isDoubtful && $0.ripe <= slice }, fresh: own.count { !$0.isDoubtful && $0.ripe > slice },
                    doubtful: own.count(where: \.isDoubtful), ordered: ordered.count { $0.isWorth(denomination) })
            }
            let told = try Self.told(database), complaints = try Self.complaints(database)
            let current = tickets + free.filter { $0.place != nil }
            return WalletReport(
                slice: slice.index, creditSpendable: usable.filter { !$0.isDoubtful && $0.ripe <= slice }.reduce(0) { $0 + $1.role.value },
                credit: usable.filter { !$0.isDoubtful }.reduce(0) { $0 + $1.role.value }, stock: stock, tickets: current.count { $0.place!.slice >= slice },
                ticketsUsed: try Int.fetchOne(database.kept("SELECT count(*) FROM history WHERE text = 'a mote let the client in'")) ?? 0,
                unused: current.count { $0.place!.slice < slice }, rights: free.count { if case .barter = $0.role { $0.role.accepted.upperBound > slice } else { false } },
                ordersUnderWay: try Int.fetchOne(database.kept("SELECT count(*) FROM market_order WHERE state IN (0, 1) AND again != 2")) ?? 0,
                purchasesWaiting: Dictionary(
                    try String.fetchAll(database.kept("SELECT coalesce(wait, 'not looked at yet') FROM purchase WHERE state = 0 AND decoy = 0")).map { ($0, 1) }, uniquingKeysWith: +),
                motes: try Self.lots(database).map { try Self.line($0, complaints, database) }, lost: try Self.tokens(database, .lost).count,
                complaintsMade: told.complaints, fraudsProved: told.frauds, sourcesPerSlice: sources, backup: backup)
        }
    }

    private static func line(_ kept: KeptLot, _ complaints: [[UInt8]: Int], _ database: Database) throws -> WalletReport.Mote {
        func count(_ state: Int) throws -> Int { try Int.fetchOne(database.kept("SELECT count(*) FROM income WHERE lot = ? AND state = ?"), arguments: [kept.lot.id, state]) ?? 0 }
        return WalletReport.Mote(
            address: kept.address.address, size: "\(kept.lot.size)", bucket: Int(kept.lot.bucket), state: "\(kept.lot.state)",
            slices: kept.lot.start.flatMap { start in kept.lot.last.map { "\(start.index)-\($0.index)" } }, waiting: try count(0) + count(1), deposited: try count(2), refused: try count(3),
            complaints: kept.lot.mote.flatMap { complaints[$0] } ?? 0, permitsToCome: kept.more, swap: kept.lot.swap.map { "bucket \($0.bucket)" } ?? (kept.wants != 0 ? "asked" : nil), note: kept.note)
    }

    /// Which motes are to be had, as far as the wallet looked.
    package func listed(from slice: Slice) throws -> [(offer: Offer, slices: [Slice])] {
        try read { database in
            var found: [[UInt8]: (offer: Offer, slices: [Slice])] = [:]
            for row in try Row.fetchAll(database.kept("SELECT slice, offer FROM listing WHERE slice >= ? ORDER BY slice"), arguments: [slice.index]) {
                guard let offer = try? Offer(Array(row["offer"] as Data)) else { continue }
                found[offer.mote, default: (offer, [])].slices.append(Slice(row["slice"] as Int64))
            }
            return found.values.sorted { $0.offer.mote.lexicographicallyPrecedes($1.offer.mote) }
        }
    }
}

extension KeyRole {
    fileprivate var isCredit: Bool { if case .credit = self { true } else { false } }
}

extension WalletToken {
    fileprivate func isWorth(_ denomination: Denomination) -> Bool { if case .credit(denomination, _) = role { true } else { false } }
}

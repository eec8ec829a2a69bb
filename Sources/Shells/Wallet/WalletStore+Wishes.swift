internal import Bytes
package import Exchange
internal import Foundation
internal import GRDB

/// One of the owner's motes, with what the wallet alone knows of it.
package struct KeptLot: Sendable {
    package let lot: Lot
    /// The mote's `MoteMarket`.
    package let folder: String
    package let address: MoteAddress
    /// Buckets that its owner would like instead of credit.
    package let wants: UInt32
    package let isListed: Bool
    package let note: String?
    /// Permits that shall follow.
    package let more: Int
}

extension WalletStore {
    // MARK: packs

    /// False when it is there already.
    package func add(_ pack: Pack) throws -> Bool {
        try write { database in
            try database.run("INSERT OR IGNORE INTO pack (receipt, signature, state) VALUES (?, ?, 0)", [Data(pack.receipt), Data(pack.signature)])
            return database.changesCount == 1
        }
    }

    // MARK: purchases

    package func addPurchase(_ denomination: Denomination, isUrgent: Bool, isDecoy: Bool = false, notBefore: Slice) throws {
        try write { database in
            try database.run("INSERT INTO purchase (denomination, urgent, decoy, not_before, state) VALUES (?, ?, ?, ?, 0)", [Int(denomination.rawValue), isUrgent, isDecoy, notBefore.index])
        }
    }

    func wait(_ waiting: [Int64: WalletPlan.Wait]) throws {
        try write { database in
            for (id, wait) in waiting { try database.run("UPDATE purchase SET wait = ? WHERE id = ? AND state = 0", [wait.rawValue, id]) }
        }
    }

    // MARK: lots

    package enum Offered: Equatable, Sendable {
        case asSoonAsPossible
        /// From that slice on: after those for which the mote has permits.
        case from(Slice)
        /// Not offered: it is, and waits for its permit.
        case waitsAlready
    }

    /// Wishes permits for a mote, one after another, each for four slices. Each permit is another key on the exchange, which the mote takes over
    /// from the one before; another mote has a folder of its own.
    @discardableResult
    package func addLot(_ size: MoteClass, bucket: UInt8, folder: String, address: MoteAddress, isTrial: Bool, permits: Int = 1) throws -> Offered {
        try write { database in
            let others = try Self.lots(database).filter { $0.folder == folder }
            guard !others.contains(where: { [.wished, .asked].contains($0.lot.state) }) else { return .waitsAlready }
            let next = others.compactMap(\.lot.last).max().map { $0 + 1 }
            // Those that shall follow come first.
            if let next, let open = others.first(where: { $0.more > 0 }) {
                try database.run("UPDATE lot SET more = more + ? WHERE id = ?", [permits, open.lot.id])
                return .from(next + Int64(open.more) * MoteClass.slicesPerPermit)
            }
            try database.run("INSERT INTO lot (folder, class, bucket, address, trial, wants, state, start, more) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)", [folder, Int(size.rawValue), Int(bucket), address.description, isTrial, Int(Lot.State.wished.rawValue), next?.index, permits - 1])
            return next.map { .from($0) } ?? .asSoonAsPossible
        }
    }

    /// A mote that has a permit, and shall have more, wishes the next one: for the slices right after, if it is not too late for them. A permit
    /// that was not to be listed is followed by none.
    func renewLots(at slice: Slice) throws {
        try write { database in
            for row in try Row.fetchAll(database.kept("SELECT id, start FROM lot WHERE more > 0 AND start IS NOT NULL AND permit IS NOT NULL AND listed = 1")) {
                let next = Slice(row["start"] as Int64) + MoteClass.slicesPerPermit, id = row["id"] as Int64
                try database.execute(
                    sql: """
                        INSERT INTO lot (folder, class, bucket, address, trial, wants, state, start, more)
                        SELECT folder, class, bucket, address, trial, wants, ?, ?, more - 1 FROM lot WHERE id = ?
                        """, arguments: [Int(Lot.State.wished.rawValue), next > slice ? next.index : nil, id])
                try database.run("UPDATE lot SET more = 0 WHERE id = ?", [id])
            }
        }
    }

    package func lots() throws -> [KeptLot] { try find { try Self.lots($0) } }

    static func lots(_ database: Database) throws -> [KeptLot] {
        try Row.fetchAll(database.kept("SELECT lot.*, token.body AS permit_body FROM lot LEFT JOIN token ON token.nonce = lot.permit ORDER BY lot.id")).map { row in
            guard let size = MoteClass(rawValue: UInt8(row["class"] as Int)), let address = MoteAddress(row["address"] as String), let state = Lot.State(rawValue: UInt8(row["state"] as Int))
            else { throw WalletError(.badData, "the wallet holds a mote that cannot be read") }
            let swap = (row["swap_id"] as Data?).flatMap { id in (row["swap_bucket"] as Int?).map { (Array(id), UInt8($0)) } }
            let lot = Lot(
                id: row["id"], size: size, bucket: UInt8(row["bucket"] as Int), isTrial: row["trial"], state: state, start: (row["start"] as Int64?).map { Slice($0) },
                permit: try (row["permit_body"] as Data?).map(decode), swap: swap, swapCounter: UInt64(row["swap_counter"] as Int64))
            return KeptLot(
                lot: lot, folder: row["folder"], address: address, wants: UInt32(row["wants"] as Int64), isListed: row["listed"] as Int == 1, note: row["note"], more: row["more"])
        }
    }

    /// The exchange lists it, or says why not.
    func listed(_ kept: KeptLot, _ refusal: Refusal?, now: Int64) throws {
        try write { database in
            let isHere = refusal == nil || refusal == .spent
            try database.run("UPDATE lot SET listed = ?, state = ?, note = ? WHERE id = ?", [isHere ? 1 : 2, Int(Lot.State.listed.rawValue), isHere ? nil : "not listed: \(refusal!)", kept.lot.id])
            try Self.note(database, isHere ? "mote \(kept.address.address) is listed" : "mote \(kept.address.address) is not listed: \(refusal!)", at: now)
        }
    }

    /// Asks for no further permit for that folder's mote. How many wishes there were.
    package func withdraw(folder: String) throws -> Int {
        try write { database in
            try database.run("UPDATE lot SET more = 0 WHERE folder = ? AND more > 0", [folder])
            let further = database.changesCount
            try database.run("DELETE FROM lot WHERE folder = ? AND state = ?", [folder, Int(Lot.State.wished.rawValue)])
            return further + database.changesCount
        }
    }

    /// The moment for a permit's slices went by, or its draw was lost: as soon as possible, then.
    func hasten(before slice: Slice) throws {
        try write {
            try $0.run("UPDATE lot SET start = NULL WHERE state = ? AND start <= ?", [Int(Lot.State.wished.rawValue), slice.index])
        }
    }

    // MARK: swaps

    /// Credit no longer: what those motes earn shall be the use of motes in those buckets.
    package func want(_ buckets: UInt32, folder: String) throws -> Int {
        try write { database in
            try database.run("UPDATE lot SET wants = ? WHERE folder = ? AND swap_bucket IS NULL", [Int64(buckets), folder])
            return database.changesCount
        }
    }

    func asked(_ lot: Int64, swap id: [UInt8], counter: UInt64) throws {
        try write { try $0.run("UPDATE lot SET swap_id = ?, swap_counter = ? WHERE id = ?", [Data(id), Int64(counter), lot]) }
    }

    func swapsAsked() throws -> [(lot: Int64, id: [UInt8])] {
        try find { database in
            try Row.fetchAll(database.kept("SELECT id, swap_id FROM lot WHERE swap_id IS NOT NULL AND swap_bucket IS NULL")).map { ($0["id"], Array($0["swap_id"] as Data)) }
        }
    }

    func matched(_ lot: Int64, bucket: UInt8, now: Int64) throws {
        try write { database in
            try database.run("UPDATE lot SET swap_bucket = ? WHERE id = ?", [Int(bucket), lot])
            try Self.note(database, "swap: motes of bucket \(bucket) for the own one", at: now)
        }
    }

    // MARK: what motes took

    /// False when it is known already.
    func add(_ income: MoteIncome) throws -> Bool {
        var writer = ByteWriter(capacity: 768)
        income.spend.write(&writer)
        return try write { database in
            try database.run("INSERT OR IGNORE INTO income (nonce, lot, body, state) VALUES (?, ?, ?, 0)", [Data(income.spend.token.nonce), income.lot, Data(writer.bytes)])
            return database.changesCount == 1
        }
    }

    // MARK: what is published

    func put(listings: [Offer], _ slice: Slice) throws {
        try write { database in
            for offer in listings {
                try database.run("INSERT OR REPLACE INTO listing (slice, mote, offer) VALUES (?, ?, ?)", [slice.index, Data(offer.mote), Data(offer.bytes)])
            }
            try database.run("DELETE FROM listing WHERE slice < ?", [slice.index - 12 * Slice.perDay])
        }
    }

    func put(certificates: [(mote: [UInt8], isUp: Bool)], _ slice: Slice) throws {
        try write { database in
            for (mote, isUp) in certificates {
                try database.run("INSERT OR REPLACE INTO cert (slice, mote, up) VALUES (?, ?, ?)", [slice.index, Data(mote), isUp])
            }
            try database.run("DELETE FROM cert WHERE slice < ?", [slice.index - 12 * Slice.perDay])
        }
    }

    /// Independent payments and deposits per slice, over the last day.
    package func sourcesPerSlice(before slice: Slice) throws -> Double? {
        try find { try Double.fetchOne($0.kept("SELECT avg(count) FROM source WHERE slice >= ?"), arguments: [slice.index - Slice.perDay]) }
    }

    func offer(of place: Place) throws -> Offer? {
        try find { database in
            try Data.fetchOne(database.kept("SELECT offer FROM listing WHERE mote = ? ORDER BY abs(slice - ?) LIMIT 1"), arguments: [Data(place.mote), place.slice.index])
                .flatMap { try? Offer(Array($0)) }
        }
    }

    func put(_ document: LoggedDocument) throws {
        try write {
            try $0.run("INSERT OR REPLACE INTO keys (kind, number, body) VALUES (?, ?, ?)", [document.kind.rawValue, document.number, Data(document.bytes)])
        }
    }

    package func documents() throws -> [LoggedDocument] {
        try find { try Data.fetchAll($0.kept("SELECT body FROM keys ORDER BY kind, number")).compactMap { try? LoggedDocument(Array($0)) } }
    }
}

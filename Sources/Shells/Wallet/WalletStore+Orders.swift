internal import Bytes
internal import Exchange
internal import Foundation
internal import GRDB

/// An order as the wallet keeps it.
struct KeptOrder {
    let id: [UInt8]
    let recipe: Recipe
    let keys: KnownKeys
    let body: [UInt8]
    let purpose: Intent.Purpose
    let state: WalletStore.OrderState
    let sendAt: Int64
    let slice: Slice?
    let sends: Int
    let again: WalletStore.Again

    init(_ row: Row) throws {
        id = Array(row["id"] as Data)
        body = Array(row["body"] as Data)
        var recipe = ByteReader(Array(row["recipe"] as Data)), keys = ByteReader(Array(row["keys"] as Data))
        guard let purpose = Intent.Purpose(row["purpose"]), let state = WalletStore.OrderState(rawValue: row["state"]) else {
            throw WalletError(.badData, "the wallet holds an order that cannot be read")
        }
        (self.recipe, self.keys, self.purpose, self.state) = (try Recipe(&recipe), try KnownKeys(&keys), purpose, state)
        (sendAt, slice, sends, again) = (row["send_at"], (row["slice"] as Int64?).map { Slice($0) }, row["sends"], WalletStore.Again(rawValue: row["again"]) ?? .not)
    }
}

extension WalletStore {
    // MARK: what there is

    /// Everything that the next orders depend on.
    func book(at slice: Slice) throws -> WalletBook {
        try read { database in
            var book = WalletBook()
            let decoys = Set(try Data.fetchAll(database.kept("SELECT nonce FROM token WHERE is_decoy = 1")).map { Array($0) })
            // What is on a ticket can still be shown. When its day is over and it is known whether it was, it can be refunded.
            let tickets = try Data.fetchAll(database.kept("SELECT body FROM token WHERE state = 3 AND tries > 0 ORDER BY nonce")).map(Self.decode)
                .filter { $0.role.refunded?.contains(slice) == true }
            book.tokens = try Self.tokens(database, .free).filter { !decoys.contains($0.nonce) || $0.role.refunded?.contains(slice) == true } + tickets
            book.orders = try Self.orders(database, "state IN (0, 1) AND again != 2").map(\.recipe)
            for row in try Row.fetchAll(database.kept("SELECT receipt, signature FROM pack WHERE state = 0")) {
                book.packs.append(Pack(receipt: Array(row["receipt"] as Data), signature: Array(row["signature"] as Data)))
            }
            book.purchases = try Self.purchases(database)
            book.lots = try Self.lots(database).map(\.lot)
            book.incomes = try Self.incomes(database)
            for row in try Row.fetchAll(database.kept("SELECT slice, mote, up FROM cert WHERE slice >= ?"), arguments: [slice.index - 3 * Slice.perDay]) {
                book.isUp[Place(mote: Array(row["mote"] as Data), slice: Slice(row["slice"] as Int64))] = row["up"] as Bool
            }
            for row in try Row.fetchAll(database.kept("SELECT slice, offer FROM listing WHERE slice > ?"), arguments: [slice.index]) {
                guard let offer = try? Offer(Array(row["offer"] as Data)) else { continue }
                book.listed[Slice(row["slice"] as Int64), default: []].append(ListedMote(mote: offer.mote, size: offer.size, bucket: offer.bucket))
            }
            book.purchasesOfDay = try Int.fetchOne(database.kept("SELECT count(*) FROM purchase WHERE slice > ?"), arguments: [slice.index - Slice.perDay]) ?? 0
            book.wantsRefunds = try Int.fetchOne(database.kept("SELECT 1 FROM setting WHERE name = 'refunds'")) != nil
            return book
        }
    }

    static func orders(_ database: Database, _ condition: String, _ arguments: StatementArguments = []) throws -> [KeptOrder] {
        try Row.fetchAll(database.kept("SELECT * FROM market_order WHERE \(condition)"), arguments: arguments).map { try KeptOrder($0) }
    }

    private static func purchases(_ database: Database) throws -> [Purchase] {
        try Row.fetchAll(database.kept("SELECT * FROM purchase WHERE state = 0 ORDER BY id")).compactMap { row in
            guard let denomination = Denomination(rawValue: UInt16(row["denomination"] as Int)) else { return nil }
            return Purchase(id: row["id"], denomination: denomination, isUrgent: row["urgent"], isDecoy: row["decoy"], notBefore: Slice(row["not_before"] as Int64))
        }
    }

    private static func incomes(_ database: Database) throws -> [MoteIncome] {
        try Row.fetchAll(database.kept("SELECT * FROM income WHERE state = 0")).compactMap { row in
            var reader = ByteReader(Array(row["body"] as Data))
            guard let input = try? Recipe.Input(own: &reader), let permit = try lots(database).first(where: { $0.lot.id == row["lot"] })?.lot.mote else { return nil }
            return MoteIncome(lot: row["lot"], mote: permit, spend: input)
        }
    }

    // MARK: a new order

    /// An order and the tokens in it, durable together. From here on it is repeated until it is answered.
    func record(_ intent: Intent, _ recipe: Recipe, _ keys: KnownKeys, _ order: Order, sendAt: Int64, now: Int64) throws {
        try write { database in
            let id = Data(order.id)
            try database.run("INSERT INTO market_order (id, recipe, keys, body, purpose, state, send_at) VALUES (?, ?, ?, ?, ?, ?, ?)", [id, Data(recipe.bytes), Data(keys.bytes), Data(order.bytes), intent.purpose.text, OrderState.planned.rawValue, sendAt])
            for input in recipe.inputs {
                try database.run("INSERT INTO input (order_id, nonce) VALUES (?, ?)", [id, Data(input.token.nonce)])
                try database.run("UPDATE token SET state = ?, order_id = ? WHERE nonce = ?", [TokenState.ordered.rawValue, id, Data(input.token.nonce)])
                try database.run("UPDATE income SET state = 1, order_id = ? WHERE nonce = ?", [id, Data(input.token.nonce)])
            }
            try Self.begin(database, intent.purpose, recipe)
        }
    }

    private static func begin(_ database: Database, _ purpose: Intent.Purpose, _ recipe: Recipe) throws {
        switch purpose {
        case .pack(let receipt): try database.run("UPDATE pack SET state = 1 WHERE receipt = ?", [Data(receipt)])
        case .purchase(let id): try database.run("UPDATE purchase SET state = 1, slice = ?, wait = NULL WHERE id = ?", [recipe.slice.index, id])
        case .permit(let lot):
            let start: Slice? = switch recipe.detail { case .start(let start), .work(let start, _): start; default: nil }
            try database.run("UPDATE lot SET state = ?, start = ? WHERE id = ?", [Int(Lot.State.asked.rawValue), start?.index, lot])
        case .unstake(let lot): try database.run("UPDATE lot SET state = ? WHERE id = ?", [Int(Lot.State.over.rawValue), lot])
        default: break
        }
    }

    // MARK: sending and asking

    /// Orders whose moment has come, in its order.
    func toSend(at now: Int64) throws -> [KeptOrder] { try find { try Self.orders($0, "state = 0 AND send_at <= ? ORDER BY send_at", [now]) } }
    func toAsk(at now: Int64) throws -> [KeptOrder] { try find { try Self.orders($0, "state = 1 AND ask_at <= ? ORDER BY ask_at", [now]) } }

    func nextMoment() throws -> Int64? {
        try find { try Int64.fetchOne($0.kept("SELECT min(CASE state WHEN 0 THEN send_at ELSE ask_at END) FROM market_order WHERE state IN (0, 1)")) }
    }

    /// The exchange has it, for that slice.
    func sent(_ id: [UInt8], for slice: Slice, askAt: Int64) throws {
        try write {
            try $0.run("UPDATE market_order SET state = 1, slice = ?, ask_at = ?, sends = sends + 1 WHERE id = ? AND state IN (0, 1)", [slice.index, askAt, Data(id)])
        }
    }

    /// It may or may not have arrived.
    func tried(_ id: [UInt8], again at: Int64) throws {
        try write { try $0.run("UPDATE market_order SET state = 0, send_at = ?, sends = sends + 1 WHERE id = ? AND state IN (0, 1)", [at, Data(id)]) }
    }

    func postpone(_ id: [UInt8], to at: Int64) throws {
        try write { try $0.run("UPDATE market_order SET send_at = max(send_at, ?), ask_at = ? WHERE id = ?", [at, at, Data(id)]) }
    }
}

internal import Exchange
internal import Foundation
internal import GRDB

extension WalletStore {
    /// Refusals after which a token counts as lost.
    private static let triesLimit = 5

    // MARK: carried out

    /// What an answer made, and that its inputs are spent.
    func finish(_ order: KeptOrder, _ made: [WalletToken], isLost: Bool, now: Int64) throws {
        try write { database in
            guard try Self.close(database, order, .done, isLost ? "the draw was lost" : nil, now) else { return }
            for input in order.recipe.inputs { try Self.set(database, input.token.nonce, .spent) }
            try database.run("UPDATE income SET state = 2 WHERE order_id = ?", [Data(order.id)])
            let isDecoy = try Self.isDecoy(database, order.purpose)
            for token in made { try Self.insert(database, token, Self.isPermit(token) ? .permit : .free, isDecoy: isDecoy) }
            try Self.settle(database, order, made, isLost: isLost)
            try Self.note(database, Self.words(order, made, isLost: isLost), at: now)
        }
    }

    /// What was finished before it was asked for again: nothing comes of it.
    func passOver(_ order: KeptOrder, now: Int64) throws { try write { _ = try Self.close($0, order, .done, nil, now) } }

    private static func isPermit(_ token: WalletToken) -> Bool { if case .permit = token.role { true } else { false } }

    private static func isDecoy(_ database: Database, _ purpose: Intent.Purpose) throws -> Bool {
        guard case .purchase(let id) = purpose else { return false }
        return try Bool.fetchOne(database.kept("SELECT decoy FROM purchase WHERE id = ?"), arguments: [id]) ?? false
    }

    private static func close(_ database: Database, _ order: KeptOrder, _ state: OrderState, _ note: String?, _ now: Int64) throws -> Bool {
        try database.run("UPDATE market_order SET state = ?, note = ?, finished_at = ? WHERE id = ? AND state IN (0, 1)", [state.rawValue, note, now, Data(order.id)])
        return database.changesCount == 1
    }

    private static func settle(_ database: Database, _ order: KeptOrder, _ made: [WalletToken], isLost: Bool) throws {
        switch order.purpose {
        case .pack(let receipt): try database.run("UPDATE pack SET state = 2 WHERE receipt = ?", [Data(receipt)])
        case .purchase(let id): try database.run("UPDATE purchase SET state = 2 WHERE id = ?", [id])
        case .permit(let lot) where isLost:
            try database.run("UPDATE lot SET state = ?, start = NULL, note = 'lost a draw' WHERE id = ?", [Int(Lot.State.wished.rawValue), lot])
        case .permit(let lot):
            try database.run("UPDATE lot SET state = ?, permit = ?, note = NULL WHERE id = ?", [Int(Lot.State.permitted.rawValue), made.first.map { Data($0.nonce) }, lot])
        default: break
        }
    }

    private static func words(_ order: KeptOrder, _ made: [WalletToken], isLost: Bool) -> String {
        let credit = made.reduce(Int64(0)) { sum, token in if case .credit(let denomination, _) = token.role { sum + denomination.value } else { sum } }
        let others = made.count { if case .credit = $0.role { false } else { true } }
        let got = [credit > 0 ? "\(credit) smm of credit" : nil, others > 0 ? "\(others) tokens" : nil].compactMap { $0 }.joined(separator: " and ")
        return "\(order.purpose.text.split(separator: " ").first ?? ""): " + (isLost ? "lost the draw; " : "") + (got.isEmpty ? "done" : "got \(got)")
    }

    // MARK: not carried out

    /// What went into it is free again, or in doubt if the exchange says that it was spent.
    ///
    /// A refusal is not signed, so whoever carries it may have made it up. Nothing is lost by that: if a later order finds that its tokens are
    /// spent, the refused ones are asked about again, and one that was carried out gives up its answer.
    func refuse(_ order: KeptOrder, _ refusal: Refusal, now: Int64) throws {
        try write { database in
            guard try Self.close(database, order, .refused, "\(refusal)", now) else { return }
            let isSpent = refusal == .spent
            for input in order.recipe.inputs { try Self.release(database, input.token, order, refusal) }
            if isSpent { try Self.askAgain(database, order, now) }
            try Self.reopen(database, order, isForGood: isSpent)
            try Self.note(database, "\(order.purpose.text.split(separator: " ").first ?? ""): refused (\(refusal))", at: now)
        }
    }

    /// Its time was over before it was ever sent.
    func cancel(_ order: KeptOrder, now: Int64) throws {
        try write { database in
            guard try Self.close(database, order, .cancelled, "not sent in time", now) else { return }
            for input in order.recipe.inputs {
                try database.run("UPDATE token SET state = ? WHERE nonce = ? AND order_id = ? AND state = 1", [Self.home(input.token).rawValue, Data(input.token.nonce), Data(order.id)])
            }
            try Self.reopen(database, order, isForGood: false)
        }
    }

    private static func home(_ token: WalletToken) -> TokenState { isPermit(token) ? .permit : token.place == nil ? .free : .ticket }

    /// If one token of an order was in doubt and the order has a spent one, then it is that one, and the others are as good as before. If
    /// none or several were, all are in doubt.
    private static func release(_ database: Database, _ token: WalletToken, _ order: KeptOrder, _ refusal: Refusal) throws {
        let doubts = order.recipe.inputs.count(where: \.token.isDoubtful), isSpent = refusal == .spent, isClear = isSpent && doubts == 1 || refusal.isForNow
        let tries = (try Int.fetchOne(database.kept("SELECT tries FROM token WHERE nonce = ?"), arguments: [Data(token.nonce)]) ?? 0) + (isClear ? 0 : 1)
        let state: TokenState = isClear && isSpent && token.isDoubtful ? .spent : tries >= triesLimit ? .lost : home(token)
        try database.run("UPDATE token SET state = ?, body = ?, tries = ? WHERE nonce = ? AND order_id = ? AND state = 1", [state.rawValue, encode(isSpent && !isClear ? token.doubted : token), tries, Data(token.nonce), Data(order.id)])
    }

    private static func askAgain(_ database: Database, _ order: KeptOrder, _ now: Int64) throws {
        for input in order.recipe.inputs {
            try database.execute(
                sql: """
                    UPDATE market_order SET state = 0, send_at = ?, rechecked = 1 WHERE state IN (3, 4) AND sends > 0 AND id != ? AND rechecked = 0
                    AND id IN (SELECT order_id FROM input WHERE nonce = ?)
                    """, arguments: [now, Data(order.id), Data(input.token.nonce)])
        }
    }

    private static func reopen(_ database: Database, _ order: KeptOrder, isForGood: Bool) throws {
        try database.run("UPDATE income SET state = CASE WHEN tries >= ? THEN 3 ELSE 0 END, tries = tries + 1 WHERE order_id = ? AND state = 1", [triesLimit, Data(order.id)])
        switch order.purpose {
        case .pack(let receipt): try database.run("UPDATE pack SET state = ? WHERE receipt = ?", [isForGood ? 3 : 0, Data(receipt)])
        case .purchase(let id): try database.run("UPDATE purchase SET state = 0 WHERE id = ?", [id])
        case .permit(let lot): try database.run("UPDATE lot SET state = ?, start = NULL WHERE id = ?", [Int(Lot.State.wished.rawValue), lot])
        case .unstake(let lot): try database.run("UPDATE lot SET state = ? WHERE id = ?", [Int((isForGood ? Lot.State.over : .listed).rawValue), lot])
        default: break
        }
    }
}

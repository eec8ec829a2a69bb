internal import Bytes
package import Exchange
internal import Foundation
internal import GRDB

extension WalletStore {
    func isDecoy(_ purchase: Int64) throws -> Bool { try find { try Bool.fetchOne($0.kept("SELECT decoy FROM purchase WHERE id = ?"), arguments: [purchase]) ?? false } }

    /// Access tokens that no ticket was written for, decoys not counted.
    func freeAccess() throws -> [WalletToken] {
        try find { database in
            try Data.fetchAll(database.kept("SELECT body FROM token WHERE state = 0 AND is_decoy = 0")).map(Self.decode).filter { $0.place != nil }
        }
    }

    /// All access tokens that were not used.
    package func accessTokens() throws -> [WalletToken] {
        try find { database in try Data.fetchAll(database.kept("SELECT body FROM token WHERE state IN (0, 3)")).map(Self.decode).filter { $0.place != nil } }
    }

    func ticketed(_ token: WalletToken) throws { try write { try Self.set($0, token.nonce, .ticket) } }

    /// Tickets whose outcome is not known yet.
    func ticketsOpen() throws -> [WalletToken] {
        try find { database in try Data.fetchAll(database.kept("SELECT body FROM token WHERE state = 3 AND tries = 0")).map(Self.decode) }
    }

    /// A ticket's outcome: the mote served, or the slice is over. Those that were not used stay until they can be refunded.
    func used(_ token: WalletToken, isServed: Bool, isShown: Bool = true, now: Int64) throws {
        try write { database in
            let state: TokenState = isServed || Self.isGone(token) ? .spent : .ticket, kept = isShown && !isServed ? token.doubted : token
            try database.run("UPDATE token SET state = ?, body = ?, tries = 1 WHERE nonce = ? AND state = 3", [state.rawValue, Self.encode(kept), Data(token.nonce)])
            try Self.note(database, isServed ? "a mote let the client in" : isShown ? "a mote took a token and said nothing" : "a ticket was not used", at: now)
        }
    }

    /// Barter's tokens are never refunded.
    private static func isGone(_ token: WalletToken) -> Bool { if case .barterAccess = token.role { true } else { false } }

    /// Past slices of which it is not known who was up, the newest first, and those that a deposit waits for.
    func certificatesMissing(before slice: Slice, limit: Int) throws -> [Slice] {
        try read { database in
            let known = Set(try Int64.fetchAll(database.kept("SELECT DISTINCT slice FROM cert WHERE slice >= ?"), arguments: [slice.index - 3 * Slice.perDay]))
            var wanted: [Int64] = [slice.index - 1, slice.index - 2]
            for row in try Row.fetchAll(database.kept("SELECT body FROM income WHERE state = 0")) {
                var reader = ByteReader(Array(row["body"] as Data))
                if case .spent(let served, _, _, _)? = (try? Recipe.Input(own: &reader))?.evidence, !wanted.contains(served.index) { wanted.append(served.index) }
            }
            return wanted.filter { $0 >= 0 && $0 < slice.index && !known.contains($0) }.prefix(limit).map { Slice($0) }
        }
    }
}

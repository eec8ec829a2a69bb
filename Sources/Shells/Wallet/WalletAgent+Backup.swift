internal import Exchange

extension WalletAgent {
    /// Written anew after each plan, always of the same few lengths: when it changes says nothing that the clock does not.
    func backUp(now: Int64) throws {
        guard let path = try store.setting("backup").map({ String(decoding: $0, as: UTF8.self) }), !path.isEmpty else { return }
        try Backup.write(store, seed, to: path, now: now)
    }
}

internal import Exchange

extension WalletAgent {
    /// Each mote's owner says in the mote's offer, for everybody, which log it saw. An exchange that shows people different keys must list, to
    /// each of them, motes that saw another log than this wallet: then nothing is ordered any more. Motes of which that cannot be
    /// found out are not bought from, so keeping the log back does not help either.
    ///
    /// The log is read only when there is a root that is not known, which are a few a day, and from its last days alone.
    func compareLogs(_ offers: [Offer]) throws {
        let isKnown = { (offer: Offer) in self.roots?.contains(offer.keyRoot) == true }
        guard book.incident == nil, !offers.allSatisfy(isKnown) else { return }
        guard let fresh = try attempt("motes cannot be bought from, for the log cannot be read", { try readLog() }) else { return }
        roots = fresh
        guard !offers.allSatisfy(isKnown) || newest.map({ !fresh.agree(with: $0.checkpoint) }) == true else { return }
        book.haltForOtherLog()
        onNews("a mote that is listed saw another log of the exchange than this wallet does: people are shown different keys. Run 'dustcloud market audit', and tell others")
    }

    private struct Withheld: Error, CustomStringConvertible {
        let description = "the exchange does not hand it out whole, up to what it showed before, as two of its witnesses signed it"
    }

    private func readLog() throws -> RecentRoots {
        guard let checkpoint = try port.checkpoint(), terms.trust.accepts(checkpoint), checkpoint.size <= TransparencyLog.entriesLimit else { throw Withheld() }
        // An older one is signed as well, and proves nothing about what came since.
        guard checkpoint.size >= newest?.checkpoint.size ?? 0 else { throw Withheld() }
        let wanted = RecentRoots.tiles(checkpoint.size)
        var found = tiles.filter { wanted.contains($0.key) }
        for tile in wanted where found[tile] == nil {
            guard let bytes = try port.tile(tile) else { throw Withheld() }
            found[tile] = bytes
        }
        guard let roots = RecentRoots(checkpoint, tiles: found) else { throw Withheld() }
        tiles = found.filter { $0.key.width == Tile.fullWidth }
        return roots
    }
}

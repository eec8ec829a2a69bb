internal import Ambience
internal import Bytes
internal import Exchange
internal import Sealing

extension WalletAgent {
    private static let nameBytes = 16

    private func name(_ token: WalletToken) -> String { Hex.lower(token.nonce.prefix(Self.nameBytes)) }

    /// One file for each access token that can be used, under a name that the client knows only when the file is whole.
    func writeTickets() throws {
        let tokens = try store.freeAccess()
        guard !tokens.isEmpty else { return }
        let there = Set(((try? Files.list(folder.tickets)) ?? []).compactMap { TicketFile.name($0)?.name })
        for token in tokens {
            guard let place = token.place, let offer = try store.offer(of: place), let address = MoteAddress(offer.address), let ticket = ticket(token, place, address) else { continue }
            // Killed after the file was written and before that was noted: the client may have used it by now.
            if !there.contains(name(token)) {
                var bytes = ticket.bytes
                defer { bytes.wipe() }
                try folder.files { () throws(FileError) in try Files.replace("\(folder.tickets)/\(name(token))\(TicketFile.unused)", with: bytes) }
            }
            try store.ticketed(token)
        }
    }

    private static let ownPrefix = "own-"

    /// For motes of the cloud whose client reads the tickets: its owner need not pay there, and uses them when nothing was bought.
    func writeOwnTickets(at slice: Slice) throws {
        let lots = try store.lots().filter { kept in kept.isListed && kept.folder.hasPrefix(folder.motes + "/") && kept.lot.last.map { $0 >= slice } == true }
        var wanted: [String: Ticket] = [:]
        for kept in lots {
            guard let mote = kept.lot.mote, let start = kept.lot.start, let last = kept.lot.last, let relay = RSAIdentity(kept.address.fingerprint) else { continue }
            wanted["\(Self.ownPrefix)\(Hex.lower(mote.prefix(Self.nameBytes)))\(TicketFile.unused)"] = Ticket(
                time: terms.time, slices: start...last, mote: mote, relay: relay, access: .owner, seed: seed.ownerSeed)
        }
        let there = Set(((try? Files.list(folder.tickets)) ?? []).filter { $0.hasPrefix(Self.ownPrefix) && $0.hasSuffix(TicketFile.unused) })
        for name in there where wanted[name] == nil { try folder.files { () throws(FileError) in try Files.remove("\(folder.tickets)/\(name)") } }
        for (name, ticket) in wanted where !there.contains(name) {
            var bytes = ticket.bytes
            defer { bytes.wipe() }
            try folder.files { () throws(FileError) in try Files.replace("\(folder.tickets)/\(name)", with: bytes) }
        }
    }

    private func ticket(_ token: WalletToken, _ place: Place, _ address: MoteAddress) -> Ticket? {
        guard let key = KeyID(token.token.input.keyID), let relay = RSAIdentity(address.fingerprint) else { return nil }
        return Ticket(
            time: terms.time, slices: place.slice...place.slice, mote: place.mote, relay: relay, access: .token(token.token, salt: seed.salt(key, token.counter)),
            seed: seed.signerSeed(key, token.counter))
    }

    /// What became of them. A token that a mote was shown, and did not serve for, may come back when nobody deposited it.
    func readTickets(_ slice: Slice, _ now: Int64) throws {
        let tickets = try store.ticketsOpen()
        guard !tickets.isEmpty else { return }
        var files: [String: [String]] = [:]
        for file in (try? Files.list(folder.tickets)) ?? [] { if let (name, _) = TicketFile.name(file) { files[name, default: []].append(file) } }
        for token in tickets {
            guard let place = token.place else { continue }
            let own = files[name(token)] ?? [], isShown = own.contains { $0.hasSuffix(TicketFile.spent) }, receipt = receipt(token, place, own)
            if receipt?.outcome == .served {
                try store.used(token, isServed: true, now: now)
            } else if place.slice < slice {
                // A receipt of "full" or none: in doubt. Not shown: as good as new, though for no mote any more.
                if isShown { try complain(token, place, receipt, now: now) }
                try store.used(token, isServed: false, isShown: isShown, now: now)
            } else { continue }
            guard place.slice < slice else { continue }
            for file in own { try folder.files { () throws(FileError) in try Files.remove("\(folder.tickets)/\(file)") } }
        }
    }

    private func receipt(_ token: WalletToken, _ place: Place, _ files: [String]) -> GateReceipt? {
        guard let file = files.first(where: { $0.hasSuffix(TicketFile.receipt) }), let bytes = try? Files.read("\(folder.tickets)/\(file)"),
            let receipt = try? GateReceipt(bytes), receipt.subject == token.nonce, receipt.slice == place.slice, receipt.isSigned(by: place.mote)
        else { return nil }
        return receipt
    }
}

internal import Ambience
internal import Bytes
internal import Exchange
internal import Sealing

extension WalletAgent {
    /// What the owner's motes and the client need or have brought.
    func tend(at slice: Slice, now: Int64) throws {
        try store.renewLots(at: slice)
        for kept in try store.lots() {
            if kept.lot.state == .permitted { try list(kept, slice, now) }
            if kept.isListed, kept.wants != 0, kept.lot.swap == nil { try askForSwap(kept, slice) }
            if let last = kept.lot.last, kept.lot.permit != nil, slice <= Slice.first(ofDay: last.day + 2) { try collect(kept) }
        }
        try writeOwnTickets(at: slice)
        try writeTickets()
        try readTickets(slice, now)
        try voice(at: slice, now: now)
    }

    // MARK: offering

    /// The mote's key comes from the wallet's seed, as its permit's nonce: so the wallet signs the listing, the deposits and the stake's return,
    /// also of a mote that died. A key that the mote made itself would have to be had from it before the permit is asked for, and would be gone with it.
    private func list(_ kept: KeptLot, _ slice: Slice, _ now: Int64) throws {
        guard let permit = kept.lot.permit, let start = kept.lot.start, let last = kept.lot.last, let key = KeyID(permit.token.input.keyID), let newest else { return }
        guard slice <= last else { return try store.listed(kept, .untimely, now: now) }
        try equip(kept, permit, key, start...last)
        let signer = seed.signer(key, permit.counter)
        let offer = { (signature: [UInt8]) in
            Offer(
                permit: permit.token, size: kept.lot.size, bucket: kept.lot.bucket, first: start, last: last, group: self.terms.groupNumbers[kept.lot.bucket] ?? 0,
                address: kept.address.bytes, keyRoot: newest.checkpoint.root, signature: signature)
        }
        guard let answer = try attempt("a mote cannot be listed", { try port.list(offer(signer.sign(offer([]).signed))) }) else { return }
        try store.listed(kept, answer, now: now)
        onNews(answer == nil ? "mote \(kept.address.address) is listed for slices \(start.index) to \(last.index)" : "mote \(kept.address.address) is not listed: \(answer!)")
    }

    /// What the mote needs to serve, the offer last: with it everything is there.
    private func equip(_ kept: KeptLot, _ permit: WalletToken, _ key: KeyID, _ slices: ClosedRange<Slice>) throws {
        var secret = seed.signerSeed(key, permit.counter).copy
        defer { secret.wipe() }
        let path = kept.folder
        try folder.files { () throws(FileError) in
            try Files.makeFolder(path)
            try Files.makeFolder("\(path)/\(MoteFolder.keys)")
            try Files.replace("\(path)/\(MoteFolder.key)", with: secret)
            try Files.replace("\(path)/\(MoteFolder.terms)", with: terms.text)
            try Files.replace("\(path)/\(MoteFolder.owners)", with: Hex.lower(seed.owner.publicKey) + "\n")
        }
        for document in try store.documents() where document.kind == .day {
            try folder.files { () throws(FileError) in try Files.replace("\(path)/\(MoteFolder.keys)/day-\(document.number)", with: document.bytes) }
        }
        let offer = MoteOffer(size: kept.lot.size, bucket: kept.lot.bucket, slices: slices)
        try folder.files { () throws(FileError) in try Files.replace("\(path)/\(MoteFolder.offer)", with: offer.text) }
    }

    // MARK: swaps

    private func askForSwap(_ kept: KeptLot, _ slice: Slice) throws {
        guard let permit = kept.lot.permit, let start = kept.lot.start, let last = kept.lot.last, slice < last, let key = KeyID(permit.token.input.keyID) else { return }
        // What was asked already is asked again as it was, and nothing else.
        // None is 0, so the second of two is taken: the one after that is another order's, whose key would tie that order to the swap.
        let number = kept.lot.swapCounter > 0 ? kept.lot.swapCounter : try counter(2) + 1
        let first = max(start, Slice(try store.number("swap-first-\(kept.lot.id)") ?? max(start, slice + 1).index))
        let request = { (signature: [UInt8]) in
            SwapRequest(mote: permit.nonce, accepts: kept.wants, first: first, last: last, orderKey: self.seed.orderKey(number).publicKey, signature: signature)
        }
        let signed = request(seed.signer(key, permit.counter).sign(request([]).signed))
        try store.set("swap-first-\(kept.lot.id)", first.index)
        try store.asked(kept.lot.id, swap: signed.id, counter: number)
        guard let answer = try attempt("a swap cannot be asked for", { try port.swap(signed) }), let refusal = answer else { return }
        onNews("the swap of mote \(kept.address.address) was refused: \(refusal)")
    }

    // MARK: what was earned

    /// What the mote wrote down of those whom it let in. Which lot each is of shows the token's challenge.
    private func collect(_ kept: KeptLot) throws {
        let path = "\(kept.folder)/\(MoteFolder.spends)"
        guard let mote = kept.lot.mote, Files.exists(path), let file = try? Files.read(path), file.count <= SpendRecord.fileLimitBytes else { return }
        var count = 0
        for record in SpendRecord.all(in: file).dropFirst(seen[kept.lot.id] ?? 0) {
            guard Challenges.access(mote: mote, record.slice, salt: record.salt).digest == record.token.input.challengeDigest,
                let role = KeyID(record.token.input.keyID).flatMap({ book.role(of: $0) })
            else { continue }
            let token = WalletToken(token: record.token, role: role, counter: 0, since: record.slice, ripe: record.slice, stale: role.forgotten)
            let evidence = Recipe.Input.Evidence.spent(record.slice, salt: record.salt, session: record.session, signature: record.signature)
            if try store.add(MoteIncome(lot: kept.lot.id, mote: mote, spend: Recipe.Input(token, evidence))) { count += 1 }
        }
        if hasBook { seen[kept.lot.id] = SpendRecord.all(in: file).count }
        if count > 0 { isStirred = true }
    }
}

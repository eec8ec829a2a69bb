extension WalletBook {
    /// Where one order's tokens are for: the next slices in turn, in each of them motes drawn by their shares, none twice before all are.
    ///
    /// `nil` when no mote is listed for any of them. All are of one day, for an access key is.
    func places(for denomination: Denomination, at slice: Slice, _ rules: WalletRules, _ random: inout some RandomNumberGenerator) -> (day: Int64, places: [Place])? {
        let next = (1...rules.slicesAhead).map { slice + $0 }, count = 3 * Int(denomination.value)
        guard let first = next.first(where: { !choices($0).isEmpty }) else { return nil }
        let slices = next.filter { $0.day == first.day && !choices($0).isEmpty }
        return (first.day, draw(count, slices, { choices($0) }, &random))
    }

    /// The same for a right: its bucket, its slice, motes of others. `nil` when there are none.
    func places(ofBucket bucket: UInt8, at slice: Slice, _ random: inout some RandomNumberGenerator) -> [Place]? {
        let motes = choices(slice).filter { $0.bucket == bucket }
        return motes.isEmpty ? nil : draw(3, [slice], { _ in motes }, &random)
    }

    /// Not the owner's, and none that the witnesses found gone.
    private func choices(_ slice: Slice) -> [ListedMote] {
        let own = ownMotes
        return (listed[slice] ?? []).filter { mote in
            !own.contains(mote.mote) && !(1...2).contains { isUp[Place(mote: mote.mote, slice: slice - $0)] == false }
        }
    }

    private func draw(_ count: Int, _ slices: [Slice], _ choices: (Slice) -> [ListedMote], _ random: inout some RandomNumberGenerator) -> [Place] {
        var left: [Slice: [ListedMote]] = [:]
        return (0..<count).map { index in
            let slice = slices[index % slices.count]
            if left[slice, default: []].isEmpty { left[slice] = choices(slice).sorted { $0.mote.lexicographicallyPrecedes($1.mote) } }
            let chosen = Self.byShares(left[slice]!, &random)
            return Place(mote: left[slice]!.remove(at: chosen).mote, slice: slice)
        }
    }

    /// In proportion to their shares, which is what their stakes are in proportion to: so many small motes draw no more than one large one.
    private static func byShares(_ motes: [ListedMote], _ random: inout some RandomNumberGenerator) -> Int {
        var ticket = Int64.random(in: 0..<motes.reduce(0) { $0 + $1.size.shares }, using: &random)
        return motes.firstIndex { mote in
            ticket -= mote.size.shares
            return ticket < 0
        } ?? 0
    }
}

extension WalletPlan {
    // MARK: the owner's motes

    mutating func planLots(_ random: inout some RandomNumberGenerator) {
        for lot in book.lots {
            switch lot.state {
            case .wished: planPermit(lot, &random)
            case .permitted, .listed:
                planRight(lot)
                planUnstake(lot, &random)
            case .asked, .over: break
            }
            planDeposits(lot, &random)
        }
        planBarter(&random)
    }

    /// Two slices before the first, unless that was set.
    private mutating func planPermit(_ lot: Lot, _ random: inout some RandomNumberGenerator) {
        let start = lot.start ?? slice + rules.permitLead
        guard (start - 4 ..< start).contains(slice), start - rules.permitLead <= slice else { return }
        guard !lot.isTrial else { return add(Intent(.permit(lot.id), .trial(lot.size), .work(start, nonce: [UInt8](repeating: 0, count: 8)))) }
        guard let stake = draw(3, lot.size.stake, isUrgent: false, &random) else { return }
        add(Intent(.permit(lot.id), .permit(lot.size), .start(start), stake.map { Recipe.Input($0) }))
    }

    /// What a slice of service earns, in the bucket that the clearing gave.
    private mutating func planRight(_ lot: Lot) {
        guard let (id, bucket) = lot.swap, let start = lot.start, let last = lot.last, (start...last).contains(slice), let mote = lot.mote,
            book.isUp[Place(mote: mote, slice: slice)] != false
        else { return }
        let detail = OrderDetail.swap(id, bucket: bucket, slice + 2)
        guard !book.orders.contains(where: { $0.detail == detail }) else { return }
        add(Intent(.right(lot.id), .right(lot.size), detail, keyCounter: lot.swapCounter))
    }

    private mutating func planBarter(_ random: inout some RandomNumberGenerator) {
        for token in pool {
            guard case .barter(let bucket, let served) = token.role, token.role.accepted.contains(slice), let places = book.places(ofBucket: bucket, at: served, &random)
            else { continue }
            take([token])
            add(Intent(.barter(Int64(bucket)), .barter, .none, [Recipe.Input(token)], places: places))
        }
    }

    private mutating func planUnstake(_ lot: Lot, _ random: inout some RandomNumberGenerator) {
        guard let permit = lot.permit, case .permit(_, let size, true) = permit.role, permit.role.accepted.contains(slice),
            isDue(before: permit.role.accepted.upperBound, &random)
        else { return }
        add(Intent(.unstake(lot.id), .unstake(size), .signature([]), [Recipe.Input(permit)]))
    }

    /// At a random slice before that, and in good time.
    private func isDue(before end: Slice, _ random: inout some RandomNumberGenerator) -> Bool {
        rules.isHurried || Int64.random(in: 0..<max(1, end.index - slice.index - 8), using: &random) == 0
    }

    // MARK: deposits

    /// Sixteen at once; the last few when the mote's time is over. Only what the witnesses certified: one other would spoil the order.
    private mutating func planDeposits(_ lot: Lot, _ random: inout some RandomNumberGenerator) {
        guard let mote = lot.mote else { return }
        let due = book.incomes.filter {
            $0.lot == lot.id && $0.spend.token.role.accepted.contains(slice) && $0.slice < slice && book.isUp[Place(mote: mote, slice: $0.slice)] == true
        }
        let isOver = lot.last.map { $0 < slice } ?? true
        for bought in [true, false] {
            var rest = due.filter { $0.spend.token.role.isBought == bought }.sorted { $0.spend.token.nonce.lexicographicallyPrecedes($1.spend.token.nonce) }[...]
            while rest.count >= Shape.bundle || isOver && !rest.isEmpty {
                let part = Array(rest.prefix(Shape.bundle)), end = part.map(\.spend.token.role.accepted.upperBound).min() ?? slice
                rest = rest.dropFirst(Shape.bundle)
                guard isDue(before: min(end, slice + 16), &random) else { continue }
                add(Intent(.deposit(lot.id), .deposit, .mote(mote), part.map(\.spend)))
            }
        }
    }

    // MARK: refunds

    /// Access that no mote took, sixteen of one day at once. At most one in each of which a mote may have been shown: if that was deposited,
    /// the order fails, and it is known which it was.
    mutating func planRefunds(_ random: inout some RandomNumberGenerator) {
        let open = pool.filter { $0.role.refunded?.contains(slice) == true }
        for (role, tokens) in Dictionary(grouping: open, by: \.role).sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            let drawn = tokens.sorted { $0.nonce.lexicographicallyPrecedes($1.nonce) }.shuffled(using: &random)
            var sure = drawn.filter { !$0.isDoubtful }[...], shown = drawn.filter(\.isDoubtful)[...]
            while sure.count + min(1, shown.count) >= Shape.bundle {
                let part = Array(shown.prefix(1)) + sure.prefix(Shape.bundle - min(1, shown.count))
                (sure, shown) = (sure.dropFirst(Shape.bundle - min(1, shown.count)), shown.dropFirst(1))
                guard book.wantsRefunds || isDue(before: role.refunded?.upperBound ?? slice, &random) else { continue }
                take(part)
                add(Intent(.refund, .refund, .none, part.map { Recipe.Input($0, .own) }))
            }
        }
    }
}

extension KeyRole {
    /// Not bartered.
    fileprivate var isBought: Bool { if case .access = self { true } else { false } }
}

/// The forms that an order can have. There are no others and no free amounts, so that what somebody orders says next to nothing of them.
package enum Shape: Hashable, Sendable {
    /// 3 credits of the denomination become so many access tokens: 12, 48 or 192.
    case buy(Denomination)
    /// 3 credits of an old week become 3 of this one.
    case roll(Denomination)
    /// One credit becomes 4 of a quarter.
    case split(Denomination)
    /// 4 credits become one of four times as much.
    case merge(Denomination)
    /// 16 access tokens of one day that no mote had become 15 credit.
    case refund
    /// 16 access tokens that one mote had become 15 credit; the last few of a mote may be fewer.
    case deposit
    /// A paid pack becomes 960 credit.
    case prepay
    /// 3 credits become a permit to list a mote, or, if the draw is lost, 3 credits.
    case permit(MoteClass)
    /// Work becomes a permit, or nothing.
    case trial(MoteClass)
    /// A permit whose lot is over becomes its stake again.
    case unstake(MoteClass)
    /// A certified mote's slice of service becomes rights in the bucket that the clearing gave its owner.
    case right(MoteClass)
    /// A right becomes 3 access tokens for motes of that bucket.
    case barter

    package static let bundle = 16
    package static let bundleFee: Int64 = 1
    package static let packValue: Int64 = 960

    /// Two bytes on the wire.
    package var code: (UInt8, UInt16) {
        switch self {
        case .buy(let denomination): (1, denomination.rawValue)
        case .roll(let denomination): (2, denomination.rawValue)
        case .split(let denomination): (3, denomination.rawValue)
        case .merge(let denomination): (4, denomination.rawValue)
        case .refund: (5, 0)
        case .deposit: (6, 0)
        case .prepay: (7, 0)
        case .permit(let size): (8, UInt16(size.rawValue))
        case .trial(let size): (9, UInt16(size.rawValue))
        case .unstake(let size): (10, UInt16(size.rawValue))
        case .right(let size): (11, UInt16(size.rawValue))
        case .barter: (12, 0)
        }
    }

    package init?(code: UInt8, detail: UInt16) {
        let denomination = Denomination(rawValue: detail), size = UInt8(exactly: detail).flatMap(MoteClass.init)
        switch (code, denomination, size) {
        case (1, .four?, _), (1, .sixteen?, _), (1, .sixtyFour?, _): self = .buy(denomination!)
        case (2, let denomination?, _): self = .roll(denomination)
        case (3, let denomination?, _) where denomination != .one: self = .split(denomination)
        case (4, let denomination?, _) where denomination.larger != nil: self = .merge(denomination)
        case (5, _, _) where detail == 0: self = .refund
        case (6, _, _) where detail == 0: self = .deposit
        case (7, _, _) where detail == 0: self = .prepay
        case (8, _, let size?): self = .permit(size)
        case (9, _, let size?): self = .trial(size)
        case (10, _, let size?): self = .unstake(size)
        case (11, _, let size?): self = .right(size)
        case (12, _, _) where detail == 0: self = .barter
        default: return nil
        }
    }

    /// What so many tokens of a deposit become, less the fee.
    private static func paid(_ tokens: Int) -> [(Denomination, Int)] {
        switch tokens {
        case bundle: [(.one, 3), (.four, 3)]
        case ...1: []
        default: [(.one, tokens - 1)]
        }
    }

    /// How many tokens go in; a deposit's tail may have fewer.
    package var inputs: Int {
        switch self {
        case .buy, .roll, .permit: 3
        case .split, .unstake, .barter: 1
        case .merge: 4
        case .refund, .deposit: Self.bundle
        case .prepay, .trial, .right: 0
        }
    }

    /// What comes out when tokens of `spent` go in at `slice`, batch by batch. A lost permit gets its stake instead. `nil` for a detail of
    /// another shape.
    package func outputs(_ spent: [KeyRole], at slice: Slice, detail: OrderDetail) -> [(role: KeyRole, count: Int)]? {
        func credit(_ denomination: Denomination, _ count: Int) -> (role: KeyRole, count: Int) { (.credit(denomination, week: slice.week), count) }
        switch (self, detail) {
        case (.buy(let denomination), .day(let day)): return [(.access(day: day), 3 * Int(denomination.value))]
        case (.roll(let denomination), .none): return [credit(denomination, 3)]
        case (.split(let denomination), .none): return Denomination(rawValue: denomination.rawValue / 4).map { [credit($0, 4)] }
        case (.merge(let denomination), .none): return denomination.larger.map { [credit($0, 1)] }
        case (.refund, .none): return [credit(.one, 3), credit(.four, 3)]
        case (.deposit, .mote):
            let barter = spent.filter { if case .barterAccess = $0 { true } else { false } }
            // Barter was paid for with barter: such tokens are evidence of service only.
            guard barter.isEmpty else { return barter.count == spent.count ? [] : nil }
            return Self.paid(spent.count).map { credit($0, $1) }
        case (.prepay, .receipt): return [credit(.twoHundredFiftySix, 3), credit(.sixtyFour, 3)]
        case (.permit(let size), .start(let start)): return [(.permit(start, size, isStaked: true), 1), credit(size.stake, 3)]
        case (.trial(let size), .work(let start, _)): return [(.permit(start, size, isStaked: false), 1)]
        case (.unstake(let size), .signature): return [credit(size.stake, 3)]
        case (.right(let size), .swap(_, let bucket, let slice)): return [(.barter(bucket: bucket, slice), size.quota)]
        case (.barter, .none):
            guard case .barter(let bucket, let served) = spent.first else { return nil }
            return [(.barterAccess(bucket: bucket, day: served.day), 3)]
        default: return nil
        }
    }
}

/// What an order says beside tokens.
package enum OrderDetail: Hashable, Sendable {
    case none
    /// Which day's access tokens are bought.
    case day(Int64)
    /// Which mote deposits: its Ed25519 key.
    case mote([UInt8])
    /// A receipt of the payment side: an identifier and its Ed25519 signature.
    case receipt([UInt8], signature: [UInt8])
    /// When the permit begins.
    case start(Slice)
    /// The same without a stake, and 8 bytes of work.
    case work(Slice, nonce: [UInt8])
    /// The mote's signature.
    case signature([UInt8])
    /// Whose swap, the bucket that it got, and for which slice.
    case swap([UInt8], bucket: UInt8, Slice)
}

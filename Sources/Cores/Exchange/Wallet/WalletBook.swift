/// How a wallet behaves. The figures are those of the analysis of what an insider of the exchange can guess.
package struct WalletRules: Hashable, Sendable {
    /// For trials: nothing waits for an age, a random moment or cover. Whoever hurries can be linked to what they paid.
    package var isHurried = false
    /// One in so many purchases is followed by one that nobody uses.
    package var decoyOneIn = 8
    /// Cover orders per slice at least.
    package var leastCover = 1.0 / 24
    /// Tokens of each of the smaller denominations that are kept ripening, so that nothing must be spent fresh.
    package var stock = 6
    /// Slices before its first for which a permit is asked.
    package var permitLead: Int64 = 2
    /// Slices that are bought ahead with one order.
    package var slicesAhead: Int64 = 4

    package init(isHurried: Bool = false) { self.isHurried = isHurried }
}

/// Access that its owner wants.
package struct Purchase: Hashable, Sendable {
    package let id: Int64
    package let denomination: Denomination
    /// Fresh credit may be spent: the owner was told what that gives away.
    package let isUrgent: Bool
    /// Nobody will use it.
    package let isDecoy: Bool
    package let notBefore: Slice

    package init(id: Int64, denomination: Denomination, isUrgent: Bool, isDecoy: Bool = false, notBefore: Slice) {
        (self.id, self.denomination, self.isUrgent, self.isDecoy, self.notBefore) = (id, denomination, isUrgent, isDecoy, notBefore)
    }
}

/// A paid pack: what the cashier signed.
package struct Pack: Hashable, Sendable {
    /// 32 bytes.
    package let receipt: [UInt8]
    package let signature: [UInt8]

    package init(receipt: [UInt8], signature: [UInt8]) { (self.receipt, self.signature) = (receipt, signature) }
}

/// One of the owner's motes for one permit's slices.
package struct Lot: Hashable, Sendable {
    package enum State: UInt8, Sendable {
        /// It shall be offered; no permit yet.
        case wished = 1
        /// A permit was ordered.
        case asked
        /// It has a permit.
        case permitted
        /// The exchange lists it.
        case listed
        /// Its stake was asked back, or it had none; nothing is left to do but deposits.
        case over
    }

    package let id: Int64
    package let size: MoteClass
    package let bucket: UInt8
    /// Work instead of a stake.
    package let isTrial: Bool
    package let state: State
    /// From when on its permit is good.
    package let start: Slice?
    package let permit: WalletToken?
    /// What the clearing gave for it: a swap's identifier, and a bucket. Its key has this counter.
    package let swap: (id: [UInt8], bucket: UInt8)?
    package let swapCounter: UInt64

    package init(id: Int64, size: MoteClass, bucket: UInt8, isTrial: Bool = false, state: State, start: Slice? = nil, permit: WalletToken? = nil, swap: (id: [UInt8], bucket: UInt8)? = nil, swapCounter: UInt64 = 0) {
        (self.id, self.size, self.bucket, self.isTrial, self.state, self.start, self.permit) = (id, size, bucket, isTrial, state, start, permit)
        (self.swap, self.swapCounter) = (swap, swapCounter)
    }

    /// The mote's key on the exchange.
    package var mote: [UInt8]? { permit?.nonce }
    /// The last slice that its permit is good for.
    package var last: Slice? { start.map { $0 + (MoteClass.slicesPerPermit - 1) } }

    package static func == (a: Lot, b: Lot) -> Bool { a.id == b.id && a.state == b.state && a.start == b.start && a.permit == b.permit && a.swap?.id == b.swap?.id }
    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// What somebody showed one of the owner's motes.
package struct MoteIncome: Hashable, Sendable {
    package let lot: Int64
    package let mote: [UInt8]
    package let spend: Recipe.Input

    package init(lot: Int64, mote: [UInt8], spend: Recipe.Input) { (self.lot, self.mote, self.spend) = (lot, mote, spend) }

    package var slice: Slice { if case .spent(let slice, _, _, _) = spend.evidence { slice } else { Slice(0) } }
}

/// A mote that is to be had.
package struct ListedMote: Hashable, Sendable {
    package let mote: [UInt8]
    package let size: MoteClass
    package let bucket: UInt8

    package init(mote: [UInt8], size: MoteClass, bucket: UInt8) { (self.mote, self.size, self.bucket) = (mote, size, bucket) }
}

/// Everything that a wallet's next orders depend on.
package struct WalletBook: Sendable {
    /// Those that are in no order.
    package var tokens: [WalletToken] = []
    /// Orders under way.
    package var orders: [Recipe] = []
    package var packs: [Pack] = []
    package var purchases: [Purchase] = []
    package var lots: [Lot] = []
    package var incomes: [MoteIncome] = []
    /// Which motes are listed for a slice.
    package var listed: [Slice: [ListedMote]] = [:]
    /// What the witnesses said of a mote's slice.
    package var isUp: [Place: Bool] = [:]
    /// Purchases of the last day, decoys too.
    package var purchasesOfDay = 0
    /// The owner wants refunds now, not at a moment of the wallet's choice.
    package var wantsRefunds = false

    package init() {}

    /// Keys of all the owner's motes: it never buys those, for a buyer who turns up at the own mote can be told from others.
    package var ownMotes: Set<[UInt8]> { Set(lots.compactMap(\.mote)) }
}

/// An order that should be made now.
package struct Intent: Hashable, Sendable {
    package enum Purpose: Hashable, Sendable {
        case pack([UInt8])
        case purchase(Int64)
        /// To have smaller or larger tokens.
        case change
        /// Old credit for new; as cover, or because it ages.
        case roll
        case refund
        case deposit(Int64)
        case permit(Int64)
        case unstake(Int64)
        case right(Int64)
        case barter(Int64)
        /// To learn whether tokens out of a backup are unspent.
        case proof
    }

    package let purpose: Purpose
    package let shape: Shape
    package let detail: OrderDetail
    package let inputs: [Recipe.Input]
    package let places: [Place]
    package let keyCounter: UInt64?

    init(_ purpose: Purpose, _ shape: Shape, _ detail: OrderDetail = .none, _ inputs: [Recipe.Input] = [], places: [Place] = [], keyCounter: UInt64? = nil) {
        (self.purpose, self.shape, self.detail, self.inputs, self.places, self.keyCounter) = (purpose, shape, detail, inputs, places, keyCounter)
    }

    package func recipe(at slice: Slice, from counter: UInt64) -> Recipe {
        Recipe(shape, detail, at: slice, from: counter, keyCounter: keyCounter, inputs: inputs, places: places)
    }
}

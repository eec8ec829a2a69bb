/// What happened to an order that was carried out.
package enum Outcome: UInt8, Sendable {
    case done = 1
    /// A permit's draw that was lost: the stake went back.
    case lost = 2
}

/// Tokens made and taken with a key.
package struct KeyCount: Hashable, Sendable {
    package var issued: Int64
    package var redeemed: Int64

    package init(issued: Int64 = 0, redeemed: Int64 = 0) { (self.issued, self.redeemed) = (issued, redeemed) }
}

/// A mote that is offered.
package struct Listing: Hashable, Sendable {
    package let mote: [UInt8]
    package let size: MoteClass
    package let bucket: UInt8
    package let first: Slice
    package let last: Slice
    /// The permit's key and token, by which its stake can be taken.
    package let permit: KeyID
    package let isStaked: Bool

    package init(mote: [UInt8], size: MoteClass, bucket: UInt8, first: Slice, last: Slice, permit: KeyID, isStaked: Bool) {
        (self.mote, self.size, self.bucket, self.first, self.last, self.permit, self.isStaked) = (mote, size, bucket, first, last, permit, isStaked)
    }
}

/// A swap that the clearing matched: a mote's owner gets rights in another bucket while the mote is certified.
package struct Swap: Hashable, Sendable {
    package let id: [UInt8]
    package let mote: [UInt8]
    package let size: MoteClass
    package let bucket: UInt8
    package let first: Slice
    package let last: Slice
    /// The key that asks for the rights.
    package let orderKey: [UInt8]

    package init(id: [UInt8], mote: [UInt8], size: MoteClass, bucket: UInt8, first: Slice, last: Slice, orderKey: [UInt8]) {
        (self.id, self.mote, self.size, self.bucket, self.first, self.last, self.orderKey) = (id, mote, size, bucket, first, last, orderKey)
    }
}

/// One row of the ledger.
package struct Entry: Hashable, Sendable {
    package let account: Account
    /// In smm.
    package let delta: Int64

    package init(_ account: Account, _ delta: Int64) { (self.account, self.delta) = (account, delta) }
}

/// The statements of a transaction. Each may fail because the process is killed; then none of the transaction's happened.
package protocol LedgerStatements {
    mutating func outcome(of request: [UInt8]) throws -> Outcome?
    mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws
    mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool
    /// False when it is there already.
    mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool
    /// False when it is there already.
    mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool
    mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws
    mutating func count(_ key: KeyID) throws -> KeyCount
    mutating func setCount(_ key: KeyID, _ count: KeyCount) throws
    mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing?
    /// False when that mote is listed for one of those slices already.
    mutating func insertListing(_ listing: Listing) throws -> Bool
    /// What the probes say of a mote's slice; `nil` when they have said nothing yet.
    mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool?
    mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws
    mutating func swap(_ id: [UInt8]) throws -> Swap?
    /// Nothing happens when it is there already.
    mutating func insertSwap(_ swap: Swap) throws
    /// The swap that a mote is in for one of those slices.
    mutating func swapID(of mote: [UInt8], from first: Slice, to last: Slice) throws -> [UInt8]?
    /// Shares that are listed for a slice, by bucket.
    mutating func shares(at slice: Slice) throws -> [UInt8: Int64]
    /// Shares that are listed for each of those slices, by class.
    mutating func classes(from first: Slice, to last: Slice) throws -> [Slice: [MoteClass: Int64]]
    /// What part of each slice's shares was sold, in parts of `LoadGate.whole`.
    mutating func loads(from first: Slice, to last: Slice) throws -> [Slice: Int64]
    mutating func addLoad(_ parts: Int64, at slice: Slice) throws
    /// How many permits the throttle lets be made for a start.
    mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64
    mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws
    /// What was spent with a key and what it answered; its counts stay as they are.
    mutating func forgetTokens(of key: KeyID) throws
}

/// Where the ledger is. Transactions are serializable: each sees all that were before it, and nothing of others.
package protocol LedgerStore {
    associatedtype Statements: LedgerStatements
    /// Everything that `body` did becomes durable together when this returns, and nothing of it if it throws.
    func transaction<R>(_ body: (inout Statements) throws -> R) throws -> R
    /// Sees what a transaction would see, keeps nobody from writing, and may not write.
    func inspect<R>(_ body: (inout Statements) throws -> R) throws -> R
}

/// The exchange's keys, and its trust in other people's signatures.
package protocol TokenDesk {
    func role(of key: KeyID) -> KeyRole?
    func key(of role: KeyRole) -> KeyID?
    func isGenuine(_ token: Token, _ role: KeyRole) -> Bool
    /// The answer for a batch, the same for the same batch always; `nil` when something in it is no message that the key can answer.
    func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]?
    /// Ed25519.
    func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool
    /// The payment side's key.
    var cashier: [UInt8] { get }
}

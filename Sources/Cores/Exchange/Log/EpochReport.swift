internal import Bytes
internal import Sealing

/// What a slice came to (M17), in numbers from which anybody can calculate whether the exchange keeps its rules: what was made and taken with
/// each key, where value is, how well each shape was hidden, what the throttle went by, and the digests of all that was published with it.
///
/// Text, one fact a line, each kind in ascending order: whatever is read here is written again byte for byte.
package struct EpochReport: Hashable, Sendable {
    package static let bytesLimit = 1 << 20

    package enum Failure: Error { case malformed }

    /// What is published beside it: the swaps and complaints of its slice; and the listings and verdicts of slices up to two before it, for until then more
    /// of them may come. Of what no report tells, a slice had none.
    package enum List: String, Sendable, CaseIterable {
        case listings, swaps, certs, complaints

        /// That an exchange hands them out: 20 days, and complaints no longer than a token can be deposited.
        package var slicesKept: Int64 { (self == .complaints ? 3 : 20) * Slice.perDay }
    }

    /// Slices after which nothing is added to what is listed for a slice and to the verdicts of it.
    package static let settling: Int64 = 2

    package struct Place: Hashable, Sendable {
        package let list: List
        package let slice: Slice

        package init(_ list: List, of slice: Slice) { (self.list, self.slice) = (list, slice) }
    }

    package struct Digested: Hashable, Sendable {
        package let count: Int
        /// SHA-256 of the body as it is served.
        package let digest: [UInt8]

        package init(count: Int, digest: [UInt8]) { (self.count, self.digest) = (count, digest) }
        package init(count: Int, body: [UInt8]) { self.init(count: count, digest: Digest.sha256(body)) }
    }

    /// How well orders of a shape that spend tokens of a key were hidden.
    package struct Hidden: Hashable, Sendable {
        package let shape: Shape
        package let role: KeyRole
        package let orders: Int
        /// Sets of tokens that each may have been.
        package let set: Int64
        /// Whether they wait instead.
        package let isHeld: Bool

        package init(shape: Shape, role: KeyRole, orders: Int, set: Int64, isHeld: Bool) {
            (self.shape, self.role, self.orders, self.set, self.isHeld) = (shape, role, orders, set, isHeld)
        }
    }

    package let origin: String
    package let seal: OrdersSeal
    /// `BeaconRecord.value`.
    package let beacon: [UInt8]
    /// Witnesses that kept their value back.
    package var missing: Set<String> = []
    package var lists: [Place: Digested] = [:]
    /// Balances in smm, of all accounts that have any.
    package var accounts: [Account: Int64] = [:]
    /// Tokens ever made and taken with each key for which that changed since the last report.
    package var counts: [KeyRole: KeyCount] = [:]
    package var hidden: [Hidden] = []
    package var refused: [Refusal: Int] = [:]
    /// What the throttle went by and came to in each slice since the last report, with this one.
    package var throttle: [Slice: SliceDecision] = [:]
    /// Permits that it newly allows, by their keys' roles.
    package var permits: [KeyRole: Int64] = [:]

    package init(origin: String, seal: OrdersSeal, beacon: [UInt8]) { (self.origin, self.seal, self.beacon) = (origin, seal, beacon) }

    package var slice: Slice { seal.slice }

    // MARK: text

    package var bytes: [UInt8] { Array(text.utf8) }

    private var text: String {
        let head = ["dust-report 1", "market \(origin)", "slice \(slice.index)", "orders \(seal.count) \(Hex.lower(seal.root))", "beacon \(Hex.lower(beacon))"]
        let rest: [[String]] = [
            missing.map { "missing \($0)" },
            lists.map { "list \($0.list.rawValue) \($0.slice.index) \($1.count) \(Hex.lower($1.digest))" },
            accounts.map { "account \($0) \($1)" },
            counts.map { "key \(Hex.lower($0.bytes)) \($1.issued) \($1.redeemed)" },
            hidden.map { "shape \($0.shape.code.0) \($0.shape.code.1) \(Hex.lower($0.role.bytes)) \($0.orders) \($0.set) \($0.isHeld ? "held" : "open")" },
            refused.map { "refused \($0.rawValue) \($1)" },
            throttle.map { "throttle \($0.index) \($1.numbers.map { "\($0)" }.joined(separator: " "))" },
            permits.map { "permits \(Hex.lower($0.bytes)) \($1)" },
        ]
        return (head + rest.flatMap { $0.sorted() }).joined(separator: "\n") + "\n"
    }

    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Self.bytesLimit, let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        guard lines.count >= 5, lines[1...4].allSatisfy({ $0.count >= 2 }), lines[3].count == 3, let slice = Self.number(lines[2][1], LogLeaf.numberLimit),
            let count = Self.number(lines[3][1], Int64(UInt32.max)), let root = Hex.decode(lines[3][2]), root.count == 32, let beacon = Hex.decode(lines[4][1]),
            beacon.count == 32
        else { throw .malformed }
        self.init(origin: String(lines[1][1]), seal: OrdersSeal(slice: Slice(slice), count: Int(count), root: root), beacon: beacon)
        for line in lines[5...] { guard take(line) else { throw .malformed } }
        guard self.bytes == bytes else { throw .malformed }
    }

    private mutating func take(_ words: [Substring]) -> Bool {
        switch (words[0], words.count) {
        case ("missing", 2): missing.insert(String(words[1]))
        case ("list", 5): return takeList(words)
        case ("account", 3): return takeAccount(words)
        case ("key", 4), ("permits", 3): return takeKey(words)
        case ("shape", 7): return takeShape(words)
        case ("refused", 3):
            guard let code = UInt8(words[1]), let refusal = Refusal(rawValue: code), let count = Self.number(words[2], Self.countLimit) else { return false }
            refused[refusal] = Int(count)
        case ("throttle", 2 + SliceDecision.numbersCount):
            let numbers = words[2...].compactMap { Self.number($0, Self.countLimit) }
            guard let slice = Self.number(words[1], LogLeaf.numberLimit), let decision = SliceDecision(numbers) else { return false }
            throttle[Slice(slice)] = decision
        default: return false
        }
        return true
    }

    private mutating func takeList(_ words: [Substring]) -> Bool {
        guard let list = List(rawValue: String(words[1])), let slice = Self.number(words[2], LogLeaf.numberLimit), let count = Self.number(words[3], Self.countLimit),
            let digest = Hex.decode(words[4]), digest.count == 32
        else { return false }
        lists[Place(list, of: Slice(slice))] = Digested(count: Int(count), digest: digest)
        return true
    }

    private mutating func takeAccount(_ words: [Substring]) -> Bool {
        guard let account = Account(words[1]), let balance = Int64(words[2]), balance.magnitude <= Self.countLimit else { return false }
        accounts[account] = balance
        return true
    }

    private mutating func takeKey(_ words: [Substring]) -> Bool {
        guard let role = KeyRole(hexadecimal: words[1]), let first = Self.number(words[2], Self.countLimit) else { return false }
        if words.count == 3 {
            permits[role] = first
        } else {
            guard let second = Self.number(words[3], Self.countLimit) else { return false }
            counts[role] = KeyCount(issued: first, redeemed: second)
        }
        return true
    }

    private mutating func takeShape(_ words: [Substring]) -> Bool {
        guard let code = UInt8(words[1]), let detail = UInt16(words[2]), let shape = Shape(code: code, detail: detail), let role = KeyRole(hexadecimal: words[3]),
            let orders = Self.number(words[4], Self.countLimit), let set = Int64(words[5]), set.magnitude <= Self.countLimit
        else { return false }
        hidden.append(Hidden(shape: shape, role: role, orders: Int(orders), set: set, isHeld: words[6] == "held"))
        return true
    }

    /// So that sums of them do not overflow.
    private static let countLimit: Int64 = 1 << 48

    private static func number(_ word: Substring, _ limit: Int64) -> Int64? { Int64(word).flatMap { (0...limit).contains($0) ? $0 : nil } }
}

extension KeyRole {
    fileprivate init?(hexadecimal text: Substring) {
        guard let bytes = Hex.decode(text), bytes.count == 11 else { return nil }
        var reader = ByteReader(bytes)
        guard let role = try? KeyRole(&reader) else { return nil }
        self = role
    }
}

/// What an exchange's rules reckon with. Public, and the same for its whole life; trials have smaller numbers.
package struct MarketRules: Hashable, Sendable {
    package static let usual = MarketRules()

    /// Leading zeros of a trial permit's work.
    package var workBits = Work.bits
    /// Sets of tokens that an order must hide among (`HoldOver`).
    package var leastSet: Int64 = 50
    /// Slices that an order waits for them.
    package var longestHold: Int64 = 8
    /// Motes that a bucket's swap fleet must have to be opened: with fewer, a right would say too much of where it is used.
    package var leastFleet = 20
    /// Which provider group each bucket is of. There are no others.
    package var groups = Dictionary(uniqueKeysWithValues: (UInt8(0)..<32).map { ($0, $0) })
    /// Motes that any group may list, however few others there are; from there on it has a third of all shares at most.
    package var groupFloor: Int64 = 3

    /// Whether purchases stop where motes would begin to refuse people (`LoadGate`). Trials with a few motes do without.
    package var stopsAtLoad = true

    package init() {}

    /// With an exchange's buckets, and its own numbers if it is for trials.
    package init(_ terms: MarketTerms) {
        groups = terms.groupNumbers
        (leastSet, longestHold, leastFleet) = (terms[.leastSet], terms[.longestHold], Int(terms[.leastFleet]))
        (groupFloor, workBits) = (terms[.groupFloor], Int(terms[.workBits]))
        stopsAtLoad = leastFleet >= MarketRules.usual.leastFleet
    }

    /// Whether a group may have so many shares of a slice, once a mote of that size is among them.
    func allows(_ own: Int64, of all: Int64, with size: MoteClass) -> Bool { own <= max(all / 3, groupFloor * size.shares) }
}

extension MarketTerms {
    /// Of each bucket, the number of its provider group: groups are numbered in the order in which the buckets, by number, name them first.
    package var groupNumbers: [UInt8: UInt8] {
        var names: [String] = [], numbers: [UInt8: UInt8] = [:]
        for bucket in buckets.sorted(by: { $0.number < $1.number }) {
            if !names.contains(bucket.group) { names.append(bucket.group) }
            numbers[bucket.number] = names.firstIndex(of: bucket.group).map { UInt8($0) }
        }
        return numbers
    }
}

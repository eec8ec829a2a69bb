/// The `bandwidth-weights` line of a consensus (dir-spec 3.8.3): how much of the bandwidth of guards, exits, both and
/// others goes to each position, so that no position starves.
package struct BandwidthWeights: Equatable, Sendable {
    /// Sums of consensus bandwidths, in kilobytes a second.
    package struct Totals: Equatable, Sendable {
        package var guards: Int64
        package var middles: Int64
        package var exits: Int64
        /// Relays that are guard and exit.
        package var both: Int64

        package init(guards: Int64, middles: Int64, exits: Int64, both: Int64) {
            self.guards = guards
            self.middles = middles
            self.exits = exits
            self.both = both
        }

        /// Where a real consensus starts, so that nothing is ever divided by zero.
        package static let initial = Totals(guards: 1, middles: 1, exits: 1, both: 1)

        package mutating func add(_ bandwidth: UInt32, isGuard: Bool, isExit: Bool) {
            switch (isGuard, isExit) {
            case (true, true): both += Int64(bandwidth)
            case (true, false): guards += Int64(bandwidth)
            case (false, true): exits += Int64(bandwidth)
            case (false, false): middles += Int64(bandwidth)
            }
        }
    }

    package static let defaultScale: Int32 = 10000

    /// First letter: position (guard, middle, exit); second: the flags of the relay (guard, exit, d for both).
    private(set) var gg: Int128 = 0, gd: Int128 = 0, mg: Int128 = 0, me: Int128 = 0, md: Int128 = 0, ee: Int128 = 0, ed: Int128 = 0
    private let scale: Int128

    /// `nil` when the totals allow no balanced weights; the consensus then has no such line.
    package init?(_ totals: Totals, scale: Int32 = defaultScale) {
        let t = Sums(totals)
        guard t.g > 0, t.m > 0, t.e > 0, t.d > 0, scale > 0 else { return nil }
        self.scale = Int128(scale)
        switch (3 * t.g >= t.all, 3 * t.e >= t.all) {
        case (true, true):
            noneScarce(t)
            guard mismatch(t) == nil else { return nil }
        case (false, false):
            guard bothScarce(t) else { return nil }
        default:
            guard oneScarce(t) else { return nil }
        }
    }

    /// The whole line without its newline, names sorted.
    package var line: String {
        "bandwidth-weights Wbd=\(md) Wbe=\(me) Wbg=\(mg) Wbm=\(scale) Wdb=\(scale) Web=\(scale) Wed=\(ed) Wee=\(ee) Weg=\(ed) Wem=\(ee)"
            + " Wgb=\(scale) Wgd=\(gd) Wgg=\(gg) Wgm=\(gg) Wmb=\(scale) Wmd=\(md) Wme=\(me) Wmg=\(mg) Wmm=\(scale)"
    }

    /// Wide enough that no bandwidths and scale an authority may vote for overflow.
    private struct Sums {
        let g: Int128, m: Int128, e: Int128, d: Int128
        var all: Int128 { g + m + e + d }

        init(_ totals: Totals) {
            (g, m, e, d) = (Int128(totals.guards), Int128(totals.middles), Int128(totals.exits), Int128(totals.both))
        }
    }

    /// Case 1.
    private mutating func noneScarce(_ t: Sums) {
        gd = scale / 3
        ed = scale / 3
        md = scale / 3
        ee = scale * (t.e + t.g + t.m) / (3 * t.e)
        me = scale - ee
        mg = scale * (2 * t.g - t.e - t.m) / (3 * t.g)
        gg = scale - mg
    }

    /// Case 2.
    private mutating func bothScarce(_ t: Sums) -> Bool {
        gg = scale
        if min(t.e, t.g) + t.d < max(t.e, t.g) {
            ee = scale
            ed = t.e < t.g ? scale : 0
            gd = scale - ed
            return true
        }
        ee = scale * (t.e - t.g + t.m) / t.e
        ed = scale * (t.d - 2 * t.e + 4 * t.g - 2 * t.m) / (3 * t.d)
        me = scale * (t.g - t.m) / t.e
        md = (scale - ed) / 2
        gd = md
        guard mismatch(t) != nil else { return true }
        ee = scale
        ed = scale * (t.d - 2 * t.e + t.g + t.m) / (3 * t.d)
        md = max(0, scale * (t.d - 2 * t.m + t.g + t.e) / (3 * t.d))
        me = 0
        gd = scale - ed - md
        let left = mismatch(t)
        return left == nil || left == .middleBalance
    }

    /// Case 3.
    private mutating func oneScarce(_ t: Sums) -> Bool {
        let isGuardScarce = t.g < t.e
        if 3 * (min(t.e, t.g) + t.d) < t.all {
            let (plenty, other) = isGuardScarce ? (t.e, t.m) : (t.g, t.m)
            let moved = plenty < other ? 0 : scale * (plenty - other) / (2 * plenty)
            (gg, gd, ee, ed) = isGuardScarce ? (scale, scale, scale - moved, 0) : (scale - moved, 0, scale, scale)
            if isGuardScarce { me = moved } else { mg = moved }
            return true
        }
        if isGuardScarce {
            gg = scale
            gd = scale * (t.d - 2 * t.g + t.e + t.m) / (3 * t.d)
            ee = scale * (t.e + t.m) / (2 * t.e)
            me = scale - ee
            md = (scale - gd) / 2
            ed = md
        } else {
            ee = scale
            ed = scale * (t.d - 2 * t.e + t.g + t.m) / (3 * t.d)
            gg = scale * (t.g + t.m) / (2 * t.g)
            mg = scale - gg
            md = (scale - ed) / 2
            gd = md
        }
        return mismatch(t) == nil
    }

    private enum Mismatch { case sums, range, exitGuardBalance, middleBalance }

    /// The first rule the weights break: sums to one, within range, balanced positions, each with a margin for rounding.
    ///
    /// The order matters: case 2 forgives a middle imbalance only when nothing before it is wrong.
    private func mismatch(_ t: Sums) -> Mismatch? {
        let margin: Int128 = 10
        func differ(_ a: Int128, _ b: Int128, by margin: Int128) -> Bool { (a - b).magnitude > margin.magnitude }
        if differ(ed + md + gd, scale, by: margin) || differ(mg + gg, scale, by: margin) || differ(me + ee, scale, by: margin) { return .sums }
        guard [gg, gd, mg, me, md, ed, ee].allSatisfy({ $0 >= 0 && $0 <= scale }) else { return .range }
        let guardSide = gg * t.g + gd * t.d
        if differ(guardSide, ee * t.e + ed * t.d, by: margin * t.all / 3) { return .exitGuardBalance }
        if differ(guardSide, t.m * scale + md * t.d + me * t.e + mg * t.g, by: margin * t.all / 3) { return .middleBalance }
        return nil
    }
}

internal import Glibc

/// What it costs to push the market about, in smm, and how often motes are full. Everybody pays posted prices, so these are formulas.
package enum MarketCosts {
    /// Buying shares of one's own motes and depositing them: each bundle comes back less one.
    package static func wash(shares: Double) -> Double { shares / Double(Shape.bundle) }

    /// Being alone with one other user in some mote of a slice. Nobody knows which mote that user takes, so all but one share of every mote are bought.
    package static func isolation(motes: Double, of size: MoteClass) -> Double { motes * Double(size.shares - 1) }

    /// Taking a part of all shares of a slice away from others: what is paid at once, and what of it is lost when the shares are given back.
    package static func draining(part: Double, motes: Double, of size: MoteClass) -> (paid: Double, lost: Double) {
        let shares = part * motes * Double(size.shares)
        return (shares, wash(shares: shares))
    }

    /// The part of all tokens that find their mote full when a class is sold up to its load: the number that come to one mote is Poisson's.
    package static func refused(_ size: MoteClass) -> Double {
        let mean = size.load * Double(size.shares), shares = Int(size.shares)
        var chance = exp(-mean), refused = 0.0
        for number in 1...shares * 4 {
            chance *= mean / Double(number)
            if number > shares { refused += chance * Double(number - shares) }
        }
        return refused / mean
    }
}

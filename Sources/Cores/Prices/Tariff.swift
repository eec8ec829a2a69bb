/// What a provider asks for one machine and for what it sends.
///
/// Only rules that can make a bill larger are counted: monthly caps are left out, because a lease may lie across two months, and what an account
/// has free is left out, because others may have used it. So a charge is never below the bill.
package struct Tariff: Equatable, Sendable, Codable {
    package var currency: Currency
    /// For `perSeconds` of the machine. A price for a month is one for the hours after which the provider stops counting (672, 730).
    package var price: Amount
    package var perSeconds: Int64
    /// Time is paid in whole grains of so many seconds…
    package var grainSeconds: Int64
    /// … at least this many…
    package var minimumSeconds: Int64
    /// … and not below this much money.
    package var minimumCharge: Amount
    /// A public IPv4 address, for the same `perSeconds` and grain. Absent: part of the machine's price, or unknown; the offer's note says which.
    package var addressPrice: Amount?
    package var traffic: Traffic

    package struct Traffic: Equatable, Sendable, Codable {
        package var price: Amount
        /// What `price` buys: 1,000,000,000 or 1,073,741,824 bytes, or a thousand times that.
        package var perBytes: Int64
        /// Sent for nothing by each machine in a month of life, in proportion for a shorter one.
        package var includedBytes: Int64
    }
}

/// What one lease costs.
package struct Charge: Equatable, Sendable {
    package let currency: Currency
    package let paidSeconds: Int64
    package let machine: Amount
    package let address: Amount
    package let traffic: Amount

    package var total: Amount { machine + address + traffic }
}

extension Tariff {
    /// The longest month: what is included in proportion is then never counted too high.
    private static let monthSeconds: Int64 = 31 * 86400

    /// The charge for a machine that exists for so long and sends so much.
    package func charge(seconds: Int64, sentBytes: Int64) -> Charge {
        let paid = paidSeconds(for: seconds)
        return Charge(
            currency: currency, paidSeconds: paid, machine: max(minimumCharge, price.times(paid, over: perSeconds)),
            address: addressPrice?.times(paid, over: perSeconds) ?? .zero, traffic: sending(sentBytes, paidSeconds: paid))
    }

    /// What is sent beyond what the paid time includes.
    package func sending(_ sentBytes: Int64, paidSeconds: Int64) -> Amount {
        let free = Int64(clamping: Int128(traffic.includedBytes) * Int128(paidSeconds) / Int128(Self.monthSeconds))
        return traffic.price.times(max(0, sentBytes - free), over: traffic.perBytes)
    }

    package func paidSeconds(for seconds: Int64) -> Int64 {
        let least = max(1, seconds, minimumSeconds)
        return (least + grainSeconds - 1) / grainSeconds * grainSeconds
    }

    /// The longest life, up to a month, that costs the same as one of so many seconds, traffic apart.
    package func longestSeconds(forPriceOf seconds: Int64) -> Int64 {
        let paid = paidSeconds(for: seconds)
        guard price.times(paid, over: perSeconds) < minimumCharge, price > .zero, addressPrice == nil else { return paid }
        let grains = min((minimumCharge / price.times(grainSeconds, over: perSeconds)).whole, Self.monthSeconds / grainSeconds)
        return max(paid, grains * grainSeconds)
    }

    /// What an hour of relaying costs if every life lasts so long.
    package func hourly(lifetimeSeconds: Int64) -> Amount { charge(seconds: lifetimeSeconds, sentBytes: 0).total.times(3600, over: max(1, lifetimeSeconds)) }
}

extension Tariff {
    /// How long after its expiry a machine may still be billed at worst: until the last of those who end it has done so.
    package static let endSlackSeconds: Int64 = 120
    /// Grains up to this are not worth bending a life to.
    private static let smallGrainSeconds: Int64 = 60

    /// The most that a lease can cost, to the cent: its whole life, what its end may take, and what it is expected to send.
    package func ceiling(lifeSeconds: Int64, sentBitsPerSecond: Int64) -> Money {
        let seconds = lifeSeconds + Self.endSlackSeconds
        return Money(charge(seconds: seconds, sentBytes: sentBitsPerSecond * seconds / 8).total.rounded(.up), currency)
    }

    /// A life that ends just before a further grain begins, where that makes an hour of relaying cheaper; else the life that was drawn.
    ///
    /// Lives that are bent stay apart by as much as a tenth of the grain and never leave `range`.
    package func thrifty(_ drawn: Int64, within range: ClosedRange<Int64>) -> Int64 {
        guard grainSeconds > Self.smallGrainSeconds else { return drawn }
        let boundary = (drawn + Self.endSlackSeconds) / grainSeconds * grainSeconds - Self.endSlackSeconds
        guard boundary < drawn, range.contains(boundary), standing(boundary) * drawn < standing(drawn) * boundary else { return drawn }
        let band = min(grainSeconds / 10, boundary - range.lowerBound)
        return boundary - drawn % (band + 1)
    }

    /// What a machine costs that lives so long and ends late, traffic apart.
    private func standing(_ lifeSeconds: Int64) -> Amount { charge(seconds: lifeSeconds + Self.endSlackSeconds, sentBytes: 0).total }
}

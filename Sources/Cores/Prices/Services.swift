/// Prices of things that are paid by use rather than by machine, in US dollars: what the figures of `Figures` are made of.
package struct Services: Equatable, Sendable, Codable {
    /// Where and when these were read.
    package var sources: [String]
    /// Kept for a month, per gigabyte.
    package var storage: Amount
    /// Sent to the world, per gigabyte.
    package var transfer: Amount
    /// Gigabytes of that which are free every month.
    package var freeTransfer: Amount
    /// One object written.
    package var put: Amount
    /// One call of a function, and a second of it with a gigabyte of memory.
    package var call: Amount
    package var gigabyteSecond: Amount
    package var freeCalls: Int64
    package var freeGigabyteSeconds: Amount
    /// A key kept for a month.
    package var keyMonth: Amount
    /// An hour of the machines that the figures compare with.
    package var mediumHour: Amount
    package var largeHour: Amount
}

extension Services {
    /// The prices that the published figures were computed with. They never change: figures are compared with them to the cent.
    package static let published = Services(
        sources: ["the figures' own texts; machine prices of AWS's list of 2017-10-31"],
        storage: .exactly("0.023"), transfer: .exactly("0.09"), freeTransfer: Amount(1), put: .exactly("0.000005"), call: .exactly("0.0000002"),
        gigabyteSecond: .exactly("0.00001667"), freeCalls: 1_000_000, freeGigabyteSeconds: Amount(400_000), keyMonth: Amount(1),
        mediumHour: .exactly("0.0464"), largeHour: .exactly("0.096"))

    package func storing(_ gigabytes: Int64) -> Amount { storage * gigabytes }

    /// A month's transfer beyond what is free.
    package func sending(_ gigabytes: Amount) -> Amount { transfer * (gigabytes - freeTransfer) }

    package func writing(_ objects: Int64) -> Amount { put * objects }

    /// A month's calls of a function, each so many milliseconds with so many megabytes (1,024 of them a gigabyte).
    package func calling(_ calls: Int64, milliseconds: Int64, megabytes: Int64, isFreeCounted: Bool) -> Amount {
        let used = Amount(calls).times(milliseconds * megabytes, over: 1000 * 1024)
        let paidCalls = isFreeCounted ? max(0, calls - freeCalls) : calls
        return gigabyteSecond * (isFreeCounted ? used - freeGigabyteSeconds : used) + call * paidCalls
    }
}

extension Amount {
    /// A constant of the program.
    static func exactly(_ text: StaticString) -> Amount {
        guard let amount = Amount("\(text)") else { preconditionFailure("a constant that is no amount") }
        return amount
    }
}

package import Ambience
package import Leasing

/// What is to be rented. It is durable before anybody is asked and never changes: a provider that knows the order's token compares all of it.
package struct MachineOrder: Equatable, Codable, Sendable {
    package let fleet: String
    package let key: MoteKey
    /// 1 for the first machine of this mote. Another attempt is another order, made only once this one is over.
    package let attempt: Int
    /// Region, location or availability zone's region, as the provider calls it.
    package let place: String
    /// EC2's availability zone. A token is known within its zone only, so the zone belongs to the order.
    package let zone: String?
    package let size: String
    package let image: String
    /// When the machine must be gone.
    package let expires: WallTime
    package let userData: String

    package init(
        fleet: String, key: MoteKey, attempt: Int = 1, place: String, zone: String? = nil, size: String, image: String, expires: WallTime, userData: String = ""
    ) {
        self.fleet = fleet
        self.key = key
        self.attempt = attempt
        self.place = place
        self.zone = zone
        self.size = size
        self.image = image
        self.expires = expires
        self.userData = userData
    }

    /// What is rented on a spot market, where there is one, may be taken back at short notice.
    package static let spotSuffix = ":spot"
    package var isSpot: Bool { size.hasSuffix(Self.spotSuffix) }

    package var tags: MachineTags { MachineTags(fleet: fleet, key: key, attempt: attempt, expires: expires) }
    /// The machine's name: unique per key and attempt. 40 letters, digits and hyphens at most, which every provider takes.
    package var name: String { tags.orderName }
}

extension MachineOrder {
    /// EC2 takes no more.
    package static let userDataLimitBytes = 16_384

    /// What is wrong with it; `nil` if every provider can be asked for it as it is. Policies and people write orders: what is no name goes into no request.
    package var fault: String? {
        if !MachineTags.isFleet(fleet) { return "a fleet's name has 1 to 32 lower-case letters, digits and hyphens" }
        if !(1...Int(MachineTags.lastAttempt)).contains(attempt) { return "attempts are counted from 1 to \(MachineTags.lastAttempt)" }
        if !(0...MachineTags.lastSecond).contains(expires.secondsSinceEpoch) { return "no such expiry" }
        for (what, word) in [("place", place), ("zone", zone ?? "-"), ("size", size), ("image", image)] where !Self.isWord(word) {
            return "a \(what) has 1 to 128 letters, digits and - _ . : /"
        }
        return userData.utf8.count > Self.userDataLimitBytes ? "user data has \(Self.userDataLimitBytes) bytes at most" : nil
    }

    static func isWord(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2D...0x3A).contains($0) || $0 == UInt8(ascii: "_") }
    }
}

/// What every machine of ours carries, so that it is found, and ended, even if everything else is forgotten.
///
/// Tags are visible to the provider and can be edited there: they say what may be ended, never what may be trusted.
package struct MachineTags: Equatable, Sendable {
    package let fleet: String
    package let key: MoteKey
    package let attempt: Int
    package let expires: WallTime

    package init(fleet: String, key: MoteKey, attempt: Int, expires: WallTime) {
        self.fleet = fleet
        self.key = key
        self.attempt = attempt
        self.expires = expires
    }

    /// The name of the order that these tags are of.
    var orderName: String { "mote-\(key)-\(attempt)" }

    static let fleetName = "mote-fleet"
    private static let keyName = "mote-key", attemptName = "mote-attempt", expiresName = "mote-expires"

    /// Times are seconds since 1970: not every provider takes a colon in a tag.
    package var pairs: [(name: String, value: String)] {
        [(Self.fleetName, fleet), (Self.keyName, "\(key)"), (Self.attemptName, "\(attempt)"), (Self.expiresName, "\(expires.secondsSinceEpoch)")]
    }

    /// `nil` unless all four are there and mean something.
    package init?(_ values: [String: String]) {
        guard let fleet = values[Self.fleetName], Self.isFleet(fleet), let key = values[Self.keyName].flatMap({ MoteKey($0) }),
            let attempt = values[Self.attemptName].flatMap({ Self.number($0, 1...Self.lastAttempt) }),
            let expires = values[Self.expiresName].flatMap({ Self.number($0, 0...Self.lastSecond) })
        else { return nil }
        self.init(fleet: fleet, key: key, attempt: Int(attempt), expires: WallTime(secondsSinceEpoch: expires))
    }

    /// As `pairs` writes it: no signs, no zeros in front.
    private static func number(_ text: String, _ range: ClosedRange<Int64>) -> Int64? {
        Int64(text).flatMap { range.contains($0) && "\($0)" == text ? $0 : nil }
    }

    /// For providers whose tags are plain words: `name:value` each.
    package init?(words: [String]) {
        let pairs = words.compactMap { word in word.firstIndex(of: ":").map { (String(word[..<$0]), String(word[word.index(after: $0)...])) } }
        self.init(Dictionary(pairs) { first, _ in first })
    }

    package var words: [String] { pairs.map { "\($0.name):\($0.value)" } }

    /// 1 to 32 lower-case letters, digits and hyphens.
    package static func isFleet(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
    }

    static let lastAttempt: Int64 = 999
    /// The end of the year 9999.
    static let lastSecond: Int64 = 253_402_300_799
}

/// A machine as a provider lists it.
package struct Machine: Equatable, Sendable {
    package enum State: String, Sendable {
        case starting, running, stopped, ending
        /// Not billed any more; some providers show such machines for an hour.
        case ended
        /// The provider could not make it: it will never run, and may be billed.
        case broken
        /// A state that we do not know.
        case unclear
    }

    package let id: String
    package let place: String
    package let tags: MachineTags
    package let state: State
    package let address: String?
    /// When the provider will take it, if that is before its expiry and known.
    package let endsEarly: WallTime?
    /// What the provider says is wrong with it.
    package let fault: String?

    package init(
        id: String, place: String, tags: MachineTags, state: State, address: String? = nil, endsEarly: WallTime? = nil, fault: String? = nil
    ) {
        self.id = id
        self.place = place
        self.tags = tags
        self.state = state
        self.address = address
        self.endsEarly = endsEarly
        self.fault = fault
    }

    /// Whether somebody pays for it, or may: a stopped machine is billed nearly everywhere.
    package var isThere: Bool { state != .ended && state != .ending }
}

package import Ambience
package import Prices

/// What the cloud is wanted to be.
package struct Desire: Equatable, Sendable {
    package enum Mode: String, Codable, Sendable { case up, down }

    package var mode: Mode
    package var timing: Timing
    /// What people asked for by key.
    package var wishes: [MoteKey: Wish]
    /// The most that everything together may ever cost; a currency that is not here is not spent. `nil`: nobody set a limit.
    package var caps: [Currency: Amount]?
    /// What is wanted of motes, old and new.
    package var make: Make

    package init(mode: Mode, timing: Timing, wishes: [MoteKey: Wish] = [:], caps: [Currency: Amount]? = nil, make: Make = Make()) {
        self.mode = mode
        self.timing = timing
        self.wishes = wishes
        self.caps = caps
        self.make = make
    }

    package var policy: FleetPolicy { timing.policy }
}

/// What motes are made of. A mote that is made otherwise has drifted, and is replaced.
package struct Make: Equatable, Sendable {
    /// By provider, the image that a mote boots, as `Site.image` names it. Where none is named, any will do.
    package var images: [String: String]
    /// As `Lease.config`.
    package var config: String?

    package init(images: [String: String] = [:], config: String? = nil) {
        self.images = images
        self.config = config
    }
}

package enum Wish: String, Codable, Sendable {
    /// Replace it first, then let it finish what it carries.
    case drain
    /// End it now.
    case terminate
}

/// What a provider does. Each may be asked for twice.
package enum Effect: Equatable, Sendable {
    case start(Lease, attempt: Int)
    /// Asks the mote to take no new circuits and to end once it is empty.
    case drain(MoteKey)
    /// Tells the mote that it ends earlier than its lease says, so that it advertises that.
    case shorten(MoteKey, expires: WallTime)
    /// Asks the mote to end.
    case stop(MoteKey)
    /// Ends it.
    case kill(MoteKey)
    /// Removes what a gone mote left behind, its keys above all.
    case erase(MoteKey)
}

/// A step to record and then something to do. The record is durable before the effect begins; a crash in between is met by the next pass.
package struct Action: Equatable, Sendable {
    package let event: MoteEvent?
    package let effect: Effect?

    package init(event: MoteEvent?, effect: Effect?) {
        self.event = event
        self.effect = effect
    }
}

/// What the cloud is wanted to be.
package struct Desire: Equatable, Sendable {
    package enum Mode: String, Codable, Sendable { case up, down }

    package var mode: Mode
    package var timing: Timing
    /// What people asked for by key.
    package var wishes: [MoteKey: Wish]

    package init(mode: Mode, timing: Timing, wishes: [MoteKey: Wish] = [:]) {
        self.mode = mode
        self.timing = timing
        self.wishes = wishes
    }

    package var policy: FleetPolicy { timing.policy }
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

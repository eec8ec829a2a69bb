package import Ambience

/// A mote's life. Each state carries only what is true in it.
package enum MoteState: Equatable, Codable, Sendable {
    /// The intent is durable; nothing has been started.
    case intended
    /// A process was asked for.
    case starting(Starting)
    /// The process says that its ports are bound and that it relays.
    case running(Running)
    /// The consensus names it.
    case listed(Running)
    /// It takes no new circuits; those it has may finish.
    case draining(Ending)
    /// It was told to end.
    case terminating(Ending)
    /// Proven: no process of this mote exists.
    case gone(Ending)

    package struct Starting: Equatable, Codable, Sendable {
        /// 1 for the first process of this mote.
        package var attempt: Int
        package var since: WallTime
    }

    package struct Running: Equatable, Codable, Sendable {
        package var attempt: Int
        package var since: WallTime
    }

    package struct Ending: Equatable, Codable, Sendable {
        package var reason: EndReason
        package var since: WallTime
    }
}

/// Why a mote ends.
package enum EndReason: String, Codable, Sendable {
    case expiry
    /// Somebody asked for it by key.
    case wish
    /// The fleet became smaller.
    case surplus
    /// The cloud goes down.
    case down
    /// Its process did not come up, or not in time.
    case failedStart = "failed start"
    /// It ran, but the consensus never named it.
    case neverListed = "never listed"
    /// Its process vanished and too little of its life was left to start it again.
    case lost
    /// Two processes were seen for one key.
    case doubled
    /// Its provider took it back before its time.
    case interrupted
    /// It booted or was configured otherwise than is wanted now.
    case drift
    /// Its provider would not make it.
    case refused
    /// Too many would have ended at its time.
    case spread
}

/// A step in a mote's life. Steps are durable before anything is done about them.
package enum MoteChange: Equatable, Codable, Sendable {
    case intended(Lease)
    case starting(attempt: Int)
    case running
    case listed
    case unlisted
    case draining(EndReason)
    case terminating(EndReason)
    case gone(EndReason)
    /// The provider takes the machine back at this time, before the lease is over.
    case shortened(until: WallTime)
    /// Its witnesses disagree about whether it is there.
    case doubted
    /// They agree again.
    case trusted
}

extension MoteState {
    /// The state after a step, or `nil` where life does not go that way.
    package func after(_ change: MoteChange, at now: WallTime) -> MoteState? {
        switch (self, change) {
        case (.intended, .starting(let attempt)), (.starting, .starting(let attempt)), (.running, .starting(let attempt)), (.listed, .starting(let attempt)):
            .starting(Starting(attempt: attempt, since: now))
        case (.starting(let starting), .running): .running(Running(attempt: starting.attempt, since: now))
        case (.running(let running), .listed): .listed(Running(attempt: running.attempt, since: now))
        case (.listed(let running), .unlisted): .running(Running(attempt: running.attempt, since: now))
        case (.running, .draining(let reason)), (.listed, .draining(let reason)): .draining(Ending(reason: reason, since: now))
        case (.intended, .shortened), (.starting, .shortened), (.running, .shortened), (.listed, .shortened), (.draining, .shortened): self
        case (.running, .doubted), (.listed, .doubted), (.running, .trusted), (.listed, .trusted): self
        case (.gone, _), (.terminating, .terminating), (.intended, .terminating): nil
        case (_, .terminating(let reason)): .terminating(Ending(reason: reason, since: now))
        case (_, .gone(let reason)): .gone(Ending(reason: reason, since: now))
        default: nil
        }
    }

    /// The state's name for people and for the durable record.
    package var name: String {
        switch self {
        case .intended: "intended"
        case .starting: "starting"
        case .running: "running"
        case .listed: "listed"
        case .draining: "draining"
        case .terminating: "terminating"
        case .gone: "gone"
        }
    }

    package var isGone: Bool { if case .gone = self { true } else { false } }

    /// Whether the mote relays now or is on its way to.
    package var isServing: Bool {
        switch self {
        case .intended, .starting, .running, .listed: true
        case .draining, .terminating, .gone: false
        }
    }

    /// How often a process was asked for so far.
    package var attempts: Int {
        switch self {
        case .starting(let starting): starting.attempt
        case .running(let running), .listed(let running): running.attempt
        default: 0
        }
    }
}

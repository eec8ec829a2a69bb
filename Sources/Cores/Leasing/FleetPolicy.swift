/// How many motes there are, how long they live and how fast they may change. Data with a stated reason: see `Policies/`.
package struct FleetPolicy: Equatable, Codable, Sendable {
    package var name: String
    /// Why these numbers and no others, for the person who wants to change them.
    package var why: String
    package var normal: ClassPolicy
    package var longLived: ClassPolicy
    /// A lifetime is drawn evenly from the class's lifetime plus or minus this share of it.
    package var jitterShare: Double
    /// The part of a lifetime that is kept for draining, up to `drainLimitSeconds`.
    package var drainShare: Double
    package var drainLimitSeconds: Int64
    /// The share of a class that may drain at once by anybody's wish; what expires, drains.
    package var disruptionShare: Double
    /// Bounds all starts of processes, replacements and second attempts together.
    package var startsPerMinute: Int
    /// The most motes that may be alive at once, whatever else is wanted.
    package var motesLimit: Int
    /// How long a process may take until it relays.
    package var startLimitSeconds: Int64
    /// Votes from relaying to being listed and known to clients, at worst.
    package var votesToList: Int64
    /// How often a process is asked for before its mote is given up.
    package var attemptsLimit: Int

    package struct ClassPolicy: Equatable, Codable, Sendable {
        package var motes: Int
        /// Nominal.
        package var lifetimeSeconds: Int64

        package init(motes: Int, lifetimeSeconds: Int64) {
            self.motes = motes
            self.lifetimeSeconds = lifetimeSeconds
        }
    }

    package subscript(_ lifetimeClass: LifetimeClass) -> ClassPolicy {
        switch lifetimeClass {
        case .normal: normal
        case .longLived: longLived
        }
    }

    /// What the program does when no policy is named; `Policies/default.json` says the same.
    package static let standard = FleetPolicy(
        name: "default", why: FleetPolicy.standardReason, normal: ClassPolicy(motes: 5, lifetimeSeconds: 45 * 60),
        longLived: ClassPolicy(motes: 0, lifetimeSeconds: 4 * 3600), jitterShare: 0.25, drainShare: 0.2, drainLimitSeconds: 600,
        disruptionShare: 0.34, startsPerMinute: 30, motesLimit: 64, startLimitSeconds: 10, votesToList: 3, attemptsLimit: 3)

    private static let standardReason =
        "Five motes give a three-hop path some choice on one machine. Forty-five minutes end before a mote is worth attacking, and two thirds of them "
        + "carry new traffic: about a minute passes until clients know a mote, and nine minutes drain. A quarter of jitter keeps ends apart by minutes. "
        + "A third may be drained by wish at once, so that four of five stay. Thirty starts a minute bring a small fleet up at once and stop a crash loop."
}

/// What is wrong with a policy.
package struct PolicyFault: Error, Equatable, CustomStringConvertible {
    /// The field, as it is written in the file.
    package let field: String
    package let expected: String

    package init(field: String, expected: String) {
        self.field = field
        self.expected = expected
    }

    package var description: String { "\(field): \(expected)" }
}

extension FleetPolicy {
    /// The most motes that any policy may ask for.
    package static let fleetLimit = 10_000
    package static let longestLifetimeSeconds: Int64 = 30 * 86400
}

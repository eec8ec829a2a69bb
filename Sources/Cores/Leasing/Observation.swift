package import Ambience

/// What is really there, looked up anew for every pass. Nothing here is remembered from what was ordered.
package struct Observation: Equatable, Sendable {
    package var sightings: [MoteKey: Sighting]
    /// Who the current consensus names; `nil` when no directory answered, which says nothing about anybody.
    package var listed: Set<MoteKey>?
    /// Providers of which no whole list came: that a mote is not seen there proves nothing.
    package var unseen: Set<String>

    package init(sightings: [MoteKey: Sighting] = [:], listed: Set<MoteKey>? = nil, unseen: Set<String> = []) {
        self.sightings = sightings
        self.listed = listed
        self.unseen = unseen
    }
}

/// One mote's traces on its provider.
package struct Sighting: Equatable, Sendable {
    /// Processes or machines that carry this key: pids, or the provider's ids. More than one is a fault.
    package var instances: [String]
    package var hasFolder: Bool
    /// Where it listens, for people.
    package var place: String?
    /// What the mote last said of itself; `nil` before it said anything, for a report of an earlier process, and for one too old to be of now.
    package var report: MoteReport?
    /// It may be there though it is not seen: an order may yet turn out to have made a machine, or a machine that was there is missing from fewer than
    /// two whole lists, which providers answer late and with gaps. Such a mote is neither gone nor asked for again.
    package var isInDoubt: Bool
    /// The provider said no for good to the last attempt, or for too long to wait: not here, not now.
    package var refusal: Refusal?
    /// When the provider says that it takes the machine back, if that is before the lease's expiry.
    package var endsEarly: WallTime?
    /// What it really booted and runs with, where that can be seen.
    package var image: String?
    package var config: String?

    package init(
        instances: [String] = [], hasFolder: Bool = false, place: String? = nil, report: MoteReport? = nil, isInDoubt: Bool = false,
        refusal: Refusal? = nil, endsEarly: WallTime? = nil, image: String? = nil, config: String? = nil
    ) {
        self.instances = instances
        self.hasFolder = hasFolder
        self.place = place
        self.report = report
        self.isInDoubt = isInDoubt
        self.refusal = refusal
        self.endsEarly = endsEarly
        self.image = image
        self.config = config
    }

    package var isAlive: Bool { !instances.isEmpty }
}

/// Why a provider made no machine of an order.
package enum Refusal: String, Codable, Sendable {
    /// It has none of the kind there now.
    case capacity
    /// The account may have no more.
    case quota
    case credentials
    /// The order makes no sense to it.
    case invalid
}

/// What a mote says of itself.
package struct MoteReport: Equatable, Sendable {
    /// 0 to 100: how far it is with the network's documents and, for a client, its first circuit.
    package var bootstrapped: Int
    package var isDraining: Bool
    package var circuits: Int
    package var streams: Int
    package var bytesRead: Int64
    package var bytesWritten: Int64
    /// When it says that it ends; `nil` if it does not say.
    package var expires: WallTime?

    package init(
        bootstrapped: Int, isDraining: Bool = false, circuits: Int = 0, streams: Int = 0, bytesRead: Int64 = 0, bytesWritten: Int64 = 0, expires: WallTime? = nil
    ) {
        self.bootstrapped = bootstrapped
        self.isDraining = isDraining
        self.circuits = circuits
        self.streams = streams
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
        self.expires = expires
    }

    package var isReady: Bool { bootstrapped >= 100 }
}

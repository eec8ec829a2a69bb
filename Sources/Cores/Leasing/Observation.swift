/// What is really there, looked up anew for every pass. Nothing here is remembered from what was ordered.
package struct Observation: Equatable, Sendable {
    package var sightings: [MoteKey: Sighting]
    /// Who the current consensus names; `nil` when no directory answered, which says nothing about anybody.
    package var listed: Set<MoteKey>?

    package init(sightings: [MoteKey: Sighting] = [:], listed: Set<MoteKey>? = nil) {
        self.sightings = sightings
        self.listed = listed
    }
}

/// One mote's traces on its provider.
package struct Sighting: Equatable, Sendable {
    /// Processes that carry this key. More than one is a fault.
    package var processes: [Int32]
    package var hasFolder: Bool
    /// Where it listens, for people.
    package var place: String?
    /// What the mote last said of itself; `nil` before it said anything, and for a report of an earlier process.
    package var report: MoteReport?

    package init(processes: [Int32] = [], hasFolder: Bool = false, place: String? = nil, report: MoteReport? = nil) {
        self.processes = processes
        self.hasFolder = hasFolder
        self.place = place
        self.report = report
    }

    package var isAlive: Bool { !processes.isEmpty }
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

    package init(bootstrapped: Int, isDraining: Bool = false, circuits: Int = 0, streams: Int = 0, bytesRead: Int64 = 0, bytesWritten: Int64 = 0) {
        self.bootstrapped = bootstrapped
        self.isDraining = isDraining
        self.circuits = circuits
        self.streams = streams
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
    }

    package var isReady: Bool { bootstrapped >= 100 }
}

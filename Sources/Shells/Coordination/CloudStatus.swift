package import Ambience
package import Leasing
internal import Providers

/// A cloud at one moment, from its records and from looking. Needs no coordinator.
package struct CloudStatus: Sendable {
    package struct Node: Sendable {
        package let isRunning: Bool
        package let report: MoteReport?
    }

    package struct Mote: Sendable {
        package let record: MoteRecord
        package let sighting: Sighting
        package let wish: Wish?
    }

    package let taken: WallTime
    package let settings: CloudSettings?
    package let coordinator: Int32?
    package let authority: Node
    package let client: Node
    /// The soonest to end first.
    package let motes: [Mote]
    /// Who could not be looked at, and why: the motes there are shown as they are recorded.
    package let blind: [String: String]

    package init(folder: StateFolder, store: Store, now: WallTime) throws(CoordinationError) {
        taken = now
        settings = try store.settings()
        coordinator = StateLock.holder(folder)
        authority = Self.node(Pillar(.authority, state: folder.path))
        client = Self.node(Pillar(.client, state: folder.path))
        let wishes = try store.wishes()
        let alive = try store.ledger().alive
        var board = ProviderBoard(settings.map { ProviderSet.here(folder, $0, program: "") } ?? [:])
        let view = board.observe(alive)
        blind = view.blind
        motes = alive.map { record in
            Mote(record: record, sighting: view.sightings[record.key] ?? Sighting(), wish: wishes[record.key])
        }
    }

    private static func node(_ pillar: Pillar) -> Node {
        let sighting = pillar.observe()
        return Node(isRunning: sighting.isAlive, report: sighting.report)
    }
}

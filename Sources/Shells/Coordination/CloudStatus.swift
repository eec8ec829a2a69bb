package import Ambience
package import Leasing
package import Prices
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
    /// The providers at which machines are rented: how old what is known of them is, and what is wrong.
    package let rented: [String: (age: String, trouble: String?)]
    /// What all that was intended may cost at most, what is over included.
    package let promised: Purse

    package init(folder: StateFolder, store: Store, now: WallTime) throws(CoordinationError) {
        taken = now
        settings = try store.settings()
        coordinator = StateLock.holder(folder)
        authority = Self.node(Pillar(.authority, state: folder.path))
        client = Self.node(Pillar(.client, state: folder.path))
        let wishes = try store.wishes()
        let ledger = try store.ledger(), alive = ledger.alive
        let recorded = try settings.map { settings throws(CoordinationError) in try ProviderSet.recorded(settings, store: store) } ?? [:]
        var board = ProviderBoard((settings.map { ProviderSet.here(folder, $0, program: "") } ?? [:]).merging(recorded) { _, last in last })
        let view = board.observe(alive)
        rented = recorded.mapValues { (age: $0.blindness ?? "", trouble: $0.trouble) }
        promised = ledger.committed
        motes = alive.map { record in
            Mote(record: record, sighting: view.sightings[record.key] ?? Sighting(), wish: wishes[record.key])
        }
    }

    private static func node(_ pillar: Pillar) -> Node {
        let sighting = pillar.observe()
        return Node(isRunning: sighting.isAlive, report: sighting.report)
    }
}

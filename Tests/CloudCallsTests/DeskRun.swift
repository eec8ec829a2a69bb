import Ambience
import CloudCalls
import Leasing

/// A coordinator that does what the desk says, against a double, one second after the other; killed now and then, it knows afterwards only what was durable.
struct DeskRun {
    let provider: Provider
    let driver: any CloudDriver
    var double: CloudDouble
    var desk: AccountDesk
    var session: AccountSession
    /// What survives, by the order's name.
    private(set) var book: [String: Rental] = [:]
    private(set) var events: [AccountDesk.Event] = []
    private(set) var calls: [(call: AccountDesk.Call, at: WallTime)] = []
    /// Our clock minus the provider's.
    var clockErrorSeconds: Int64 = 0
    var killShare = 0.0
    private var random: SeededRandom

    init(_ provider: Provider, weather: CloudDouble.Weather = .calm, seed: UInt64 = 0) {
        self.provider = provider
        driver = provider.driver
        double = CloudDouble(provider.dialect, weather: weather, seed: seed)
        desk = AccountDesk(driver.traits, fleet: FleetRun.fleet, seed: seed)
        session = AccountSession(driver)
        random = SeededRandom(seed: seed ^ 0xDE5C)
    }

    var now: WallTime { double.now + clockErrorSeconds }

    mutating func order(_ count: Int, lifetimes: ClosedRange<Int64> = 900...2400) -> [MachineOrder] {
        let orders = (0..<count).map { index in
            MachineOrder(
                fleet: FleetRun.fleet, key: .random(&random), place: FleetRun.places[index % 2], size: provider.size, image: "17",
                expires: now + .random(in: lifetimes, using: &random), userData: "#!/bin/sh\n")
        }
        for order in orders { desk.want(order, now: now) }
        return orders
    }

    mutating func run(seconds: Int64) {
        for _ in 0..<seconds {
            double.now = double.now + 1
            // So many calls take a second.
            for _ in 0..<20 { guard work() else { break } }
        }
    }

    /// `false` when there is nothing to do.
    private mutating func work() -> Bool {
        guard case .call(let call, let saving) = desk.next(now: now) else { return false }
        note()
        if let saving { book[saving.order.name] = saving }
        if isKilled() { restart(); return true }
        calls.append((call, now))
        var double = double
        let clock = now
        let (outcome, notes) = session.perform(call, fleet: FleetRun.fleet, now: { clock }) { double.handle($0) }
        self.double = double
        if isKilled() { restart(); return true }
        desk.heard(outcome, notes, now: now)
        note()
        return true
    }

    private mutating func note() {
        for event in desk.takeEvents() {
            events.append(event)
            if case .changed(let rental) = event { book[rental.order.name] = rental }
            if case .forgotten(let rental) = event { book[rental.order.name] = nil }
        }
    }

    mutating func restart() {
        let wanted = desk.standings.filter { $0.rental.isOpen && book[$0.rental.order.name] == nil }.map(\.rental.order)
        desk = AccountDesk(driver.traits, fleet: FleetRun.fleet, rentals: Array(book.values), seed: random.next())
        session = AccountSession(driver)
        for order in wanted { desk.want(order, now: now) }
    }

    private mutating func isKilled() -> Bool { killShare > 0 && Double.random(in: 0..<1, using: &random) < killShare }
}

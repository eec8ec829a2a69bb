import Ambience
import CloudCalls
import Leasing
import Testing

/// A coordinator of the smallest kind: it keeps rentals, is killed now and then between any two steps, and knows afterwards only what was durable.
struct FleetRun {
    let driver: any CloudDriver
    var double: CloudDouble
    /// What survives.
    private(set) var rentals: [Rental]
    private(set) var creditRefusals = 0
    var killShare = 0.0
    private var random: SeededRandom

    static let fleet = "test"
    static let places = ["fra", "nyc"]

    init(_ provider: Provider, orders: Int, weather: CloudDouble.Weather = .calm, seed: UInt64 = 0, lifetimes: ClosedRange<Int64> = 900...2400) {
        driver = provider.driver
        double = CloudDouble(provider.dialect, weather: weather, seed: seed)
        var random = SeededRandom(seed: seed ^ 0x5EED)
        let now = double.now
        rentals = (0..<orders).map { index in
            Rental(
                MachineOrder(
                    fleet: Self.fleet, key: .random(&random), place: Self.places[index % 2], size: "small", image: "17", expires: now + .random(in: lifetimes, using: &random),
                    userData: "#!/bin/sh\n"))
        }
        self.random = random
    }

    /// Whole seconds, one after the other; a sweep every half minute.
    mutating func run(seconds: Int64) {
        for _ in 0..<seconds {
            double.now = double.now + 1
            for index in rentals.indices { advance(index) }
            if double.now.secondsSinceEpoch % 30 == 0 { sweep() }
        }
    }

    private mutating func advance(_ index: Int) {
        let now = double.now
        switch rentals[index].step(driver.repetition, now: now) {
        case .over, .wait: break
        case .look:
            guard let machines = listed(rentals[index].order.place), !isKilled() else { return }
            rentals[index].looked(machines, begun: now, repetition: driver.repetition)
        case .create:
            guard rentals[index].asking(now: now), !isKilled() else { return }
            let order = rentals[index].order, driver = driver
            let result = call(driver.create(order)) { answer throws(CallFailure) in try driver.created(answer, for: order) }
            if case .failure(.credentials) = result { creditRefusals += 1 }
            if !isKilled() { rentals[index].heard(result, now: now) }
        }
    }

    mutating func sweep() {
        let driver = driver
        var machines: [Machine] = []
        guard let places = surveyed() else { return }
        for place in places {
            guard let some = listed(place) else { return }
            machines += some
        }
        for (machine, _) in Sweep.overdue(machines, rentals: rentals, now: double.now) {
            if isKilled() { return }
            _ = call(driver.end(machine.id, place: machine.place)) { answer throws(CallFailure) in try driver.ended(answer) }
        }
    }

    /// Where one must look to have seen everything, or nothing if that is not known.
    mutating func surveyed() -> [String?]? {
        let driver = driver
        guard let request = driver.survey() else { return [nil] }
        let places = call(request) { answer throws(CallFailure) in try driver.surveyed(answer) }
        return try? places.get().map(Optional.some)
    }

    /// All pages, or nothing.
    mutating func listed(_ place: String?) -> [Machine]? {
        var machines: [Machine] = [], mark: String?
        let driver = driver
        for _ in 0..<100 {
            let page = call(driver.list(fleet: Self.fleet, place: place, mark: mark)) { answer throws(CallFailure) in
                try driver.listed(answer, fleet: Self.fleet, place: place)
            }
            guard case .success(let page) = page else { return nil }
            machines += page.machines
            mark = page.next
            if mark == nil { return machines }
        }
        return nil
    }

    private mutating func call<T>(_ request: CloudRequest, _ read: (CloudAnswer) throws(CallFailure) -> T) -> Result<T, CallFailure> {
        do throws(CallFailure) {
            switch double.handle(try driver.authorize(request, pass: nil, now: double.now)) {
            case .answer(let answer): return .success(try read(answer))
            case .lost(let why): return .failure(.unknown(why))
            case .unsent(let why): return .failure(.unreachable(why))
            }
        } catch {
            return .failure(error)
        }
    }

    private mutating func isKilled() -> Bool { killShare > 0 && Double.random(in: 0..<1, using: &random) < killShare }
}

/// A driver and the provider that it is for.
enum Provider: String, CaseIterable, CustomTestStringConvertible {
    case ec2, hetzner, digitalocean, vultr

    var testDescription: String { rawValue }

    var driver: any CloudDriver {
        switch self {
        case .ec2: EC2(key: EC2Dialect.key)
        case .hetzner: Hetzner(token: "letmein")
        case .digitalocean: DigitalOcean(token: "letmein")
        case .vultr: Vultr(token: "letmein")
        }
    }

    var dialect: any Dialect {
        switch self {
        case .ec2: EC2Dialect()
        case .hetzner: HetznerDialect()
        case .digitalocean: DigitalOceanDialect()
        case .vultr: VultrDialect()
        }
    }
}

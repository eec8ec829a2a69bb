import Ambience
import CloudCalls
import Leasing
import Testing

/// A coordinator of the smallest kind: it keeps rentals, is killed now and then between any two steps, and knows afterwards only what was durable.
struct FleetRun {
    let driver: any CloudDriver
    var double: CloudDouble
    private var session: AccountSession
    /// What survives.
    private(set) var rentals: [Rental]
    private(set) var creditRefusals = 0
    var killShare = 0.0
    private var random: SeededRandom

    static let fleet = "test"
    static let places = ["fra", "nyc"]

    init(_ provider: Provider, orders: Int, weather: CloudDouble.Weather = .calm, seed: UInt64 = 0, lifetimes: ClosedRange<Int64> = 900...2400) {
        driver = provider.driver
        session = AccountSession(driver)
        double = CloudDouble(provider.dialect, weather: weather, seed: seed)
        var random = SeededRandom(seed: seed ^ 0x5EED)
        let now = double.now
        rentals = (0..<orders).map { index in
            Rental(
                MachineOrder(
                    fleet: Self.fleet, key: .random(&random), place: Self.places[index % 2], size: provider.size, image: "17", expires: now + .random(in: lifetimes, using: &random),
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
            let result = call(.create(rentals[index].order)).map { if case .creation(let creation) = $0 { creation } else { Creation.exists } }
            if case .failure(.credentials) = result { creditRefusals += 1 }
            if !isKilled() { rentals[index].heard(result, now: now) }
        }
    }

    mutating func sweep() {
        var machines: [Machine] = []
        guard let places = surveyed() else { return }
        for place in places {
            guard let some = listed(place) else { return }
            machines += some
        }
        for (machine, _) in Sweep.overdue(machines, rentals: rentals, now: double.now) {
            if isKilled() { return }
            _ = call(.end(id: machine.id, place: machine.place))
        }
    }

    /// Where one must look to have seen everything, or nothing if that is not known.
    mutating func surveyed() -> [String?]? {
        guard driver.survey() != nil else { return [nil] }
        guard case .success(.places(let places)) = call(.survey) else { return nil }
        return places
    }

    /// All pages, or nothing.
    mutating func listed(_ place: String?) -> [Machine]? {
        var machines: [Machine] = [], mark: String?
        for _ in 0..<100 {
            guard case .success(.page(let page)) = call(.list(place: place, mark: mark)) else { return nil }
            machines += page.machines
            mark = page.next
            if mark == nil { return machines }
        }
        return nil
    }

    /// The bytes of a list.
    mutating func listAnswer() -> CloudAnswer? {
        var double = double, last: Reply?
        let now = double.now
        _ = session.perform(.list(place: "fra", mark: nil), fleet: Self.fleet, now: { now }) { request in
            last = double.handle(request)
            return last!
        }
        if case .answer(let answer)? = last { return answer }
        return nil
    }

    private mutating func call(_ call: AccountDesk.Call) -> Result<AccountDesk.Outcome, CallFailure> {
        var double = double
        let now = double.now
        let outcome = session.perform(call, fleet: Self.fleet, now: { now }) { double.handle($0) }.outcome
        self.double = double
        if case .failed(let failure) = outcome { return .failure(failure) }
        return .success(outcome)
    }

    private mutating func isKilled() -> Bool { killShare > 0 && Double.random(in: 0..<1, using: &random) < killShare }
}

/// A driver and the provider that it is for.
enum Provider: String, CaseIterable, CustomTestStringConvertible {
    case ec2, ec2Spot = "ec2 spot", hetzner, digitalocean, vultr, openstack

    var testDescription: String { rawValue }
    var size: String { self == .ec2Spot ? "small:spot" : "small" }
    var hasPlaces: Bool { [.ec2, .ec2Spot, .openstack].contains(self) }

    var driver: any CloudDriver {
        switch self {
        case .ec2, .ec2Spot: EC2(key: EC2Dialect.key)
        case .hetzner: Hetzner(token: "letmein")
        case .digitalocean: DigitalOcean(token: "letmein")
        case .vultr: Vultr(token: "letmein")
        case .openstack: OpenStack(url: OpenStackDialect.url, OpenStackDialect.me)!
        }
    }

    /// What a machine costs by the published tariff, in ten-thousandths.
    func price(seconds: Int64) -> Int64 {
        func started(_ grain: Int64, _ seconds: Int64) -> Int64 { (max(1, seconds) + grain - 1) / grain }
        return switch self {
        case .ec2, .ec2Spot: started(100, max(60, seconds))
        case .hetzner: 60 * started(3600, seconds)
        case .digitalocean: max(100, started(12, max(60, seconds)))
        case .vultr: 70 * started(3600, seconds)
        case .openstack: 80 * started(3600, seconds)
        }
    }

    var dialect: any Dialect {
        switch self {
        case .ec2, .ec2Spot: EC2Dialect()
        case .hetzner: HetznerDialect()
        case .digitalocean: DigitalOceanDialect()
        case .vultr: VultrDialect()
        case .openstack: OpenStackDialect()
        }
    }
}

internal import Ambience
internal import Coordination
internal import Foundation
internal import Leasing
internal import Prices
internal import Providers

/// What `--json` prints. Times are RFC 3339, UTC; lengths are seconds; sizes are bytes.
struct CloudReport: Encodable {
    let state: String
    let taken: String
    let coordinatorPid: Int32?
    let authority: NodeReport
    let client: ClientReport
    let desired: [String: Int]
    /// Where machines are rented.
    let providers: [String: ProviderLine]
    /// The most to spend, and what of it is spent or promised, by currency.
    let budget: [String: String]
    let promised: [String: String]
    let motes: [MoteLine]

    struct ProviderLine: Encodable {
        let seen: String
        let trouble: String?
    }

    struct NodeReport: Encodable {
        let running: Bool
        let bootstrapped: Int
    }

    struct ClientReport: Encodable {
        let running: Bool
        let bootstrapped: Int
        let socks: String?
        let circuits: Int
        let streams: Int
    }

    init(_ status: CloudStatus) {
        state = status.settings.map { $0.mode == .up ? "up" : "going down" } ?? "none"
        taken = status.taken.rfc3339
        coordinatorPid = status.coordinator
        authority = NodeReport(running: status.authority.isRunning, bootstrapped: status.authority.report?.bootstrapped ?? 0)
        let client = status.client.report
        self.client = ClientReport(
            running: status.client.isRunning, bootstrapped: client?.bootstrapped ?? 0, socks: status.settings?.network.socks,
            circuits: client?.circuits ?? 0, streams: client?.streams ?? 0)
        let policy = status.settings?.policy
        desired = [LifetimeClass.normal.rawValue: policy?.normal.motes ?? 0, LifetimeClass.longLived.rawValue: policy?.longLived.motes ?? 0]
        let clouds = status.settings?.clouds
        providers = status.rented.mapValues { ProviderLine(seen: $0.age, trouble: $0.trouble) }
        budget = Self.text(clouds?.budget ?? [:])
        promised = Self.text(status.promised.amounts)
        motes = status.motes.map { MoteLine($0, clouds, now: status.taken) }
    }

    private static func text(_ amounts: [Currency: Amount]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: amounts.map { ($0.key.rawValue, $0.value.text(decimals: 2, .up)) })
    }
}

struct MoteLine: Encodable {
    let key: String
    let nickname: String
    let lifetimeClass: String
    let state: String
    let wish: String?
    let intended: String
    let drains: String
    let expires: String
    let secondsLeft: Int64
    let provider: String
    let region: String?
    let size: String?
    /// The most that it can cost, and what it cost so far, with their currency.
    let ceiling: String?
    let cost: String?
    let place: String?
    let pid: Int32?
    /// The provider's name of it.
    let machine: String?
    let circuits: Int
    let streams: Int
    let bytesRead: Int64
    let bytesWritten: Int64

    init(_ mote: CloudStatus.Mote, _ clouds: CloudsPlan?, now: WallTime) {
        let (lease, report, site) = (mote.record.lease, mote.sighting.report, mote.record.lease.site)
        provider = site.provider
        (region, size) = (site.region.isEmpty ? nil : site.region, site.size.isEmpty ? nil : site.size)
        ceiling = lease.ceiling?.description
        cost = clouds?.tariff(provider: site.provider, region: site.region, machine: site.size).flatMap { Self.cost($0, mote, now) }
        machine = clouds == nil ? nil : mote.sighting.instances.first
        key = lease.key.description
        nickname = lease.key.nickname
        lifetimeClass = lease.lifetimeClass.rawValue
        state = mote.record.state.name
        wish = mote.wish?.rawValue
        intended = lease.intended.rfc3339
        drains = mote.record.drains.rfc3339
        expires = mote.record.expires.rfc3339
        secondsLeft = max(0, mote.record.expires - now)
        place = mote.sighting.place
        pid = mote.sighting.instances.first.flatMap { Int32($0) }
        circuits = report?.circuits ?? 0
        streams = report?.streams ?? 0
        bytesRead = report?.bytesRead ?? 0
        bytesWritten = report?.bytesWritten ?? 0
    }

    /// By its age and by what it says to have sent.
    private static func cost(_ tariff: Tariff, _ mote: CloudStatus.Mote, _ now: WallTime) -> String? {
        guard let start = mote.record.starts.first else { return nil }
        let charge = tariff.charge(seconds: max(1, now - start), sentBytes: mote.sighting.report?.bytesWritten ?? 0)
        return "\(charge.total.text(decimals: 4, .up)) \(charge.currency)"
    }
}

enum JSON {
    static func say(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.say(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

import Ambience
import CloudCalls
@testable import Clouds
import Foundation
import Leasing
import OwnThread
import Providers
import Testing

/// A provider in the test: Hetzner's API over real HTTP, as much of it as renting needs.
private final class FakeProvider: @unchecked Sendable {
    private let lock = NSLock()
    private var servers: [Int: (name: String, labels: [String: String])] = [:]
    private var ids = 0
    private var isMute = false, fallsMute = false
    private(set) var onCreate: (@Sendable (String) -> Void)?

    var names: [String] { lock.withLock { servers.values.map(\.name).sorted() } }
    /// Makes the next machine, does not say so, and says nothing more.
    func fallMute() { lock.withLock { fallsMute = true } }
    func speak() { lock.withLock { (isMute, fallsMute) = (false, false) } }
    func hear(_ work: @escaping @Sendable (String) -> Void) { lock.withLock { onCreate = work } }
    func answer(_ request: String) -> String {
        let line = request.split(separator: " ", maxSplits: 2).map(String.init)
        return lock.withLock {
            if isMute { return "" }
            switch line[0] {
            case "POST": return create(request)
            case "DELETE":
                let isThere = servers.removeValue(forKey: Int(line[1].split(separator: "/").last ?? "") ?? 0) != nil
                return Counter.answer(isThere ? 200 : 404, "{}")
            default: return Counter.answer(200, list)
            }
        }
    }

    private func create(_ request: String) -> String {
        guard let start = request.range(of: "\r\n\r\n"), let body = try? JSONSerialization.jsonObject(with: Data(request[start.upperBound...].utf8)) as? [String: Any],
            let name = body["name"] as? String, let labels = body["labels"] as? [String: String]
        else { return Counter.answer(400, "{}") }
        onCreate?(name)
        guard !servers.values.contains(where: { $0.name == name }) else { return Counter.answer(409, #"{"error":{"code":"uniqueness_error","message":"taken"}}"#) }
        ids += 1
        servers[ids] = (name, labels)
        isMute = fallsMute
        return isMute ? "" : Counter.answer(201, #"{"server":{"id":\#(ids)}}"#)
    }

    private var list: String {
        let all = servers.sorted { $0.key < $1.key }.map { id, server in
            let labels = server.labels.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
            return #"{"id":\#(id),"status":"running","labels":{\#(labels)},"public_net":{"ipv4":{"ip":"192.0.2.\#(id)"}},"datacenter":{"location":{"name":"fsn1"}}}"#
        }
        return #"{"servers":[\#(all.joined(separator: ","))],"meta":{"pagination":{"next_page":null}}}"#
    }
}

/// Records in memory; a full disk on demand.
private final class MemoryRecords: RentalRecords, @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [String: Rental] = [:]
    private var isFull = false

    func fill(_ value: Bool) { lock.withLock { isFull = value } }
    subscript(_ name: String) -> Rental? { lock.withLock { kept[name] } }

    func save(_ rental: Rental, account: String) throws(CloudError) {
        let isSaved = lock.withLock { if !isFull { kept[rental.order.name] = rental }; return !isFull }
        if !isSaved { throw CloudError("no space left") }
    }

    func rentals(account: String) throws(CloudError) -> [Rental] { lock.withLock { Array(kept.values) } }
    func remove(_ rental: Rental) throws(CloudError) { lock.withLock { kept[rental.order.name] = nil } }
    func save(_ view: AccountView, account: String) throws(CloudError) {}
}

@Suite("Motes on rented machines", .onItsOwnThread)
struct CloudProviderTests {
    private let fake = FakeProvider(), records = MemoryRecords()
    private let server: Counter
    private let lease = Lease(
        key: MoteKey(high: 7, low: 8), lifetimeClass: .normal, intended: SystemTime().wall, expires: SystemTime().wall + 3000, drainSeconds: 60,
        site: Site(provider: "hetzner", payer: "first", region: "fsn1", size: "cx23", image: "debian-12"))

    init() throws {
        let fake = fake
        server = try Counter { fake.answer($0) }
    }

    private var name: String { "mote-\(lease.key)-1" }

    private func provider() throws -> CloudProvider {
        let account = CloudAccount(Hetzner(token: "hush", endpoint: server.endpoint), line: CurlLine(limitMilliseconds: 2000))
        return try CloudProvider(account, name: "hetzner", fleet: "test", records: records) { lease, _ in BootScript.end(at: lease.expires) }
    }

    private func wait(_ holds: () throws -> Bool) async throws -> Bool {
        for _ in 0..<1200 {
            if try holds() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return try holds()
    }

    @Test("a mote is on record before its machine is ordered, is there until a list has shown that it is not, and its end is asked for until then")
    func life() async throws {
        defer { server.end() }
        let records = records, provider = try provider()
        fake.hear { name in if records[name]?.isInDoubt != true { Issue.record("ordered before it was on record") } }
        #expect(try await wait { provider.blindness == nil })
        try provider.start(lease, attempt: 1)
        #expect(records[name] != nil)
        #expect(try await wait { provider.observe()[lease.key]?.instances == ["1"] })
        #expect(fake.names == [name])
        provider.kill(lease.key)
        #expect(provider.observe()[lease.key]?.instances == ["1"])
        #expect(try await wait { provider.observe()[lease.key] == nil })
        #expect(fake.names.isEmpty && records[name]?.machine == nil)
    }

    @Test("a machine whose order was not answered is found, by the next coordinator as well, and there is one")
    func unanswered() async throws {
        defer { server.end() }
        fake.fallMute()
        let heard = Flag()
        fake.hear { _ in heard.raise() }
        var first: CloudProvider? = try provider()
        try first?.start(lease, attempt: 1)
        #expect(try await wait { heard.isUp })
        #expect(first?.observe()[lease.key]?.isInDoubt == true)
        first = nil
        let second = try provider()
        #expect(second.observe()[lease.key]?.isInDoubt == true)
        fake.speak()
        #expect(try await wait { second.observe()[lease.key]?.instances == ["1"] })
        #expect(fake.names == [name])
    }

    @Test("without room on the disk nothing is ordered, and what is there can still be ended")
    func fullDisk() async throws {
        defer { server.end() }
        let provider = try provider()
        try provider.start(lease, attempt: 1)
        #expect(try await wait { provider.observe()[lease.key]?.instances.isEmpty == false })
        records.fill(true)
        let other = Lease(key: MoteKey(high: 9, low: 9), lifetimeClass: .normal, intended: lease.intended, expires: lease.expires, drainSeconds: 60, site: lease.site)
        #expect { try provider.start(other, attempt: 1) } throws: { "\($0)".contains("no space left") }
        provider.kill(lease.key)
        #expect(try await wait { fake.names.isEmpty })
        #expect(try await wait { provider.observe()[lease.key] == nil })
    }

    @Test("a machine's wrong clock is put right by what its provider's answers say of the time")
    func clock() async throws {
        let ahead = try Counter { _ in Counter.answer(200, #"{"servers":[],"meta":{"pagination":{"next_page":null}}}"#, "Date: Fri, 01 Jan 2100 00:00:00 GMT") }
        defer {
            ahead.end()
            server.end()
        }
        let time = FleetTime(), account = CloudAccount(Hetzner(token: "hush", endpoint: ahead.endpoint))
        let provider = try CloudProvider(account, name: "hetzner", fleet: "test", records: records, time: time) { _, _ in "" }
        #expect(try await wait { time.wall.rfc3339.hasPrefix("2100-01-01T00:") })
        #expect(try await wait { provider.blindness == nil })
    }

    @Test("before everything was listed once, not to see a mote proves nothing; and a provider that refuses us says so")
    func blind() async throws {
        let refused = try Counter { _ in Counter.answer(401, #"{"error":{"code":"unauthorized","message":"no such token"}}"#) }
        defer {
            refused.end()
            server.end()
        }
        let account = CloudAccount(Hetzner(token: "hush", endpoint: refused.endpoint))
        let provider = try CloudProvider(account, name: "hetzner", fleet: "test", records: records) { _, _ in "" }
        #expect(provider.blindness?.contains("not listed yet") == true)
        #expect(try await wait { provider.trouble?.contains("no such token") == true })
    }
}

private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isUp: Bool { lock.withLock { value } }
    func raise() { lock.withLock { value = true } }
}

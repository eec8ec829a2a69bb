import Ambience
import Testing

@testable import Limits

@Suite("Clients that ask for too much")
struct DenialTests {
    private static let enabled: [String: Int32] = [
        "DoSCircuitCreationEnabled": 1, "DoSCircuitCreationMinConnections": 2, "DoSCircuitCreationBurst": 60, "DoSConnectionEnabled": 1,
        "DoSConnectionMaxConcurrentCount": 5,
    ]
    private let parameters = DenialParameters(overrides: Self.enabled) { _, fallback, _ in fallback }
    private let one = IPAddress("192.0.2.1")!, other = IPAddress("192.0.2.2")!

    private func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

    @Test("Without a consensus or an option nothing is limited but unfinished handshakes")
    func defaults() {
        let parameters = DenialParameters()
        #expect(!parameters.isLimitingCircuits && !parameters.isLimitingLinks && parameters.streamDefence == .none)
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 1)
        for number in 0..<10 { #expect(clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 8, using: &random) == (number < 8)) }
        clients.finished(from: one)
        #expect(clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 8, using: &random))
        #expect(clients.statistics.linksRefusedUnfinished == 2)
        for _ in 0..<10_000 { #expect(clients.admitCircuit(from: one, at: at(0), parameters, using: &random)) }
    }

    @Test("Options go before the consensus, and both are held to stock's ranges")
    func precedence() {
        let consensus: DenialParameters.Lookup = { name, fallback, _ in name == "DoSCircuitCreationEnabled" ? 1 : name == "DoSStreamCreationEnabled" ? 1 : fallback }
        #expect(DenialParameters(consensus).isLimitingCircuits && DenialParameters(consensus).streamDefence == .refuseStream)
        #expect(!DenialParameters(overrides: ["DoSCircuitCreationEnabled": 0], consensus).isLimitingCircuits)
        #expect(!DenialParameters(overrides: ["DoSCircuitCreationDefenseType": 1], consensus).isLimitingCircuits)
        #expect(DenialParameters(overrides: ["DoSStreamCreationDefenseType": 3], consensus).streamDefence == .closeCircuit)
        #expect(DenialParameters(overrides: ["DoSConnectionConnectDefenseTimePeriod": 1], consensus).linkDefence == .seconds(10))
    }

    @Test("An address has no more links at once than allowed, and another is served meanwhile")
    func linksAtOnce() {
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 2)
        func link(_ address: IPAddress, _ seconds: Int64) -> Bool {
            let isAdmitted = clients.admitLink(from: address, at: at(seconds), parameters, unfinishedLimit: 100, using: &random)
            if isAdmitted { clients.finished(from: address) }
            return isAdmitted
        }
        for _ in 0..<5 { #expect(link(one, 0)) }
        #expect(!link(one, 1) && link(other, 1))
        clients.disconnected(from: one)
        #expect(link(one, 2))
        #expect(clients.statistics.linksRefusedAtOnce == 1)
    }

    @Test("Who connects faster than allowed is shut out for the period and at most half of it more")
    func linkRate() {
        for seed in 1...50 as ClosedRange<UInt64> {
            var clients = ClientAddresses()
            var random = SeededRandom(seed: seed)
            for number in 0..<41 {
                let isAdmitted = clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 100, using: &random)
                #expect(isAdmitted == (number < 40))
                if isAdmitted { clients.finished(from: one); clients.disconnected(from: one) }
            }
            #expect(!clients.admitLink(from: one, at: at(86_399), parameters, unfinishedLimit: 100, using: &random))
            #expect(clients.admitLink(from: one, at: at(129_601), parameters, unfinishedLimit: 100, using: &random))
        }
    }

    @Test("Circuits beyond rate and burst mark an address with enough links; one with few links is spared")
    func circuits() {
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 3)
        for address in [one, one, other] { #expect(clients.admitLink(from: address, at: at(0), parameters, unfinishedLimit: 9, using: &random)) }
        let admitted = (0..<100).count { _ in clients.admitCircuit(from: one, at: at(0), parameters, using: &random) }
        #expect(admitted == 60)
        #expect((0..<100).allSatisfy { _ in clients.admitCircuit(from: other, at: at(0), parameters, using: &random) })
        #expect(clients.statistics.addressesMarkedForCircuits == 1 && clients.statistics.circuitsRefused == 40)
        #expect(!clients.admitCircuit(from: one, at: at(3599), parameters, using: &random))
        #expect(clients.admitCircuit(from: one, at: at(5401), parameters, using: &random))
    }

    @Test("Three circuits per second are never too many")
    func patient() {
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 4)
        for _ in 0..<3 { #expect(clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 9, using: &random)) }
        #expect((0..<20_000).allSatisfy { clients.admitCircuit(from: one, at: .zero + .milliseconds(Int64($0) * 334), parameters, using: &random) })
    }

    @Test("Circuits that keep filling their outbound queue mark their address")
    func fullQueues() {
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 5)
        #expect(clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 9, using: &random))
        for _ in 0..<2 { clients.filledQueue(from: one, at: at(1), parameters, using: &random) }
        #expect(clients.admitCircuit(from: one, at: at(1), parameters, using: &random))
        clients.filledQueue(from: one, at: at(1), parameters, using: &random)
        #expect(!clients.admitCircuit(from: one, at: at(2), parameters, using: &random))
        #expect(clients.statistics.addressesMarkedForFullQueues == 1)
    }

    @Test("All of an IPv6 /64 is one client, and relays are none")
    func networks() {
        var clients = ClientAddresses()
        var random = SeededRandom(seed: 6)
        for host in 1...6 {
            let isAdmitted = clients.admitLink(from: IPAddress("2001:db8:1:2::\(host)")!, at: at(0), parameters, unfinishedLimit: 100, using: &random)
            #expect(isAdmitted == (host < 6))
        }
        #expect(clients.admitLink(from: IPAddress("2001:db8:1:3::1")!, at: at(0), parameters, unfinishedLimit: 100, using: &random))
        clients.finished(from: IPAddress("2001:db8:1:2::1")!)
        clients.identified(at: IPAddress("2001:db8:1:2::1")!)
        #expect(clients.admitLink(from: IPAddress("2001:db8:1:2::9")!, at: at(0), parameters, unfinishedLimit: 100, using: &random))
    }

    @Test("The table stays within its bound, keeps who is linked, and forgets who is quiet", arguments: 1...5 as ClosedRange<UInt64>)
    func bound(seed: UInt64) {
        var clients = ClientAddresses(limit: 64)
        var random = SeededRandom(seed: seed)
        for _ in 0..<5 { _ = clients.admitLink(from: one, at: at(0), parameters, unfinishedLimit: 100, using: &random) }
        for number in 0..<5000 {
            let address = IPAddress.v4(UInt32.random(in: 0...UInt32.max, using: &random))
            if clients.admitLink(from: address, at: at(Int64(number / 100)), parameters, unfinishedLimit: 100, using: &random) {
                clients.finished(from: address)
                clients.disconnected(from: address)
            }
            #expect(clients.count <= 64)
        }
        #expect(!clients.admitLink(from: one, at: at(51), parameters, unfinishedLimit: 100, using: &random))
        clients.sweep(parameters, at: at(1000))
        #expect(clients.count == 1)
    }

    @Test("A bucket gives its burst at once and its rate from then on", arguments: 1...10 as ClosedRange<UInt64>)
    func bucket(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var bucket = TokenBucket()
        var taken = 0, now = Instant.zero
        for _ in 0..<2000 {
            now = now + .milliseconds(Int64.random(in: 0...50, using: &random))
            if bucket.take(rate: 10, burst: 25, now: now) { taken += 1 }
            #expect(Double(taken) <= 25 + 10 * (now - .zero).inSeconds + 1e-6)
        }
        #expect(Double(taken) >= 25 + 10 * (now - .zero).inSeconds - 27)
    }
}

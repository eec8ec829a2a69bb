import Ambience
import Coordination
import Foundation
import Leasing
import Placement
import Prices
import Testing

/// The files of `Policies` that say where motes go and what that costs.
@Suite struct PlacementFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies").path
    private static let catalogue = folder + "/prices/2026-11.json"

    private static func files(_ kind: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(kind)").sorted().map { "\(folder)/\(kind)/\($0)" }
    }

    @Test("Every placement policy can be met by the default fleet, for many seeds")
    func policies() throws {
        let slots = FleetForecast.slots(try FleetForecast.timing(.standard, like: nil))
        for path in try Self.files("placement") {
            let (policy, catalogue) = try PolicyFile.placement(path)
            for seed: UInt64 in 1...50 {
                var random = SeededRandom(seed: seed)
                let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: slots, horizonSeconds: 3600, random: &random)
                #expect(forecast.leases.count { $0.generation == 0 } == 5, "\(path)")
            }
        }
    }

    @Test("Every placement policy keeps its caps through a virtual day of a fleet that is replaced again and again", arguments: 1...2)
    func day(seed: UInt64) throws {
        let slots = FleetForecast.slots(try FleetForecast.timing(.standard, like: nil))
        for path in try Self.files("placement") {
            var (policy, catalogue) = try PolicyFile.placement(path)
            // A day costs more than the ceilings, which are for a first try.
            policy.ceilings = policy.ceilings.mapValues { $0 * 1000 }
            var random = SeededRandom(seed: seed)
            let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: slots, horizonSeconds: 86400, random: &random)
            var broken: Set<String> = []
            for lease in forecast.leases {
                let alive = forecast.leases.filter { $0.startSeconds <= lease.startSeconds && lease.startSeconds < $0.startSeconds + $0.lifeSeconds }.map(\.place)
                for (dimension, cap) in policy.caps {
                    let most = Dictionary(grouping: alive.compactMap { $0.label(dimension) }) { $0 }.values.map(\.count).max() ?? 0
                    if most > Int((cap * Int64(slots.count)).whole) { broken.insert(dimension.rawValue) }
                }
            }
            #expect(broken.isEmpty, "\(path)")
            // A successor that the caps leave no room for waits for the next end, never for long.
            #expect(forecast.waits.longestSeconds < 1200 && forecast.leases.count > 5 * 24, "\(path)")
        }
    }

    @Test("A plan costs what an hour of a mote costs, at each lifetime and every provider that was calculated", arguments: [
        ("ec2", "t4g.nano", [600, 1800, 3600, 14400], ["0.0092", "0.0092", "0.0092", "0.0092"]),
        ("hetzner", "cax11", [600, 1800, 3600, 14400], ["0.0240", "0.0080", "0.0040", "0.0040"]),
        ("digitalocean", "s-1vcpu-512mb-10gb", [600, 1800, 3600, 14400], ["0.0600", "0.0200", "0.0100", "0.0060"]),
    ] as [(String, String, [Int64], [String])])
    func plans(provider: String, machine: String, lives: [Int64], hours: [String]) throws {
        var (policy, catalogue) = try PolicyFile.placement(Self.folder + "/placement/spread.json")
        policy.accounts = policy.accounts.filter { $0.provider == provider }
        policy.accounts[0].machines = [machine]
        (policy.caps, policy.groupCaps, policy.sentBitsPerSecond) = ([:], [:], 0)
        for (life, hour) in zip(lives, hours) {
            let slot = Forecast.Slot(name: "normal", firstLifeSeconds: life...life, lifeSeconds: life...life, overlapSeconds: 0)
            var random = SeededRandom(seed: 1)
            let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: [slot], horizonSeconds: 86400, random: &random)
            let total = try #require(forecast.budget.promised.amounts.values.first)
            #expect(total.times(1, over: 24).text(decimals: 4) == hour && forecast.leases.count == Int(86400 / life))
        }
    }

    @Test("Every catalogue is sound and says where its prices were read")
    func catalogues() throws {
        for path in try Self.files("prices") { #expect(try PolicyFile.catalogue(path).services?.sources.isEmpty == false) }
    }

    @Test("An hour of a mote costs what its billing grain makes of its lifetime", arguments: [
        ("ec2", "t4g.nano", ["0.0092", "0.0092", "0.0092", "0.0092"]), ("hetzner", "cax11", ["0.0240", "0.0080", "0.0040", "0.0040"]),
        ("digitalocean", "s-1vcpu-512mb-10gb", ["0.0600", "0.0200", "0.0100", "0.0060"]), ("ec2", "lambda-arm-128", ["0.0060", "0.0060", "0.0060", "0.0060"]),
    ] as [(String, String, [String])])
    func hours(provider: String, machine: String, costs: [String]) throws {
        let tariff = try Self.tariff(provider, machine)
        #expect([10, 30, 60, 240].map { tariff.hourly(lifetimeSeconds: $0 * 60).text(decimals: 4) } == costs)
    }

    @Test("A life that costs no more lasts to the end of the grain, or of what the minimum charge buys")
    func longest() throws {
        #expect(try Self.tariff("hetzner", "cax11").longestSeconds(forPriceOf: 2700) == 3600)
        #expect(try Self.tariff("digitalocean", "s-1vcpu-512mb-10gb").longestSeconds(forPriceOf: 2700) == 6048)
        #expect(try Self.tariff("ec2", "t4g.nano").longestSeconds(forPriceOf: 2700) == 2700)
    }

    @Test("A relay of 10 Mbit/s costs 282.60 a month to send from one cloud, and nothing from another")
    func traffic() throws {
        let figures = Figures.corrected(try #require(try PolicyFile.catalogue(Self.catalogue).services))
        #expect(figures.first { $0.id == "relay" }?.text == "282.60")
        let month: Int64 = 30 * 86400
        #expect(try Self.tariff("hetzner", "cax11").charge(seconds: month, sentBytes: month * 1_250_000).traffic == .zero)
        #expect(try Self.tariff("ec2", "t4g.nano").charge(seconds: month, sentBytes: month * 1_250_000).traffic == Amount("291.6"))
    }

    @Test("A charge is the same by the second, the grain and the minimum as by hand")
    func charges() throws {
        let droplet = try Self.tariff("digitalocean", "s-1vcpu-512mb-10gb")
        #expect(droplet.charge(seconds: 1, sentBytes: 0).total == Amount("0.01"))
        #expect(droplet.charge(seconds: 2_419_200, sentBytes: 0).total == Amount(4))
        let server = try Self.tariff("hetzner", "cax11")
        #expect(server.charge(seconds: 3601, sentBytes: 0).total == Amount("0.008"))
        let instance = try Self.tariff("ec2", "t4g.nano").charge(seconds: 1, sentBytes: 1_000_000_000)
        #expect(instance.paidSeconds == 60 && instance.machine == Amount("0.00007") && instance.traffic == Amount("0.09"))
    }

    @Test("A file with a field too many or a price as a number is refused by its field", arguments: [
        ("\"costWeight\": 1", "\"costWeight\": 1, \"costWait\": 1", "costWait: no such field"), ("\"provider\": \"0.4\"", "\"provider\": 0.4", "caps"),
        ("\"country\": \"0.4\"", "\"county\": \"0.4\"", "caps"), ("\"USD\": \"2.00\"", "\"dollars\": \"2.00\"", "ceilings"),
        ("\"provider\": \"ec2\"", "\"provider\": \"ec2\", \"region\": []", "accounts.0.region: no such field"), ("\"0.4\"", "\"1.4\"", "caps"),
    ] as [(String, String, String)])
    func malformed(old: String, new: String, says: String) throws {
        let text = try String(contentsOfFile: Self.folder + "/placement/spread.json", encoding: .utf8)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("placement-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let range = try #require(text.range(of: old))
        try text.replacingCharacters(in: range, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        #expect { try PolicyFile.placement(path) } throws: { "\($0)".contains(says) }
    }

    private static func tariff(_ provider: String, _ machine: String) throws -> Tariff {
        try #require(try PolicyFile.catalogue(catalogue).provider(provider)?.offers.first { $0.machine == machine }).tariff
    }
}

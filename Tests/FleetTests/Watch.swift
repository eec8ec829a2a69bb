import Ambience
import CloudCalls
import Leasing
import Prices

/// What is counted and complained of while a history goes on, by the world's truth.
struct Watch {
    private(set) var violations: [String] = []
    /// Machines whose end is wanted and was not asked for yet.
    private(set) var endsWanted: [String: WallTime] = [:]
    /// Since when a provider can be asked for ends, by its index.
    var reachable: [Int: WallTime] = [:]

    mutating func complain(_ text: String) { if violations.count < 5, !violations.contains(text) { violations.append(text) } }
    mutating func wantsEnd(_ id: String, _ now: WallTime) { if endsWanted[id] == nil { endsWanted[id] = now } }
    mutating func called(_ call: AccountDesk.Call, _ now: WallTime) { if case .end(let id, _) = call { endsWanted[id] = nil } }
    mutating func restarted() { endsWanted = [:] }
}

extension FaultyFleet {
    private static let overdueSeconds: Int64 = 120
    /// Four failures of ends in a row, each with the longest pause after it, and a little.
    private static let starvedSeconds: Int64 = 90

    /// What holds at every moment of every history.
    mutating func check() {
        for (index, provider) in providers.enumerated() {
            if downUntil != nil || !provider.areCredentialsGood { watch.reachable[index] = now }
            checkMachines(provider, since: watch.reachable[index] ?? now - 100_000)
        }
        if downUntil == nil { for (id, since) in watch.endsWanted where now - since > Self.starvedSeconds { watch.complain("nobody asked for the end of \(id) at \(now)") } }
        if let cap = desire.caps?[HoppingSiting.dollar], billed > cap { watch.complain("\(billed) was billed, \(cap) is the cap") }
        if providers.contains(where: { $0.units.count(where: { $0.tags.fleet != Self.fleet }) != 1 }) { watch.complain("somebody else's machine was ended") }
    }

    /// Its own timer is enough, and so is a coordinator that can reach its provider: only where both fail may a machine outlive its expiry.
    private mutating func checkMachines(_ provider: LyingProvider, since reachable: WallTime) {
        var orders: Set<String> = [], keys: [MoteKey: Int] = [:]
        for unit in provider.units where unit.tags.fleet == Self.fleet {
            let bound = unit.hasBrokenTimer || unit.isMoteDead || unit.isStopped ? max(unit.tags.expires, reachable, unit.hiddenUntil ?? reachable) : unit.tags.expires
            if now - bound > Self.overdueSeconds { watch.complain("\(unit.id) of \(provider.name) outlived its expiry by \(now - unit.tags.expires) s") }
            if !orders.insert("\(unit.tags.key)-\(unit.tags.attempt)").inserted { watch.complain("two machines of \(unit.tags.key), attempt \(unit.tags.attempt), at \(provider.name)") }
            if unit.hiddenUntil == nil { keys[unit.tags.key, default: 0] += 1 }
        }
        for (key, count) in keys where count > 1 { watch.complain("two attempts of \(key) live at once at \(provider.name)") }
    }

    /// What the providers charge for all that ever was.
    var billed: Amount {
        providers.reduce(.zero) { sum, provider in
            let grain: Int64 = provider.name == "names" ? 3600 : provider.name == "plain" ? 60 : 1
            return (provider.past + provider.units).reduce(sum) { sum, unit in
                unit.tags.fleet == Self.fleet ? sum + HoppingSiting.cost((unit.ended ?? now) - unit.created, grain) : sum
            }
        }
    }

    var ours: Int { providers.reduce(0) { $0 + $1.units.count { $0.tags.fleet == Self.fleet } } }

    /// Motes that clients can use now.
    var usable: Int { consensus.count }

    /// Ends the fleet; whatever was left over is complained of.
    mutating func takeDown() {
        desire.mode = .down
        run(seconds: 400)
        if ours > 0 { watch.complain("\(ours) machines left over") }
        if ledger.aliveCount > 0 { watch.complain("\(ledger.aliveCount) motes not proven gone: \(ledger.alive.map(\.state.name))") }
    }
}

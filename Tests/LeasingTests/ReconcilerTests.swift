import Ambience
import Leasing
import Testing

/// A small, quick fleet: histories of minutes see several generations.
private func quickDesire(motes: Int = 5, longLived: Int = 0) -> Desire {
    var policy = FleetPolicy.standard
    policy.normal = .init(motes: motes, lifetimeSeconds: 180)
    policy.longLived = .init(motes: longLived, lifetimeSeconds: 600)
    return Desire(mode: .up, timing: Timing(policy: policy, votingIntervalSeconds: 10))
}

@Suite struct ReconcilerTests {
    @Test("In calm weather the fleet never has fewer usable motes than desired, through many generations", arguments: seeds(200))
    func calm(seed: UInt64) {
        let desire = quickDesire(motes: 3 + Int(seed % 6), longLived: Int(seed % 3))
        var cloud = VirtualCloud(seed: seed, desire: desire)
        let wanted = desire.policy.normal.motes + desire.policy.longLived.motes
        var wasUp = false
        cloud.run(seconds: 900) { cloud in
            wasUp = wasUp || cloud.usable >= wanted
            if wasUp, cloud.usable < wanted { cloud.violations.append("\(cloud.usable) usable of \(wanted) at \(cloud.now)") }
            checkAlways(&cloud)
        }
        #expect(wasUp)
        #expect(cloud.endTimes.count > 2 * desire.policy.normal.motes, "seed \(seed)")
        #expect(cloud.violations.isEmpty, "seed \(seed): \(cloud.violations.prefix(3))")
    }

    @Test("Ends never come all together: within a tenth of a life no more than half of the fleet ends", arguments: seeds(200))
    func endsApart(seed: UInt64) {
        let desire = quickDesire(motes: 6)
        var cloud = VirtualCloud(seed: seed, desire: desire)
        cloud.run(seconds: 1200, passSeconds: 4)
        let ends = cloud.endTimes.sorted()
        for (index, end) in ends.enumerated() {
            let together = ends[index...].count { $0 - end <= 18 }
            #expect(together <= 3, "seed \(seed): \(together) ends from \(end)")
        }
    }

    @Test("Killed coordinators, lost processes, slow and failing starts, deaf motes and a silent directory break no promise", arguments: seeds(1000))
    func storm(seed: UInt64) {
        let weather = VirtualCloud.Weather(
            coordinatorKilled: 60, processLost: 1, slowStart: 100, failedStart: 60, deafToStop: 100, brokenOwnTimer: 50, directorySilent: 10)
        var cloud = VirtualCloud(seed: seed, desire: quickDesire(motes: 4, longLived: Int(seed % 2)), weather: weather)
        let wanted = 4 + Int(seed % 2)
        cloud.run(seconds: 300, passSeconds: 3) { checkAlways(&$0) }
        cloud.weather = VirtualCloud.Weather()
        cloud.run(seconds: 180, passSeconds: 3) { checkAlways(&$0) }
        #expect(cloud.usable >= wanted - 1, "seed \(seed): \(cloud.usable) usable of \(wanted) after the storm")
        #expect(cloud.violations.isEmpty, "seed \(seed): \(cloud.violations.prefix(3))")
        cloud.desire.mode = .down
        cloud.run(seconds: 20) { checkAlways(&$0) }
        #expect(cloud.running == 0 && cloud.folders.isEmpty && cloud.durable.alive.isEmpty, "seed \(seed): left over after going down")
    }

    @Test("A killed coordinator alone costs no usable mote beyond the disruption bound", arguments: seeds(500))
    func killedCoordinator(seed: UInt64) {
        var cloud = VirtualCloud(seed: seed, desire: quickDesire(), weather: .init(coordinatorKilled: 80, longestDowntimeSeconds: 5))
        var wasUp = false
        cloud.run(seconds: 600) { cloud in
            wasUp = wasUp || cloud.usable >= 5
            if wasUp, cloud.usable < 4 { cloud.violations.append("\(cloud.usable) usable at \(cloud.now)") }
            checkAlways(&cloud)
        }
        #expect(cloud.violations.isEmpty, "seed \(seed): \(cloud.violations.prefix(3))")
    }

    @Test("A pass over the same facts gives the same actions, and nothing at all once the world is as wanted")
    func idempotent() throws {
        var cloud = VirtualCloud(seed: 7, desire: Desire(mode: .up, timing: Timing(policy: .standard, votingIntervalSeconds: 10)))
        cloud.run(seconds: 60)
        var first = SeededRandom(seed: 1), second = SeededRandom(seed: 1)
        let sightings = cloud.processes.mapValues { Sighting(instances: $0.map { String($0.pid) }, hasFolder: true, report: MoteReport(bootstrapped: 100)) }
        let observation = Observation(sightings: sightings, listed: cloud.consensus)
        let a = Reconciler.reconcile(desire: cloud.desire, ledger: cloud.durable, observation: observation, now: cloud.now, random: &first)
        let b = Reconciler.reconcile(desire: cloud.desire, ledger: cloud.durable, observation: observation, now: cloud.now, random: &second)
        #expect(a == b)
        #expect(a.isEmpty)
    }

    @Test("A mote that is wished away is replaced before it drains, whatever else happens", arguments: seeds(200))
    func wishedDrain(seed: UInt64) throws {
        var cloud = VirtualCloud(seed: seed, desire: quickDesire())
        cloud.run(seconds: 60)
        let key = try #require(cloud.durable.alive.last?.key)
        cloud.desire.wishes[key] = .drain
        cloud.run(seconds: 90) { cloud in
            if cloud.usable < 5 { cloud.violations.append("\(cloud.usable) usable") }
        }
        #expect(cloud.processes[key] == nil)
        #expect(cloud.violations.isEmpty, "seed \(seed): \(cloud.violations.prefix(3))")
    }

    @Test("A fleet that is to be made otherwise is replaced mote by mote, each before it drains")
    func drift() {
        var policy = FleetPolicy.standard
        policy.normal = .init(motes: 5, lifetimeSeconds: 7200)
        var cloud = VirtualCloud(seed: 5, desire: Desire(mode: .up, timing: Timing(policy: policy, votingIntervalSeconds: 10), make: Make(config: "old")))
        cloud.run(seconds: 60)
        let old = Set(cloud.durable.alive.map(\.key))
        cloud.desire.make = Make(config: "new")
        cloud.run(seconds: 1500) { cloud in
            if cloud.usable < 5 { cloud.violations.append("\(cloud.usable) usable") }
        }
        #expect(old.count == 5 && old.allSatisfy { cloud.processes[$0] == nil } && cloud.running == 5)
        let drifted = cloud.durable.records.values.count { if case .gone(let ending) = $0.state { ending.reason == .drift } else { false } }
        #expect(drifted == 5 && cloud.violations.isEmpty, "\(cloud.violations.prefix(3))")
    }

    @Test("A smaller fleet is reached by draining no more than the bound at once")
    func shrink() {
        var policy = FleetPolicy.standard
        policy.normal = .init(motes: 9, lifetimeSeconds: 3600)
        var cloud = VirtualCloud(seed: 3, desire: Desire(mode: .up, timing: Timing(policy: policy, votingIntervalSeconds: 10)))
        cloud.run(seconds: 60)
        policy.normal.motes = 3
        cloud.desire.timing = Timing(policy: policy, votingIntervalSeconds: 10)
        cloud.run(seconds: 120) { cloud in
            let draining = cloud.processes.values.count { $0.contains(where: \.isDraining) }
            if draining > 1 { cloud.violations.append("\(draining) drain at once") }
        }
        #expect(cloud.running == 3)
        #expect(cloud.violations.isEmpty)
    }

    @Test("A process that nobody intended ends, and what it left is erased")
    func sweep() {
        let stranger = MoteKey(high: 1, low: 2)
        func pass(_ sighting: Sighting) -> [Action] {
            var random = SeededRandom(seed: 1)
            return Reconciler.reconcile(
                desire: Desire(mode: .down, timing: quickDesire().timing), ledger: Ledger(), observation: Observation(sightings: [stranger: sighting]),
                now: WallTime(secondsSinceEpoch: 0), random: &random)
        }
        #expect(pass(Sighting(instances: ["9"], hasFolder: true)) == [Action(event: nil, effect: .kill(stranger))])
        #expect(pass(Sighting(hasFolder: true)) == [Action(event: nil, effect: .erase(stranger))])
    }

    /// What holds at every second of every history.
    private func checkAlways(_ cloud: inout VirtualCloud) {
        let policy = cloud.desire.policy
        if cloud.running > policy.motesLimit { cloud.violations.append("\(cloud.running) motes") }
        if cloud.startTimes.count(where: { cloud.now - $0 < 60 }) > policy.startsPerMinute { cloud.violations.append("too many starts in a minute") }
        let slack: Int64 = cloud.weather.brokenOwnTimer > 0 || cloud.lastFault != nil ? 60 : 0
        for (key, list) in cloud.processes {
            if list.count > 1 { cloud.violations.append("two processes of \(key)") }
            if cloud.durable.records[key] == nil { cloud.violations.append("no intent for \(key)") }
            if cloud.now - list[0].lease.expires > slack { cloud.violations.append("\(key) outlived its expiry") }
        }
    }
}

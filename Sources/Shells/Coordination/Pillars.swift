internal import Ambience
internal import Leasing
internal import Providers

/// Holds up the authority and the client, and the yard that they stand in if the motes are in one: started again when they fall, later each
/// time, taken down last.
final class Pillars {
    /// The longest pause before another start.
    private static let longestPauseSeconds: Int64 = 30
    /// A pillar that stood this long had not failed to start.
    private static let steadySeconds: Int64 = 60

    struct Standing {
        let pillar: Pillar
        var sighting = Sighting()
        var isStarted = false
        var isReady = false
        var starts = 0
        var lastStart: WallTime?
        var stopping: WallTime?
    }

    private(set) var authority: Standing
    private(set) var client: Standing
    private var yardTrouble = ""
    private let folder: StateFolder
    private let yard: Yard?
    private let program: String
    private let tell: (News) -> Void

    init(folder: StateFolder, yard: Yard?, program: String, tell: @escaping (News) -> Void) {
        self.folder = folder
        self.yard = yard
        self.program = program
        self.tell = tell
        authority = Standing(pillar: Pillar(.authority, state: folder.path))
        client = Standing(pillar: Pillar(.client, state: folder.path))
    }

    func hold(_ role: Pillar.Role, _ network: NetworkPlan, _ now: WallTime) {
        switch role {
        case .authority: hold(&authority, network, now)
        case .client: hold(&client, network, now)
        }
    }

    private func hold(_ standing: inout Standing, _ network: NetworkPlan, _ now: WallTime) {
        standing.sighting = standing.pillar.observe()
        if standing.sighting.isAlive {
            standing.isStarted = true
            announceReady(&standing, network)
            if let start = standing.lastStart, now - start > Self.steadySeconds { standing.starts = 0 }
        } else if mayStart(standing, now) {
            start(&standing, network, now)
        }
    }

    private func announceReady(_ standing: inout Standing, _ network: NetworkPlan) {
        guard !standing.isReady, standing.sighting.report?.isReady == true else { return }
        standing.isReady = true
        if standing.pillar.role == .client { tell(.clientReady(socks: network.socks)) }
    }

    private func mayStart(_ standing: Standing, _ now: WallTime) -> Bool {
        guard let last = standing.lastStart else { return true }
        return now - last >= min(Self.longestPauseSeconds, 1 << Int64(min(standing.starts, 10)))
    }

    private func start(_ standing: inout Standing, _ network: NetworkPlan, _ now: WallTime) {
        if standing.isStarted { tell(.fell(standing.pillar.role.rawValue, lastWords: standing.pillar.folder.lastWords())) }
        standing.isReady = false
        standing.starts += 1
        standing.lastStart = now
        do throws(ProviderError) {
            try standing.pillar.start(program: program, plan: network, in: yard?.spaces)
            standing.isStarted = true
            tell(standing.pillar.role == .authority ? .authorityStarted : .clientStarted)
        } catch { tell(.trouble("\(error)")) }
    }

    /// Makes sure of the ground that both stand on. False while it is not all there yet.
    func holdYard() -> Bool {
        do throws(ProviderError) {
            guard let yard else { return true }
            let stands = try yard.hold()
            if stands { yardTrouble = "" }
            return stands
        } catch {
            if error.description != yardTrouble { tell(.trouble(error.description)) }
            yardTrouble = error.description
            return false
        }
    }

    /// Ends first the client, then the authority, then the yard, and erases what they left. True once all are proven gone.
    func takeDown(_ now: WallTime) -> Bool { takeDown(&client, now) && takeDown(&authority, now) && endYard() }

    private func endYard() -> Bool {
        do throws(ProviderError) { return try yard?.end() ?? true } catch {
            tell(.trouble("\(error)"))
            return false
        }
    }

    private func takeDown(_ standing: inout Standing, _ now: WallTime) -> Bool {
        guard standing.pillar.observe().isAlive else {
            do throws(ProviderError) { try standing.pillar.folder.erase() } catch { tell(.trouble("\(error)")) }
            return !standing.pillar.folder.exists
        }
        if let since = standing.stopping {
            if now - since >= Reconciler.stopPatienceSeconds { standing.pillar.kill() }
        } else {
            standing.stopping = now
            standing.pillar.stop()
        }
        return false
    }
}

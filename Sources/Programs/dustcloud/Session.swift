internal import Ambience
internal import Clouds
internal import Coordination
internal import Leasing
internal import Providers

/// A coordinator at work until somebody asks it to end or the cloud is down.
struct Session {
    enum End { case asked, down }

    private static let stepMilliseconds = 500
    private static let progressSeconds: Int64 = 5

    private let coordinator: Coordinator
    private let time = FleetTime()
    private var lastProgress: WallTime
    private var lastListed = -1
    private var lastTrouble = ""

    init(folder: StateFolder, store: Store, program: String) throws {
        guard let settings = try store.settings() else { throw CoordinationError(.notFound, "there is no cloud in \(folder.path)") }
        let here = ProviderSet.here(folder, settings, program: program)
        let rented = try ProviderSet.clouds(folder, settings, store: store, time: time)
        lastProgress = time.wall
        coordinator = try Coordinator(
            folder: folder, store: store, providers: here.merging(rented) { _, last in last }, siting: try ProviderSet.siting(settings), program: program, time: time,
            tell: Narrator.tell)
    }

    /// A failing step changes nothing and is tried again: the disk may have room by then.
    mutating func run(_ patience: inout Patience) -> End {
        while true {
            ChildProcess.reap()
            do throws(CoordinationError) {
                guard try coordinator.step() else { return .down }
                lastTrouble = ""
            } catch { complain(error) }
            progress()
            if patience.wait(milliseconds: Self.stepMilliseconds) { return .asked }
        }
    }

    private mutating func complain(_ error: CoordinationError) {
        if error.description != lastTrouble { Narrator.tell(.trouble(error.description)) }
        lastTrouble = error.description
    }

    private mutating func progress() {
        let listed = coordinator.listedCount
        let wanted = coordinator.settings.policy.normal.motes + coordinator.settings.policy.longLived.motes
        let isUp = coordinator.settings.mode == .up
        if isUp, listed != lastListed, listed > 0 || lastListed >= 0 { say("motes listed \(listed)/\(wanted)") }
        lastListed = listed
        guard time.wall - lastProgress >= Self.progressSeconds else { return }
        if !isUp { return say("going down: \(coordinator.ledger.aliveCount) motes left") }
        guard !coordinator.isClientReady else { return }
        say("waiting: motes listed \(listed)/\(wanted), client \(coordinator.clientProgress)%")
    }

    private mutating func say(_ line: String) {
        lastProgress = time.wall
        Terminal.report(line)
    }
}

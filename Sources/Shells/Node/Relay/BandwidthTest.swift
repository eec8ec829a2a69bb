internal import Ambience
internal import Logging
internal import Loops
internal import Relaying

/// Sends padding through others and back to ourselves, so that a relay which nobody uses knows what it can carry: bandwidth is what was
/// seen to be read and written (dir-spec.txt 2.1.1, "bandwidth").
final class BandwidthTest {
    private static let circuitCount = 4
    /// As long as the time over which bandwidth is observed.
    private static let seconds = 10
    /// Enough to be trusted with traffic, which then says more; and little enough for those whom it goes through.
    private static let mostBytesPerSecond: UInt64 = 256 << 10
    /// A relay that has carried so many bytes per second need not ask others for help.
    private static let enoughBytesPerSecond: UInt64 = 51_200
    private static let cellBytes: UInt64 = 514
    private static let buildSeconds = 60
    /// Between a test and the next, and between tries to begin one.
    private static let pause = Instant.Span.seconds(Int64(12 * 3600))
    private static let retryPause = Instant.Span.seconds(60)

    private enum Phase {
        case resting(until: Instant)
        case building(secondsLeft: Int)
        case sending(secondsLeft: Int)
    }

    private let router: OnionRouter
    private let log = Logger(label: "relay")
    private var phase: Phase
    private var circuits: [OriginCircuit] = []
    /// A test has been made, or traffic made it needless.
    private(set) var isOver = false

    init(router: OnionRouter) {
        self.router = router
        phase = .resting(until: router.loop.now)
    }

    /// Once a second; whether a test has ended just now.
    func look(_ own: HopTarget, _ paths: SelfPaths, observed: UInt64, rate: UInt64) -> Bool {
        switch phase {
        case .resting(let until):
            guard router.loop.now >= until else { return false }
            guard observed < min(rate, Self.enoughBytesPerSecond) else { return rest(isOver: true) }
            begin(own, paths)
        case .building(let left):
            if circuits.allSatisfy({ $0.isBuilt || !$0.isOpen }) || left == 0 { began() } else { phase = .building(secondsLeft: left - 1) }
        case .sending(let left):
            guard left > 0 else { return end() }
            guard send(min(rate, Self.mostBytesPerSecond)) else { return rest(isOver: false) }
            phase = .sending(secondsLeft: left - 1)
        }
        return false
    }

    private func begin(_ own: HopTarget, _ paths: SelfPaths) {
        circuits = (0..<Self.circuitCount).compactMap { _ in paths.path(to: own).map(router.buildCircuit) }
        if circuits.isEmpty { rest(isOver: false) } else { phase = .building(secondsLeft: Self.buildSeconds) }
    }

    private func began() {
        if circuits.contains(where: \.isBuilt) { phase = .sending(secondsLeft: Self.seconds) } else { rest(isOver: false) }
    }

    /// `false` when no circuit is left: then nothing was found out.
    private func send(_ bytesPerSecond: UInt64) -> Bool {
        let built = circuits.filter(\.isBuilt)
        guard !built.isEmpty else { return false }
        let cells = Int(bytesPerSecond / Self.cellBytes) / built.count
        for circuit in built { circuit.sendDrops(cells) }
        return true
    }

    private func end() -> Bool {
        log.notice("Performing bandwidth self-test...done.")
        rest(isOver: true)
        return true
    }

    /// `false`: there is nothing new to publish.
    @discardableResult
    private func rest(isOver: Bool) -> Bool {
        for circuit in circuits { circuit.close() }
        circuits = []
        if isOver { self.isOver = true }
        phase = .resting(until: router.loop.now + (isOver ? Self.pause : Self.retryPause))
        return false
    }
}

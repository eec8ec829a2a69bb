import Ambience
import Glibc
import Loops
import Mixing
import Sealing
import Spool

/// A mote on the mix that does nothing else, without the circuits that lead there: packets come in calls, are on disk before they are answered, go on when their delays
/// are over, and that they did is written down as well.
final class Forwarding {
    /// Packets in a call, as motes send them.
    static let batch = 32

    private let loop = EventLoop()
    private let spool: Spool
    private var station: MixStation
    private var answered = 0
    private var passed = 0

    /// - Parameter folder: for its spool.
    init(id: MixID, key: MixKey, folder: String) throws {
        spool = try Spool(loop: loop, key: .random(32), folder: folder)
        station = MixStation(own: id, key: key, settings: MixStation.Settings(), at: MixTime(milliseconds: 0), fresh: SecureRandom.bytes)
    }

    /// Until all went on, and that is on disk.
    ///
    /// - Parameter delay: of each of the packets. Milliseconds.
    func pass(_ packets: [[UInt8]], delay: UInt64) {
        for (number, start) in stride(from: 0, to: packets.count, by: Self.batch).enumerated() {
            station.take(Array(packets[start..<min(start + Self.batch, packets.count)]), batch: number, at: MixTime(milliseconds: 0))
            perform()
            loop.turn(wait: false)
        }
        while answered < packets.count { loop.turn(wait: true) }
        while passed < packets.count {
            station.turn(at: MixTime(milliseconds: delay))
            perform()
        }
        var isDurable = false
        spool.remove([0]) { _ in isDurable = true }
        while !isDurable { loop.turn(wait: true) }
    }

    private func perform() {
        for effect in station.takeEffects() {
            switch effect {
            case .store(let ticket, let changes): store(ticket, changes)
            case .answer(_, let verdicts): answered += verdicts.count { $0 == .held }
            case .send(let mote, let packets):
                passed += packets.count
                station.landed(mote, packets.map { _ in .held }, at: MixTime(milliseconds: 0))
                perform()
            default: fatalError("packets only")
            }
        }
    }

    private func store(_ ticket: Int?, _ changes: [StationRecord.Change]) {
        let changes = changes.map { change in
            switch change {
            case .put(let kind, let id, let payload): SpoolChange.append(kind: kind.rawValue, id: id, payload: payload)
            case .remove(let id): SpoolChange.remove(id: id)
            }
        }
        guard let ticket else { return spool.commit(changes, done: nil) }
        spool.commit(changes) { [unowned self] result in
            guard case .success = result else { fatalError("the spool takes no more: \(result)") }
            station.stored(ticket, true, at: MixTime(milliseconds: 0))
            perform()
        }
    }

    /// Microseconds of processor time that a packet costs, of all threads: the least of several rounds, each with a spool of its own.
    static func microseconds(_ packets: [[UInt8]], id: MixID, key: MixKey, delay: UInt64, rounds: Int) throws -> Double {
        var best = Double.infinity
        for round in 0..<rounds {
            let folder = "/tmp/mixcost-\(getpid())-\(round)"
            defer { for name in (try? Files.list(folder)) ?? [] { try? Files.remove("\(folder)/\(name)") }; rmdir(folder) }
            let mote = try Forwarding(id: id, key: key, folder: folder), began = processorSeconds()
            mote.pass(packets, delay: delay)
            best = min(best, (processorSeconds() - began) / Double(packets.count) * 1e6)
        }
        return best
    }

    /// Of this process.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

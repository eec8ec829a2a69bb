import Ambience
import Glibc

@testable import Loops

/// Time, readiness and connections of a simulated network. One seed decides when bytes arrive, which of several ready descriptors is
/// served first and which has to wait; nothing here depends on the machine's clock or on secrets.
///
/// A step: run what the script has for this moment, move bytes on wires, then give every loop a turn. When nothing is left to do at
/// this moment, time jumps to the next one.
final class VirtualWorld: SimulatedSystem {
    private enum Action {
        case script(() -> Void)
        case timer(Timer, Instant.Span)
    }

    private struct Entry {
        let due: Instant
        let serial: Int
        let action: Action
    }

    private struct Watched {
        let ticket: Int
        let source: Unmanaged<IOSource>
        /// When its connection stands.
        let stands: Instant
    }

    private struct Readiness {
        let ticket: Int
        let isWrite: Bool
    }

    /// What a turn of the loops takes, so that time passes even when everybody is busy.
    private static let turnSpan = Instant.Span(nanoseconds: 20_000)

    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private let started: WallTime
    var random: SeededRandom
    var trace: Trace
    /// In the order of their moments; of one moment, in the order they were made.
    private var agenda: [Entry] = []
    private var serial = 0
    private var watched: [Watched] = []
    /// Descriptors that were dialled and that nobody watches yet, with the moment their connection stands. Not kept longer: a number that
    /// the system gives to another connection says nothing about it, and other simulations of this process take numbers too.
    private var connecting: [Int32: Instant] = [:]
    private var wires: [Wire] = []
    private var loops: [(name: String, loop: EventLoop)] = []
    /// What the turn under way may tell a loop.
    private var ready: [ObjectIdentifier: [Readiness]] = [:]
    /// Makes the connection that somebody asks for.
    var onDial: ((SocketAddress, _ from: String) throws(FileError) -> Int32)?

    init(seed: UInt64, wall: WallTime, isVerbose: Bool) {
        random = SeededRandom(seed: seed)
        started = wall
        trace = Trace(isVerbose: isVerbose)
    }

    deinit { for wire in wires { wire.cut() } }

    var wall: WallTime { started + now.nanoseconds / 1_000_000_000 }

    func note(_ text: String) { trace.note(now.nanoseconds, text) }

    func makeLoop(_ name: String) -> EventLoop {
        let loop = EventLoop(simulatedBy: self)
        loops.append((name, loop))
        return loop
    }

    func name(of loop: EventLoop) -> String { loops.first { $0.loop === loop }?.name ?? "?" }

    /// Lets go of the loops, which hold the world.
    func end() {
        loops = []
        agenda = []
        onDial = nil
        for wire in wires { wire.cut() }
    }

    // MARK: The script

    func at(_ due: Instant, _ body: @escaping () -> Void) { enter(due, .script(body)) }
    func after(_ span: Instant.Span, _ body: @escaping () -> Void) { at(now + span, body) }
    /// A random span between two numbers of microseconds.
    func span(_ microseconds: ClosedRange<Int64>) -> Instant.Span { Instant.Span(nanoseconds: Int64.random(in: microseconds, using: &random) * 1000) }

    private func enter(_ due: Instant, _ action: Action) {
        serial += 1
        let place = agenda.lastIndex { $0.due <= due }.map { $0 + 1 } ?? 0
        agenda.insert(Entry(due: due, serial: serial, action: action), at: place)
    }

    /// Steps until the condition holds; `false` when it does not within `limit`.
    func run(for limit: Instant.Span, until condition: () -> Bool) -> Bool {
        let deadline = now + limit
        while !condition() {
            guard now < deadline, step() else { return false }
        }
        return true
    }

    private func step() -> Bool {
        let hasScript = runScript()
        poll()
        let awake = loops.filter { hasScript || !$0.loop.pending.isEmpty || ready[ObjectIdentifier($0.loop)] != nil || hasTimer($0.loop) }
        for (_, loop) in awake.shuffled(using: &random) { loop.turn(wait: false) }
        now = now + Self.turnSpan
        guard awake.isEmpty else { return true }
        guard let next = agenda.first?.due else { return false }
        now = max(now, next)
        return true
    }

    /// Whether there was anything in the script for this moment.
    private func runScript() -> Bool {
        var hasRun = false
        for entry in agenda.prefix(while: { $0.due <= now }) {
            guard case .script(let body) = entry.action else { continue }
            agenda.removeAll { $0.serial == entry.serial }
            body()
            hasRun = true
        }
        return hasRun
    }

    private func hasTimer(_ loop: EventLoop) -> Bool {
        agenda.prefix { $0.due <= now }.contains { if case .timer(let timer, _) = $0.action { timer.loop === loop } else { false } }
    }

    /// Asks once for all descriptors what is ready: those of loops are told in their turns, those of wires begin to carry.
    private func poll() {
        wires.removeAll(where: \.isCut)
        let sources = watched.filter { $0.source._withUnsafeGuaranteedRef { ($0.isReading || $0.isWriting) } && $0.stands <= now }
        var asked = sources.map { $0.source._withUnsafeGuaranteedRef { pollfd(fd: $0.fd, events: Int16(($0.isReading ? POLLIN : 0) | ($0.isWriting ? POLLOUT : 0)), revents: 0) } }
        let carriers = wires.flatMap(\.waiting)
        for carrier in carriers { asked.append(pollfd(fd: carrier.from, events: Int16(POLLIN), revents: 0)) }
        ready = [:]
        guard !asked.isEmpty else { return }
        Self.poll(&asked)
        for (entry, answer) in zip(sources, asked) where answer.revents != 0 { note(entry, answer) }
        for (carrier, answer) in zip(carriers, asked[sources.count...]) where answer.revents != 0 || carrier.hasNoSender { carrier.begin() }
    }

    /// A signal to another test of this process may interrupt even a question that does not wait, and "nothing is ready" can end a world.
    private static func poll(_ asked: inout [pollfd]) {
        while Glibc.poll(&asked, nfds_t(asked.count), 0) < 0 { precondition(errno == EINTR, "a simulation cannot ask what is ready") }
        precondition(!asked.contains { Int32($0.revents) & POLLNVAL != 0 }, "somebody closed a descriptor of the simulation")
    }

    private func note(_ entry: Watched, _ answer: pollfd) {
        let failed = Int32(answer.revents) & (POLLHUP | POLLERR) != 0
        let loop = ObjectIdentifier(entry.source.takeUnretainedValue().loop)
        for (flag, isWrite) in [(POLLIN, false), (POLLOUT, true)] where Int32(answer.events) & flag != 0 {
            if failed || Int32(answer.revents) & flag != 0 { ready[loop, default: []].append(Readiness(ticket: entry.ticket, isWrite: isWrite)) }
        }
    }

    // MARK: What loops ask

    func start(_ timer: Timer, after span: Instant.Span) { enter(now + span, .timer(timer, span)) }

    func stop(_ timer: Timer) {
        agenda.removeAll { if case .timer(let other, _) = $0.action { other === timer } else { false } }
    }

    func watch(_ source: IOSource) -> Int {
        serial += 1
        watched.append(Watched(ticket: serial, source: .passUnretained(source), stands: connecting.removeValue(forKey: source.fd) ?? .zero))
        return serial
    }

    func unwatch(_ ticket: Int) { watched.removeAll { $0.ticket == ticket } }

    func dial(_ address: SocketAddress, from loop: EventLoop) throws(FileError) -> Int32 {
        guard let onDial else { throw FileError(path: "\(address)", operation: "connect to", code: ENETUNREACH) }
        return try onDial(address, name(of: loop))
    }

    func deliver(to loop: EventLoop) {
        fireTimers(of: loop)
        for readiness in (ready.removeValue(forKey: ObjectIdentifier(loop)) ?? []).shuffled(using: &random) {
            // Some hear of it a turn later.
            if Int.random(in: 0..<4, using: &random) == 0 { continue }
            guard let found = watched.first(where: { $0.ticket == readiness.ticket }) else { continue }
            let source = found.source.takeUnretainedValue()
            if readiness.isWrite, source.isWriting { source.writable() } else if !readiness.isWrite, source.isReading { source.readable() }
        }
    }

    private func fireTimers(of loop: EventLoop) {
        let due = agenda.prefix { $0.due <= now }
        for entry in due {
            guard case .timer(let timer, let span) = entry.action, timer.loop === loop else { continue }
            guard let index = agenda.firstIndex(where: { $0.serial == entry.serial }) else { continue }
            agenda.remove(at: index)
            if timer.repeats { enter(entry.due + span, .timer(timer, span)) }
            timer.fire()
        }
    }

    // MARK: Wires

    /// A connection whose two ends are the descriptors of the wire's `near` and `far`; the near one may be used after `delay`.
    func connect(_ name: String, delay: Instant.Span) -> Wire {
        let wire = Wire(name: name, world: self)
        wires.append(wire)
        connecting[wire.near] = now + delay
        return wire
    }

    var liveWires: [Wire] { wires.filter { !$0.isCut } }
}

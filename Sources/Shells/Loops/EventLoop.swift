package import Ambience
internal import CEvent
internal import Glibc

/// One thread's event loop over libevent: readiness, timers, signals, and work for the end of the turn.
///
/// A turn: wait for events, run their callbacks, run what `soon` collected, run the turn-end hooks (which is where channels write
/// what the turn produced, in whole TLS records). Everything made on a loop is used only from the thread that runs it; other
/// threads reach it through its `mailbox`, whose letters are events too.
package final class EventLoop: TimeSource {
    // SAFETY: owned here; freed in deinit after everything that refers to it (IOSource, Timer keep the loop alive).
    let base: OpaquePointer
    private var isStopped = false
    private(set) var pending: [() -> Void] = []
    private var turnEnds: [() -> Void] = []
    private var signals: [Signal] = []
    private var wakeUps: [() -> Void] = []
    private var bell: Bell?
    private let clock = SystemTime()
    /// Set only in tests: then time, timers, readiness and connecting are its business.
    let simulation: (any SimulatedSystem)?
    /// Where other threads leave work for this loop.
    package let mailbox: Mailbox

    /// Takes over `mailbox`, which may hold letters already: so a thread that starts a loop can write to it before it runs.
    package init(mailbox: Mailbox = Mailbox(), simulatedBy simulation: (any SimulatedSystem)? = nil) {
        base = Self.makeBase()
        // A peer that resets its connection is an error of one write, not the end of the process; TLS cannot ask for that per write.
        signal(SIGPIPE, SIG_IGN)
        self.mailbox = mailbox
        self.simulation = simulation
        bell = Bell(base, mailbox.fd) { [unowned self] in wake() }
    }

    /// libevent guards what it shares between all bases of a process; a base of its own needs no lock, for one thread uses it.
    private static func makeBase() -> OpaquePointer {
        _ = Libevent.threads
        guard let options = event_config_new() else { fatalError("libevent has no memory") }
        defer { event_config_free(options) }
        event_config_set_flag(options, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = event_base_new_with_config(options) else { fatalError("libevent cannot make an event base") }
        return base
    }

    deinit {
        mailbox.close()
        bell = nil
        signals.removeAll()
        event_base_free(base)
    }

    package var now: Instant { simulation?.now ?? clock.now }
    package var wall: WallTime { simulation?.wall ?? clock.wall }

    /// Runs turns until `stop`.
    package func run() {
        isStopped = false
        while !isStopped { turn(wait: true) }
    }

    package func stop() {
        isStopped = true
        event_base_loopbreak(base)
    }

    /// One turn; with `wait` it blocks until there is something to do.
    package func turn(wait: Bool) {
        simulation?.deliver(to: self)
        let mayBlock = wait && pending.isEmpty && simulation == nil
        event_base_loop(base, mayBlock ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK)
        let work = pending
        pending = []
        for body in work { body() }
        for body in turnEnds { body() }
    }

    /// Runs `body` at the end of this turn, or of the next one when a turn-end hook asks.
    package func soon(_ body: @escaping () -> Void) { pending.append(body) }

    /// Runs `body` at the end of every turn, for the life of the loop.
    package func onTurnEnd(_ body: @escaping () -> Void) { turnEnds.append(body) }

    /// Runs `body` whenever another thread rang `mailbox`, after its letters, for the life of the loop.
    package func onWake(_ body: @escaping () -> Void) { wakeUps.append(body) }

    /// `mailbox.post`, for those who have the loop at hand.
    package func post(_ body: @escaping @Sendable () -> Void) { mailbox.post(body) }

    private func wake() {
        for letter in mailbox.empty() { letter() }
        for body in wakeUps { body() }
    }

    /// Runs `body` once, `span` from now, unless the timer is cancelled first.
    @discardableResult
    package func after(_ span: Instant.Span, _ body: @escaping () -> Void) -> Timer {
        Timer(loop: self, span: span, repeats: false, body)
    }

    /// Runs `body` every `span` until the timer is cancelled.
    @discardableResult
    package func every(_ span: Instant.Span, _ body: @escaping () -> Void) -> Timer {
        Timer(loop: self, span: span, repeats: true, body)
    }

    func dial(_ address: SocketAddress, from source: IPAddress?) throws(FileError) -> Int32 {
        if let simulation { try simulation.dial(address, from: self) } else { try Sockets.dial(address, from: source) }
    }

    /// Runs `body` on the loop whenever the process gets the signal.
    package func onSignal(_ number: Int32, _ body: @escaping () -> Void) { signals.append(Signal(base, number, body)) }
}

/// A timer that lives until it fires or is cancelled, whether or not anybody keeps it.
package final class Timer {
    package let loop: EventLoop
    package let repeats: Bool
    private var body: (() -> Void)?
    private var event: OpaquePointer?

    fileprivate init(loop: EventLoop, span: Instant.Span, repeats: Bool, _ body: @escaping () -> Void) {
        self.loop = loop
        self.repeats = repeats
        self.body = body
        if let simulation = loop.simulation {
            simulation.start(self, after: span)
            return
        }
        // SAFETY: the event holds one reference to the timer, balanced in `cancel`.
        event = event_new(loop.base, -1, repeats ? Int16(EV_PERSIST) : 0, { _, _, context in
            Unmanaged<Timer>.fromOpaque(context!).takeUnretainedValue().fire()
        }, Unmanaged.passRetained(self).toOpaque())
        let microseconds = max(0, span.nanoseconds / 1000)
        var interval = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        event_add(event, &interval)
    }

    package func cancel() {
        body = nil
        loop.simulation?.stop(self)
        guard let event else { return }
        event_free(event)
        self.event = nil
        Unmanaged.passUnretained(self).release()
    }

    /// For the event and for a simulation only.
    package func fire() {
        let body = body
        if !repeats { cancel() }
        body?()
    }
}

private final class Signal {
    private let body: () -> Void
    private var event: OpaquePointer?

    init(_ base: OpaquePointer, _ number: Int32, _ body: @escaping () -> Void) {
        self.body = body
        // SAFETY: the loop keeps this object as long as the event exists.
        event = event_new(base, number, Int16(EV_SIGNAL | EV_PERSIST), { _, _, context in
            Unmanaged<Signal>.fromOpaque(context!).takeUnretainedValue().body()
        }, Unmanaged.passUnretained(self).toOpaque())
        event_add(event, nil)
    }

    deinit { event_free(event) }
}

/// The event of a mailbox.
private final class Bell {
    private let body: () -> Void
    private var event: OpaquePointer?

    init(_ base: OpaquePointer, _ fd: Int32, _ body: @escaping () -> Void) {
        self.body = body
        // SAFETY: the loop keeps this object as long as the event exists.
        event = event_new(base, fd, Int16(EV_READ | EV_PERSIST), { _, _, context in
            Unmanaged<Bell>.fromOpaque(context!).takeUnretainedValue().body()
        }, Unmanaged.passUnretained(self).toOpaque())
        event_add(event, nil)
    }

    deinit { event_free(event) }
}

private enum Libevent {
    /// Before the first base: name resolution and signals have state that all bases share.
    static let threads: Void = {
        guard evthread_use_pthreads() == 0 else { fatalError("libevent cannot use threads") }
    }()
}

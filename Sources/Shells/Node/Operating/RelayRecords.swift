internal import Ambience
internal import Loops
internal import Relaying
internal import Statistics
internal import Torrc

/// What a relay publishes of its own work beside its descriptor, kept up once a second.
struct RelayRecords {
    private var written: TrafficHistory
    private var read: TrafficHistory
    private var overload = Overload()
    private var descriptorShortages = Sockets.descriptorShortages
    private var portShortages = Sockets.portShortages
    private var handshakesDropped: UInt64 = 0

    init(since now: WallTime) {
        written = TrafficHistory(since: now)
        read = TrafficHistory(since: now)
    }

    mutating func note(_ done: RouterStatistics, at now: WallTime) {
        written.note(total: done.bytesWritten, at: now)
        read.note(total: done.bytesRead, at: now)
        if Sockets.descriptorShortages != descriptorShortages { overload.ranOutOfDescriptors(at: now) }
        if Sockets.portShortages != portShortages || done.handshakesDropped != handshakesDropped { overload.wasGeneral(at: now) }
        handshakesDropped = done.handshakesDropped
        (descriptorShortages, portShortages) = (Sockets.descriptorShortages, Sockets.portShortages)
    }

    /// Lines of the extra-info document.
    func lines(at now: WallTime, _ options: OperatingOptions) -> [String] {
        let histories = options.tellsStatistics ? [written.line("write-history"), read.line("read-history")] : []
        return (histories + [options.tellsOverload ? overload.extraInfoLine(at: now) : nil]).compactMap(\.self)
    }

    /// The line of the descriptor.
    func overloadLine(at now: WallTime, _ options: OperatingOptions) -> String? { options.tellsOverload ? overload.descriptorLine(at: now) : nil }
}

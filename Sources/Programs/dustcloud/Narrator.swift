internal import Ambience
internal import Coordination
internal import Leasing

/// Tells people what happens to a cloud, one line each.
struct Narrator {
    static func tell(_ news: News) {
        switch news {
        case .authorityStarted: Terminal.report("authority started")
        case .authorityAnswers: Terminal.report("authority up: it serves a consensus")
        case .clientStarted: Terminal.report("client started")
        case .clientReady(let socks): Terminal.report("client ready: SOCKS5 on \(socks)")
        case .fell(let pillar, let words): Terminal.report("\(pillar) ended and is started again" + (words.isEmpty ? "" : "; its last words:\n\(words)"))
        case .mote(let event, let record, let place): if let line = line(event, record, place) { Terminal.report(line) }
        case .swept(let key): Terminal.report("mote \(key.short) was not intended and is ended")
        case .trouble(let text): Terminal.report("trouble: \(text)")
        case .halted(let isHalted):
            Terminal.report(isHalted ? "everything is ended at once, and no mote comes until: dustcloud kill --lift --all" : "motes may come again")
        case .down: Terminal.report("the cloud is down: every process is proven gone")
        }
    }

    private static func line(_ event: MoteEvent, _ record: MoteRecord, _ place: String?) -> String? {
        let name = "mote \(event.key.short)"
        switch event.change {
        case .intended(let lease):
            let life = Duration.text(lease.expires - lease.intended)
            return "\(name) intended: \(lease.lifetimeClass.rawValue), lives \(life), drains \(lease.drains.clock), ends \(lease.expires.clock)"
        case .starting(let attempt): return attempt > 1 ? "\(name) lost its process and is started again (attempt \(attempt))" : nil
        case .running: return "\(name) relays" + (place.map { " on \($0)" } ?? "")
        case .listed: return "\(name) listed"
        case .unlisted: return "\(name) is no longer listed"
        case .draining(let reason): return "\(name) drains: \(reason.rawValue)"
        case .terminating(let reason): return "\(name) is ended: \(reason.rawValue)"
        case .shortened(let until): return "\(name) is taken back early by its provider: ends \(until.clock)"
        case .doubted: return "\(name) is in doubt: its provider and its own reports disagree"
        case .trusted: return "\(name) is no longer in doubt"
        case .gone(let reason): return "\(name) gone: \(reason.rawValue)"
        }
    }
}

extension MoteKey {
    /// Enough of the key for people to tell motes apart.
    var short: String { String(description.prefix(8)) }
}

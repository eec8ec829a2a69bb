internal import Ambience
internal import Loops
internal import Onion

/// One end of one link: whether and when it is padded.
final class PaddedLink {
    /// From this link version on both ends pad unless told otherwise.
    private static let linkVersion: UInt16 = 5
    /// Records in both directions that a link has moved which only had circuits built over it, at the most.
    private static let idleRecords = 32

    private weak var channel: Channel?
    private var padding = LinkPadding()
    private var lastTransfer: Instant
    private var records = 0
    /// The link must have been idle for this long; drawn anew after each padding.
    fileprivate var idleTime: Instant.Span?
    /// A circuit of more than one hop went over the link.
    private var isUsed = false
    /// It is padded when it is idle.
    fileprivate(set) var isScheduled = false

    init(_ channel: Channel) {
        self.channel = channel
        lastTransfer = channel.router.loop.now
    }

    /// A record was read or written. Once per record, not per cell.
    func transferred(at now: Instant) {
        lastTransfer = now
        records &+= 1
    }

    /// The link stands: a client says now what it wants.
    func begin() {
        guard let channel, let peer = channel.peer, channel.router.policy.identity == nil, channel.isInitiator else { return }
        let policy = channel.router.policy.padding
        guard let message = padding.begin(policy.wish), peer.linkVersion >= Self.linkVersion else { return }
        channel.sendControl(0, CellCommand.paddingNegotiate, message.encoded)
    }

    /// PADDING_NEGOTIATE came; only who dialled us may say how we pad.
    func receive(_ body: [UInt8]) {
        guard let channel, !channel.isInitiator, channel.router.policy.identity != nil, let message = try? PaddingNegotiateMessage(body) else { return }
        padding.receive(message, channel.router.policy.padding.links)
        idleTime = nil
        if isUsed { channel.router.linkPadding.schedule(self) }
    }

    /// A circuit of more than one hop goes over the link: from here on it is worth hiding when it is used.
    func use() {
        guard !isUsed, let channel else { return }
        isUsed = true
        channel.router.linkPadding.schedule(self)
    }

    /// When to look again; `nil` when the link is not padded (any more). Sends padding if it is time.
    fileprivate func look(at now: Instant) -> Instant? {
        guard let channel, channel.isOpen, let peer = channel.peer, isPadded(peer, channel.router) else { return nil }
        let policy = channel.router.policy.padding
        let router = channel.router
        guard let idle = idleTime ?? padding.idleTime(policy.links, &router.paddingRandom) else { return nil }
        idleTime = idle
        if lastTransfer + idle > now { return lastTransfer + idle }
        idleTime = nil
        if channel.hasNothingToSend, policy.links.padsBeforeUse || records > Self.idleRecords {
            channel.sendControl(0, CellCommand.padding, [])
            channel.router.statistics.linkPaddingSent += 1
        }
        return padding.idleTime(policy.links, &router.paddingRandom).map {
            idleTime = $0
            return now + $0
        }
    }

    /// Links to clients are padded, and those of clients; links between relays if the consensus wants that.
    private func isPadded(_ peer: LinkPeer, _ router: OnionRouter) -> Bool {
        let isClients = router.policy.identity == nil || !peer.isAuthenticated
        return (isClients || router.policy.padding.links.padsRelays) && (peer.linkVersion >= Self.linkVersion || router.policy.padding.isForced)
    }
}

/// Pads all links of one loop with one timer. A link is looked at when its idle time could be over; whether it was idle is only found out
/// then, so that traffic never moves a timer.
final class LinkPaddingClock {
    /// Looks are not closer together than this: padding of many links goes out in few turns.
    private static let step = Instant.Span.milliseconds(10)

    private unowned let router: OnionRouter
    /// The next one last.
    private var looks: [(at: Instant, link: PaddedLink)] = []
    private var timer: Timer?
    private var timerAt: Instant?

    init(router: OnionRouter) { self.router = router }

    deinit { timer?.cancel() }

    func schedule(_ link: PaddedLink) {
        guard !link.isScheduled else { return }
        look(at: link, now: router.loop.now)
        arm()
    }

    /// Links that are padded; one that closed is found out at its next look.
    var count: Int { looks.count }

    private func look(at link: PaddedLink, now: Instant) {
        guard let next = link.look(at: now) else { return link.isScheduled = false }
        link.isScheduled = true
        var low = 0, high = looks.count
        while low < high {
            let middle = (low + high) / 2
            if looks[middle].at > next { low = middle + 1 } else { high = middle }
        }
        looks.insert((next, link), at: low)
    }

    private func arm() {
        guard let next = looks.last?.at else { return }
        if let timerAt, timerAt <= next { return }
        let now = router.loop.now
        timer?.cancel()
        timerAt = max(next, now + Self.step)
        timer = router.loop.after(max(next - now, Self.step)) { [weak self] in self?.fire() }
    }

    private func fire() {
        timer = nil
        timerAt = nil
        let now = router.loop.now
        while let (at, link) = looks.last, at <= now {
            looks.removeLast()
            look(at: link, now: now)
        }
        arm()
    }
}

import Ambience
import Exchange
import Loops
import MarketHistories
import Relaying
import Sealing

/// One link, which shows its tokens one after another.
final class Visitor {
    let gate: LinkGate
    var questions: [[UInt8]] = []
    var onAnswer: (Bool) -> Void = { _ in }

    init(_ gate: LinkGate) {
        self.gate = gate
        gate.onMessage = { [unowned self] in hear($0) }
    }

    private func hear(_ message: [UInt8]) {
        guard case .receipt(let receipt)? = try? GateAnswer(message) else { return }
        go()
        onAnswer(receipt.outcome == .served)
    }

    func go() { if !questions.isEmpty { gate.say(questions.removeFirst()) } }
}

/// Opens links as clients do, then shows as many tokens in each slice as a large mote has shares, on all links at once.
final class Load {
    struct Rates {
        /// By the clock, of each burst.
        var perSecond: [Double] = []
        /// Of the mote, in all bursts.
        var processorSeconds = 0.0
        var perProcessorSecond: Double { Double(Load.tokensCount) / processorSeconds }
    }

    struct Failure: Error { let words: String }

    static let linksCount = 48, burstTokens = Int(MoteClass.large.shares), burstsCount = 12, tokensCount = burstsCount * burstTokens
    private static let patience = Instant.Span.seconds(60)

    private let loop = EventLoop()
    private let market: MadeMarket
    private let mote: RunningMote
    private let router: OnionRouter
    private let visitors: [Visitor]
    private var bought: [Slice: [AccessTokens.Bought]] = [:]
    private var slice: Slice
    private var began = Instant.zero
    private var spent = 0.0
    private var left = 0
    private var trouble: String?
    private var rates = Rates()

    init(_ market: MadeMarket, _ mote: RunningMote) throws {
        (self.market, self.mote, slice) = (market, mote, market.first)
        router = OnionRouter(loop: loop, tls: TLSContext(), settings: RouterSettings())
        visitors = try Self.open(mote, loop, router)
    }

    private static func open(_ mote: RunningMote, _ loop: EventLoop, _ router: OnionRouter) throws -> [Visitor] {
        var gates: [LinkGate?] = []
        for _ in 0..<linksCount { router.gate(to: LinkTarget(rsa: mote.relay, ed25519: nil, addresses: [mote.address]), isFresh: true) { gates.append($0) } }
        let watch = loop.every(.milliseconds(100)) {}, start = loop.now
        while gates.count < linksCount, loop.now - start < patience { loop.turn(wait: true) }
        watch.cancel()
        let visitors = gates.compactMap { $0.map(Visitor.init) }
        guard visitors.count == linksCount else { throw Failure(words: "only \(visitors.count) links to the mote could be opened") }
        return visitors
    }

    /// Tokens are made before anything is measured, for slices that begin when they all are there.
    private func buy() throws {
        let start = loop.now, trials = 20
        for _ in 0..<trials { _ = try market.tokens.buy(mote: market.key.publicKey, market.first) }
        let seconds = (loop.now - start).inSeconds / Double(trials) * Double(Self.tokensCount)
        slice = max(market.first, market.time.slice(at: loop.wall.secondsSinceEpoch) + 3 + Int64(3 * seconds) / MadeMarket.sliceSeconds)
        for slice in slice..<slice + Int64(Self.burstsCount) {
            bought[slice] = try (0..<Self.burstTokens).map { _ in try market.tokens.buy(mote: market.key.publicKey, slice) }
        }
    }

    func run() throws -> Rates {
        try buy()
        let ticks = loop.every(.milliseconds(10)) { [unowned self] in tick() }
        loop.run()
        ticks.cancel()
        router.closeAll()
        if let trouble { throw Failure(words: trouble) }
        return rates
    }

    private func end(_ words: String?) {
        trouble = words
        loop.stop()
    }

    private func tick() {
        let now = market.time.slice(at: loop.wall.secondsSinceEpoch)
        if left > 0 { return now == slice ? () : end("\(left) tokens of a burst were not answered within its slice") }
        guard let next = bought.keys.min() else { return end(nil) }
        if now > next { return end("the machine is too busy: a slice passed unused") }
        if now == next { burst(next) }
    }

    private func burst(_ slice: Slice) {
        let tokens = bought.removeValue(forKey: slice) ?? []
        (self.slice, left) = (slice, tokens.count)
        for (index, token) in tokens.enumerated() {
            let visitor = visitors[index % visitors.count]
            guard let ticket = token.ticket(mote: market.key.publicKey, slice, time: market.time), let exporter = visitor.gate.exporter else { return end("a link was closed") }
            visitor.questions.append(ticket.question(for: slice, exporter: exporter).bytes)
            visitor.onAnswer = { [unowned self] in answered($0) }
        }
        (began, spent) = (loop.now, mote.processorSeconds)
        for visitor in visitors { visitor.go() }
    }

    private func answered(_ isServed: Bool) {
        guard isServed else { return end("a token was refused") }
        left -= 1
        guard left == 0 else { return }
        rates.perSecond.append(Double(Self.burstTokens) / (SystemTime().now - began).inSeconds)
        rates.processorSeconds += mote.processorSeconds - spent
    }
}

internal import Ambience
internal import Bytes
internal import Exchange
internal import Loops
internal import MarketLine
internal import Sealing

/// The prober on a thread and a loop of its own.
final class ProberThread: Sendable {
    private let bound: LoopBound<Prober>
    private let thread: WorkThread

    init(_ terms: MarketTerms, _ desk: WitnessDesk, _ secret: SecretBytes, _ client: MarketClient, program: String, _ onEvent: @escaping @Sendable (String) -> Void) {
        let bound = LoopBound<Prober>(mailbox: Mailbox())
        self.bound = bound
        thread = WorkThread("prober") {
            let loop = EventLoop(mailbox: bound.mailbox)
            let prober = Prober(loop, terms, desk, secret, client, program, onEvent)
            bound.bind(prober)
            loop.run()
            prober.end()
        }
    }

    func stop() {
        bound.post { $0.loop.stop() }
        thread.join()
    }
}

/// Looks at each listed mote once a slice, by running the node program as a client would link to it, and tells the exchange what it found.
final class Prober {
    /// Probes at the same time.
    static let probesLimit = 32
    /// Motes that it looks at in a slice, and verdicts that wait to be told.
    static let motesLimit = 20_000
    /// The program ends by itself within 10 s.
    private static let patience = Instant.Span.seconds(20)
    private static let outputLimitBytes = 4 << 10
    /// Of a slice of 900 s, when the listings are asked for: motes may be listed while it runs.
    private static let looks: [Int64] = [5, 200, 400, 600]
    /// Slices that a verdict is good for at the exchange.
    private static let verdictAge: Int64 = 1
    private static let retry = Instant.Span.seconds(5)

    private struct Visit {
        let due: Int64
        let slice: Slice
        let mote: [UInt8]
        let address: MoteAddress
    }

    let loop: EventLoop
    private let worker: BackgroundWorker
    private let terms: MarketTerms
    private let desk: WitnessDesk
    private let secret: SecretBytes
    private let client: MarketClient
    private let program: String
    private let onEvent: @Sendable (String) -> Void
    private var slice: Slice?
    private var looked = 0
    private var known: Set<[UInt8]> = []
    private var visits: [Visit] = []
    private var running: [Int32: (child: Subprocess, timer: Timer)] = [:]
    private var verdicts: [Verdict] = []
    private var isTelling = false
    private var isChainTold = false
    private var pause = Instant.zero
    private var trouble = ""

    init(
        _ loop: EventLoop, _ terms: MarketTerms, _ desk: WitnessDesk, _ secret: SecretBytes, _ client: MarketClient, _ program: String, _ onEvent: @escaping @Sendable (String) -> Void
    ) {
        (self.loop, self.terms, self.desk, self.secret, self.client, self.program, self.onEvent) = (loop, terms, desk, secret, client, program, onEvent)
        worker = BackgroundWorker(loop: loop)
        loop.every(.milliseconds(200)) { [unowned self] in tick() }
    }

    func end() { for (child, _) in running.values { child.terminate() } }

    private func tick() {
        let now = loop.wall.secondsSinceEpoch, current = terms.time.slice(at: now)
        if slice != current {
            (slice, looked, known) = (current, 0, [])
            verdicts.removeAll { $0.slice < current - Self.verdictAge }
            visits.removeAll { $0.slice < current }
        }
        if !isChainTold, loop.now >= pause { tellChain() }
        if looked < Self.looks.count, now >= terms.time.moment(Self.looks[looked], of: current) {
            looked += 1
            look(current)
        }
        while running.count < Self.probesLimit, let index = visits.firstIndex(where: { $0.due <= now }) { visit(visits.remove(at: index)) }
        if !verdicts.isEmpty, !isTelling, loop.now >= pause { tell() }
    }

    // MARK: the exchange

    /// Which values it will reveal: until the exchange has taken it in.
    private func tellChain() {
        pause = loop.now + Self.retry
        let client = client, chain = desk.chain.bytes
        _ = worker.run({ Result { try client.post(.chain, chain) } }) { [unowned self] answer in
            isChainTold = (try? answer.get()) != nil
            if case .failure(let error) = answer { complain("cannot tell the exchange which values will be revealed: \(error)") }
        }
    }

    private func look(_ slice: Slice) {
        let client = client
        _ = worker.run({ Result { try client.fetch(.listings(slice)) } }) { [unowned self] answer in
            switch answer {
            case .success(let body): schedule((body.flatMap { PublishedList.decode($0) } ?? []).compactMap { try? Offer($0) }, slice)
            case .failure(let error): complain("cannot get the listings: \(error)")
            }
        }
    }

    /// What is offered with a mote's own signature; a listing without one is nobody's word.
    private func schedule(_ offers: [Offer], _ slice: Slice) {
        for offer in offers where (offer.first...offer.last).contains(slice) && known.count < Self.motesLimit && !known.contains(offer.mote) {
            guard let address = MoteAddress(offer.address), Ed25519.verify(offer.signature, of: offer.signed, by: offer.mote) else { continue }
            known.insert(offer.mote)
            let second = ProbePlan.second(of: offer.mote, at: slice, secret: secret)
            visits.append(Visit(due: terms.time.moment(second, of: slice), slice: slice, mote: offer.mote, address: address))
        }
    }

    private func tell() {
        let batch = Array(verdicts.prefix(Verdict.batchLimit)), client = client
        isTelling = true
        _ = worker.run({ Result { try client.post(.cert, Verdict.encode(batch)) } }) { [unowned self] answer in
            isTelling = false
            switch answer {
            case .success: verdicts.removeAll { batch.contains($0) }
            case .failure(let error):
                pause = loop.now + Self.retry
                complain("cannot tell the exchange what probes found: \(error)")
            }
        }
    }

    private func complain(_ line: String) {
        if trouble != line { onEvent(line) }
        trouble = line
    }

    // MARK: probes

    private func visit(_ visit: Visit) {
        var output: [UInt8] = []
        do {
            let child = try Subprocess(
                loop: loop, program: program,
                arguments: ["--probe", visit.address.address, "--fingerprint", Hex.upper(visit.address.fingerprint), "--market", Hex.lower(visit.mote)], variables: [:])
            let pid = child.pid
            child.onOutput = { if output.count < Self.outputLimitBytes { output += $0 } }
            child.onEnd = { [unowned self] end in
                running.removeValue(forKey: pid)?.timer.cancel()
                note(visit, end, String(decoding: output, as: UTF8.self))
            }
            running[pid] = (child, loop.after(Self.patience) { child.terminate() })
        } catch { complain("cannot run \(program): \(error)") }
    }

    /// A program that failed says nothing about a mote.
    private func note(_ visit: Visit, _ end: Subprocess.End, _ output: String) {
        let words = output.split(separator: "\n").first?.split(separator: " ") ?? []
        // The program has checked what the mote signed.
        let taken = end == .exited(status: 0) && words.count > 2 && words[0] == "up" ? UInt16(words[2]) : nil
        guard taken != nil || end == .exited(status: 1) && output.hasPrefix("down") else { return complain("the node program could not probe \(visit.address): \(end)") }
        onEvent("mote \(visit.address.address) in slice \(visit.slice.index): \(words.prefix(2).joined(separator: " "))")
        guard verdicts.count < Self.motesLimit else { return }
        verdicts.append(desk.verdict(on: visit.mote, at: visit.slice, taken: taken))
    }
}

internal import Ambience
internal import Exchange
internal import Logging
internal import Loops
internal import Paths
internal import Relaying
internal import Sealing

/// Shows the client's tickets to the motes that they are for, slice by slice, and has the client enter the network where it is let in.
///
/// While a visit is under way circuits go where they went before: nobody waits for a mote that is slow to answer.
final class GateVisits {
    /// For the link and the answers.
    private static let patience = Instant.Span.seconds(10)
    private static let lookInterval = Instant.Span.milliseconds(500)
    /// The last part of a slice, in which the next one's ticket is shown.
    private static let aheadPercent: Int64 = 15

    private enum State: Equatable { case linking, talking, admitted }

    private struct Visit {
        let name: String
        let ticket: Ticket
        let slice: Slice
        let began: Instant
        var state = State.linking
        var gate: LinkGate?
        var talk: TicketTalk?
    }

    /// Until when nothing more is tried: a mote that could not be reached may be there again, one that said no has said so for the slice.
    private struct Failure: Hashable {
        let name: String
        let slice: Slice
    }

    private static let retrySpan = Instant.Span.seconds(5)

    private unowned let client: Client
    private var book: TicketBook
    /// Of the present slice, and of the next.
    private var visits: [Visit] = []
    private var failures: [Failure: Instant?] = [:]
    private var timer: Timer?
    private var lastTrouble = ""

    init(_ client: Client, folder: String) {
        self.client = client
        book = TicketBook(folder: folder)
        timer = client.loop.every(Self.lookInterval) { [weak self] in self?.look() }
    }

    func stop() { timer?.cancel() }

    // MARK: What is due

    private func look() {
        let before = book.unreadable
        do throws(FileError) { try book.reload() } catch { return complain("\(error)") }
        for name in book.unreadable.subtracting(before) { client.log.warning("MoteTickets: \(name)\(TicketFile.unused) is no ticket") }
        leaveOld()
        if !visits.contains(where: { $0.state != .admitted }) {
            for ahead: Int64 in 0...1 where begin(ahead: ahead) { break }
        }
        client.enter(at: present?.ticket.relay)
    }

    private func complain(_ trouble: String) {
        if trouble != lastTrouble { client.log.warning("MoteTickets: \(trouble)") }
        lastTrouble = trouble
    }

    private func slice(_ ticket: Ticket) -> Slice { ticket.time.slice(at: client.loop.wall.secondsSinceEpoch) }

    /// Where we are let in now.
    private var present: Visit? { visits.first { $0.state == .admitted && $0.slice == slice($0.ticket) && usable($0.ticket) != nil } }

    private func leaveOld() {
        let now = client.loop.now
        for visit in visits where visit.state != .admitted && visit.began + Self.patience < now { fail(visit, "no answer", again: now + Self.retrySpan) }
        let over = visits.filter { $0.slice < slice($0.ticket) || $0.gate?.isOpen == false }
        visits.removeAll { visit in over.contains { $0.name == visit.name && $0.slice == visit.slice } }
        for gate in over.compactMap(\.gate) where !visits.contains(where: { $0.gate === gate }) { gate.leave() }
        if visits.isEmpty { failures = failures.filter { failure, _ in book.tickets[failure.name].map { failure.slice >= slice($0) } ?? false } }
    }

    /// The relay, if circuits can begin at it now.
    private func usable(_ ticket: Ticket) -> PathRelay? {
        let policy = client.settings.paths
        guard let relay = client.pool.selector?.network[ticket.relay], relay.isUsable, relay.lives(policy.streamLifeSeconds, from: client.loop.wall), !policy.excludeNodes.contains(relay)
        else { return nil }
        return relay
    }

    /// Whether a visit for the present slice, or the next, was begun.
    private func begin(ahead: Int64) -> Bool {
        let fit = book.tickets.filter { name, ticket in
            let slice = slice(ticket) + ahead
            let isDue = ahead == 0 || ticket.time.start(of: slice) - client.loop.wall.secondsSinceEpoch <= max(1, ticket.time.sliceSeconds * Self.aheadPercent / 100)
            return isDue && ticket.slices.contains(slice) && !hasFailed(name, slice)
                && !visits.contains { $0.slice == slice && $0.ticket.time == ticket.time }
        }
        // Own motes are for when nothing was bought. Where we are already is best; else the order of names, which the wallet chose.
        let home = present?.ticket.relay, rank = { (ticket: Ticket) in (ticket.isOwners ? 2 : 0) + (ticket.relay == home ? 0 : 1) }
        let ordered = fit.sorted { (rank($0.value), $0.key) < (rank($1.value), $1.key) }
        for (name, ticket) in ordered {
            guard let relay = usable(ticket) else { continue }
            visit(relay, name, ticket, for: slice(ticket) + ahead)
            return true
        }
        return false
    }

    private func hasFailed(_ name: String, _ slice: Slice) -> Bool {
        guard let until = failures[Failure(name: name, slice: slice)] else { return false }
        return until.map { client.loop.now < $0 } ?? true
    }

    // MARK: A visit

    private func visit(_ relay: PathRelay, _ name: String, _ ticket: Ticket, for slice: Slice) {
        visits.append(Visit(name: name, ticket: ticket, slice: slice, began: client.loop.now))
        let target = LinkTarget(rsa: relay.identity, ed25519: relay.details?.ed25519, addresses: relay.addresses)
        client.router.gate(to: target) { [weak self] gate in self?.linked(gate, name, slice) }
    }

    private func linked(_ gate: LinkGate?, _ name: String, _ slice: Slice) {
        guard let index = visits.firstIndex(where: { $0.name == name && $0.slice == slice && $0.state == .linking }) else { return gate?.leave() ?? () }
        guard let gate, let exporter = gate.exporter else { return fail(visits[index], "no link", again: client.loop.now + Self.retrySpan) }
        let talk = TicketTalk(visits[index].ticket, for: slice, exporter: exporter)
        (visits[index].gate, visits[index].talk, visits[index].state) = (gate, talk, .talking)
        gate.onMessage = { [weak self, unowned gate] in self?.hear($0, gate) }
        gate.say(talk.opening)
    }

    private func hear(_ message: [UInt8], _ gate: LinkGate) {
        guard let index = visits.firstIndex(where: { $0.gate === gate && $0.state == .talking }), let step = visits[index].talk?.receive(message) else { return }
        switch step {
        case .show(let question): show(question, visits[index])
        case .end(.answered(let receipt)): answered(receipt, index)
        case .end(.full): fail(visits[index], "it has no room")
        case .end(.nonsense): fail(visits[index], "its answer is not signed for this link")
        }
    }

    private func show(_ question: [UInt8], _ visit: Visit) {
        guard let gate = visit.gate, let exporter = gate.exporter else { return }
        do throws(FileError) {
            if !visit.ticket.isOwners { try book.spend(visit.name, exporter: exporter) }
            gate.say(question)
        } catch { fail(visit, "the ticket cannot be marked as spent: \(error)") }
    }

    private func answered(_ receipt: GateReceipt, _ index: Int) {
        let visit = visits[index]
        if !visit.ticket.isOwners {
            do throws(FileError) { try book.keep(receipt, of: visit.name) } catch { complain("\(error)") }
        }
        guard receipt.outcome == .served else { return fail(visit, "it says \(receipt.outcome)") }
        visits[index].state = .admitted
        client.log.info("Let in by a mote for slice \(visit.slice.index)")
        client.enter(at: present?.ticket.relay)
    }

    private func fail(_ visit: Visit, _ why: String, again: Instant? = nil) {
        visits.removeAll { $0.name == visit.name && $0.slice == visit.slice }
        failures.updateValue(again, forKey: Failure(name: visit.name, slice: visit.slice))
        if let gate = visit.gate, !visits.contains(where: { $0.gate === gate }) { gate.leave() }
        client.log.log(level: again == nil ? .warning : .info, "A mote does not let us in for slice \(visit.slice.index) (ticket \(visit.name)): \(why)")
    }
}

extension Client {
    /// All circuits from now on begin at that relay; `nil`: at the guards again. Circuits that begin elsewhere carry on what they carry.
    func enter(at relay: RSAIdentity?) {
        guard relay != entrance else { return }
        entrance = relay
        if let network = pool.selector?.network { useNetwork(network) }
        settleSoon()
    }
}

extension PathPolicy {
    /// With the only relay at which we are let in as the first hop. It need not be a guard: we pay for it, and we leave it when its slice is over.
    func entering(at relay: RSAIdentity?) -> PathPolicy {
        guard let relay else { return self }
        var policy = self
        policy.entryNodes = RelaySet(identities: [relay])
        policy.useEntryGuards = false
        return policy
    }
}

extension CircuitPool {
    /// New streams go on none of the circuits that begin at another relay, or, without one, at `former`.
    mutating func retire(notStartingAt relay: RSAIdentity?, former: RSAIdentity?) {
        for (key, circuit) in circuits where relay.map({ circuit.path.first?.identity != $0 }) ?? (circuit.path.first?.identity == former) { circuits[key]?.isRetired = true }
    }
}

/// A client's side of what is said at a gate: first whether there is room, then the ticket, of which is on record before it is sent that it
/// may be spent. A mote that says that it is full never sees the token.
package struct TicketTalk {
    package enum Step: Equatable, Sendable {
        /// Keep on disk that the token is spent in this session, then send this.
        case show([UInt8])
        /// It is over.
        case end(Outcome)
    }

    package enum Outcome: Equatable, Sendable {
        /// Let in, refused, or too late: keep what the mote signed.
        case answered(GateReceipt)
        /// No room; the ticket was not shown.
        case full
        /// The mote's words are not its own, or are no answer. What was shown, is spent.
        case nonsense
    }

    package let ticket: Ticket
    package let slice: Slice
    package let exporter: [UInt8]
    /// Whether the mote has seen the ticket.
    package private(set) var isShown = false

    package init(_ ticket: Ticket, for slice: Slice, exporter: [UInt8]) { (self.ticket, self.slice, self.exporter) = (ticket, slice, exporter) }

    /// What to say first.
    package var opening: [UInt8] { GateQuestion.ask(slice).bytes }

    package mutating func receive(_ message: [UInt8]) -> Step {
        switch (try? GateAnswer(message), isShown) {
        case (.gate(let said)?, false) where said.mote == ticket.mote && said.slice == slice && said.isSigned(exporter: exporter):
            guard said.hasRoom || ticket.isOwners else { return .end(.full) }
            isShown = true
            return .show(ticket.question(for: slice, exporter: exporter).bytes)
        case (.receipt(let receipt)?, true) where receipt.subject == ticket.subject && receipt.slice == slice && receipt.isSigned(by: ticket.mote):
            return .end(.answered(receipt))
        default: return .end(.nonsense)
        }
    }
}

extension Ticket {
    /// An owner's is good again and again.
    package var isOwners: Bool { if case .owner = access { true } else { false } }
}

package import Ambience

/// The relay's side of circuit padding on one circuit: the two machines that stock clients use to make the circuits of onion services
/// look like others (padding-spec "Circuit-level padding: hiding onion service circuits").
///
/// One machine at a time, each a bounded number of DROP messages: a client cannot make us send much more than it sends.
package struct CircuitPadding {
    /// What to do now.
    package struct Reaction: Equatable, Sendable {
        package var answer: CircuitPaddingAnswer?
        /// When to send the next DROP, and then to call `sent`.
        package var nextDrop: Instant.Span?

        package init(answer: CircuitPaddingAnswer? = nil, nextDrop: Instant.Span? = nil) {
            self.answer = answer
            self.nextDrop = nextDrop
        }
    }

    private enum Kind: UInt8 {
        /// After INTRODUCE1: as if the answer to a request came in.
        case introduction = 0
        /// After RENDEZVOUS_ESTABLISHED: one DROP, after the client's own.
        case rendezvous = 1

        var drops: Range<Int> { self == .introduction ? 7..<10 : 1..<2 }
        /// Between two DROPs.
        var delayMicroseconds: Range<Int64> { self == .introduction ? 1000..<10_000 : 0..<1000 }
        /// The relay says when it is done, so that the client closes the circuit no earlier.
        var endsByItself: Bool { self == .introduction }
    }

    private struct Machine {
        let kind: Kind
        let counter: UInt32
        var dropsLeft: Int
    }

    private var machine: Machine?

    package init() {}

    /// - Parameter isDisabled: the consensus wants no padding: machines are taken, and send nothing.
    package mutating func receive(_ request: CircuitPaddingRequest, isDisabled: Bool, _ random: inout some RandomNumberGenerator) -> Reaction {
        request.isStart ? start(request, isDisabled, &random) : stop(request)
    }

    private mutating func start(_ request: CircuitPaddingRequest, _ isDisabled: Bool, _ random: inout some RandomNumberGenerator) -> Reaction {
        var answer = CircuitPaddingAnswer(isStart: true, isAccepted: false, machine: request.machine, counter: request.counter)
        guard machine == nil, let kind = Kind(rawValue: request.machine) else { return Reaction(answer: answer) }
        answer.isAccepted = true
        machine = Machine(kind: kind, counter: request.counter, dropsLeft: isDisabled ? 0 : Int.random(in: kind.drops, using: &random))
        return Reaction(answer: answer, nextDrop: isDisabled ? nil : delay(kind, &random))
    }

    /// A machine that ended by itself may be asked to stop on its way; that needs no answer.
    private mutating func stop(_ request: CircuitPaddingRequest) -> Reaction {
        guard let running = machine, running.kind.rawValue == request.machine, request.counter == 0 || request.counter == running.counter else { return Reaction() }
        machine = nil
        return Reaction(answer: CircuitPaddingAnswer(isStart: false, isAccepted: true, machine: request.machine, counter: request.counter))
    }

    /// A DROP went out.
    package mutating func sent(_ random: inout some RandomNumberGenerator) -> Reaction {
        guard let running = machine, running.dropsLeft > 0 else { return Reaction() }
        machine?.dropsLeft -= 1
        if running.dropsLeft > 1 { return Reaction(nextDrop: delay(running.kind, &random)) }
        guard running.kind.endsByItself else { return Reaction() }
        machine = nil
        return Reaction(answer: CircuitPaddingAnswer(isStart: false, isAccepted: true, machine: running.kind.rawValue, counter: running.counter))
    }

    private func delay(_ kind: Kind, _ random: inout some RandomNumberGenerator) -> Instant.Span {
        Instant.Span(nanoseconds: Int64.random(in: kind.delayMicroseconds, using: &random) * 1000)
    }
}

internal import Loops
internal import Onion
internal import Sealing

/// Sends on one circuit the padding that its client asked for.
final class CircuitPadder {
    private unowned let circuit: RelayCircuit
    private var padding = CircuitPadding()
    private var timer: Timer?
    private var random = SecureRandom()

    init(_ circuit: RelayCircuit) { self.circuit = circuit }

    func cancel() {
        timer?.cancel()
        timer = nil
    }

    /// PADDING_NEGOTIATE; what cannot be read is as if it had not come.
    func receive(_ data: [UInt8]) {
        guard let request = try? CircuitPaddingRequest(data) else { return }
        let reaction = padding.receive(request, isDisabled: circuit.router.policy.padding.isCircuitPaddingDisabled, &random)
        if reaction.answer?.isStart == false { cancel() }
        follow(reaction)
    }

    private func follow(_ reaction: CircuitPadding.Reaction) {
        if let answer = reaction.answer { circuit.send(RelayCommand.paddingNegotiated, stream: 0, answer.encoded) }
        guard let span = reaction.nextDrop, !circuit.isClosed else { return }
        timer = circuit.router.loop.after(span) { [weak self] in self?.fire() }
    }

    private func fire() {
        timer = nil
        circuit.send(RelayCommand.drop, stream: 0, [])
        circuit.router.statistics.dropsSent += 1
        if !circuit.isClosed { follow(padding.sent(&random)) }
    }
}

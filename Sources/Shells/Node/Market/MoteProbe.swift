internal import Ambience
internal import Bytes
internal import Exchange
internal import Loops
internal import Relaying
internal import Sealing
package import Torrc

/// Looks at a mote as a client sees it: opens a link, asks at the gate, and has the mote's signature as evidence. Witnesses of the exchange run it.
package final class MoteProbe {
    /// For everything together.
    private static let patience = Instant.Span.seconds(10)

    /// One line: `up room|full TAKEN SLICE MARKETKEY EXPORTER SIGNATURE`, or `down` and why.
    package struct Finding: Sendable {
        package let line: String
        package let isUp: Bool
    }

    private let order: ProbeOrder
    private let loop = EventLoop()
    private let router: OnionRouter
    private var gate: LinkGate?
    private var finding: Finding?

    private init(_ order: ProbeOrder) {
        self.order = order
        var settings = RouterSettings()
        settings.linkTimeout = .seconds(9)
        router = OnionRouter(loop: loop, tls: TLSContext(), settings: settings)
    }

    package static func run(_ order: ProbeOrder) -> Finding { MoteProbe(order).run() }

    private func run() -> Finding {
        let timer = loop.after(Self.patience) { [unowned self] in end(down: gate == nil ? "timeout" : "silent") }
        router.gate(to: LinkTarget(rsa: order.relay, ed25519: nil, addresses: [order.address])) { [unowned self] gate in
            guard let gate else { return end(down: "no link to that relay there") }
            self.gate = gate
            gate.onMessage = { [unowned self] in hear($0) }
            gate.say(GateQuestion.ask(.present).bytes)
        }
        loop.run()
        timer.cancel()
        router.closeAll()
        return finding ?? Finding(line: "down interrupted", isUp: false)
    }

    private func hear(_ message: [UInt8]) {
        guard let exporter = gate?.exporter, case .gate(let said)? = try? GateAnswer(message), said.isSigned(exporter: exporter) else { return end(down: "its answer is not signed for this link") }
        guard order.market.map({ $0 == said.mote }) ?? true else { return end(down: "it has the market key \(Hex.lower(said.mote))") }
        end(Finding(
            line: "up \(said.hasRoom ? "room" : "full") \(said.taken) \(said.slice.index) \(Hex.lower(said.mote)) \(Hex.lower(exporter)) \(Hex.lower(said.signature))", isUp: true))
    }

    private func end(down why: String) { end(Finding(line: "down \(why)", isUp: false)) }

    private func end(_ finding: Finding) {
        guard self.finding == nil else { return }
        self.finding = finding
        loop.stop()
    }
}

package import Ambience
internal import Loops
internal import Onion
internal import Sealing
internal import Synchronization

/// Who answers what clients say in AUTHORIZE cells to a mote that is on the exchange. Relaying only carries it.
package protocol GateKeeper: Sendable {
    /// Answers later, from any thread, and once; `nil` closes the link. `false`: too much waits already, and nothing will be answered.
    func answer(_ message: [UInt8], exporter: [UInt8], _ done: @escaping @Sendable (GateVerdict?) -> Void) -> Bool
}

package struct GateVerdict: Sendable {
    /// `LinkGate.messageBytes`.
    package let answer: [UInt8]
    /// When the link may carry what it likes: of a slice, its beginning and its end.
    package let admitted: Range<WallTime>?

    package init(answer: [UInt8], admitted: Range<WallTime>?) { (self.answer, self.admitted) = (answer, admitted) }
}

/// What a relay that is on the exchange asks of links of clients.
package struct MarketEntry: Sendable {
    let keeper: any GateKeeper
    let free: FreeAllowance

    package init(keeper: any GateKeeper, free: FreeAllowance) { (self.keeper, self.free) = (keeper, free) }
}

/// What clients that nothing lets in may do all the same, because the exchange and the directory must be reached by those who have no
/// token yet: enough for a bootstrap and a few orders, by address and slice. All loops of a relay share it.
package final class FreeAllowance: Sendable {
    /// Both directions together.
    package static let bytesLimit = 8 << 20
    package static let circuitsLimit = 128
    /// Addresses (of IPv6, networks of 64 bits) remembered in a slice; further ones get nothing before the next.
    package static let addressesLimit = 65_536
    /// Taken at once, so that links ask seldom.
    static let grantBytes = 128 << 10

    private struct Use {
        var bytes = 0
        var circuits = 0
    }

    private struct Uses {
        var window: Int64 = 0
        var byAddress: [IPAddress: Use] = [:]
    }

    private let windowSeconds: Int64
    private let uses = Mutex(Uses())

    package init(windowSeconds: Int64) { self.windowSeconds = max(1, windowSeconds) }

    func takeBytes(_ address: IPAddress, at now: WallTime) -> Bool {
        take(address, now) { use in
            guard use.bytes + Self.grantBytes <= Self.bytesLimit else { return false }
            use.bytes += Self.grantBytes
            return true
        }
    }

    /// One that comes when all bytes are gone would only be closed again.
    func takeCircuit(_ address: IPAddress, at now: WallTime) -> Bool {
        take(address, now) { use in
            guard use.circuits < Self.circuitsLimit, use.bytes + Self.grantBytes <= Self.bytesLimit else { return false }
            use.circuits += 1
            return true
        }
    }

    private func take(_ address: IPAddress, _ now: WallTime, _ body: (inout Use) -> Bool) -> Bool {
        let address: IPAddress = if case .v6(let high, _) = address { .v6(high, 0) } else { address }
        let window = now.secondsSinceEpoch / windowSeconds
        return uses.withLock { uses in
            if uses.window != window { uses = Uses(window: window) }
            guard uses.byAddress[address] != nil || uses.byAddress.count < Self.addressesLimit else { return false }
            return body(&uses.byAddress[address, default: Use()])
        }
    }
}

/// What one link has said at our gate, and what it was let in for.
struct LinkPass {
    /// Messages since the link was last let in; at the bound it is closed.
    private static let messagesLimit = 16

    /// One slice, and the next.
    private var admitted: [Range<WallTime>] = []
    private var messages = 0
    /// A message is being answered: the next comes after that.
    private var isAsking = false

    func isAdmitted(at now: WallTime) -> Bool { admitted.contains { $0.contains(now) } }

    mutating func ask() -> Bool {
        guard !isAsking, messages < Self.messagesLimit else { return false }
        (isAsking, messages) = (true, messages + 1)
        return true
    }

    mutating func hear(_ verdict: GateVerdict?, at now: WallTime) {
        isAsking = false
        guard let slice = verdict?.admitted else { return }
        messages = 0
        admitted = admitted.filter { $0.upperBound > now } + [slice]
    }
}

/// A link that we opened, as a way to speak with the mote at its other end about being let in. The circuits on it know nothing of that.
package final class LinkGate {
    /// Of each message, either way: its cell is as long as any other.
    package static let messageBytes = CellLayout.fixedBytes - CellLayout.variableHeaderBytes
    private static let exporterLabel = "EXPORTER-dustcloud-gate"
    private static let exporterBytes = 32

    private weak var channel: Channel?
    /// Takes what the mote says.
    package var onMessage: ([UInt8]) -> Void = { _ in }

    init(_ channel: Channel) { self.channel = channel }

    package var isOpen: Bool { channel?.isOpen == true }

    /// Keying material of this TLS session alone (RFC 5705): what is signed over it means nothing in any other.
    package var exporter: [UInt8]? { channel.flatMap(Self.exporter) }

    static func exporter(_ channel: Channel) -> [UInt8]? { channel.session.exportKey(label: exporterLabel, context: [], count: exporterBytes) }

    /// Nobody counts on the link any more.
    package func leave() { channel?.gate = nil }

    package func say(_ message: [UInt8]) {
        guard let channel, channel.isOpen, message.count == Self.messageBytes else { return }
        channel.sendRaw(Cell.variable(.none, CellCommand.authorize, message))
    }
}

extension OnionRouter {
    /// Opens or finds a link that proves to be `target`; `nil` when that fails. A fresh one is never shared with circuits.
    package func gate(to target: LinkTarget, isFresh: Bool = false, _ done: @escaping (LinkGate?) -> Void) {
        let found: (Channel?) -> Void = { channel in
            guard let channel else { return done(nil) }
            let gate = channel.gate ?? LinkGate(channel)
            channel.gate = gate
            done(gate)
        }
        if isFresh { dialAnew(target, found) } else { channel(to: target, found) }
    }
}

extension Channel {
    /// Whether a variable-length cell is one that somebody waits for. All others are passed over as ever (tor-spec 3).
    func isHeard(_ command: UInt8, _ count: Int) -> Bool {
        guard command == CellCommand.authorize, count == LinkGate.messageBytes else { return false }
        return isInitiator ? gate != nil : router.policy.market != nil
    }

    func receiveAuthorize(_ message: [UInt8]) {
        if isInitiator { return gate?.onMessage(message) ?? () }
        guard let market = router.policy.market else { return }
        var pass = pass ?? LinkPass()
        guard pass.ask(), let exporter = LinkGate.exporter(self) else {
            router.statistics.protocolErrors += 1
            return close()
        }
        self.pass = pass
        let here = LoopBound(self, mailbox: router.loop.mailbox)
        let isTaken = market.keeper.answer(message, exporter: exporter) { verdict in here.post { $0.hear(verdict) } }
        if !isTaken { self.pass?.hear(nil, at: router.loop.wall) }
    }

    private func hear(_ verdict: GateVerdict?) {
        guard isOpen else { return }
        pass?.hear(verdict, at: router.loop.wall)
        guard let verdict, verdict.answer.count == LinkGate.messageBytes else { return close() }
        sendRaw(Cell.variable(.none, CellCommand.authorize, verdict.answer))
    }

    // MARK: What it costs

    /// From now on the link has what it is let in for, or the free allowance.
    func beginPaying() {
        guard !isInitiator, router.policy.market != nil else { return }
        paidBytes = tally.bytesMoved
    }

    private var isAdmitted: Bool { pass?.isAdmitted(at: router.loop.wall) ?? false }

    /// Relays are let through: theirs is other clients' traffic. Only those that the consensus lists, for anybody can call himself one.
    private var isRelays: Bool { peer.map { $0.isAuthenticated && router.knows($0) } ?? false }

    /// The link has moved what it may without asking. Without a reason to go on its circuits are closed; the link stays, so that a token can be shown.
    func payMore() {
        guard let market = router.policy.market else { return paidBytes = .max }
        paidBytes = tally.bytesMoved + UInt64(FreeAllowance.grantBytes)
        guard !isRelays, !isAdmitted, !market.free.takeBytes(address.ip, at: router.loop.wall) else { return }
        router.statistics.unpaidLinks += 1
        for (_, circuit, _) in circuits.all { circuit.close(.resourceLimit) }
    }

    /// Whether another circuit of the peer's may begin here.
    var mayHaveCircuit: Bool {
        guard let market = router.policy.market, !isRelays, !isAdmitted else { return true }
        // A link of ours to a stranger is there for somebody who is let in, not for the stranger.
        return !isInitiator && market.free.takeCircuit(address.ip, at: router.loop.wall)
    }

    /// Somebody counts on this TLS session, though no circuit runs in it.
    var isHeldOpen: Bool { isInitiator ? gate != nil : isAdmitted }
}

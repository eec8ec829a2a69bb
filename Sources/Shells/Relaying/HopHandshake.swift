internal import Onion
internal import Sealing

/// The handshake with one hop of our circuit, waiting for its answer.
enum HopHandshake {
    case fast(x: [UInt8])
    case ntor(NtorClient)
    case ntorV3(NtorV3Client, wantsCongestionControl: Bool)

    struct Result {
        let keys: CircuitKeys
        /// DATA cells per SENDME, when the circuit has congestion control.
        var sendmeIncrement: UInt8?
    }

    /// What stock would use, so that we do not stand out. `flow` is given for the last hop only: congestion control, and the crypto that
    /// needs it, are between it and us. `nil` when the hop's keys cannot be used.
    init?(_ target: HopTarget, flow: FlowParameters?) {
        guard let key = target.ntorKey else { return nil }
        let wants = flow?.isCongestionControlled == true && target.abilities.isSuperset(of: [.ntorV3, .congestionControl])
        let isModern = target.abilities.isSuperset(of: [.ntorV3, .congestionControl, .counterGalois])
        guard wants || isModern, let relay = target.ed25519 else {
            self = .ntor(NtorClient(relay: target.rsa, onionKey: key, ephemeral: Curve25519Key()))
            return
        }
        let extensions = CircuitExtensions(wantsCongestionControl: wants, crypto: wants && isModern ? .counterGalois : .tor1)
        guard let client = try? NtorV3Client(relay: relay, onionKey: key, ephemeral: Curve25519Key(), extensions: extensions) else { return nil }
        self = .ntorV3(client, wantsCongestionControl: wants)
    }

    /// For CREATE2 and EXTEND2.
    var type: UInt16 { if case .ntorV3 = self { HandshakeType.ntorV3 } else { HandshakeType.ntor } }
    /// The cell that answers at the first hop.
    var answerCommand: UInt8 { if case .fast = self { CellCommand.createdFast } else { CellCommand.created2 } }

    var onionSkin: [UInt8] {
        switch self {
        case .fast(let x): x
        case .ntor(let client): client.onionSkin
        case .ntorV3(let client, _): client.onionSkin
        }
    }

    func finish(_ reply: [UInt8], flow: FlowParameters) throws(HandshakeFailure) -> Result {
        switch self {
        case .fast(let x): return Result(keys: try CreateFast.finish(x: x, reply: reply))
        case .ntor(let client): return Result(keys: try client.finish(reply))
        case .ntorV3(let client, let wantsCongestionControl):
            let (keys, granted) = try client.finish(reply)
            guard let increment = granted.sendmeIncrement else { return Result(keys: keys) }
            guard wantsCongestionControl, flow.accepts(increment: increment) else { throw .refused }
            return Result(keys: keys, sendmeIncrement: increment)
        }
    }
}

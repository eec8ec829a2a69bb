internal import Ambience
internal import Links
internal import Loops
internal import Outgoing
internal import Sealing

/// One letter brought to one server: connects to one of its addresses, and does what the core says until there is a verdict for each recipient.
final class SMTPSession {
    /// Of the content, given to the connection at once.
    private static let pieceBytes = 64 << 10

    private let dialling: Dialling
    private let context: TLSContext
    private let hop: MailHop
    private var client: SMTPClient
    private var link: Link?
    private var timer: Loops.Timer?
    private var isSending = false
    private var done: (([SMTPVerdict]) -> Void)?

    /// Calls `done` once, never before it returns; the session keeps itself until then.
    static func run(_ dialling: Dialling, _ context: TLSContext, _ hop: MailHop, _ client: SMTPClient, done: @escaping ([SMTPVerdict]) -> Void) {
        let session = SMTPSession(dialling, context, hop, client, done)
        let targets: [Dialling.Target] = hop.addresses.isEmpty ? [.name(hop.host)] : hop.addresses.map { .address($0) }
        session.connect(targets[...])
    }

    private init(_ dialling: Dialling, _ context: TLSContext, _ hop: MailHop, _ client: SMTPClient, _ done: @escaping ([SMTPVerdict]) -> Void) {
        (self.dialling, self.context, self.hop, self.client, self.done) = (dialling, context, hop, client, done)
    }

    private func connect(_ targets: ArraySlice<Dialling.Target>) {
        guard let target = targets.first else { return obey(client.ended(.unreachable)) }
        let isOwn = if case .address(let ip) = target { ip.isLoopback } else { false }
        dialling.dial(target, port: hop.port, isStraight: isOwn) { [self] link in
            guard let link else { return connect(targets.dropFirst()) }
            self.link = link
            link.onBytes = { self.received($0) }
            link.onEnd = { self.obey(self.client.ended(.lost)) }
            link.onSent = { self.sendMore() }
            if hop.encryption == .fromTheStart { secure() } else { wait() }
        }
    }

    private func received(_ bytes: [UInt8]) {
        obey(client.received(bytes))
        if done != nil { wait() }
    }

    private func obey(_ effects: [SMTPClient.Effect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes): link?.send(bytes)
            case .startTLS: secure()
            case .sendContent:
                isSending = true
                sendMore()
            case .done(let verdicts): finish(verdicts)
            }
        }
    }

    private func secure() {
        wait()
        link?.secure(context, isServer: false, peer: hop.peer) { [self] isSecured in
            guard isSecured else { return obey(client.ended(.untrusted)) }
            // With TLS from the start the server speaks first, and the core waits for it.
            if hop.encryption != .fromTheStart { obey(client.secured()) }
            wait()
        }
    }

    /// The next piece, once the one before is with the system: so a slow server costs no memory.
    private func sendMore() {
        guard isSending, done != nil else { return }
        let piece = client.more(Self.pieceBytes)
        isSending = !piece.isEmpty
        guard isSending else { return }
        wait()
        dialling.loop.soon { [self] in if done != nil { link?.send(piece) } }
    }

    private func wait() {
        timer?.cancel()
        timer = dialling.loop.after(client.patience) { [self] in obey(client.ended(.timedOut)) }
    }

    private func finish(_ verdicts: [SMTPVerdict]) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        let old = link
        link = nil
        // QUIT may still be on its way out; the server closes, or is closed in its turn.
        old?.onBytes = { _ in }
        old?.onSent = nil
        old?.onEnd = nil
        dialling.loop.after(.milliseconds(200)) { old?.close() }
        dialling.loop.soon { done(verdicts) }
    }
}

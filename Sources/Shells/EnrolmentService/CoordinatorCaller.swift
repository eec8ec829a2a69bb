internal import Ambience
internal import Enrolment
internal import Leasing
internal import Links
internal import Loops
internal import Sealing

/// Calls the coordinator of an order, again and again as long as it does not answer.
final class CoordinatorCaller {
    /// For the connection and TLS, and for the answer to each message.
    private static let patience = Instant.Span.seconds(15)

    private let loop: EventLoop
    private let coordinator: SocketAddress
    private let pin: [UInt8]
    private let context: TLSContext
    private let memory = Link.Memory()
    private var backOff = BackOff()
    private var random = SecureRandom()
    private var link: Link?
    private var session: MoteSession?
    private var answerTimer: Loops.Timer?
    private var isOver = false

    /// What the next connection begins with.
    var credentials: MoteSession.Credentials
    var onEvent: ((MoteSession.Event) -> Void)?
    /// Why a connection failed, for the log.
    var onTrouble: ((String) -> Void)?

    init(loop: EventLoop, _ contact: EnrolmentOrder.Contact, _ identity: TLSIdentity, _ credentials: MoteSession.Credentials) {
        self.loop = loop
        coordinator = contact.coordinator
        pin = contact.pin
        context = TLSContext(mutual: identity)
        self.credentials = credentials
    }

    func call() {
        guard !isOver else { return }
        SocketDialer.dial(loop: loop, coordinator, timeout: Self.patience) { [weak self] result in
            switch result {
            case .success(let fd): self.map { $0.connected(fd) } ?? Sockets.close(fd)
            case .failure(let error): self?.failed("\(error)")
            }
        }
    }

    /// Ends the connection and calls no more.
    func hangUp() {
        isOver = true
        drop()
    }

    var isKnown: Bool { session?.isKnown == true }

    func report(_ report: MoteReport, _ names: RelayNames?) {
        guard isKnown, answerTimer == nil else { return }
        link?.send(MoteMessage.report(report, names).frame)
        expectAnswer()
    }

    private func connected(_ fd: Int32) {
        guard !isOver else { return Sockets.close(fd) }
        let link = Link(loop: loop, fd: fd, memory: memory)
        self.link = link
        session = MoteSession(pin: pin, credentials)
        link.onBytes = { [unowned self] in received($0) }
        link.onEnd = { [unowned self] in failed("the coordinator closed the connection") }
        link.open(context, isServer: false) { [unowned self] key in key.map(opened) ?? failed("the coordinator closed the connection") }
        expectAnswer()
    }

    private func opened(_ peerKey: [UInt8]) {
        do throws(EnrolmentError) {
            var bytes = try session?.opened(peerKey: peerKey) ?? []
            link?.send(bytes)
            bytes.wipe()
        } catch { failed("\(coordinator) is not the coordinator of the order: \(error)") }
    }

    private func received(_ bytes: [UInt8]) {
        do throws(EnrolmentError) {
            for event in try session?.received(bytes) ?? [] {
                answerTimer?.cancel()
                answerTimer = nil
                backOff.reset()
                onEvent?(event)
            }
        } catch { failed("the coordinator's answer cannot be understood: \(error)") }
    }

    private func expectAnswer() {
        answerTimer?.cancel()
        answerTimer = loop.after(Self.patience) { [weak self] in self?.failed("no answer from the coordinator") }
    }

    private func failed(_ why: String) {
        drop()
        onTrouble?(why)
        guard !isOver else { return }
        loop.after(backOff.delay(&random)) { [weak self] in self?.call() }
    }

    private func drop() {
        answerTimer?.cancel()
        answerTimer = nil
        let old = link
        link = nil
        session = nil
        old?.close()
        // At the end of the turn: the link may be at work further up.
        loop.soon { _ = old }
    }
}

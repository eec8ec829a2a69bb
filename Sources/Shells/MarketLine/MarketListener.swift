package import Ambience
internal import Loops

/// Answers questions over HTTP on a thread of its own. Who asks is neither told to anybody nor written down anywhere.
///
/// 1. A connection carries one question, and has `patience` for it.
/// 2. Whole questions go to a few threads that may take their time: a database is theirs to wait for.
/// 3. Their answer goes out, and the connection is closed.
package final class MarketListener: Sendable {
    package typealias Handler = @Sendable (MarketRequest) -> MarketResponse

    /// At this number the connection goes that has been slowest with its question, or the newcomer if all wait for answers.
    package static let connectionsLimit = 512
    /// For a question to arrive, and for its answer to leave.
    package static let patience = Instant.Span.seconds(60)
    /// Questions that wait for one of the threads; further ones are told to come again.
    package static let questionsLimit = 256

    private let hall: LoopBound<MarketHall>
    private let thread: WorkThread
    private let queue: WorkQueue
    private let staff: [WorkThread]
    package let address: SocketAddress

    /// - Parameters:
    ///   - listen: port 0 is any that is free.
    ///   - threads: that call the handler, several at a time.
    package init(_ listen: SocketAddress, threads: Int = 2, _ handler: @escaping Handler) throws(FileError) {
        let fd = try Sockets.listen(on: listen), address = Sockets.ownAddress(fd) ?? listen
        let hall = LoopBound<MarketHall>(mailbox: Mailbox()), queue = WorkQueue(limit: Self.questionsLimit)
        (self.hall, self.queue, self.address) = (hall, queue, address)
        staff = queue.staff(threads, name: "market")
        thread = WorkThread("market line") {
            let own = MarketHall(EventLoop(mailbox: hall.mailbox), fd, address) { request, answer in queue.add { answer(handler(request)) } }
            hall.bind(own)
            own.run()
        }
    }

    /// Ends the threads and closes the port, once. Questions under way get no answer.
    package func stop() {
        queue.close()
        hall.post { $0.stop() }
        thread.join()
        for worker in staff { worker.join() }
    }
}

/// The listener's thread.
final class MarketHall {
    /// Has a question answered on another thread; `false` when too many wait.
    typealias Ask = (MarketRequest, @escaping @Sendable (MarketResponse) -> Void) -> Bool

    private final class Visitor {
        let connection: TCPConnection
        let number: UInt64
        var reader = RequestReader()
        var deadline: Instant
        var isAnswered = false

        init(_ connection: TCPConnection, _ number: UInt64, deadline: Instant) {
            (self.connection, self.number, self.deadline) = (connection, number, deadline)
        }
    }

    private let loop: EventLoop
    private let ask: Ask
    private var listener: TCPListener?
    private var visitors: [UInt64: Visitor] = [:]
    /// Asked, and not answered yet.
    private var waiting: Set<UInt64> = []
    private var lastNumber: UInt64 = 0

    init(_ loop: EventLoop, _ fd: Int32, _ address: SocketAddress, _ ask: @escaping Ask) {
        (self.loop, self.ask) = (loop, ask)
        listener = TCPListener(loop: loop, fd: fd, address: address) { [unowned self] fd, _ in admit(fd) }
        loop.every(.seconds(1)) { [unowned self] in closeLate() }
    }

    func run() {
        loop.run()
        listener?.close()
        for visitor in visitors.values { visitor.connection.abort() }
        visitors = [:]
    }

    func stop() { loop.stop() }

    private func admit(_ fd: Int32) {
        guard visitors.count < MarketListener.connectionsLimit || makeRoom() else { return Sockets.close(fd) }
        lastNumber += 1
        let visitor = Visitor(TCPConnection(loop: loop, fd: fd), lastNumber, deadline: loop.now + MarketListener.patience)
        visitors[visitor.number] = visitor
        visitor.connection.onData = { [unowned self, unowned visitor] in heard($0, visitor) }
        visitor.connection.onClose = { [unowned self, number = visitor.number] in forget(number) }
    }

    private func makeRoom() -> Bool {
        guard let slowest = visitors.values.filter({ !waiting.contains($0.number) && !$0.isAnswered }).min(by: { $0.number < $1.number }) else { return false }
        slowest.connection.abort()
        forget(slowest.number)
        return true
    }

    private func heard(_ bytes: [UInt8], _ visitor: Visitor) {
        guard !visitor.isAnswered, !waiting.contains(visitor.number) else { return }
        do throws(RequestReader.Failure) {
            guard let request = try visitor.reader.receive(bytes) else { return }
            let number = visitor.number, mailbox = loop.mailbox
            waiting.insert(number)
            visitor.connection.pauseReading()
            let hall = LoopBound(self, mailbox: mailbox)
            if !ask(request, { response in hall.post { $0.answer(response, number) } }) { answer(.busy, number) }
        } catch { answer(MarketResponse(error.rawValue), visitor.number) }
    }

    private func answer(_ response: MarketResponse, _ number: UInt64) {
        waiting.remove(number)
        guard let visitor = visitors[number] else { return }
        visitor.isAnswered = true
        visitor.deadline = loop.now + MarketListener.patience
        visitor.connection.send(response.wire)
        visitor.connection.finish()
    }

    private func closeLate() {
        for visitor in visitors.values where loop.now >= visitor.deadline && !waiting.contains(visitor.number) {
            visitor.connection.abort()
            forget(visitor.number)
        }
    }

    private func forget(_ number: UInt64) { visitors[number] = nil }
}

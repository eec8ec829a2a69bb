package import Ambience
internal import Letters
internal import Loops
package import Sealing
internal import Submission

/// Where mail programs of this machine hand in letters: a submission service on a thread of its own, whose letters are durable in the store before they are
/// acknowledged. Whoever can connect may send.
package final class SubmissionDoor: Sendable {
    package let address: SocketAddress
    private let hall: LoopBound<Hall>
    private let thread: WorkThread

    /// - Parameters:
    ///   - listen: of this machine alone.
    ///   - key: 32 bytes, the same at each start: it makes the names of letters, so that one which is handed in again is known.
    package init(_ listen: SocketAddress, _ store: PostboxStore, key: SecretBytes) throws(FileError) {
        let listener = try Sockets.listen(on: listen), hall = LoopBound<Hall>(mailbox: Mailbox())
        address = Sockets.ownAddress(listener) ?? listen
        self.hall = hall
        let address = address
        thread = WorkThread("submission") {
            let own = Hall(EventLoop(mailbox: hall.mailbox), listener, address, store, key)
            hall.bind(own)
            own.loop.run()
            own.listener?.close()
        }
    }

    package func stop() {
        hall.post { $0.loop.stop() }
        thread.join()
    }

    private final class Hall {
        let loop: EventLoop
        let service: SubmissionService
        var listener: TCPListener?

        init(_ loop: EventLoop, _ fd: Int32, _ address: SocketAddress, _ store: PostboxStore, _ key: SecretBytes) {
            self.loop = loop
            service = SubmissionService(loop: loop, settings: .init(), tls: nil, users: nil, key: key) { letter, done in
                do throws(PostboxError) {
                    try store.send(letter, now: loop.wall)
                    done(nil)
                } catch { done(SMTPReply(452, "4.3.1", error.description)) }
            }
            listener = TCPListener(loop: loop, fd: fd, address: address) { [unowned self] fd, _ in service.admit(fd) }
        }
    }
}

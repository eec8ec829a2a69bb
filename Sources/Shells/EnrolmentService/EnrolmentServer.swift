package import Ambience
package import Enrolment
package import Leasing
internal import Loops
internal import Sealing

/// Where motes enrol, report and get their orders: a thread of its own in the coordinator's process.
///
/// 1. `admit` makes an order; the hash of its secret is durable before the order exists.
/// 2. A mote calls, shows its certificate and the secret; its key is durable before it is welcomed.
/// 3. It reports once a second and is told each time what is wanted of it.
///
/// A coordinator that is started anew has the same key, port and admissions, and its motes find it again.
package final class EnrolmentServer: Sendable {
    private let book: AdmissionBook
    private let desk: LoopBound<EnrolmentDesk>
    private let thread: WorkThread
    /// Where it listens.
    package let address: SocketAddress
    /// By which motes know it.
    package let pin: [UInt8]

    /// - Parameters:
    ///   - folder: kept, and made where it is missing; one server at a time.
    ///   - listen: with port 0 it is the port of last time, and at first one that is free.
    ///   - tell: hears what happens, on the server's thread.
    package convenience init(
        folder: String, listen: SocketAddress, tell: @escaping @Sendable (EnrolmentNews) -> Void = { _ in }
    ) throws(FileError) {
        let files = try AdmissionFiles(folder)
        let fd = try Sockets.listen(on: SocketAddress(ip: listen.ip, port: listen.port > 0 ? listen.port : files.port()))
        let address = Sockets.ownAddress(fd) ?? listen
        do throws(FileError) { try files.keep(port: address.port) } catch {
            Sockets.close(fd)
            throw error
        }
        try self.init(folder: folder, taking: fd, at: address, tell: tell)
    }

    /// - Parameters:
    ///   - listening: a socket that listens without blocking, perhaps of another network than ours; it is the server's from here on.
    ///   - address: at which motes reach it.
    package init(
        folder: String, taking listening: Int32, at address: SocketAddress, tell: @escaping @Sendable (EnrolmentNews) -> Void = { _ in }
    ) throws(FileError) {
        let (identity, book): (TLSIdentity, AdmissionBook)
        do throws(FileError) {
            let files = try AdmissionFiles(folder)
            (identity, book) = (try files.identity(), try AdmissionBook(files, tell: tell))
        } catch {
            Sockets.close(listening)
            throw error
        }
        let desk = LoopBound<EnrolmentDesk>(mailbox: Mailbox())
        (self.book, self.desk, self.address, pin) = (book, desk, address, identity.keyDigest)
        thread = WorkThread("enrolment") {
            let own = EnrolmentDesk(EventLoop(mailbox: desk.mailbox), listening, address, identity, book)
            desk.bind(own)
            own.run()
        }
    }

    /// Ends the thread and closes the port, once; motes go on, and call again.
    package func stop() {
        desk.post { $0.stop() }
        thread.join()
    }

    /// Lets a mote enrol: the order for its machine. An admission of an earlier start of the mote is over with that.
    ///
    /// - Parameters:
    ///   - lease: whose mote it is; it may enrol until the lease ends.
    ///   - attempt: which start of the mote it is.
    ///   - torrc: what the mote will be told to be. `Admission.addressMark` in it stands for the mote's address.
    ///   - reached: where the machine reaches this server, if not at `address`.
    ///   - network: for machines in a network without DHCP; its address is then the mote's.
    ///   - address: the mote's address, if it is neither that nor the one from which it calls.
    package func admit(
        _ lease: Lease, attempt: Int, torrc: String, reached: SocketAddress? = nil, network: EnrolmentOrder.StaticNetwork? = nil, address own: IPAddress? = nil
    ) throws(FileError) -> EnrolmentOrder {
        let secret = SecretBytes.random(EnrolmentOrder.secretBytes)
        var copy = secret.copy
        defer { copy.wipe() }
        try book.admit(
            Admission(
                key: lease.key, attempt: attempt, secretHash: Digest.sha256(copy), expires: lease.expires, torrc: torrc, address: own ?? network?.address))
        return EnrolmentOrder(coordinator: reached ?? address, pin: pin, mote: lease.key, secret: secret, expires: lease.expires, network: network)
    }

    /// What the mote last said of itself, if that was lately.
    package func report(of key: MoteKey) -> MoteReport? { book.report(of: key, now: SystemTime().now) }

    /// Everything on record of the mote's enrolment; `nil` if it was never admitted or that is forgotten.
    package func admission(of key: MoteKey) -> Admission? { book.admission(of: key) }

    /// Has the mote told to drain or stop, or to end earlier than its lease, with its next report. Durable. Asking less than before changes nothing.
    /// False for a mote that was never admitted.
    @discardableResult
    package func order(_ wanted: StandingOrder.Wanted, endsBy expires: WallTime? = nil, _ key: MoteKey) throws(FileError) -> Bool {
        try book.order(wanted, endsBy: expires, key)
    }
}

/// What happens at the server, for people and for the audit.
package enum EnrolmentNews: Equatable, Sendable {
    case enrolled(MoteKey, from: IPAddress)
    case named(MoteKey, RelayNames)
    case refused(IPAddress)
    case trouble(String)
}

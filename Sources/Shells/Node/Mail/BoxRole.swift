internal import Ambience
internal import BoxKeeping
internal import Boxes
internal import Directory
internal import DirectoryService
internal import Letters
internal import Logging
internal import Loops
internal import Sealing
internal import Spool

/// The boxes of a mote on the mix: it lays letters that end here into them, and keeps them for others if it says so in its descriptor (`MoteMailBox`).
final class BoxRole {
    /// A mote that ends sooner gets no boxes, and passes on those it has: what that may take. Seconds.
    static let leastLifeSeconds: Int64 = 300
    /// Of what lies in boxes here: sealed items and what is written with them.
    static let spoolBytes = 2 << 30
    /// Of the time that a mote of the mix holds a packet.
    private static let turnShare = 5.0

    private let store: DirectoryStore
    private let loop: EventLoop
    private let desk: BoxDesk
    private let leaving: Leaving

    private final class Leaving { var hasBegun = false }

    /// - Parameters:
    ///   - folder: nobody else's.
    ///   - key: whose public half the descriptor has.
    ///   - spoolKey: 32 bytes.
    ///   - holdMean: of packets on the mix. What is to be passed on need not wait much longer.
    init(
        loop: EventLoop, store: DirectoryStore, calls: MailCalls, own: RSAIdentity, key: Curve25519Key, folder: String, spoolKey: SecretBytes, holdMean: Instant.Span
    ) throws(FileError) {
        (self.loop, self.store) = (loop, store)
        var limits = SpoolLimits()
        limits.liveBytes = Self.spoolBytes
        let spool = try Spool(loop: loop, key: spoolKey, folder: folder, limits: limits, forgetsForeign: true)
        let leaving = Leaving()
        self.leaving = leaving
        let motes = { Self.motes(store, at: loop.wall).filter { !leaving.hasBegun || $0.identity != own.bytes } }
        let around = BoxDesk.Surroundings(own: own.bytes, key: key, motes: motes, post: { body, path, mote, limit, done in
            guard let relay = RSAIdentity(mote.identity) else { return loop.soon { done(nil) } }
            calls.post(body, to: path, at: relay, answerLimitBytes: limit) { done(try? $0.get()) }
        })
        desk = try BoxDesk(loop: loop, spool: spool, around, turnMeanSeconds: min(BoxDesk.turnMeanSeconds, Self.turnShare * Double(holdMean.inMilliseconds) / 1000))
    }

    /// Those that the consensus lists as running and whose descriptors say that they keep boxes, for long enough, and are not about to leave.
    private static func motes(_ store: DirectoryStore, at now: WallTime) -> [BoxMote] {
        guard let consensus = store.consensus(.microdesc) else { return [] }
        return consensus.entries.compactMap { entry in
            guard entry.flags.contains(.running), let descriptor = store.descriptor(of: entry.rsa), let mix = descriptor.mix, mix.hasBoxes, !descriptor.isHibernating,
                descriptor.expires.map({ $0 - now >= leastLifeSeconds }) ?? true
            else { return nil }
            return BoxMote(identity: entry.rsa.bytes, mailKey: mix.publicKey)
        }
    }

    /// For the mote's directory server.
    var office: DirectoryOffice {
        DirectoryOffice(path: BoxPath.office, bodyLimitBytes: BoxParcel.limitBytes) { [weak self] rest, body, _, done in
            guard let self else { return done(.busy) }
            desk.answer(rest, body) { answer in
                switch answer {
                case .bytes(let bytes): done(.bytes(bytes))
                case .refused: done(.refused)
                case .unknown: done(.unknown)
                case .busy: done(.busy)
                }
            }
        }
    }

    /// Whether a letter to this address ends in a box.
    static func isBox(_ address: MailAddress) -> Bool { BoxAddress(domain: address.domain) != nil }

    /// Lays a letter into the boxes of those of its recipients who have one.
    ///
    /// - Parameter done: whether it is durable for all of those. If not, it may be laid again: owners get it once.
    func lay(_ letter: Letter, _ done: @escaping (Bool) -> Void) {
        let parts = letter.envelope.recipients.compactMap { recipient -> (BoxAddress, Letter)? in
            guard let address = BoxAddress(domain: recipient.address.domain), let envelope = Envelope(sender: letter.envelope.sender, recipients: [recipient]),
                let own = Letter(id: letter.id, envelope: envelope, content: letter.content)
            else { return nil }
            return (address, own)
        }
        lay(parts[...], done)
    }

    private func lay(_ parts: ArraySlice<(BoxAddress, Letter)>, _ done: @escaping (Bool) -> Void) {
        guard let (address, letter) = parts.first else { return done(true) }
        desk.lay(letter, for: address) { [weak self] isLaid in
            guard let self, isLaid else { return done(false) }
            lay(parts.dropFirst(), done)
        }
    }

    var items: Int { desk.items }
    var boxes: Int { desk.boxes }

    /// Before the mote ends: what it still has goes to others now.
    func leave() {
        leaving.hasBegun = true
        desk.leave()
    }

    var isHandedOver: Bool { desk.isHandedOver }
    func stop() { desk.stop() }
}

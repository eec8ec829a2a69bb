internal import Ambience
internal import Delivering
internal import DirectoryService
internal import Letters
internal import Logging
internal import Loops
internal import Mixing
internal import Outgoing
internal import Sealing
internal import Spool
internal import Submission
internal import Torrc

/// What a mote with mail does for those outside the mix: takes letters from mail programs, and brings letters to whom they are for.
final class MailServices {
    /// After that the motes of a reply block may have gone, and nobody would hear of it.
    private static let wayBackSeconds: Int64 = 600
    /// Letters on their way to a successor, in memory.
    private static let passedAtOnce = 64

    private let role: MailRole
    private var submission: SubmissionService?
    private var delivery: Delivery?
    private var boxes: BoxRole?
    /// Letters that a successor shall have, by what they are called on the mix.
    private var passing: [ParcelID: LetterID] = [:]

    /// - Parameters:
    ///   - allowsPrivate: servers may be in private networks.
    ///   - resolvConf: where the system's name servers are.
    init(_ role: MailRole, store: DirectoryStore, server: DirectoryServer, own: RSAIdentity, allowsPrivate: Bool, resolvConf: String) throws(NodeFailure) {
        self.role = role
        try startBoxes(store, server, own)
        try startLetters(server)
        if !role.options.exits.isEmpty { try startDelivery(allowsPrivate: allowsPrivate, resolvConf) }
        if !role.options.submissionPorts.isEmpty || !role.options.submissionTLSPorts.isEmpty { try startSubmission() }
        role.onPassed = { [weak self] id in self?.passing.removeValue(forKey: id).map { self?.delivery?.handedOver($0) } }
        role.onLeave = { [weak self] in self?.leave() }
        role.whileLeaving = { [weak self] in self?.passOn() }
    }

    func stop() {
        submission?.stop()
        delivery?.stop()
        boxes?.stop()
    }

    // MARK: Boxes

    /// Every mote with mail lays letters into boxes; it keeps some if it says so.
    private func startBoxes(_ store: DirectoryStore, _ server: DirectoryServer, _ own: RSAIdentity) throws(NodeFailure) {
        do throws(FileError) {
            let boxes = try BoxRole(
                loop: role.loop, store: store, calls: role.calls, own: own, key: role.keys.agreement, folder: role.folder + "/boxes", spoolKey: role.keys.spool("boxes"), holdMean: role.options.holdMean)
            role.lay = { boxes.lay($0, $1) }
            server.offices.append(boxes.office)
            role.moreStatus += [{ ("boxes", boxes.boxes) }, { ("boxItems", boxes.items) }]
            self.boxes = boxes
        } catch { throw NodeFailure(error) }
    }

    // MARK: In

    /// Every mote with mail is a gateway for people's own programs.
    private func startLetters(_ server: DirectoryServer) throws(NodeFailure) {
        do throws(FileError) {
            let spool = try Spool(loop: role.loop, key: role.keys.spool("letters"), folder: role.folder + "/letters", limits: LetterDesk.limits, forgetsForeign: true)
            let desk = LetterDesk(loop: role.loop, spool: spool) { [role] in role.submit($0, $1) }
            desk.isLeaving = { [role] in role.isLeaving }
            server.offices.append(role.letterOffice(desk))
        } catch { throw NodeFailure(error) }
    }

    private func startSubmission() throws(NodeFailure) {
        let options = role.options
        var settings = SubmissionService.Settings()
        if let name = options.submissionName { settings.session.name = name }
        let users = try options.submissionUsersFile.map { path throws(NodeFailure) in try Self.users(path) }
        let service = SubmissionService(loop: role.loop, settings: settings, tls: try certificate(), users: users, key: role.keys.spool("ids")) { [role] letter, done in
            role.submit(letter) { done($0 ? nil : .noRoom) }
        }
        submission = service
        for (port, isSecure) in options.submissionPorts.map({ ($0, false) }) + options.submissionTLSPorts.map({ ($0, true) }) { try listen(service, port, isSecure) }
    }

    private func listen(_ service: SubmissionService, _ line: PortLine, _ isSecure: Bool) throws(NodeFailure) {
        let number: UInt16 = if case .fixed(let number) = line.port { number } else { 0 }
        do {
            let address = try service.listen(on: SocketAddress(ip: line.ip ?? .v4(0x7F00_0001), port: number), isSecure: isSecure)
            role.log.notice("Letters are taken on \(address)")
        } catch let error as FileError { throw NodeFailure(error) } catch { throw NodeFailure(.configuration, "MoteSubmissionPort: \(error)") }
    }

    private static func users(_ path: String) throws(NodeFailure) -> SubmissionUsers {
        do { return try SubmissionUsers(Files.readText(path)) } catch let error as FileError { throw NodeFailure(error) } catch {
            throw NodeFailure(.configuration, "MoteSubmissionUsers: \(path): \(error)")
        }
    }

    private func certificate() throws(NodeFailure) -> TLSContext? {
        guard let chain = role.options.submissionCertificateFile, let key = role.options.submissionKeyFile else { return nil }
        let context: TLSContext?
        do throws(FileError) {
            var secret = try Files.read(key)
            defer { secret.wipe() }
            context = try TLSContext(chain: Files.read(chain), key: secret)
        } catch { throw NodeFailure(error) }
        guard let context else { throw NodeFailure(.configuration, "MoteSubmissionCertificate: \(chain) has no certificate, or \(key) is not its key") }
        return context
    }

    // MARK: Out

    private func startDelivery(allowsPrivate: Bool, _ resolvConf: String) throws(NodeFailure) {
        let settings = try settings(allowsPrivate: allowsPrivate, resolvConf), delivery: Delivery
        do {
            delivery = try Delivery(loop: role.loop, spool: Spool(loop: role.loop, key: role.keys.spool("out"), folder: role.folder + "/out", forgetsForeign: true), settings: settings)
        } catch let error as FileError { throw NodeFailure(error) } catch { throw NodeFailure(.configuration, "MoteMailTrust: \(error)") }
        delivery.onNews = { [log = role.log] in log.info("\($0)") }
        delivery.onReport = { [role] report, done in
            // The way back was made for one letter's passage; who is told later is told without it.
            guard report.ageSeconds < Self.wayBackSeconds else { return role.box(report.letter, done) }
            role.station.report(report.letter.parcel(.report), report.letter.encoded, returning: report.returning) { $0 ? done(true) : role.box(report.letter, done) }
        }
        role.deliver = { delivery.deliver($0, returning: $1, done: $2) }
        role.moreStatus.append { ("delivering", delivery.status.waiting) }
        self.delivery = delivery
    }

    private func settings(allowsPrivate: Bool, _ resolvConf: String) throws(NodeFailure) -> DeliverySettings {
        let options = role.options
        var settings = DeliverySettings()
        if let name = options.submissionName { settings.name = name }
        settings.routes = options.exits.map { [.onion: .onion, .direct: .direct, .relay: .relay][$0] ?? .direct }
        settings.relay = try relay()
        (settings.proxy, settings.allowsPrivate, settings.trustFile) = (options.socks, allowsPrivate, options.trustFile)
        settings.resolvers = options.resolver.map { [$0] } ?? Self.resolvers(resolvConf)
        settings.firstWaitSeconds = min(settings.firstWaitSeconds, Double(options.holdMean.inMilliseconds) / 1000)
        guard let path = options.onionMapFile else { return settings }
        do { settings.onions = try OnionRoutes(map: Files.readText(path)) } catch let error as FileError { throw NodeFailure(error) } catch {
            throw NodeFailure(.configuration, "MoteMailOnionMap: \(path): \(error)")
        }
        return settings
    }

    private func relay() throws(NodeFailure) -> DeliverySettings.Relay? {
        guard let place = role.options.relay else { return nil }
        guard let path = role.options.relayLoginFile else { return DeliverySettings.Relay(place, login: nil) }
        let text: String
        do throws(FileError) { text = try Files.readText(path) } catch { throw NodeFailure(error) }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, !lines[0].isEmpty else { throw NodeFailure(.configuration, "MoteMailRelayLogin: \(path) must have a name and a password, a line each") }
        return DeliverySettings.Relay(place, login: SMTPLogin(name: String(lines[0]), password: SecretBytes(Array(lines[1].utf8))))
    }

    private static func resolvers(_ path: String) -> [SocketAddress] {
        ((try? Files.readText(path)) ?? "").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count >= 2 && words[0] == "nameserver" ? IPAddress(words[1]).map { SocketAddress(ip: $0, port: 53) } : nil
        }
    }

    // MARK: The end

    /// Whether nothing that boxes and delivery had would be lost if the mote, which leaves, ended now. What is in the mix is asked of the station.
    var isHandedOver: Bool { boxes?.isHandedOver != false && delivery?.isEmpty != false }

    /// Takes no more letters, and begins to bring none.
    private func leave() {
        submission?.stop()
        delivery?.stop()
        boxes?.leave()
    }

    /// Letters that nobody is bringing go to a successor, each for those who have not got it.
    private func passOn() {
        for (queued, progress) in delivery?.waitingLetters(upTo: Self.passedAtOnce - passing.count) ?? [] {
            let envelope = queued.letter.envelope, left = envelope.recipients.indices.filter { progress.settled[$0] == nil }.map { envelope.recipients[$0] }
            guard let rest = Envelope(sender: envelope.sender, recipients: left, returnsAll: envelope.returnsAll), let letter = Letter(id: queued.letter.id, envelope: rest, content: queued.letter.content)
            else { continue }
            let id = letter.parcel(.deliver)
            passing[id] = letter.id
            role.station.passOn(id, .deliver, letter.encoded, returning: queued.returning)
        }
    }
}

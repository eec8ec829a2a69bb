internal import Ambience
internal import Loops
internal import Outgoing
internal import Sealing

/// Tries once to deliver a letter to everybody who has not got it: domain after domain, and for each one server after the other.
final class DeliveryAttempt {
    private let queued: QueuedLetter
    private let settings: DeliverySettings
    private let dialling: Dialling
    private let finder: RouteFinder
    private let context: TLSContext
    private var groups: ArraySlice<(domain: String, recipients: [Int])>
    private var verdicts: [Int: SMTPVerdict] = [:]
    private let done: ([Int: SMTPVerdict]) -> Void
    /// Hears of each session: the host, how it was reached, and what came of it.
    private let tell: (MailHop, SMTPVerdict) -> Void

    /// Calls `done` once; the attempt keeps itself until then.
    static func run(
        _ queued: QueuedLetter, _ progress: Progress, _ settings: DeliverySettings, _ dialling: Dialling, _ finder: RouteFinder, _ context: TLSContext,
        tell: @escaping (MailHop, SMTPVerdict) -> Void, done: @escaping ([Int: SMTPVerdict]) -> Void
    ) {
        DeliveryAttempt(queued, progress, settings, dialling, finder, context, tell, done).nextGroup()
    }

    private init(
        _ queued: QueuedLetter, _ progress: Progress, _ settings: DeliverySettings, _ dialling: Dialling, _ finder: RouteFinder, _ context: TLSContext,
        _ tell: @escaping (MailHop, SMTPVerdict) -> Void, _ done: @escaping ([Int: SMTPVerdict]) -> Void
    ) {
        (self.queued, self.settings, self.dialling, self.finder, self.context) = (queued, settings, dialling, finder, context)
        groups = queued.groups(without: progress)[...]
        (self.tell, self.done) = (tell, done)
    }

    private func nextGroup() {
        guard let group = groups.popFirst() else { return done(verdicts) }
        finder.find(group.domain) { [self] result in
            switch result {
            case .success(let hops): bring(group.recipients, hops[...])
            case .failure(let why):
                for recipient in group.recipients { verdicts[recipient] = why.verdict }
                nextGroup()
            }
        }
    }

    private func bring(_ recipients: [Int], _ hops: ArraySlice<MailHop>) {
        guard let hop = hops.first, !recipients.isEmpty else { return nextGroup() }
        let login = hop.isRelay ? settings.relay?.login : nil
        let client = SMTPClient(queued.mail(for: recipients, by: settings.name), name: settings.name, encryption: hop.encryption, login: login)
        SMTPSession.run(dialling, context, hop, client) { [self] result in
            for (recipient, verdict) in zip(recipients, result) { verdicts[recipient] = verdict }
            for verdict in Set(result) { tell(hop, verdict) }
            follow(recipients, result, hop, hops)
        }
    }

    private func follow(_ recipients: [Int], _ result: [SMTPVerdict], _ hop: MailHop, _ hops: ArraySlice<MailHop>) {
        let waiting = zip(recipients, result)
        let later = waiting.filter { $0.1 == .deferred(.laterTransaction) }.map(\.0)
        // The first of them was among those that the server took, so each time there are fewer.
        if !later.isEmpty, later.count < recipients.count { return bring(later, hops) }
        let others = waiting.filter { if case .deferred(let reason) = $0.1 { reason != .uncertain } else { false } }.map(\.0)
        if hop.trust == .opportunistic, result.allSatisfy({ $0 == .deferred(.untrusted) }) {
            // A server whose TLS is broken promised nothing: what anybody could have read all along is sent as plain text (RFC 7435, 4).
            var plain = hop
            plain.trust = .plain
            return bring(others, [plain] + hops.dropFirst())
        }
        bring(others, hops.dropFirst())
    }
}

internal import Ambience
internal import Logging
internal import Loops
internal import Relaying

/// Finds out now and then whether the exit's name server lies.
final class NameProbes {
    private static let interval = Instant.Span.seconds(12 * 3600)
    /// How long the answers about names that do not exist may take before those that exist are asked for, and those before anything is concluded.
    private static let answerTime = Instant.Span.seconds(5)

    private let router: OnionRouter
    private let sites: [String]
    private let log = Logger(label: "exit")
    private var hasTold = false

    /// Whether the name server is of no use; `onChange` tells of changes.
    private(set) var isBroken = false
    var onChange: () -> Void = {}

    init(router: OnionRouter, sites: [String]) {
        self.router = router
        self.sites = sites
        run()
        router.loop.every(Self.interval) { [weak self] in self?.run() }
    }

    private func run() {
        router.names.probe()
        router.loop.after(Self.answerTime) { [weak self] in
            guard let self else { return }
            router.names.probe(sites: sites)
            router.loop.after(Self.answerTime) { [weak self] in self?.conclude() }
        }
    }

    private func conclude() {
        let watch = router.settings.nameWatch
        if watch.isHijacking, !hasTold {
            hasTold = true
            log.notice("Your DNS provider gives answers for names that do not exist. Such answers are taken for what they are, and clients are told that the names do not exist")
        }
        guard watch.isBroken != isBroken else { return }
        isBroken = watch.isBroken
        if isBroken { log.warning("Your DNS provider answers even for well-known sites with its own addresses: this relay is no exit until that ends") }
        onChange()
    }
}

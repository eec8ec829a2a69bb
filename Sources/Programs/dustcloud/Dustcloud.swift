internal import ArgumentParser
internal import Coordination
internal import Glibc
internal import Torrc

/// The program that people run. Errors end it with the codes of sysexits.h.
@main struct Dustcloud: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dustcloud", abstract: "A small cloud of short-lived Tor-protocol relays (motes), used through one SOCKS port.",
        discussion: """
            dustcloud up           bring a cloud up and keep it up; then: curl --socks5-hostname 127.0.0.1:9150 https://…
            dustcloud status       what there is now
            dustcloud down         end everything and prove it gone
            """,
        version: "dustcloud 0.1.0", subcommands: [Up.self, Status.self, Plan.self, Cost.self, Simulate.self, Down.self, MoteCommand.self, AuditCommand.self, KillCommand.self, AbuseCommand.self, MachineCommand.self, UsageCommand.self, BudgetCommand.self, MarketCommand.self, MailCommand.self])

    static func main() {
        // What is written here is nobody else's to read.
        umask(0o077)
        // A file at its size limit is an error like a full disk, and no reason to fall.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as CoordinationError {
            Terminal.complain(error.description)
            Self.exit(withError: ExitCode(error.kind.exitCode))
        } catch {
            suggestCommand(for: error)
            Self.exit(withError: error)
        }
    }

    /// For a command that does not exist: the one that was probably meant.
    private static func suggestCommand(for error: any Error) {
        guard exitCode(for: error) == .validationFailure else { return }
        var words = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }[...]
        var known = configuration.subcommands
        while let word = words.first, let next = known.first(where: { $0._commandName == word }) {
            (words, known) = (words.dropFirst(), next.configuration.subcommands)
        }
        guard let word = words.first, !known.isEmpty else { return }
        let names = known.map { $0._commandName }
        if let name = Suggestion.nearest(to: word, among: names) {
            Terminal.complain("there is no command \"\(word)\"; did you mean \"\(name)\"?")
        } else {
            Terminal.complain("there is no command \"\(word)\"; there are \(names.joined(separator: ", "))")
        }
    }
}

extension CoordinationError.Kind {
    /// As in sysexits.h.
    var exitCode: Int32 {
        switch self {
        case .usage: 64
        case .badData: 65
        case .notFound: 66
        case .unavailable: 69
        case .cannotCreate: 73
        case .busy: 75
        case .noPermission: 77
        case .configuration, .overBudget: 78
        }
    }
}

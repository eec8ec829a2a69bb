internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Foundation
internal import Providers

/// How letters for addresses outside leave a cloud.
struct MailExitOptions: ParsableArguments {
    private static let none = "none"
    private static let loginLimitBytes = 4 << 10

    @Option(help: ArgumentHelp("In the order to try, with commas between: relay, a mail server that takes letters for everywhere; direct, each domain's own servers; onion, its onion service. none: mailboxes in the cloud alone get letters (default). Motes of a cloud that is up are replaced when this changes.", valueName: "ways"))
    var mailExit: String?
    @Option(help: ArgumentHelp("For the way relay: the mail server.", valueName: "host:port")) var mailRelay: String?
    @Option(help: ArgumentHelp("A file with the name and the password for it, a line each, that only you can read.", valueName: "file"), completion: .file()) var mailRelayLogin: String?
    @Option(help: ArgumentHelp("For the way onion: a file with a domain and the onion service that takes its letters in each line, besides those that domains publish.", valueName: "file"), completion: .file()) var mailOnionMap: String?
    @Option(help: ArgumentHelp("A SOCKS port through which motes reach mail servers; the way onion needs one.", valueName: "ip:port")) var mailSocks: String?
    @Option(help: ArgumentHelp("A name server for the way direct. Default: the system's.", valueName: "ip:port")) var mailResolver: String?
    @Option(help: ArgumentHelp("Certificates of the authorities that mail servers are believed by, in PEM. Default: the system's.", valueName: "file"), completion: .file()) var mailTrust: String?

    private var ways: [MailExit.Way]? { mailExit.map { $0 == Self.none ? [] : $0.split(separator: ",", omittingEmptySubsequences: false).compactMap { MailExit.Way(rawValue: String($0)) } } }
    private var details: [(String, String?)] {
        [("--mail-relay", mailRelay), ("--mail-relay-login", mailRelayLogin), ("--mail-onion-map", mailOnionMap), ("--mail-socks", mailSocks), ("--mail-resolver", mailResolver), ("--mail-trust", mailTrust)]
    }

    var isGiven: Bool { ways?.isEmpty == false }

    func validate() throws {
        guard let mailExit, let ways else {
            guard let stray = details.first(where: { $0.1 != nil }) else { return }
            throw ValidationError("\(stray.0) needs --mail-exit, which says how letters leave")
        }
        guard mailExit == Self.none || ways.count == mailExit.split(separator: ",", omittingEmptySubsequences: false).count && Set(ways).count == ways.count else {
            throw ValidationError("--mail-exit: expected none, or \(MailExit.Way.allCases.map(\.rawValue).joined(separator: ", ")) with commas between")
        }
        for (way, option, value) in [(MailExit.Way.relay, "--mail-relay", mailRelay), (.onion, "--mail-socks", mailSocks)] where ways.contains(way) && value == nil {
            throw ValidationError("--mail-exit \(way.rawValue) needs \(option)")
        }
        guard mailRelay.map(Self.isPlace) ?? true else { throw ValidationError("--mail-relay is HOST:PORT") }
        for (option, text) in [("--mail-socks", mailSocks), ("--mail-resolver", mailResolver)] { guard text.map({ SocketAddress($0).map { $0.port > 0 } ?? false }) ?? true else { throw ValidationError("\(option) is ADDRESS:PORT") } }
    }

    private static func isPlace(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\"") }) else { return false }
        return UInt16(text[text.index(after: colon)...]).map { $0 > 0 } ?? false
    }

    /// What is wanted; `current`, unless something is said here.
    func wanted(_ current: MailExit? = nil) throws -> MailExit? {
        guard let ways else { return current }
        guard !ways.isEmpty else { return nil }
        var exit = MailExit(ways: ways)
        (exit.relay, exit.socks, exit.resolver) = (mailRelay, mailSocks, mailResolver)
        (exit.trust, exit.onionMap) = (try mailTrust.map { try Self.file($0) }, try mailOnionMap.map { try Self.file($0) })
        exit.relayLogin = try mailRelayLogin.map { try Self.login($0) }
        return exit
    }

    /// As an absolute path: motes run elsewhere.
    private static func file(_ path: String) throws -> String {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        guard FileManager.default.isReadableFile(atPath: path), path.utf8.allSatisfy({ $0 >= 32 }) else { throw CoordinationError(.notFound, "cannot read \(path)") }
        return path
    }

    private static func login(_ path: String) throws -> String {
        let path = try file(path), facts = try FileManager.default.attributesOfItem(atPath: path)
        guard ((facts[.posixPermissions] as? Int) ?? 0) & 0o077 == 0 else { throw CoordinationError(.noPermission, "\(path) has a password, and others can read it: chmod 600 \(path)") }
        let bytes = (try? Files.read(path)) ?? []
        guard bytes.count <= loginLimitBytes, bytes.split(separator: 10).count >= 2 else { throw CoordinationError(.badData, "\(path) must have a name and a password, a line each") }
        return path
    }
}

import Ambience
import Glibc
import Logging
import Node
import Torrc

/// What one command line asks for.
struct Errand {
    private let invocation: Invocation

    init(_ arguments: [String]) throws(TorrcError) { invocation = try Invocation(arguments) }

    /// The exit status.
    func run() throws -> Int32 {
        switch invocation.command {
        case .version: print("\(ProductVersion.line).")
        case .help: print(Usage.text)
        case .listOptions: for option in Torrc.optionNames { print(option.isOurs ? "\(option.name)  (mote only)" : option.name) }
        case .hashPassword(let password): print(PasswordHash.of(password))
        case .dumpConfiguration: for assignment in try TorrcFiles.read(invocation).assignments { print("\(assignment.option) \(assignment.value)") }
        case .verifyConfiguration: try verify()
        case .listFingerprint(let isEd25519): print(try fingerprint(isEd25519: isEd25519))
        case .createAuthorityKeys: print(try AuthorityKeyMaking.make(try TorrcFiles.read(invocation).configuration, home: TorrcFiles.home))
        case .run: return try serve()
        }
        return 0
    }

    private func verify() throws {
        let reading = try TorrcFiles.read(invocation)
        guard invocation.loudness != .quiet else { return }
        for warning in reading.warnings { print("[warn] \(warning)") }
        print("Configuration was valid")
    }

    private func fingerprint(isEd25519: Bool) throws -> String {
        let reading = try TorrcFiles.read(invocation)
        return try Fingerprints.list(reading.configuration, home: TorrcFiles.home, isEd25519: isEd25519)
    }

    private func serve() throws -> Int32 {
        let reading = try TorrcFiles.read(invocation)
        try startLog(reading.configuration.general.logs)
        let log = Logger(label: "mote")
        for warning in reading.warnings { log.warning("\(warning)") }
        let invocation = invocation
        let node = try Node(reading.configuration, home: TorrcFiles.home) { () throws(TorrcError) in try TorrcFiles.read(invocation) }
        return try node.run()
    }

    /// Without Log lines, notices (`--hush`: warnings, `--quiet`: nothing) go to standard output.
    private func startLog(_ lines: [LogLine]) throws {
        var lines = lines
        if lines.isEmpty, invocation.loudness != .quiet {
            lines = [LogLine(severities: (invocation.loudness == .hush ? .warn : .notice)...(.err), target: .standardOutput)]
        }
        let fan = try LogFan(lines)
        LoggingSystem.bootstrap { _ in fan }
        fan.begin(ProductVersion.line)
    }
}

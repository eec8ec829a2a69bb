import Ambience
import ControlProtocol
import EnrolmentService
import Glibc
import Logging
import Node
import Sealing
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
        case .hashPassword(let password): print(PasswordHash(password, salt: SecureRandom.bytes(8)))
        case .dumpConfiguration: for assignment in try TorrcFiles.read(invocation).assignments { print("\(assignment.option) \(assignment.value)") }
        case .verifyConfiguration: try verify()
        case .listFingerprint(let isEd25519): print(try fingerprint(isEd25519: isEd25519))
        case .createAuthorityKeys: print(try AuthorityKeyMaking.make(try TorrcFiles.read(invocation).configuration, home: TorrcFiles.home))
        case .makeKeys: print(try KeyMaking.make(try TorrcFiles.read(invocation).configuration, home: TorrcFiles.home))
        case .makeFamilyKey(let name): print("# Generated \(name).secret_family_key\nFamilyId \(try FamilyKeys.make(name))")
        case .run: return try serve(try TorrcFiles.read(invocation), TorrcFiles.source(invocation))
        case .probe(let order):
            let finding = MoteProbe.run(order)
            print(finding.line)
            return finding.isUp ? 0 : 1
        case .enrol(let source): return try enrol(OrderSource(source))
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

    /// In this order: nothing is opened before the daemon has its own process, no file is touched before it is the user's.
    private func serve(_ reading: Torrc.Reading, _ source: TorrcSource, with companion: (Node) -> Any? = { _ in nil }) throws -> Int32 {
        let options = reading.configuration.operating
        let surroundings = try Surroundings(reading.configuration)
        let logs = try startLog(reading.configuration.general.logs, LogStyle(options))
        let log = Logger(label: "mote")
        for warning in reading.warnings { log.warning("\(warning)") }
        let node = try Node(reading, home: TorrcFiles.home, source: source, logs: logs)
        return try withExtendedLifetime(companion(node)) { try node.run(in: surroundings) }
    }

    /// A machine becomes a mote: its torrc is the coordinator's, and the coordinator hears how it goes.
    private func enrol(_ source: OrderSource) throws -> Int32 {
        let mote = try EnrolledMote(source)
        return try serve(try TorrcFiles.read(invocation, text: mote.torrc, textName: "coordinator"), TorrcFiles.source(invocation, fixed: mote.torrc)) { mote.attend($0) }
    }

    private func startLog(_ lines: [LogLine], _ style: LogStyle) throws -> LogOutlets {
        let outlets = try LogOutlets(TorrcFiles.logs(lines, invocation.loudness), style)
        LoggingSystem.bootstrap { LogFan(outlets, domain: $0) }
        outlets.begin(ProductVersion.line)
        return outlets
    }
}

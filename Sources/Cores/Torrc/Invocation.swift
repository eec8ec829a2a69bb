/// A command line of `mote`, taken apart: what to do, which files to read, and options given as arguments.
package struct Invocation: Equatable, Sendable {
    package enum Command: Equatable, Sendable {
        case run, verifyConfiguration, dumpConfiguration, version, help, listOptions
        /// Which key: nothing or `rsa` for RSA, `ed25519` for the master key.
        case listFingerprint(isEd25519: Bool)
        case hashPassword(String)
        /// Makes `keys/authority_*`; the arguments that follow are ordinary options.
        case createAuthorityKeys
        /// Makes a signing key, and a master key where there is none.
        case makeKeys
        /// Makes the key of a family, in files whose names begin so.
        case makeFamilyKey(String)
        /// Becomes the mote that an order names: `fw_cfg` or the path of a file. A torrc comes from the coordinator; options given as arguments count more.
        case enrol(String)
        /// Looks whether a mote answers as a client would.
        case probe(ProbeOrder)
    }

    package enum Loudness: Equatable, Sendable { case normal, hush, quiet }

    package var command = Command.run
    package var torrcPath: String?
    package var defaultsPath: String?
    package var isTorrcOptional = false
    package var loudness = Loudness.normal
    package var assignments: [Assignment] = []
    private var probe = ProbeOrder.Words()

    /// - Parameter arguments: without the program's name.
    package init(_ arguments: [String]) throws(TorrcError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if try !takeSwitch(argument, &rest), try !takeProbe(argument, &rest) { try takeOption(argument, &rest) }
        }
        if let order = try probe.order { command = .probe(order) }
    }

    /// Whether the argument was one that is not an option of torrc.
    private mutating func takeSwitch(_ argument: String, _ rest: inout ArraySlice<String>) throws(TorrcError) -> Bool {
        switch argument.lowercased() {
        case "-f", "--torrc-file": torrcPath = try Self.need(argument, "a file name", &rest)
        case "--defaults-torrc": defaultsPath = try Self.need(argument, "a file name", &rest)
        case "--ignore-missing-torrc", "--allow-missing-torrc": isTorrcOptional = true
        case "--quiet": loudness = .quiet
        case "--hush": loudness = .hush
        case "--verify-config": command = .verifyConfiguration
        case "--version": command = .version
        case "-h", "--help": command = .help
        case "--list-torrc-options": command = .listOptions
        case "--keygen": command = .makeKeys
        case "--no-passphrase": break  // there are no others here
        case "--newpass", "--passphrase-fd": throw TorrcError(origin: .commandLine, option: argument, problem: "keys under a passphrase are not supported")
        case "--keygen-family": command = .makeFamilyKey(try Self.need(argument, "the beginning of file names", &rest))
        case "--enrol": command = .enrol(try Self.need(argument, "fw_cfg or a file name", &rest))
        case "--create-authority-keys": command = .createAuthorityKeys
        case "--hash-password": command = .hashPassword(try Self.need(argument, "a password", &rest))
        case "--list-fingerprint": command = .listFingerprint(isEd25519: try Self.keyKind(&rest))
        case "--dump-config":
            if let form = rest.first, ["short", "non-builtin", "full"].contains(form) { rest.removeFirst() }
            command = .dumpConfiguration
        default: return false
        }
        return true
    }

    private mutating func takeProbe(_ argument: String, _ rest: inout ArraySlice<String>) throws(TorrcError) -> Bool {
        switch argument.lowercased() {
        case "--probe": probe.address = try Self.need(argument, "ADDRESS:PORT", &rest)
        case "--fingerprint": probe.fingerprint = try Self.need(argument, "40 hexadecimal digits", &rest)
        case "--market": probe.market = try Self.need(argument, "64 hexadecimal digits", &rest)
        default: return false
        }
        return true
    }

    private mutating func takeOption(_ argument: String, _ rest: inout ArraySlice<String>) throws(TorrcError) {
        let bare = argument.hasPrefix("--") ? argument.dropFirst(2) : argument[...]
        let (manner, name) = Assignment.manner(of: bare)
        guard let first = name.utf8.first, first != UInt8(ascii: "-") else {
            throw TorrcError(origin: .commandLine, option: argument, problem: "no such option; try --help")
        }
        guard manner != .clear else { return assignments.append(Assignment(manner: .clear, option: String(name), value: "", origin: .commandLine)) }
        let value = rest.popFirst() ?? ""
        assignments.append(Assignment(manner: manner, option: String(name), value: value, origin: .commandLine))
    }

    private static func keyKind(_ rest: inout ArraySlice<String>) throws(TorrcError) -> Bool {
        guard let kind = rest.first, !kind.hasPrefix("-"), !kind.hasPrefix("+") else { return false }
        rest.removeFirst()
        guard kind == "rsa" || kind == "ed25519" else {
            throw TorrcError(origin: .commandLine, option: "--list-fingerprint", problem: "\"\(kind)\" will not do: expected rsa or ed25519")
        }
        return kind == "ed25519"
    }

    private static func need(_ argument: String, _ what: String, _ rest: inout ArraySlice<String>) throws(TorrcError) -> String {
        guard let value = rest.popFirst() else { throw TorrcError(origin: .commandLine, option: argument, problem: "expected \(what) after it") }
        return value
    }
}

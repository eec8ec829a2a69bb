internal import Ambience
internal import Bytes
internal import Logging
package import Sealing

/// What the operator has decided about single relays: the file `approved-routers`, one `!ruling IDENTITY` a line.
///
/// The identity is 40 hex digits (RSA, spaces allowed) or 43 characters of base64 (Ed25519).
package struct RelayRulings: Equatable, Sendable {
    package struct Ruling: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Descriptors are refused and what is stored is not voted for.
        package static let reject = Ruling(rawValue: 1 << 0)
        package static let invalid = Ruling(rawValue: 1 << 1)
        package static let badExit = Ruling(rawValue: 1 << 2)
        package static let middleOnly = Ruling(rawValue: 1 << 3)
        package static let stripGuard = Ruling(rawValue: 1 << 4)
        package static let stripHSDir = Ruling(rawValue: 1 << 5)
        package static let stripV2Dir = Ruling(rawValue: 1 << 6)

        /// `nil` for a word that is no ruling; names without `!` approve and mean nothing any more.
        init?(_ word: some StringProtocol) {
            switch word.lowercased() {
            case "!reject": self = .reject
            case "!invalid": self = .invalid
            case "!badexit": self = .badExit
            case "!middleonly": self = .middleOnly
            case "!stripguard": self = .stripGuard
            case "!striphsdir": self = .stripHSDir
            case "!stripv2dir": self = .stripV2Dir
            default: return nil
            }
        }
    }

    /// More lines than this are not read.
    static let lineLimit = 100_000

    private var byRSA: [RSAIdentity: Ruling] = [:]
    private var byEd25519: [Ed25519Identity: Ruling] = [:]
    /// All rulings that occur.
    package private(set) var kinds: Ruling = []

    /// Lines that say nothing are passed over, as in stock.
    package init(_ text: String = "") {
        for line in text.split(whereSeparator: \.isNewline).prefix(Self.lineLimit) where !line.hasPrefix("#") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let first = words.first, let ruling = Ruling(first) else { continue }
            let identity = words.dropFirst().joined()
            if let rsa = RSAIdentity(hex: identity) {
                byRSA[rsa, default: []].formUnion(ruling)
            } else if let ed25519 = Base64.decode(identity).flatMap({ Ed25519Identity($0) }) {
                byEd25519[ed25519, default: []].formUnion(ruling)
            } else {
                continue
            }
            kinds.formUnion(ruling)
        }
    }

    /// Reads the file; a missing one rules nothing.
    package static func load(_ path: String) -> RelayRulings {
        do throws(FileError) { return RelayRulings(try Files.readText(path)) } catch {
            if !error.isMissing { Logger(label: "authority").warning("Cannot read the rulings about relays: \(error)") }
            return RelayRulings()
        }
    }

    package func rulings(about rsa: RSAIdentity, _ ed25519: Ed25519Identity) -> Ruling { (byRSA[rsa] ?? []).union(byEd25519[ed25519] ?? []) }
}

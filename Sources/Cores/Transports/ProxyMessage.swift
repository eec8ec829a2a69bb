internal import Ambience

/// One line that a server-side transport proxy writes to its standard output (pt-spec.txt "Pluggable PT Server Messages").
package enum ProxyMessage: Equatable, Sendable {
    /// How grave a proxy finds what it logs.
    package enum Severity: String, Sendable { case error, warning, notice, info, debug }

    case environmentError(String)
    case versionError(String)
    case version(String)
    case method(ServerTransport)
    case methodError(String)
    case methodsDone
    case log(Severity, String)
    /// `STATUS TYPE=version`: what program the proxy is.
    case program(version: String, implementation: String)
    /// A keyword or a kind of status that we do not know: to be ignored.
    case other

    /// Reads a line without its newline; `nil` when its keyword is known and the rest is malformed.
    package init?(_ line: String) {
        let keyword = line.prefix { $0 != " " }
        let rest = line[keyword.endIndex...].drop { $0 == " " }
        switch keyword {
        case "ENV-ERROR": self = .environmentError(Self.printable(rest))
        case "VERSION-ERROR": self = .versionError(Self.printable(rest))
        case "VERSION": self = .version(Self.printable(rest))
        case "SMETHOD-ERROR": self = .methodError(Self.printable(rest))
        case "SMETHODS" where rest == "DONE": self = .methodsDone
        case "SMETHOD": self.init(method: rest)
        case "LOG": self.init(log: rest)
        case "STATUS": self.init(status: rest)
        default: self = .other
        }
    }

    private init?(method rest: Substring) {
        let words = rest.split(separator: " ")
        guard words.count >= 2, TransportName.isLegal(words[0]), let address = SocketAddress(words[1]), address.port != 0 else { return nil }
        let arguments = words.count > 2 && words[2].hasPrefix("ARGS:") ? String(words[2].dropFirst(5)) : ""
        guard arguments.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self = .method(ServerTransport(name: String(words[0]), address: address, arguments: arguments))
    }

    private init?(log rest: Substring) {
        guard let values = KeyValueLine.parse(rest), let severity = values["SEVERITY"].flatMap({ Severity(rawValue: $0) }), let message = values["MESSAGE"] else { return nil }
        self = .log(severity, Self.printable(message))
    }

    private init?(status rest: Substring) {
        guard let values = KeyValueLine.parse(rest) else { return nil }
        guard values["TYPE"]?.lowercased() == "version" else {
            self = .other
            return
        }
        guard let version = values["VERSION"], let implementation = values["IMPLEMENTATION"], Self.isWord(version), Self.isWord(implementation) else { return nil }
        self = .program(version: version, implementation: implementation)
    }

    /// It becomes a word of a document.
    private static func isWord(_ text: String) -> Bool { (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }

    /// Safe to log: control characters and what is no ASCII become question marks.
    private static func printable(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

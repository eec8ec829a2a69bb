package import Ambience
internal import Transports

/// Options of bridges and of the pluggable transports in front of them.
package struct BridgeOptions: Equatable, Sendable {
    package var isBridge = false
    /// By which way bridge authorities may hand the bridge out.
    package var distribution = "any"
    /// Whether bridge authorities are told.
    package var isPublishing = true
    package var plugins: [TransportPlugin] = []
    /// By transport.
    package var listenAddresses: [String: SocketAddress] = [:]
    /// `key=value` items, by transport.
    package var transportOptions: [String: [String]] = [:]
    package var extORPorts: [PortLine] = []
    /// `nil`: `extended_orport_auth_cookie` in the data directory.
    package var extORPortCookieFile: String?
    package var isCookieGroupReadable = false
    /// `NoExec`: no other program is ever started.
    package var isExecutionForbidden = false
}

/// A ServerTransportPlugin line: the program that serves some transports.
package struct TransportPlugin: Equatable, Sendable {
    package var transports: [String]
    package let program: String
    package let arguments: [String]
}

extension OptionTable {
    static let bridge: [OptionRow] = [
        .flag("BridgeRelay", \.bridge.isBridge),
        OptionRow(name: "BridgeDistribution") { configuration, text throws(ValueError) in
            guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(isDistributionByte) else { throw ValueError("a word such as none, any, https, email, moat, lox or settings") }
            configuration.bridge.distribution = text.lowercased()
        },
        OptionRow(name: "ServerTransportPlugin", isList: true) { configuration, text throws(ValueError) in
            try configuration.bridge.add(TransportPlugin.parse(text))
        },
        OptionRow(name: "ServerTransportListenAddr", isList: true) { configuration, text throws(ValueError) in
            let words = text.split(whereSeparator: \.isBlank)
            guard words.count >= 2, TransportName.isLegal(words[0]), let address = SocketAddress(words[1]) else { throw ValueError("TRANSPORT ADDRESS:PORT") }
            configuration.bridge.listenAddresses[String(words[0])] = address
        },
        OptionRow(name: "ServerTransportOptions", isList: true) { configuration, text throws(ValueError) in
            let words = text.split(whereSeparator: \.isBlank)
            guard words.count >= 2, TransportName.isLegal(words[0]), words.dropFirst().allSatisfy(isItem) else { throw ValueError("TRANSPORT KEY=VALUE [KEY=VALUE]...") }
            configuration.bridge.transportOptions[String(words[0])] = words.dropFirst().map(String.init)
        },
        .ports("ExtORPort", \.bridge.extORPorts, flags: []),
        .text("ExtORPortCookieAuthFile", \.bridge.extORPortCookieFile),
        .flag("ExtORPortCookieAuthFileGroupReadable", \.bridge.isCookieGroupReadable),
        .flag("NoExec", \.bridge.isExecutionForbidden),
    ]

    @Sendable private static func isDistributionByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
    }

    private static func isItem(_ word: Substring) -> Bool { word.contains("=") && word.first != "=" && word.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}

extension BridgeOptions {
    /// Lines that name the same program and arguments are one program with more transports, as in stock.
    fileprivate mutating func add(_ plugin: TransportPlugin) throws(ValueError) {
        let known = plugins.flatMap(\.transports)
        guard Set(known + plugin.transports).count == known.count + plugin.transports.count else { throw ValueError("each transport only once") }
        if let index = plugins.firstIndex(where: { $0.program == plugin.program && $0.arguments == plugin.arguments }) {
            plugins[index].transports += plugin.transports
        } else {
            plugins.append(plugin)
        }
    }
}

extension TransportPlugin {
    fileprivate static func parse(_ text: String) throws(ValueError) -> TransportPlugin {
        let words = text.split(whereSeparator: \.isBlank)
        let names = (words.first ?? "").split(separator: ",", omittingEmptySubsequences: false)
        guard words.count >= 3, !names.isEmpty, names.allSatisfy({ TransportName.isLegal($0) }), words[1] == "exec" else {
            throw ValueError("TRANSPORT[,TRANSPORT]... exec PATH [ARGUMENT]... (a proxy that runs by itself needs no line: give it the ExtORPort)")
        }
        return TransportPlugin(transports: names.map(String.init), program: String(words[2]), arguments: words.dropFirst(3).map(String.init))
    }
}

extension Character {
    fileprivate var isBlank: Bool { self == " " || self == "\t" }
}
